"""A haloscope's step while other clients watch: what each of them costs.

    python -m benchmarks.watched_step [--clients 0 5 20 50] [--pvs 0] [--steps 40] [--rounds 3]
    python -m benchmarks.watched_step --clients 0 200 --pvs 20

Starts the haloscope's IOC on a private port and scans at speed 0 as the session does, beside so
many circuits that monitor all PVs, or ``--pvs`` of them each, not the same ones. The watchers are
one process that reads and throws away; its own time is not counted. What is told is processor time
of the session and of the IOC per step, which hardly depends on what else the machine does: a step
is a chain of the two, so their sum is about the step of a quiet machine. The rounds alternate.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks.plans_step import WARM_UP, device
from benchmarks.results import hand_in
from cryohalo.run_engine import close_run_engine, make_run_engine
from plans.haloscope.scan import scan

FIRST_MHZ, STEP_MHZ = 1100.0, 0.01


@contextmanager
def watched(port: int, clients: int, each: int) -> Iterator[None]:
    """So many circuits, each with monitors of ``each`` PVs (0: all), meanwhile."""
    from pvdb.haloscope.plant import haloscope_plant

    names = ["BENCH:" + record.name for record in haloscope_plant().records]
    numbers = [str(port), str(clients), str(each or len(names))]
    command = [sys.executable, "-m", "benchmarks.servers.watching", *numbers, *names]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "watching\n":
                raise SystemExit("the watchers have not come")
            yield
            if process.poll() is not None:
                raise SystemExit("the watchers were not served to the end")
        finally:
            process.kill()


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used, finely: rounds may be short. Linux alone."""
    return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes a clock's number


def step_ms(engine: Any, haloscope: Any, steps: int, averages: int) -> tuple[float, ...]:
    """Milliseconds of a step: on the clock, of the session's processor time, of the IOC's."""
    earlier = [FIRST_MHZ - STEP_MHZ * number for number in range(WARM_UP, 0, -1)]
    engine(scan(haloscope, earlier, averages=10))  # the first step looks for the cavity
    targets = {"start_mhz": FIRST_MHZ, "stop_mhz": FIRST_MHZ + STEP_MHZ * (steps - 1)}
    plan = scan(haloscope, **targets, step_khz=1e3 * STEP_MHZ, averages=averages)
    processes = (os.getpid(), haloscope.ioc_process.pid)
    begin, used_s = time.perf_counter(), [cpu_s(pid) for pid in processes]
    engine(plan)
    taken_s = time.perf_counter() - begin
    spent = [cpu_s(pid) - before_s for pid, before_s in zip(processes, used_s, strict=True)]
    return tuple(1e3 * seconds / steps for seconds in (taken_s, *spent))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, nargs="+", default=[0, 5, 20, 50])
    parser.add_argument("--pvs", type=int, default=0, help="monitors of each client; 0 for all")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--averages", type=int, default=5000)
    options = parser.parse_args()
    found: dict[int, list[tuple[float, ...]]] = {clients: [] for clients in options.clients}
    with device(in_process=False) as haloscope:
        engine = make_run_engine()
        port = int(os.environ["EPICS_CA_ADDR_LIST"].rpartition(":")[2])
        for _ in range(options.rounds):
            for clients, rounds in found.items():
                with watched(port, clients, options.pvs):
                    rounds.append(step_ms(engine, haloscope, options.steps, options.averages))
        close_run_engine(engine)
    alone = 0.0
    for clients, rounds in found.items():
        wall = median(one[0] for one in rounds)
        session, ioc = (min(one[part] for one in rounds) for part in (1, 2))
        alone = alone or session + ioc
        if clients:
            what = f"processor of a step beside {clients} clients"
            hand_in(what, session + ioc, "ms", against="without clients", other=alone)
        print(
            f"{clients:4d} clients: {wall:6.1f} ms per step on the clock (median); processor, best "
            f"rounds: {session:5.1f} session + {ioc:5.1f} IOC = {session + ioc:5.1f}: "
            f"{(session + ioc) / alone:.2f}",
            flush=True,
        )
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
