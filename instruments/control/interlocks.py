"""Interlocks: what a machine's control does by itself when something is wrong, and the words.

They are checked after every step of the machine. An interlock acts when its reason appears, and
again only after the reason has gone; what it restrains meanwhile asks
``Interlocks.reason_against``. A latched one keeps showing its reason until it is reset.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from instruments.errors import Refused

__all__ = ["Interlock", "Interlocks"]

log = logging.getLogger("cryohalo.interlocks")

Result = TypeVar("Result")


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Interlock:
    """One interlock.

    Attributes:
        name: Short name.
        reason: Returns why the interlock is active, "" while it is not.
        act: Done once when it becomes active.
        restrains: What it keeps from moving while it is active (``"Rod"`` ...).
        alarming: Whether it counts as a fault; motion locked while digitizing does not.
        latched: Whether it stays shown, after its reason has gone, until it is reset. It restrains
            only while the reason is there.
    """

    name: str
    reason: Callable[[], str]
    act: Callable[[], None] = _nothing
    restrains: tuple[str, ...] = ()
    alarming: bool = True
    latched: bool = False


class Interlocks:
    """All interlocks of one machine; ``check`` is called after every step."""

    def __init__(self, interlocks: Sequence[Interlock]) -> None:
        self.interlocks = {interlock.name: interlock for interlock in interlocks}
        self._present: set[str] = set()
        self._told: dict[str, str] = {}

    def check(self) -> None:
        """Act on the reasons that have appeared; forget those that have gone.

        One that fails does not keep the others from acting, and is tried again at the next check.

        Raises:
            Exception: What the first of those raised that have failed.
        """
        failures = []
        for interlock in self.interlocks.values():
            try:
                # Asked after every step, mostly in vain: what has no reason costs one call.
                reason = interlock.reason()
                if reason or interlock.name in self._told:
                    self._take(interlock, reason)
            except Exception as error:
                log.error("interlock %s failed: %s", interlock.name, error)
                failures.append(error)
        if failures:
            raise failures[0]

    def _take(self, interlock: Interlock, reason: str) -> None:
        name = interlock.name
        if not reason:
            self._gone(interlock)
            return
        self._told[name] = reason
        if name in self._present:
            return
        if interlock.alarming:
            log.warning("interlock %s: %s", name, reason)
        interlock.act()
        self._present.add(name)  # it has acted: not before

    def _gone(self, interlock: Interlock) -> None:
        self._present.discard(interlock.name)
        if not interlock.latched:
            del self._told[interlock.name]

    def reset(self, *names: str) -> None:
        """Forget the reasons that have gone; all without names.

        Each is asked now: the last step may have been before its reason went.
        """
        for name in names or tuple(self.interlocks):
            if name in self._told and not self.interlocks[name].reason():
                self._present.discard(name)
                del self._told[name]

    def reason_against(self, thing: str) -> str:
        """Why ``thing`` may not move now, "" if it may."""
        for interlock in self.interlocks.values():
            if thing in interlock.restrains and (reason := interlock.reason()):
                return reason
        return ""

    def guarded(self, thing: str, write: Callable[[Any], Result]) -> Callable[[Any], Result]:
        """``write``, refused while ``thing`` is restrained.

        What is returned raises ``Refused`` with the thing and the reason.
        """

        def write_unless_restrained(value: Any) -> Result:
            if reason := self.reason_against(thing):
                raise Refused(f"{thing}: {reason}")
            return write(value)

        return write_unless_restrained

    def reason_of(self, name: str) -> str:
        """Why interlock ``name`` is active or latched, "" if it is neither."""
        return self._told.get(name, "")

    def reason(self) -> str:
        """All alarming reasons in words, "" while all is well."""
        told = (why for name, why in self._told.items() if self.interlocks[name].alarming)
        return "; ".join(told)
