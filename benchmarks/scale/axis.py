"""What an axis of scale is: sizes, what is measured at each, and why it grows as it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Axis", "Quantity"]


@dataclass(frozen=True)
class Quantity:
    """What is measured.

    Attributes:
        title: In a few words.
        unit: ``"s"``, ``"MB"``, ...
        kind: ``"time"``, ``"memory"``, ``"bytes"`` or ``"other"``.
    """

    title: str
    unit: str
    kind: str


@dataclass(frozen=True)
class Axis:
    """One way to grow.

    Attributes:
        name: On the command line.
        title: What there is more and more of.
        told: What is measured, and how.
        why: What sets the growth, and what comes in where it bends.
        sizes: Measured as a rule.
        large: Measured when asked for: they take minutes each.
        quantities: By their keys in what ``measure`` returns.
        measure: Numbers at a size, in a process of its own; a quantity may be left out at some.
        timeout_s: After which a point is given up.
    """

    name: str
    title: str
    told: str
    why: str
    sizes: tuple[int, ...]
    large: tuple[int, ...]
    quantities: Mapping[str, Quantity]
    measure: Callable[[int], dict[str, float]]
    timeout_s: float = 600.0
