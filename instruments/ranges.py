"""Limits and rounding: a number that misses its limit by rounding alone is the limit.

What an operator sets has often gone through a change of units (T to A, MHz to Hz, user to dial
coordinates), and so has the limit that was shown. Neither comes back to the last bit.
"""

from __future__ import annotations

from typing import Final

__all__ = ["landed"]

#: Of the width of the range.
_ROUNDING: Final = 1e-9


def landed(value: float, low: float, high: float) -> float:
    """``value``, or the limit if it is beyond it by no more than rounding.

    Args:
        value: Any number, NaN too.
        low: Lower limit.
        high: Upper limit.
    """
    allowance = _ROUNDING * (high - low)
    if high < value <= high + allowance:
        return high
    return low if low - allowance <= value < low else value
