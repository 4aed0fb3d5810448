"""A catalog of many runs, and one large run: seconds and peak memory of what is asked of them.

python -m benchmarks.catalog_scale FOLDER [--runs 100000] [--spectra 2000]

The folder is filled once (some 2 GB by default) and used again. Each question is a process of its
own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.results import hand_in
from cryohalo.catalog import DocumentWriter

MAIN = "from cryohalo.cli import main; main()"
LARGE = "large"
#: Asked of the large run in Python; ``run`` is it.
ASKED = {
    "run.table()": "run.table()",
    "run.xarray(), a mean over 200 spectra": (
        "run.xarray()['halo_spectrum'][::10].mean().compute(scheduler='synchronous')"
    ),
}
PEAK = (
    "import resource, sys; "
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, file=sys.stderr)"
)


def write_many(folder: Path, count: int) -> None:
    """So many short runs."""
    writer = DocumentWriter(folder)
    for number in range(count):
        uid, began = f"{number:08x}", 1.7e9 + 30.0 * number
        plan = ("scan", "calibrate", "cooldown")[number % 3]
        of = {"run_start": uid, "time": began}
        keys = {"x": {"dtype": "number", "shape": [], "source": "x"}}
        event = {"uid": f"{uid}e", "descriptor": f"{uid}d", "seq_num": 1, "time": began}
        writer("start", {"uid": uid, "time": began, "plan_name": plan, "scan_id": number})
        writer("descriptor", {"uid": f"{uid}d", "name": "primary", "data_keys": keys, **of})
        writer("event", {**event, "data": {"x": 1.0}})
        ended = {"exit_status": "success", "num_events": {"primary": 1}}
        writer("stop", {"uid": f"{uid}s", "run_start": uid, "time": began + 10.0, **ended})


def write_large(folder: Path, spectra: int) -> None:
    """One run of so many spectra of 100 000 points."""
    writer = DocumentWriter(folder)
    chance = np.random.default_rng(1)
    of = {"run_start": LARGE, "time": 1.7e9}
    keys = {
        "halo_frequency": {"dtype": "number", "shape": [], "source": "x", "units": "MHz"},
        "halo_spectrum": {"dtype": "array", "shape": [100_000], "source": "x", "units": "W"},
    }
    writer("start", {"uid": LARGE, "time": 1.7e9, "plan_name": "scan"})
    writer("descriptor", {"uid": "d", "name": "primary", "data_keys": keys, **of})
    for number in range(1, spectra + 1):
        data = {"halo_frequency": 1100.0 + 0.01 * number, "halo_spectrum": chance.random(100_000)}
        event = {"uid": f"e{number}", "descriptor": "d", "seq_num": number, "time": 1.7e9 + number}
        writer("event", {**event, "data": data})
    ended = {"exit_status": "success", "num_events": {"primary": spectra}}
    writer("stop", {"uid": "s", "run_start": LARGE, "time": 1.7e9 + spectra + 1.0, **ended})


def asked(title: str, code: str, *arguments: str) -> float:
    """Print and return how long a process took, and its peak memory."""
    began = time.perf_counter()
    text = f"import atexit\natexit.register(lambda: exec({PEAK!r}))\n{code}\n"
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments], capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    peak = float(done.stderr.splitlines()[-1])
    print(f"{title:<48} {took:7.2f} s {peak:7.0f} MB{'' if not done.returncode else '  failed'}")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--spectra", type=int, default=2000)
    options = parser.parse_args()
    many, one = options.folder / "many", options.folder / "one"
    os.environ["XDG_CACHE_HOME"] = str(options.folder / "cache")
    if not many.exists():
        write_many(many, options.runs)
    if not one.exists():
        write_large(one, options.spectra)
    of_many, of_one = ("runs", "--catalog", str(many)), ("runs", "--catalog", str(one))
    first = asked("runs, the first time", MAIN, *of_many)
    again = asked("runs", MAIN, *of_many)
    hand_in("list of a catalog", again, "s", against="without its index", other=first)
    asked("runs --plan scan --last 10", MAIN, *of_many, "--plan", "scan", "--last", "10")
    asked("runs --all", MAIN, *of_many, "--all")
    asked("runs show", MAIN, *of_one, "show", LARGE)
    for title, code in ASKED.items():
        run = f"from cryohalo.catalog import Catalog; run = Catalog({str(one)!r})[{LARGE!r}]"
        asked(title, f"{run}; {code}")
    for kind in ("csv", "nxs", "nc", "parquet"):
        output = options.folder / f"exported.{kind}"
        asked(f"runs export, {kind}", MAIN, *of_one, "export", LARGE, "-o", str(output), "--force")
        output.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
