"""The command line of ``benchmarks.scale``; see there."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.scale import page
from benchmarks.scale.axis import Axis
from benchmarks.scale.kept import Kept
from benchmarks.scale.registry import AXES
from benchmarks.scale.tables import tables

REPORT = Path("reports") / "scale.json"


def measured(axis: Axis, size: int) -> dict[str, float] | str:
    """A point, in a process of its own; or why there is none."""
    line = [sys.executable, "-m", "benchmarks.scale.one", axis.name, str(size)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            line,
            cwd=machine.ROOT,
            env={**environment, "PYTHONPATH": str(machine.ROOT)},
            capture_output=True,
            text=True,
            timeout=axis.timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not within {axis.timeout_s:g} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it ended"])[-1]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(axis: Axis, sizes: list[int], kept: Kept, *, again: bool) -> bool:
    """Measure what is not kept yet; whether all went well."""
    well = True
    for size in sizes:
        if kept.has(axis.name, size) and not again:
            continue
        print(f"{axis.name} {size}: ", end="", flush=True)
        begin = time.perf_counter()
        found = measured(axis, size)
        took_s = time.perf_counter() - begin
        if isinstance(found, str):
            well = False
            print(f"failed after {took_s:.0f} s: {found}", flush=True)
            continue
        point = {"values": found, "took_s": round(took_s, 1), **machine.described()}
        kept.keep(axis.name, size, point)
        told = ", ".join(
            f"{quantity.title} {found[key]:.4g} {quantity.unit}"
            for key, quantity in axis.quantities.items()
            if key in found
        )
        print(f"{told} (in {took_s:.0f} s)", flush=True)
    return well


def main() -> int:
    """Measure, then print the tables, and write them into the page if asked to."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("axes", nargs="*", metavar="AXIS", help=f"{', '.join(AXES)}; all if none")
    parser.add_argument("--large", action="store_true", help="the sizes of minutes, too")
    parser.add_argument("--sizes", type=int, nargs="+", help="these alone")
    parser.add_argument("--again", action="store_true", help="also what was measured before")
    parser.add_argument("--results", type=Path, default=machine.ROOT / REPORT)
    parser.add_argument("--page", action="store_true", help="write the tables into the page")
    options = parser.parse_args()
    if unknown := set(options.axes) - set(AXES):
        parser.error(f"{', '.join(sorted(unknown))}: no axis; there are {', '.join(AXES)}")
    kept, well = Kept(options.results), True
    for name in options.axes or AXES:
        axis = AXES[name]
        sizes = options.sizes or [*axis.sizes, *(axis.large if options.large else ())]
        well &= measure(axis, sizes, kept, again=options.again)
    print("\n" + tables(kept))
    if options.page:
        page.write(kept)
        print(f"written into {page.PAGE.relative_to(machine.ROOT)}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
