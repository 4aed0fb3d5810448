"""Where our number lies against what is allowed, as places along a strip, in per cent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from cryohalo.reproduction.rows import Row
from cryohalo.reproduction.verdict import STANDARD_ERRORS

__all__ = ["Strip", "strip_of"]

#: Room to both sides of what is shown, of its width.
_ROOM: Final = 0.22
_LEAST: Final = 1e-12


@dataclass(frozen=True)
class Strip:
    """Places from 0 at the left to 100 at the right.

    Attributes:
        band: Ends of what is allowed, own chance apart.
        paper: The paper's numbers; one or two.
        ours: Our number.
        span: Ends of our range, or of so many standard errors.
    """

    band: tuple[float, float]
    paper: tuple[float, ...]
    ours: float
    span: tuple[float, float]


def strip_of(row: Row) -> Strip | None:
    """The strip of a row; None where nothing is held against anything."""
    claim, found = row.claim, row.finding
    if found is None or not claim.tested:
        return None
    reach = STANDARD_ERRORS * found.error
    span = found.low - reach, found.high + reach
    stated = tuple(x for x in dict.fromkeys((claim.low, claim.high)) if math.isfinite(x))
    shown = [*span, *(x - claim.tolerance for x in stated), *(x + claim.tolerance for x in stated)]
    low, high = min(shown), max(shown)
    width = high - low
    if width <= _LEAST * max(abs(low), abs(high), 1.0):  # ours is the paper's, exactly
        low, width = low - 0.5, 1.0
    low, width = low - _ROOM * width, (1.0 + 2.0 * _ROOM) * width

    def place(value: float) -> float:
        return round(100.0 * min(max((value - low) / width, 0.0), 1.0), 2)

    band = place(claim.low - claim.tolerance), place(claim.high + claim.tolerance)
    return Strip(
        band, tuple(map(place, stated)), place(found.value), (place(span[0]), place(span[1]))
    )
