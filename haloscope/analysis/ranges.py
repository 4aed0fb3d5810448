"""What a measured input may be: one table of ranges, and the words for what lies outside.

The limits are those of physics and of unit slips, not of good practice: a coupling below zero, a
form factor above one, a frequency in MHz. What is possible but unlikely is the business of the
package ``quality``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

__all__ = [
    "CALIBRATION",
    "ROWS",
    "SCALARS",
    "Range",
    "demand_between",
    "demand_rows",
    "float_row",
    "same_number",
]


@dataclass(frozen=True)
class Range:
    """Lowest and highest value of a quantity.

    Attributes:
        low: Lowest.
        high: Highest.
        unit: Of both, "" for a number.
        open_below: The lowest value itself is outside.
    """

    low: float
    high: float
    unit: str = ""
    open_below: bool = False

    @property
    def rule(self) -> str:
        """What a value must be, in words."""
        unit = f" {self.unit}" if self.unit else ""
        if math.isinf(self.high):
            return f"must not be below {self.low:g}{unit}"
        if self.open_below:
            return f"must be above {self.low:g}{unit} and at most {self.high:g}{unit}"
        return f"must be {self.low:g} to {self.high:g}{unit}"

    def holds(self, value: FloatArray) -> NDArray[np.bool_]:
        """Which values are inside; none that is not a number is."""
        above = value > self.low if self.open_below else value >= self.low
        return above & (value <= self.high)

    def demand(self, value: float, what: str) -> None:
        """Refuse a value outside.

        Raises:
            ValueError: It is; ``what`` names it.
        """
        if not self.holds(np.asarray(value, dtype=np.float64)):
            unit = f" {self.unit}" if self.unit else ""
            raise ValueError(f"{what} is {value}{unit}, {self.rule}")


_FREQUENCY: Final = Range(1e5, 1e13, "Hz")

#: Of what is measured at every step, by the names of ``Spectra``.
ROWS: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "frequency_start_hz": _FREQUENCY,
        "num_averages": Range(1, 1e15),
        "target_frequency_hz": _FREQUENCY,
        "cavity_frequency_hz": _FREQUENCY,
        "loaded_q": Range(1, 1e13),
        "beta": Range(0, 1e4, open_below=True),
        "jpa_resonance_hz": _FREQUENCY,
        "jpa_bandwidth_hz": Range(0, 1e13, "Hz", open_below=True),
        "jpa_gain_peak_db": Range(-3, 60, "dB"),
        "magnet_field_t": Range(-100, 100, "T"),
        "form_factor": Range(0, 1, open_below=True),
        "first_bin": Range(0, 1e12),
        "receiver_gain_offset_db": Range(-100, 100, "dB"),
        "line_attenuation_offset_db": Range(-60, 60, "dB"),
        "time_s": Range(0, 1e12, "s"),
    }
)

#: Of what a stack has once.
SCALARS: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "step_hz": Range(1e-6, 1e9, "Hz"),
        "volume_m3": Range(1e-9, 10, "m^3"),
        "field_ratio": Range(0, 1.5, open_below=True),
    }
)

#: Of the receiver's calibration, by the names of ``Calibration``.
CALIBRATION: Final[Mapping[str, Range]] = MappingProxyType(
    {
        "line_attenuation_db": Range(0, 60, "dB"),
        "receiver_gain_db": Range(-300, 300, "dB"),
        "receiver_temperature_k": Range(0, 1e4, "K", open_below=True),
        "noise_temperature_k": Range(0, 1e4, "K", open_below=True),
        "noise_difference": Range(0, 1, "of T_n"),
    }
)

#: Of every standard error.
ERROR: Final = Range(0, math.inf)


def float_row(name: str, value: ArrayLike, count: int) -> FloatArray:
    """One real number per spectrum, shape (count,); a single number stands for all.

    Raises:
        ValueError: Another shape, complex numbers, texts, or masked values; names the field.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        row = int(np.flatnonzero(np.ma.getmaskarray(value))[0])
        raise ValueError(f"spectra: {name} of spectrum {row} is masked, needed a number")
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"spectra: {name} is of dtype {array.dtype}, needed real numbers")
    if array.ndim == 0:
        array = np.full(count, array)
    if array.shape != (count,):
        raise ValueError(f"spectra: {name} has shape {array.shape}, needed ({count},)")
    return array.astype(np.float64)


def demand_rows(what: str, value: FloatArray, allowed: Range, name: Callable[[int], str]) -> None:
    """Refuse a field of which one value is outside.

    Args:
        what: The field.
        value: Its values, shape (n,).
        allowed: What they may be.
        name: Of a spectrum, by its number.

    Raises:
        ValueError: Names the first such spectrum, its value and the range, and counts the others.
    """
    bad = np.flatnonzero(~allowed.holds(value))
    if not bad.size:
        return
    row, unit = int(bad[0]), f" {allowed.unit}" if allowed.unit else ""
    raise ValueError(
        f"spectra: {what} of {name(row)} is {value[row]:.10g}{unit}, {allowed.rule}"
        f"{_more(bad.size - 1)}"
    )


def _more(count: int) -> str:
    return f" ({count} more spectra likewise)" if count else ""


def demand_between(
    what: str, value: FloatArray, low: FloatArray, high: FloatArray, name: Callable[[int], str]
) -> None:
    """Refuse a frequency that is not where another one says it should be.

    Args:
        what: The field.
        value: Its values, shape (n,), Hz.
        low: Lowest allowed, shape (n,), Hz.
        high: Highest allowed, shape (n,), Hz.
        name: Of a spectrum, by its number.

    Raises:
        ValueError: Names the first such spectrum, its value and the range, and counts the others.
    """
    bad = np.flatnonzero(~((value >= low) & (value <= high)))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"spectra: {what} of {name(row)} is {value[row]:.10g} Hz, must be {low[row]:.10g} to "
            f"{high[row]:.10g} Hz{_more(bad.size - 1)}"
        )


def same_number(a: float, b: float) -> bool:
    """Whether two widths or volumes are one: they differ by rounding alone (1e-9 of them)."""
    return math.isclose(a, b, rel_tol=1e-9)
