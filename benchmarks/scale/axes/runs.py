"""Runs of a catalog."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.catalog_scale import MAIN, write_many
from benchmarks.scale.axis import Axis, Quantity

#: After its command, a process says what its peak was.
PEAK = "import atexit, json, sys\nfrom benchmarks.scale.process import peak_mb\n"
PEAK += "atexit.register(lambda: print(json.dumps(peak_mb()), file=sys.stderr))\n"


def asked(*arguments: str) -> tuple[float, float]:
    """Seconds of a command in a process of its own, and its peak memory in MB."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PEAK + MAIN, *arguments], capture_output=True, text=True, check=True
    )
    took_s = time.perf_counter() - begin
    return took_s, float(json.loads(done.stderr.splitlines()[-1]))


def measure(size: int) -> dict[str, float]:
    """A catalog of so many short runs, and what is asked of it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        runs = Path(folder) / "runs"
        begin = time.perf_counter()
        write_many(runs, size)
        written_s = time.perf_counter() - begin
        of_it = ("runs", "--catalog", str(runs))
        first_s, first_mb = asked(*of_it)
        list_s, list_mb = asked(*of_it)
        show_s, _ = asked(*of_it, "show", f"{size // 2:08x}")
        found = {
            "write_ms": 1e3 * written_s / size,
            "first_s": first_s,
            "list_s": list_s,
            "show_s": show_s,
            "first_mb": first_mb,
            "list_mb": list_mb,
            "disk_kb": kilobytes(runs),
        }
        index_kb = kilobytes(Path(folder) / "cache")
        return {**found, "index_kb": index_kb} if index_kb else found  # few runs have none


def kilobytes(folder: Path) -> float:
    """Of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e3


AXIS = Axis(
    name="runs",
    title="runs of a catalog",
    told=(
        "Runs of one event each, written as the session writes them; then `cryohalo runs`, for "
        "the first time and again, and `cryohalo runs show` of one in the middle, each a "
        "process of its own with its start of the interpreter."
    ),
    why=(
        "The first list reads every file and makes the index; afterwards files are only looked "
        "at, and a list shows the last of them. Up to some 10 000 runs the start of the "
        "interpreter is what one waits for, so exponents below one rise towards one."
    ),
    sizes=(100, 300, 1000, 3000, 10_000, 30_000),
    large=(100_000,),
    quantities={
        "write_ms": Quantity("written, each", "ms", "time"),
        "first_s": Quantity("list, the first time", "s", "time"),
        "list_s": Quantity("list", "s", "time"),
        "show_s": Quantity("show one", "s", "time"),
        "first_mb": Quantity("peak memory, first list", "MB", "memory"),
        "list_mb": Quantity("peak memory, list", "MB", "memory"),
        "disk_kb": Quantity("on disk", "kB", "bytes"),
        "index_kb": Quantity("its index", "kB", "bytes"),
    },
    measure=measure,
)
