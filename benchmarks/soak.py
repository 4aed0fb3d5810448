"""Both IOCs as fast as they go with a session on each, for a while: memory, counts, what ended.

    python -m benchmarks.soak [--minutes 30] [--folder FOLDER]

One session scans with the haloscope, the other records cycles of the refrigerator; a monitor on
every PV of both looks on. Each minute prints the resident memory of the IOCs and of the sessions,
the runs done and the updates that came. The exit code is 1 if an IOC or a session ended
by itself, or a run did not succeed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from cryohalo.processes.launcher import LaunchedIoc, Launcher

FREQUENCIES_MHZ = (1100.0, 1100.01, 1100.02)
MB = 1e6


def session(which: str, folder: Path, seconds: float) -> int:
    """Run plans until the time is over; prints a line per finished run."""
    import epics

    from cryohalo.session import Session
    from plans.haloscope.calibration import calibrate
    from plans.haloscope.scan import scan
    from plans.refrigerator.running import cooldown, run_cycles

    end_s = time.monotonic() + seconds
    prefix = {"amrr": {"amrr_prefix": "A:"}, "haloscope": {"halo_prefix": "H:"}}[which]
    with Session.open(folder, **prefix) as opened:
        if which == "haloscope":
            opened.run(calibrate(opened.haloscope, FREQUENCIES_MHZ[0]))
        else:
            opened.run(cooldown(opened.refrigerator))
        while time.monotonic() < end_s:
            if which == "haloscope":
                opened.run(scan(opened.haloscope, FREQUENCIES_MHZ, averages=500))
            else:
                epics.caput("A:Stage:HeTransfer", 1)  # ends when the bath is full
                opened.run(run_cycles(opened.refrigerator, 3, record_phases=False))
            print("run", flush=True)
    return 0


def watch(seconds: float) -> int:
    """Monitor every PV of both until the time is over; prints how many updates came."""
    import epics

    from pvdb.haloscope.plant import haloscope_plant
    from pvdb.refrigerator.plant import refrigerator_plant

    updates = 0

    def count(**_: object) -> None:
        nonlocal updates
        updates += 1

    tables = {"A:": refrigerator_plant().records, "H:": haloscope_plant().records}
    names = [prefix + record.name for prefix, table in tables.items() for record in table]
    channels = [epics.PV(name, callback=count, auto_monitor=True) for name in names]
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0.0:
        epics.ca.pend_event(min(left_s, 60.0))
        print(f"updates {updates} channels {sum(pv.connected for pv in channels)}", flush=True)
    os._exit(0)  # libca does not end well with callbacks under way


class Child:
    """One process that this one started, and the last line it printed."""

    def __init__(
        self, name: str, folder: Path, seconds: float, environment: dict[str, str]
    ) -> None:
        self.name, self.runs, self.last = name, 0, ""
        command = [sys.executable, "-m", "benchmarks.soak", "--part", name]
        command += ["--folder", str(folder), "--minutes", str(seconds / 60)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, **environment}, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.runs += line.strip() == "run"
            self.last = line.strip()


def resident_mb(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    seconds = 60.0 * given.minutes
    if given.part == "watch":
        return watch(seconds)
    if given.part:
        return session(given.part, given.folder / given.part, seconds)
    with tempfile.TemporaryDirectory() as made:
        return soak(given.folder or Path(made), seconds)


def soak(folder: Path, seconds: float) -> int:
    """Start everything, print a line a minute, and report how each ended."""
    iocs = [
        LaunchedIoc("amrr", arguments=("--prefix", "A:", "--speed", "0")),
        LaunchedIoc("haloscope", arguments=("--prefix", "H:", "--speed", "0")),
    ]
    launcher = Launcher(iocs)
    failed = False
    with launcher:
        environment = dict(launcher.environment)
        parts = [Child(n, folder, seconds, environment) for n in ("amrr", "haloscope", "watch")]
        end_s = time.monotonic() + seconds + 300.0
        minute = 0
        while any(part.process.poll() is None for part in parts) and time.monotonic() < end_s:
            with suppress(subprocess.TimeoutExpired):
                parts[0].process.wait(60.0)
            minute += 1
            failed |= report(minute, launcher, parts)
            if failed or all(part.process.poll() is not None for part in parts):
                break
            if parts[0].process.poll() is not None:
                parts = parts[1:] + parts[:1]
        for part in parts:
            part.process.terminate() if part.process.poll() is None else None
            code = part.process.wait(60.0)
            failed |= code != 0
            print(f"{part.name}: exit code {code}, {part.runs} runs, {part.last}")
    print("failed" if failed else "all ended well")
    return int(failed)


def report(minute: int, launcher: Launcher, parts: list[Child]) -> bool:
    """Print a line; returns whether something has ended that should not have."""
    memory = {name: resident_mb(one.process.pid) for name, one in launcher.running.items()
              if one.process.poll() is None}  # fmt: skip
    line = ", ".join(f"IOC {name} {mb:.0f} MB" for name, mb in memory.items())
    alive = [part for part in parts if part.process.poll() is None]
    line += "; " + ", ".join(
        f"{part.name} {resident_mb(part.process.pid):.0f} MB {part.runs} runs {part.last}"
        for part in alive
    )
    print(f"{minute:3d}: {line}", flush=True)
    lost = len(memory) < len(launcher.running)
    return lost or any(part.process.poll() not in (None, 0) for part in parts)


if __name__ == "__main__":
    sys.exit(main())
