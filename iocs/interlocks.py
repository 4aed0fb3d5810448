"""Interlocks: what the IOC does by itself when something is wrong, and the words for it.

They act in the IOC, not in a client, and are looked at after every step of the machine. An
interlock acts when its reason appears, and again only after the reason has gone; what it holds back
meanwhile asks `Interlocks.hindrance`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from caproto import AlarmSeverity

from iocs.records import Record, State, state, text

log = logging.getLogger("cryohalo.iocs.interlocks")


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Interlock:
    """One interlock.

    Attributes:
        name: Short name, for the log.
        reason: Gives why it is active, "" while all is well.
        act: Done once when it becomes active.
        restrains: What it keeps from moving while it is active (``"Rod"`` ...).
        alarming: Whether it counts as a fault; motion locked while digitizing does not.
    """

    name: str
    reason: Callable[[], str]
    act: Callable[[], None] = _nothing
    restrains: tuple[str, ...] = ()
    alarming: bool = True


class Interlocks:
    """All interlocks of one machine; `check` is called after every step."""

    def __init__(self, interlocks: Sequence[Interlock]) -> None:
        self.interlocks = tuple(interlocks)
        self._active: dict[str, str] = {}

    def check(self) -> None:
        """Act on the reasons that have appeared; forget those that have gone."""
        for interlock in self.interlocks:
            reason = interlock.reason()
            appeared = reason and interlock.name not in self._active
            if reason:
                self._active[interlock.name] = reason
            else:
                self._active.pop(interlock.name, None)
            if appeared:
                if interlock.alarming:
                    log.warning("interlock %s: %s", interlock.name, reason)
                interlock.act()

    def hindrance(self, thing: str) -> str:
        """Why ``thing`` may not move now, "" if it may."""
        for interlock in self.interlocks:
            if thing in interlock.restrains and (reason := interlock.reason()):
                return reason
        return ""

    def reason(self) -> str:
        """All alarming reasons in words, "" while all is well."""
        alarming = {interlock.name for interlock in self.interlocks if interlock.alarming}
        return "; ".join(why for name, why in self._active.items() if name in alarming)

    def records(self) -> list[Record]:
        """``Interlock:Active_RBV`` and ``Interlock:Reason_RBV``."""
        states = (State("No"), State("Yes", AlarmSeverity.MAJOR_ALARM))
        return [
            state("Interlock:Active_RBV", lambda: int(bool(self.reason())), "Interlocked", states),
            text("Interlock:Reason_RBV", self.reason, "Why it is interlocked"),
        ]
