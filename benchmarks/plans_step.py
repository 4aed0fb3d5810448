"""Time per step of a haloscope scan as fast as it goes, and where it goes.

    python -m benchmarks.plans_step [--steps 100] [--averages 5000] [--in-process]

Starts the haloscope's IOC on a private port (or simulates it in process), scans with a catalog as
the session does, and prints milliseconds per step by part, the CPU time of both processes, and what
a put and a fetch cost by themselves on this machine now. A step is a chain: session and IOC wait
for each other nearly always, so the sum of their CPU times is what a step takes on idle cores. The
load is printed because where others work on the same cores the times on the wall say little.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from bluesky.utils import Msg, MsgGenerator
from ophyd.signal import EpicsSignalBase

from cryohalo.catalog import DocumentWriter
from cryohalo.launcher import Ioc, Launcher
from cryohalo.run_engine import close_run_engine, make_run_engine
from plans.scan import scan

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
        name = getattr(message.obj, "name", "") or ""
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
        if name.startswith("vna"):
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
    launcher = Launcher([Ioc("haloscope", arguments=arguments)])
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
    stock = EpicsSignalBase._get_with_timeout  # noqa: SLF001
    fetched: Counter[str] = Counter()

    def counting(self: Any, *args: Any) -> Any:
        fetched[self.name] += not args[-1]  # the last one: whether a monitor's value will do
        return stock(self, *args)

    EpicsSignalBase._get_with_timeout = counting  # noqa: SLF001
    try:
        yield fetched
    finally:
        EpicsSignalBase._get_with_timeout = stock  # noqa: SLF001


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


def measure(haloscope: Any, steps: int, averages: int) -> tuple[float, Stopwatch, float]:
    """Seconds of the scan after warming up, its parts, seconds in the catalog."""
    stored = [0.0]
    engine = make_run_engine()
    with tempfile.TemporaryDirectory() as folder:
        writer = DocumentWriter(Path(folder))

        def write(name: str, document: dict[str, Any]) -> None:
            begin = time.perf_counter()
            writer(name, document)
            stored[0] += time.perf_counter() - begin

        engine.subscribe(write)
        engine(scan(haloscope, start_mhz=1100.0, stop_mhz=1100.0 + 0.01 * (WARM_UP - 1)))
        watch, stored[0] = Stopwatch(), 0.0
        first = 1100.0 + 0.01 * WARM_UP
        plan = scan(
            haloscope, start_mhz=first, stop_mhz=first + 0.01 * (steps - 1), averages=averages
        )
        cpu_s = cpu(haloscope)
        begin = time.perf_counter()
        engine(watch.around(plan))
        took = time.perf_counter() - begin
        watch.cpu_s = tuple(b - a for a, b in zip(cpu_s, cpu(haloscope), strict=True))
        writer.close()
    close_run_engine(engine)
    return took, watch, stored[0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--averages", type=int, default=5000)
    parser.add_argument("--in-process", action="store_true")
    options = parser.parse_args()
    with device(options.in_process) as haloscope:
        with counted_fetches() as fetched:
            took, watch, stored_s = measure(haloscope, options.steps, options.averages)
        fetch_s, put_s = round_trips(haloscope)
    parts = {**watch.seconds, "storage": stored_s}
    parts["RunEngine"] = parts.get("RunEngine", 0.0) - stored_s
    print(f"{1e3 * took / options.steps:7.1f} ms per step, {options.steps} steps in {took:.1f} s")
    for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"{1e3 * seconds / options.steps:7.1f} ms  {part}")
    client, ioc = (1e3 * seconds / options.steps for seconds in watch.cpu_s)
    print(f"{client:7.1f} ms CPU of the session")
    print(f"{ioc:7.1f} ms CPU of the IOC, together {client + ioc:.1f} ms")
    puts = (watch.messages["set"] + watch.messages["trigger"]) / options.steps
    fetches = sum(fetched.values()) / (options.steps + WARM_UP)
    print(f"{sum(watch.messages.values()) / options.steps:7.1f} messages per step, among them")
    print(f"{puts:7.1f} puts, {1e3 * put_s:.2f} ms each by themselves: {1e3 * puts * put_s:.1f} ms")
    print(f"{fetches:7.1f} fetches, {1e3 * fetch_s:.2f} ms each: {1e3 * fetches * fetch_s:.1f} ms")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
