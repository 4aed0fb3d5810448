"""What an instrument can do without: marked where its component stands, in words.

A component that is not marked, on no part of the way to it, is of the least set: without it there
is no instrument to connect to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from ophyd import Component, OphydObject

__all__ = ["Optional", "optional", "optional_of"]

K = TypeVar("K", bound=OphydObject)

_MARK = "optional"


@dataclass(frozen=True)
class Optional:
    """What becomes of an instrument without a part.

    Attributes:
        without: In words.
        guard: It keeps the instrument safe: that it is absent must be stated, not found.
    """

    without: str
    guard: bool = False


def optional(component: Component[K], without: str, *, guard: bool = False) -> Component[K]:
    """Mark a component, and all below it, as one that a laboratory may be without.

    Args:
        component: A signal or a device.
        without: What happens without it, in words; they stand in the reference.
        guard: A suspender watches it.
    """
    vars(component)[_MARK] = Optional(without, guard)
    return component


def optional_of(component: object) -> Optional | None:
    """The mark of a component, None if it has none."""
    found: Optional | None = vars(component).get(_MARK)
    return found
