"""An IOC of as many PVs as one likes, made as the real ones are: a machine, a table, ``iocs.ioc``.

    python benchmarks/servers/many_pvs.py --pvs 1000 --period 1 --prefix M: --port 15064

``M:Value0`` ... are plain readbacks that all change together, once in ``--period`` simulated
seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from iocs.ioc import main as run_ioc
from pvdb.plant import Plant
from pvdb.records import Record, readback

PREFIX = "M:"


class Counter:
    """A machine whose values count how often it has changed.

    Args:
        period_s: Simulated seconds between two changes.
    """

    def __init__(self, period_s: float) -> None:
        self.time_s, self.dt_s, self.busy, self.count = 0.0, 0.1, False, 0
        self._period_s = period_s

    def step(self, dt_s: float) -> None:
        """Let time pass."""
        self.time_s += dt_s
        self.count = int((self.time_s + 1e-6) / self._period_s)

    def state(self) -> dict[str, Any]:
        """Its time."""
        return {"time_s": self.time_s}

    def check_state(self, state: dict[str, Any]) -> None:
        """Any will do."""

    def contradiction(self) -> str:
        """Nothing can be wrong with it."""
        return ""

    def restore(self, state: dict[str, Any]) -> None:
        """Go back."""
        self.time_s = state["time_s"]
        self.step(0.0)


def table(machine: Counter, pvs: int) -> list[Record]:
    """Its records."""

    def value(number: int) -> Callable[[], float]:
        return lambda: machine.count + 0.001 * number

    return [
        readback(f"Value{number}", value(number), f"Value {number}", "K", display=(0.0, 1e6))
        for number in range(pvs)
    ]


def build(options: argparse.Namespace) -> Plant:
    """The machine of the options."""
    machine = Counter(options.period)
    return Plant("many", machine, table(machine, options.pvs), (), 0, "many")


def extend(parser: argparse.ArgumentParser) -> None:
    """Options of this IOC's own."""
    parser.add_argument("--pvs", type=int, default=1000)
    parser.add_argument("--period", type=float, default=1.0, help="simulated s between changes")


if __name__ == "__main__":
    sys.exit(run_ioc("many", PREFIX, build, extend=extend))
