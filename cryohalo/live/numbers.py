"""Numbers as a person reads them: frequencies in MHz to the hertz, six digits of the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Final

from instruments.printable import escaped

__all__ = ["Format", "duration", "format_of"]

#: Units of frequency and what they are in MHz.
_MHZ: Final[Mapping[str, float]] = {"Hz": 1e-6, "kHz": 1e-3, "MHz": 1.0, "GHz": 1e3}
#: Frequencies from here on are told in MHz, MHz: widths and errors stay in their own unit.
_AT_LEAST_MHZ: Final = 1.0
_DIGITS: Final = 6
_LONGEST_TEXT: Final = 24


@dataclass(frozen=True)
class Format:
    """How one field is shown.

    Attributes:
        unit: That it is shown in, "" where it has none.
        factor: From its own unit to that.
        places: Decimal places; None for as many as make six digits.
    """

    unit: str = ""
    factor: float = 1.0
    places: int | None = None

    def __call__(self, value: Any) -> str:
        """A value, without its unit; what is no number as a short text."""
        if isinstance(value, bool) or not isinstance(value, Real):
            return escaped(value, _LONGEST_TEXT)
        if isinstance(value, Integral) and self.factor == 1.0:
            return str(int(value))
        number = float(value) * self.factor
        if not math.isfinite(number):
            return "-"
        if self.places is not None:
            return f"{number:.{self.places}f}"
        return f"{number:.{_DIGITS}g}"

    def told(self, value: Any) -> str:
        """A value with its unit."""
        return f"{self(value)} {self.unit}".rstrip()


def format_of(value: Any, unit: str = "", precision: int | None = None) -> Format:
    """The format of a field, by its first value.

    Args:
        value: A value of it.
        unit: As its descriptor has it.
        precision: Decimal places, as its descriptor has them.
    """
    number = float(value) if isinstance(value, Real) else math.nan
    mhz = number * _MHZ.get(unit, math.nan)
    if abs(mhz) >= _AT_LEAST_MHZ:
        return Format("MHz", _MHZ[unit], 6)
    told = isinstance(precision, int) and not isinstance(precision, bool) and precision >= 0
    if told and (number == 0 or abs(number) >= 10.0 ** -float(precision or 0)):
        return Format(unit, places=precision)
    return Format(unit)


def duration(seconds: float) -> str:
    """A length of time: ``42 s``, ``3 min 05 s``, ``2 h 07 min``, ``3 d 04 h``."""
    if not math.isfinite(seconds):
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02d} h"
