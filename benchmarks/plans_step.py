"""Time per step of a haloscope scan as fast as it goes, and where it goes.

    python -m benchmarks.plans_step [--steps 60] [--rounds 5] [--averages 5000] [--in-process]

Starts the haloscope's IOC on a private port (or simulates it in process), scans with a catalog as
the session does, and prints milliseconds per step, of the best round by part, the CPU time of both
processes, and what a put and a fetch cost by themselves on this machine now. A step is a chain:
session and IOC wait for each other nearly always. The load, and what a plain loop takes around each
round, are printed because on a shared machine the times on the wall mean little without.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from bluesky.utils import Msg, MsgGenerator
from ophyd.signal import EpicsSignalBase

from benchmarks.results import hand_in
from cryohalo.catalog import DocumentWriter
from cryohalo.processes.launcher import LaunchedIoc, Launcher
from cryohalo.run_engine import close_run_engine, make_run_engine, set_epics_timeouts
from plans.haloscope.scan import scan

WARM_UP = 5


class Stopwatch:
    """Wall time of a plan's messages by part; wraps the plan."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.messages: Counter[str] = Counter()
        self.cpu_s: tuple[float, ...] = (0.0, 0.0)
        self._groups: dict[Any, str] = {}

    def around(self, plan: MsgGenerator[Any]) -> MsgGenerator[Any]:
        """The same plan, watched."""
        answer: Any = None
        while True:
            begin = time.perf_counter()
            try:
                message = plan.send(answer)
            except StopIteration as end:
                return end.value
            part = self._part(message)
            asked = time.perf_counter()
            answer = yield message
            self.seconds["plan (fits, decisions)"] += asked - begin
            self.seconds[part] += time.perf_counter() - asked
            self.messages[message.command] += 1

    def _part(self, message: Msg) -> str:
        name = getattr(message.obj, "dotted_name", "").partition(".")[0]
        group = message.kwargs.get("group")
        if message.command in ("set", "trigger"):
            part = self._of(name)
            # A group that holds the digitizer waits for the digitizer.
            if self._groups.get(group) != "acquisition":
                self._groups[group] = part
            return part
        if message.command == "wait":
            return self._groups.pop(group, "RunEngine")
        if message.command == "read":
            return "transfer of the spectrum" if name == "daq" else "reading"
        return "RunEngine"

    def _of(self, name: str) -> str:
        if name in ("rod", "antenna"):
            return "motion"
        if name == "vna":
            return "VNA"
        if name == "daq":
            return "acquisition"
        return "settings"


@contextmanager
def device(in_process: bool) -> Iterator[Any]:
    """The haloscope, as fast as possible."""
    if in_process:
        from devices.simulated.haloscope import Haloscope as Simulated

        haloscope = Simulated(name="haloscope", seed=1)
        yield haloscope
        haloscope.bench.close()
        return
    arguments = ("--prefix", "BENCH:", "--speed", "0", "--seed", "1")
    set_epics_timeouts()  # before the first signal is made
    launcher = Launcher([LaunchedIoc("haloscope", arguments=arguments)])
    os.environ.update(launcher.environment)  # before libca reads it
    from devices.haloscope import Haloscope

    with launcher:
        haloscope = Haloscope("BENCH:", name="haloscope")
        haloscope.connect(30.0)
        haloscope.ioc_process = psutil.Process(launcher.running["haloscope"].process.pid)
        yield haloscope


def cpu(haloscope: Any) -> tuple[float, float]:
    """CPU seconds used so far by this process and by the IOC."""
    processes = [psutil.Process(), getattr(haloscope, "ioc_process", None)]
    times = [sum(p.cpu_times()[:2]) if p is not None else 0.0 for p in processes]
    return times[0], times[1]


@contextmanager
def counted_fetches() -> Iterator[Counter[str]]:
    """Counts what is fetched from the IOC meanwhile, by signal."""
    stock = EpicsSignalBase.get
    fetched: Counter[str] = Counter()

    def counting(self: Any, **how: Any) -> Any:
        use_monitor = how.get("use_monitor")
        fetched[self.name] += not (self._auto_monitor if use_monitor is None else use_monitor)
        return stock(self, **how)

    EpicsSignalBase.get = counting  # type: ignore[method-assign]
    try:
        yield fetched
    finally:
        EpicsSignalBase.get = stock  # type: ignore[method-assign]


