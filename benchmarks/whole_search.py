"""The letter's search with everything on, timed: map, calibrations, scan, rescan, report.

    python -m benchmarks.whole_search [--start-mhz F --stop-mhz F] [--seed 1]

As a person would: ``cryohalo up`` serves the haloscope as fast as it goes, records the history and
shows the page; ``cryohalo run campaign`` maps the modes, calibrates, takes the band of the
apparatus, analyses every spectrum while it scans, takes candidates again and writes its runs to the
catalog; ``cryohalo report`` analyses all of it again. Prints seconds on the wall of each, and the
processor's seconds of the IOC, of history and page, and of the commands. On a shared machine the
times on the wall mean little: the load is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from cryohalo.processes.addresses import free_ports

COMMAND = [sys.executable, "-c", "from cryohalo.cli import main; main()"]


def written(folder: Path, seed: int) -> None:
    """A configuration: the haloscope alone, history and page."""
    ports = free_ports(4)
    (folder / "cryohalo.toml").write_text(
        f"amrr.use = false\nqueue.use = false\nhistory.port = {ports[2]}\npage.port = {ports[3]}\n"
        f"epics.repeater_port = {ports[1]}\n"
        f"[haloscope]\nspeed = 0.0\nport = {ports[0]}\nseed = {seed}\n"
    )


def call(folder: Path, *arguments: str, shown: bool = False) -> tuple[str, float]:
    """A command in the folder: what it printed, and seconds on the wall."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("EPICS_", "CRYOHALO_"))}
    begin = time.monotonic()
    command = [*COMMAND, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=kept, stdout=subprocess.PIPE, text=True, check=False
    )
    took_s = time.monotonic() - begin
    if done.returncode not in (0, 3):  # 3: told openly that a result is not to be believed
        raise SystemExit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}")
    if shown:
        print(done.stdout.rstrip().rpartition("\n")[2], flush=True)
    return done.stdout, took_s


@contextmanager
def up(folder: Path, seed: int) -> Iterator[dict[str, psutil.Process]]:
    """The services that run meanwhile, by name."""
    written(folder, seed)
    try:
        call(folder, "up")
        rows = json.loads(call(folder, "status", "--json")[0])
        yield {row["name"]: psutil.Process(row["pid"]) for row in rows}
    finally:
        call(folder, "down")


def cpu_s(process: psutil.Process) -> float:
    """Seconds of a processor of a service and its children."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family)


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--start-mhz", type=float)
    parser.add_argument("--stop-mhz", type=float)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    band = []
    for name in ("start", "stop"):
        value = getattr(options, f"{name}_mhz")
        band += [] if value is None else [f"--{name}-mhz", str(value)]
    search = ("run", "campaign", "--name", "whole", "--find-crossings", "--yes", *band)
    with tempfile.TemporaryDirectory() as made, up(Path(made), options.seed) as services:
        folder = Path(made)
        used = {name: -cpu_s(process) for name, process in services.items()}
        _, search_s = call(folder, *search, shown=True)
        _, report_s = call(folder, "report", "whole", shown=True)
        for name, process in services.items():
            used[name] += cpu_s(process)
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"campaign {search_s:.1f} s, report {report_s:.1f} s: {search_s + report_s:.1f} s")
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in used.items())
    print(f"processor's seconds: commands {own.ru_utime + own.ru_stime:.1f}, {told}")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
