"""Ranges: one check and one wording for all that has limits, and what rounding does to a limit.

Every room that takes a number asks here, and says the same when it refuses one::

    rod position = 90 deg is outside 20 to 60 deg

What an operator sets has often gone through a change of units (T to A, MHz to Hz, user to dial
coordinates), and so has the limit that was shown. Neither comes back to the last bit: a number that
misses its limit by rounding alone is the limit.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from instruments.errors import Refused

__all__ = ["all_within", "commanded", "landed", "outside", "shown", "within"]

#: Of the width of the range.
_ROUNDING: Final = 1e-9
#: Digits of a number in a message: of a frequency in Hz down to a tenth.
_DIGITS: Final = 10
#: Digits that distinguish any two floats.
_ALL_DIGITS: Final = 17


def landed(value: float, low: float, high: float) -> float:
    """``value``, or the limit if it is beyond it by no more than rounding.

    Args:
        value: Any number, NaN too.
        low: Lower limit.
        high: Upper limit.
    """
    width = high - low
    allowance = _ROUNDING * width if math.isfinite(width) else 0.0
    if high < value <= high + allowance:
        return high
    return low if low - allowance <= value < low else value


def within(what: str, value: float, low: float, high: float, unit: str) -> float:
    """``value`` as a float, if it lies in ``low`` to ``high``, to the last bit.

    Args:
        what: Begins the message: the thing and its quantity.
        value: A number; NaN and infinity are refused, whatever the limits.
        low: Lower limit, itself allowed; minus infinity for none.
        high: Upper limit, itself allowed; infinity for none.
        unit: Of value and limits; "" for a plain number.

    Raises:
        ValueError: It does not; the message names the thing, the value and the limits.
    """
    number = _as_float(what, value)
    if not (low <= number <= high and math.isfinite(number)):
        raise ValueError(outside(what, number, low, high, unit))
    return number


def _as_float(what: str, value: float) -> float:
    """``value`` as a float; a whole number beyond all floats is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        raise ValueError(f"{what} = {value!r:.60} is not a number") from None


def commanded(what: str, value: float, low: float, high: float, unit: str) -> float:
    """As ``within``, for a command to a simulated instrument: rounding is allowed for.

    Raises:
        Refused: It does not lie there; nothing has moved.
    """
    try:
        return within(what, landed(_as_float(what, value), low, high), low, high, unit)
    except ValueError as error:
        raise Refused(str(error)) from None


def all_within(what: str, values: ArrayLike, low: float, high: float, unit: str) -> None:
    """Refuse values of which not all lie in ``low`` to ``high``; NaN does not.

    Args:
        what: Begins the message, e.g. ``"GGG"``.
        values: A number or an array.
        low: Lower limit, itself allowed.
        high: Upper limit, itself allowed.
        unit: Of values and limits.

    Raises:
        ValueError: Names the first that does not.
    """
    try:
        numbers = np.asarray(values, float)
    except OverflowError:  # a whole number beyond all floats
        raise ValueError(f"{what} is beyond all numbers") from None
    wrong = numbers[~((numbers >= low) & (numbers <= high))]
    if wrong.size:
        raise ValueError(outside(what, float(wrong.flat[0]), low, high, unit))


def outside(what: str, value: float, low: float, high: float, unit: str) -> str:
    """What is said of a number that is not in ``low`` to ``high``."""
    number = shown(value, unit)
    if not math.isfinite(value) and not (math.isfinite(low) and math.isfinite(high)):
        return f"{what} = {number} is not a finite number"
    if math.isinf(high):
        return f"{what} = {number} is below {shown(low, unit)}"
    if math.isinf(low):
        return f"{what} = {number} is above {shown(high, unit)}"
    if number in (shown(low, unit), shown(high, unit)):
        # What is refused must not read like what is allowed.
        number = f"{value:.{_ALL_DIGITS}g} {unit}".rstrip()
    return f"{what} = {number} is outside {shown(low)} to {shown(high, unit)}"


def shown(value: float, unit: str = "") -> str:
    """A number with its unit as messages have it."""
    return f"{value:.{_DIGITS}g} {unit}".rstrip()