def round_trips(haloscope: Any, times: int = 200) -> tuple[float, float]:
    """Seconds of one fetch, and of one put with completion that changes a setting."""
    begin = time.perf_counter()
    for _ in range(times):
        haloscope.sim.time.get()
    fetch_s = (time.perf_counter() - begin) / times
    power_dbm = haloscope.vna.power.get()
    begin = time.perf_counter()
    for number in range(times):
        haloscope.vna.power.set(power_dbm - 0.1 * (number % 2 == 0)).wait()
    return fetch_s, (time.perf_counter() - begin) / times


def plain_loop_s() -> float:
    """Seconds of 200 000 multiplications, the median of nine: the speed of a core now."""
    times = []
    for _ in range(9):
        begin, total = time.perf_counter(), 0
        for number in range(200_000):
            total += number * number
        times.append(time.perf_counter() - begin)
    return sorted(times)[4]


@dataclass(frozen=True)
class Round:
    """One scan: seconds in all, its parts, seconds in the catalog, seconds of the plain loop."""

    took_s: float
    watch: Stopwatch
    stored_s: float
    loop_s: float


def measure(haloscope: Any, steps: int, rounds: int, averages: int) -> list[Round]:
    """Scan again and again over the same targets, after warming up."""
    found: list[Round] = []
    stored = [0.0]
    engine = make_run_engine()
    with tempfile.TemporaryDirectory() as folder:
        writer = DocumentWriter(Path(folder))

        def write(name: str, document: dict[str, Any]) -> None:
            begin = time.perf_counter()
            writer(name, document)
            stored[0] += time.perf_counter() - begin

        engine.subscribe(write)
        for number in range(rounds):
            first, last = 1100.0, 1100.0 + 0.01 * (steps - 1)
            # The first step of a scan looks for the cavity; it belongs to no round.
            engine(scan(haloscope, [first - 0.01 * n for n in range(WARM_UP, 0, -1)], averages=10))
            watch, stored[0], loop_s = Stopwatch(), 0.0, plain_loop_s()
            plan = scan(haloscope, start_mhz=first, stop_mhz=last, averages=averages)
            cpu_s = cpu(haloscope)
            begin = time.perf_counter()
            engine(watch.around(plan))
            took_s = time.perf_counter() - begin
            watch.cpu_s = tuple(b - a for a, b in zip(cpu_s, cpu(haloscope), strict=True))
            found.append(Round(took_s, watch, stored[0], 0.5 * (loop_s + plain_loop_s())))
            print(
                f"round {number + 1}: {1e3 * took_s / steps:.1f} ms per step, "
                f"plain loop {1e3 * found[-1].loop_s:.1f} ms",
                flush=True,
            )
        writer.close()
    close_run_engine(engine)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--averages", type=int, default=5000)
    parser.add_argument("--in-process", action="store_true")
    options = parser.parse_args()
    with device(options.in_process) as haloscope:
        with counted_fetches() as fetched:
            rounds = measure(haloscope, options.steps, options.rounds, options.averages)
        fetch_s, put_s = round_trips(haloscope)
    rounds.sort(key=lambda one: one.took_s)
    best, watch = rounds[0], rounds[0].watch
    parts = {**watch.seconds, "storage": best.stored_s}
    parts["RunEngine"] = parts.get("RunEngine", 0.0) - best.stored_s
    middle_s = rounds[len(rounds) // 2].took_s
    print(
        f"{1e3 * best.took_s / options.steps:7.1f} ms per step in the best of {len(rounds)} rounds"
        f" of {options.steps} steps, {1e3 * middle_s / options.steps:.1f} in the median; the best:"
    )
    for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"{1e3 * seconds / options.steps:7.1f} ms  {part}")
    client, ioc = (1e3 * seconds / options.steps for seconds in watch.cpu_s)
    hand_in("a step over Channel Access, best round", 1e3 * best.took_s / options.steps, "ms")
    hand_in("the same, processor of session and IOC", client + ioc, "ms")
    print(f"{client:7.1f} ms CPU of the session")
    print(f"{ioc:7.1f} ms CPU of the IOC, together {client + ioc:.1f} ms")
    puts = (watch.messages["set"] + watch.messages["trigger"]) / options.steps
    fetches = sum(fetched.values()) / (options.steps + WARM_UP) / options.rounds
    print(f"{sum(watch.messages.values()) / options.steps:7.1f} messages per step, among them")
    print(f"{puts:7.1f} puts, {1e3 * put_s:.2f} ms each by themselves: {1e3 * puts * put_s:.1f} ms")
    print(f"{fetches:7.1f} fetches, {1e3 * fetch_s:.2f} ms each: {1e3 * fetches * fetch_s:.1f} ms")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
