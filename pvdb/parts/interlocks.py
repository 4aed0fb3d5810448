"""The group ``Interlock`` of an IOC: whether and why, and the reset. They act in the IOC."""

from __future__ import annotations

from instruments.control.interlocks import Interlocks
from pvdb.records import Record, State, command, state, text
from pvdb.records.severity import Severity


def interlock_records(interlocks: Interlocks) -> list[Record]:
    """``Interlock:Active_RBV``, ``Interlock:Reason_RBV``, ``Interlock:Reset``."""
    states = (State("No"), State("Yes", Severity.MAJOR_ALARM))
    reason = interlocks.reason
    return [
        state("Interlock:Active_RBV", lambda: int(bool(reason())), "Interlocked", states),
        text("Interlock:Reason_RBV", reason, "Why it is interlocked"),
        command("Interlock:Reset", interlocks.reset, "Forget reasons that have gone"),
    ]
