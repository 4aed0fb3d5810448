"""All benchmarks of the table, one after the other: ``make bench``, or ``python -m benchmarks``.

    python -m benchmarks [NAME...] [--output reports]

Each is a process of its own. One that fails is told, and the others go on; the exit code is then 1.
The table, with date, version and the machine's own speed before and after, goes to ``bench.md`` and
``bench.json`` in the output's folder, what each benchmark printed to ``bench/NAME.txt``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.listed import TABLE, TIMEOUT_S
from benchmarks.results import VARIABLE, Headline, handed_in


@dataclass(frozen=True)
class Ran:
    """How a benchmark went.

    Attributes:
        name: Of its module.
        took_s: Seconds.
        failed: Why, in words, "" if it went well.
        headlines: What it handed in.
    """

    name: str
    took_s: float
    failed: str
    headlines: list[Headline]


def run(name: str, output: Path) -> Ran:
    """Run one, with what it prints in a file."""
    output.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, (output / f"{name}.txt").open("w") as printed:
        results = Path(folder) / "results"
        arguments = [argument.format(folder=folder) for argument in TABLE[name]]
        environment = {"OMP_NUM_THREADS": "1", **os.environ, VARIABLE: str(results)}
        environment["PYTHONPATH"] = str(machine.ROOT)
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments],
            cwd=machine.ROOT,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        failed = _ended(process)
        headlines = handed_in(results)
    if not failed and not headlines:
        failed = "handed in nothing"
    return Ran(name, time.perf_counter() - begin, failed, headlines)


def _ended(process: subprocess.Popen[bytes]) -> str:
    """Wait for it; why it failed."""
    try:
        code = process.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"not done in {TIMEOUT_S:g} s"
    return f"exit code {code}" if code else ""


def table(ran: list[Ran], before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """The table in Markdown."""
    yield f"# Benchmarks of {before['date']}"
    yield ""
    yield (
        f"Version {before['version']}, Python {before['python']}, {before['cores']} cores of "
        f"{before['processor']}."
    )
    yield ""
    yield "| the machine itself | before | after |"
    yield "|---|---|---|"
    yield f"| a turn of a plain Python loop, ns | {before['loop_ns']} | {after['loop_ns']} |"
    yield f"| a normal number of NumPy's, ns | {before['normals_ns']} | {after['normals_ns']} |"
    yield f"| load | {before['load']} | {after['load']} |"
    yield ""
    yield "| benchmark | what | here | against | there | times better |"
    yield "|---|---|---|---|---|---|"
    for one in ran:
        for found in one.headlines:
            other = "" if found.other is None else f"{found.other:.3g} {found.unit}"
            ratio = "" if found.ratio is None else f"{found.ratio:.2f}"
            yield (
                f"| {one.name} | {found.what} | {found.value:.3g} {found.unit} | {found.against} "
                f"| {other} | {ratio} |"
            )
        if one.failed:
            yield f"| {one.name} | **failed**: {one.failed} | | | | |"


def main() -> int:
    """Run them, and write the table."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(TABLE)}; all if none")
    parser.add_argument("--output", type=Path, default=machine.ROOT / "reports")
    options = parser.parse_args()
    if unknown := set(options.names) - set(TABLE):
        parser.error(f"{', '.join(sorted(unknown))}: not in the table: {', '.join(TABLE)}")
    names, ran = options.names or list(TABLE), []
    before = machine.described()
    for number, name in enumerate(names, 1):
        print(f"{number}/{len(names)} {name}: ", end="", flush=True)
        ran.append(run(name, options.output / "bench"))
        failed = f"FAILED ({ran[-1].failed}), see bench/{name}.txt; " if ran[-1].failed else ""
        print(f"{failed}{ran[-1].took_s:.0f} s", flush=True)
    after = machine.described()
    text = "\n".join(table(ran, before, after)) + "\n"
    (options.output / "bench.md").write_text(text, "utf-8")
    kept = {"before": before, "after": after, "benchmarks": [asdict(one) for one in ran]}
    (options.output / "bench.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    print(f"\n{text}\nkept in {options.output / 'bench.md'} and bench.json")
    return 1 if any(one.failed for one in ran) else 0


if __name__ == "__main__":
    sys.exit(main())
