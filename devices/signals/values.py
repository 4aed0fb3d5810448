"""What a device can take: judged before anything is put, and refused by one error, in words."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from ophyd.utils.errors import LimitError

from instruments.ranges import shown as show
from instruments.ranges import within

__all__ = [
    "InvalidValueError",
    "UnknownNameError",
    "check_names",
    "check_number",
    "check_state",
    "check_text",
    "is_number",
    "same",
    "show",
]

#: Characters that a text of channel access holds (DBR_STRING ends with a NUL).
TEXT_LENGTH = 39


class InvalidValueError(LimitError):
    """A device was asked for what it cannot take; nothing was put.

    The message names the device, the value with its unit, and what the device takes.
    """


class UnknownNameError(InvalidValueError, KeyError):
    """A device has no part of that name; the message names both."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would put the message into quotes


def check_number(
    name: str,
    value: Any,
    units: str = "",
    limits: tuple[float, float] | None = None,
    *,
    whole: bool = False,
) -> float:
    """Return ``value`` as a float if the device can take it.

    Args:
        name: Of the device.
        value: What is asked for.
        units: Of the value.
        limits: Lowest and highest, included; None where there are none.
        whole: Whether the device takes whole numbers only.

    Raises:
        InvalidValueError: No number, not finite, not whole, or outside the limits.
    """
    low, high = limits or (-math.inf, math.inf)
    if np.ma.is_masked(value):  # its item is 0, which nobody has asked for
        raise InvalidValueError(f"{name} = {value!r} is not a number{_takes(limits, units)}")
    if getattr(value, "ndim", None) == 0:  # NumPy's scalars and arrays without axes
        value = value.item()
    if not is_number(value):
        raise InvalidValueError(f"{name} = {value!r} is not a number{_takes(limits, units)}")
    try:
        number = within(name, value, low, high, units)
    except ValueError as error:
        raise InvalidValueError(str(error)) from None
    if whole and not number.is_integer():
        told = f"{name} = {show(number, units)} is not a whole number"
        raise InvalidValueError(f"{told}{_takes(limits, units)}")
    return number


def _takes(limits: tuple[float, float] | None, units: str) -> str:
    return f" ({show(limits[0])} to {show(limits[1], units)})" if limits else ""


def is_number(value: Any) -> bool:
    """Whether a value is a real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_state(name: str, value: Any, states: Sequence[str]) -> None:
    """Refuse what is neither the name of a state nor its number.

    Raises:
        InvalidValueError: Names the device, the value and the states.
    """
    named = isinstance(value, str) and value in states
    numbered = isinstance(value, Real) and value in range(len(states))
    if not named and not numbered:
        raise InvalidValueError(f"{name} = {value!r} is none of {', '.join(states)}")


def check_names(name: str, values: Any, known: Collection[str], what: str = "") -> None:
    """Refuse what is no mapping, or has a name that is not known.

    Args:
        name: Of the device.
        values: What is asked for, by name.
        known: The names.
        what: They are names of, for the message.

    Raises:
        InvalidValueError: No mapping.
        UnknownNameError: An unknown name.
    """
    if not isinstance(values, Mapping):
        raise InvalidValueError(f"{name} = {values!r} is no mapping from names to values")
    if unknown := [str(one) for one in values if one not in known]:
        raise UnknownNameError(f"{name} has no {what}{', '.join(sorted(unknown))}")


def check_text(name: str, value: Any) -> None:
    """Refuse what is no text, or would be cut on the wire.

    Raises:
        InvalidValueError: Names the device, the value and the limit.
    """
    if not isinstance(value, str) or len(value.encode()) > TEXT_LENGTH:
        raise InvalidValueError(f"{name} = {value!r} is no text of up to {TEXT_LENGTH} bytes")


def same(one: Any, other: Any) -> bool:
    """Whether two values of a setting are the same, numbers to nine digits."""
    if isinstance(one, str) or isinstance(other, str):
        return str(one) == str(other)
    return abs(float(one) - float(other)) <= 1e-9 * max(1.0, abs(float(other)))
