"""A haloscope's step against that of another commit, in alternation.

    python -m benchmarks.step_against COMMIT [--rounds 10] [--steps 40] [--averages 5000]

A session and an IOC of each commit run all the time; rounds of the one and of the other follow each
other, so that both see the same machine: on a shared one, times an hour apart mean nothing. Prints
each round, and of wall time and of CPU time (session and IOC) the best, the median, and the ratio
of this tree to COMMIT round by round. COMMIT's tree is checked out into a temporary folder; what it
needs must be installed.
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
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve()
KEYS = ("wall", "session", "ioc")


def worker(steps: int, averages: int) -> None:
    """Scan whenever a line comes; answer with milliseconds per step, in all and by part."""
    import benchmarks.plans_step as own  # that of the tree under test

    with own.device(False) as haloscope, tempfile.TemporaryDirectory() as folder:
        engine, writer = own.make_run_engine(), own.DocumentWriter(Path(folder))
        engine.subscribe(writer)
        before = [1100.0 - 0.01 * number for number in range(own.WARM_UP, 0, -1)]
        last = 1100.0 + 0.01 * (steps - 1)
        print("ready", flush=True)
        for _ in sys.stdin:
            # The first step of a scan looks for the cavity; it belongs to no round.
            engine(own.scan(haloscope, before, averages=10))
            watch, used, begin = own.Stopwatch(), own.cpu(haloscope), time.perf_counter()
            plan = own.scan(haloscope, start_mhz=1100.0, stop_mhz=last, averages=averages)
            engine(watch.around(plan))
            took_s = time.perf_counter() - begin
            spent = [b - a for a, b in zip(used, own.cpu(haloscope), strict=True)]
            seconds = {**dict(zip(KEYS, (took_s, *spent), strict=True)), **watch.seconds}
            answer = {name: 1e3 * one / steps for name, one in seconds.items()}
            print(json.dumps(answer), flush=True)
        writer.close()
        own.close_run_engine(engine)


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """The commit's files, in a folder that is removed again."""
    git = ["git", "-C", str(HERE.parents[1])]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "tree"
        subprocess.run([*git, "worktree", "add", "-q", "--detach", folder, commit], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", folder], check=True)


@contextmanager
def session_of(tree: Path, options: argparse.Namespace) -> Iterator[Any]:
    """A worker in a tree."""
    command = [sys.executable, str(HERE), "--worker"]
    command += ["--steps", str(options.steps), "--averages", str(options.averages), "-"]
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            if line == "ready\n":
                break
        yield process
        process.stdin.close()
        process.wait(60)


def one_round(process: Any) -> dict[str, float]:
    """Let a worker scan once."""
    process.stdin.write("\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("{"):
            return dict(json.loads(line))
    raise SystemExit("a session ended by itself")


def told(one: dict[str, float]) -> str:
    """A round in words."""
    return f"{one['wall']:.1f} ({one['session']:.1f} + {one['ioc']:.1f})"


def report(old: list[dict[str, float]], new: list[dict[str, float]]) -> None:
    """Print parts of the best rounds, and the ratios."""
    best = [min(rounds, key=lambda one: one["wall"]) for rounds in (old, new)]
    print("ms per step, parts of the best rounds:")
    for part in sorted({*best[0], *best[1]}, key=lambda name: -best[0].get(name, 0.0)):
        print(f"{best[0].get(part, 0.0):8.1f} {best[1].get(part, 0.0):8.1f}  {part}")
    for name, keys in (("wall", KEYS[:1]), ("CPU", KEYS[1:])):
        first, second = ([sum(one[k] for k in keys) for one in rounds] for rounds in (old, new))
        ratios = sorted(b / a for a, b in zip(first, second, strict=True))
        print(
            f"{name}: best {min(first):.1f} -> {min(second):.1f} "
            f"(ratio {min(second) / min(first):.3f}), median {median(first):.1f} -> "
            f"{median(second):.1f} ms; ratio by round: median {median(ratios):.3f}, "
            f"{ratios[0]:.3f} to {ratios[-1]:.3f}"
        )


def main() -> None:
    """Print the rounds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--averages", type=int, default=5000)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options.steps, options.averages)
    old: list[dict[str, float]] = []
    new: list[dict[str, float]] = []
    with (
        tree_of(options.commit) as tree,
        session_of(tree, options) as first,
        session_of(HERE.parents[1], options) as second,
    ):
        print("ms per step on the wall (of CPU: session + IOC), the other commit, this tree")
        for number in range(options.rounds):
            old.append(one_round(first))
            new.append(one_round(second))
            print(f"round {number + 1}: {told(old[-1])}, {told(new[-1])}", flush=True)
    report(old, new)
    return None


if __name__ == "__main__":
    main()
