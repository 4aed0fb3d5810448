"""Memory of a session that records cycles of the refrigerator, against time and runs.

    python -m benchmarks.session_memory [--minutes 20] [--speed 100] [--after 50]

A session and the refrigerator's IOC; runs of three cycles, one after the other. Every five runs a
line: minutes, runs, resident memory, blocks that Python has allocated, and where the memory is. At
the end the slope of the resident memory from run ``--after`` on, with its standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

from cryohalo.processes.launcher import LaunchedIoc, Launcher

#: glibc gives each thread's heap an address that is a multiple of this.
ARENA = 64 << 20


def resident_kb() -> Counter[str]:
    """Resident memory by what it belongs to, kB."""
    found: Counter[str] = Counter()
    what = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            path = words[5] if len(words) > 5 else ""
            begin = int(words[0].partition("-")[0], 16)
            heap = "main heap" if path == "[heap]" else "mapped"
            what = "file" if path.startswith("/") else heap
            if not path and begin % ARENA == 0:
                what = "threads' heaps"
        elif words[0] == "Rss:":
            found[what] += int(words[1])
    return found


def slope(minutes: list[float], kilobytes: list[float]) -> tuple[float, float]:
    """Slope in kB a minute, and its standard error."""
    (found, _), covariance = np.polyfit(minutes, kilobytes, 1, cov=True)
    return float(found), float(np.sqrt(covariance[0, 0]))


def main() -> None:
    """Print the course and the slope."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--speed", type=float, default=100.0)
    parser.add_argument("--after", type=int, default=50)
    options = parser.parse_args()
    launcher = Launcher([LaunchedIoc("amrr", arguments=("--prefix", "A:", "--speed", "0"))])
    os.environ.update(launcher.environment)  # before libca reads it
    with launcher, tempfile.TemporaryDirectory() as folder:
        record(Path(folder), options)


def record(folder: Path, options: argparse.Namespace) -> None:
    """Record cycles until the time is over."""
    from cryohalo.session import Session
    from plans.refrigerator.running import run_cycles, safe_start

    minutes: list[float] = []
    kilobytes: list[float] = []
    with Session.open(folder, amrr_prefix="A:") as session:
        session.run(safe_start(session.refrigerator))
        session.refrigerator.sim.speed.set(options.speed).wait(10.0)
        begin_s, runs = time.monotonic(), 0
        while (passed := (time.monotonic() - begin_s) / 60.0) < options.minutes:
            session.run(run_cycles(session.refrigerator, 3, record_phases=False))
            runs += 1
            if runs % 5:
                continue
            rss_kb = psutil.Process().memory_info().rss / 1e3
            where = ", ".join(f"{name} {kb}" for name, kb in sorted(resident_kb().items()))
            blocks = sys.getallocatedblocks()
            print(f"{passed:.2f} {runs} {rss_kb:.0f} kB {blocks} blocks; {where}", flush=True)
            if runs >= options.after:
                minutes.append(passed)
                kilobytes.append(rss_kb)
    if len(minutes) > 3:
        found, error = slope(minutes, kilobytes)
        print(f"from run {options.after} on {found:+.1f} +- {error:.1f} kB a minute")


if __name__ == "__main__":
    main()
