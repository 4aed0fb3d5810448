"""The IOC of many PVs, as a process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.machine import ROOT
from benchmarks.servers import many_pvs
from cryohalo.processes.launcher import LaunchedIoc, Launcher

__all__ = ["Served", "many"]


@dataclass(frozen=True)
class Served:
    """A running IOC of many PVs.

    Attributes:
        port: Where it listens.
        pid: Of its process.
        start_s: From its start to its ready line, s.
    """

    port: int
    pid: int
    start_s: float


@contextmanager
def many(pvs: int, period_s: float, *more: str) -> Iterator[Served]:
    """So many PVs that change once in ``period_s``."""
    arguments = ("--pvs", str(pvs), "--period", str(period_s), *more)
    ioc = LaunchedIoc("many", (many_pvs.__file__,), arguments, {"PYTHONPATH": str(ROOT)})
    begin = time.perf_counter()
    with Launcher([ioc]) as launcher:
        running = launcher.running["many"]
        yield Served(running.port, running.process.pid, time.perf_counter() - begin)
