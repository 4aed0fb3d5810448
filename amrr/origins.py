"""Where a parameter comes from, and how far it may be wrong: the metadata of its field.

Each field of the refrigerator's parameters is made by one of

* ``paper``: the paper states it;
* ``chosen``: whoever runs the machine, or computes it, sets it and knows it: fields and times of
  the cycle, settings of instruments, loads, numbers of lumps;
* ``assumed``: nobody has published it. It has a range with its reason, held by ``Range``.

``amrr.studies.ranges`` collects the ranges; a test holds that no assumed parameter lacks one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Origin(StrEnum):
    """Where a number comes from."""

    PAPER = "paper"
    CHOSEN = "chosen"
    ASSUMED = "assumed"


class Nature(StrEnum):
    """What would end the uncertainty of an assumed number."""

    DIMENSION = "dimension"  # a ruler, or a word from those who built it
    PROPERTY = "property"  # a measurement on the cold machine, or on its materials


@dataclass(frozen=True)
class Range:
    """How far an assumed number may be from its default.

    Attributes:
        low: Lowest value that is as possible as the default.
        high: Highest.
        reason: Why these.
        source: Author, journal and year; "" where there is none.
        nature: What would end it.
        floor: Of a range over decades, the value from which its logarithm is even; 0: the range is
            even in the value itself.
    """

    low: float
    high: float
    reason: str
    source: str
    nature: Nature
    floor: float

    def at(self, part: float) -> float:
        """The value at a part of the range, 0 to 1: equal parts are equally likely."""
        if self.floor > 0.0:
            return self.floor * (self.high / self.floor) ** part
        return self.low + (self.high - self.low) * part

    def part(self, value: float) -> float:
        """The part of the range at which a value is, 0 to 1: the inverse of ``at``."""
        if self.floor > 0.0:
            return math.log(max(value, self.floor) / self.floor) / math.log(self.high / self.floor)
        return (value - self.low) / (self.high - self.low)


#: Keys of a field's metadata.
ORIGIN: Final = "origin"
RANGE: Final = "range"


def paper(default: Any) -> Any:
    """A field whose default the paper states."""
    return field(default=default, metadata={ORIGIN: Origin.PAPER})


def chosen(default: Any) -> Any:
    """A field that whoever runs or computes the machine sets, and knows."""
    return field(default=default, metadata={ORIGIN: Origin.CHOSEN})


def assumed(
    default: float,
    low: float,
    high: float,
    reason: str,
    *,
    source: str = "",
    nature: Nature = Nature.DIMENSION,
    decades: bool = False,
    floor: float = 0.0,
) -> Any:
    """A field whose default is ours, with its range.

    Args:
        default: Within the range.
        low: Lowest value.
        high: Highest value.
        reason: Why these.
        source: Of the range.
        nature: What would end the uncertainty.
        decades: The range is even in the logarithm.
        floor: With ``decades``, where the logarithm begins; ``low`` by default.
    """
    begin = (floor or low) if decades else 0.0
    found = Range(low, high, reason, source, nature, begin)
    return field(default=default, metadata={ORIGIN: Origin.ASSUMED, RANGE: found})


def unmeasured(
    default: float, low: float, high: float, reason: str, *, source: str = "", decades: bool = False
) -> Any:
    """An assumed field that is a property: knowing the dimensions does not end its uncertainty."""
    return assumed(
        default, low, high, reason, source=source, nature=Nature.PROPERTY, decades=decades
    )
