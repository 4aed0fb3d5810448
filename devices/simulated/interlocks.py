"""Channels of the group `Interlock`: the same for both instruments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.simulated.bench import DO, Channel
from instruments.control.interlocks import Interlocks

__all__ = ["Guard", "interlock_channels", "unguarded"]

#: Makes of a write one that is refused while an interlock stands.
Guard = Callable[[Callable[[Any], Any]], Callable[[Any], Any]]


def unguarded(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The write itself: no interlock holds it back."""
    return write


def interlock_channels(interlocks: Interlocks) -> dict[str, Channel]:
    """`Interlock:Active_RBV`, `Reason_RBV` and `Reset`."""

    def reset(name: str) -> None:
        if name == "Do":
            interlocks.reset()

    return {
        "Interlock:Active_RBV": Channel(lambda: int(bool(interlocks.reason())), enum=("No", "Yes")),
        "Interlock:Reason_RBV": Channel(interlocks.reason),
        "Interlock:Reset": Channel(lambda: 0, reset, enum=DO),
    }
