"""What a saved state may hold, as data, and the check of a state that comes from outside.

A file may have been edited, come from another version or another machine. A part of a machine says
with these what each value of its state may be; ``check`` names the first that is not, with the
range allowed, before anything is taken over. A value that passes cannot make a machine fail, wait
for years or read beyond an array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Final, Protocol

import numpy as np

from instruments.errors import Refused

__all__ = [
    "Array",
    "Consistent",
    "Flag",
    "Group",
    "Maybe",
    "Number",
    "Row",
    "Series",
    "Slots",
    "Spec",
    "Text",
    "check",
]

_SHORT: Final = 60


class Spec(Protocol):
    """What one value may be."""

    def check(self, key: str, value: Any) -> None:
        """Raise ``Refused``, naming ``key``, the value and what is allowed, if it is not."""


def check(spec: Spec, state: Any, key: str = "state") -> None:
    """Compare a state with what it may be.

    Args:
        spec: What it may be.
        state: Plain values, lists, dicts and arrays.
        key: How messages call it.

    Raises:
        Refused: It is not; the message names the first value that is wrong.
    """
    spec.check(key, state)


@dataclass(frozen=True)
class Number:
    """A finite number within limits, both allowed.

    Attributes:
        low: Lower limit.
        high: Upper limit.
        unit: Of both.
        whole: Whether it counts something.
    """

    low: float
    high: float
    unit: str = ""
    whole: bool = False

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
            raise Refused(f"{key} = {_short(value)}: not a number")
        if self.whole and not isinstance(value, Integral):
            raise Refused(f"{key} = {_short(value)}: not a whole number")
        number: Any = value  # compared as it is: a whole number may be too large for a float
        if not self.low <= number <= self.high:  # nor is NaN
            raise Refused(f"{key} = {self.shown(value)} is outside {self.range}")

    def shown(self, value: Any) -> str:
        """A value with its unit."""
        return f"{_short(value)} {self.unit}".strip()

    @property
    def range(self) -> str:
        """The limits in words."""
        return f"{self.low:.10g} to {self.high:.10g} {self.unit}".strip()


@dataclass(frozen=True)
class Consistent:
    """Values that must fit each other as well.

    Attributes:
        spec: What each may be.
        contradiction: Gives what does not fit, "" if all does; asked once each passes.
    """

    spec: Spec
    contradiction: Callable[[Any], str]

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        self.spec.check(key, value)
        if why := self.contradiction(value):
            raise Refused(f"{key}: {why}")


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        if not isinstance(value, (bool, np.bool_)):
            raise Refused(f"{key} = {_short(value)}: neither true nor false")


@dataclass(frozen=True)
class Text:
    """One text and no other.

    Attributes:
        wanted: The text.
        what: Told instead of it, where the text itself says nothing.
    """

    wanted: str
    what: str = ""

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        if not isinstance(value, str) or value != self.wanted:
            raise Refused(f"{key} = {_short(value)}: {self.what or f'not {self.wanted!r}'}")


@dataclass(frozen=True)
class Maybe:
    """Something, or None."""

    spec: Spec

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        if value is not None:
            self.spec.check(key, value)


@dataclass(frozen=True)
class Row:
    """A list of so many values, each with a name of its own."""

    specs: Mapping[str, Spec]

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        if not isinstance(value, (list, tuple)) or len(value) != len(self.specs):
            raise Refused(f"{key} = {_short(value)}: not a list of {', '.join(self.specs)}")
        for (name, spec), item in zip(self.specs.items(), value, strict=True):
            spec.check(f"{key}.{name}", item)


@dataclass(frozen=True)
class Group:
    """A dict of exactly these keys."""

    specs: Mapping[str, Spec]

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        if not isinstance(value, dict):
            raise Refused(f"{key} = {_short(value)}: not values by name")
        dot = f"{key}." if key else ""
        for name in self.specs:
            if name not in value:
                raise Refused(f"{dot}{name} is missing")
        for name in value:
            if name not in self.specs:
                raise Refused(f"{dot}{name} is not known: it is of another version")
        for name, spec in self.specs.items():
            spec.check(f"{dot}{name}", value[name])


@dataclass(frozen=True)
class Array:
    """An array of one shape, all of whose elements are finite numbers within limits.

    Attributes:
        shape: Its shape.
        number: What each element may be; of a complex one, its magnitude.
        is_complex: Whether it is complex.
    """

    shape: tuple[int, ...]
    number: Number
    is_complex: bool = False

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        _require_array(key, value, self.shape, "c" if self.is_complex else "f")
        _require_elements(key, value, self.number)


@dataclass(frozen=True)
class Series:
    """As ``Array``, of one axis and of any length up to a longest.

    Attributes:
        longest: Its longest length.
        number: What each element may be; of a complex one, its magnitude.
        is_complex: Whether it is complex.
    """

    longest: int
    number: Number
    is_complex: bool = False

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        if isinstance(value, np.ndarray) and not (value.ndim == 1 and value.size <= self.longest):
            raise Refused(f"{key} has the shape {value.shape}, not (1 to {self.longest},)")
        _require_array(key, value, np.shape(value), "c" if self.is_complex else "f")
        _require_elements(key, value, self.number)


@dataclass(frozen=True)
class Slots:
    """An array whose rows, or columns, are different things.

    Attributes:
        slots: What each is and may be, in order.
        others: Names, or the number, of the elements along the other axis; None for an array of
            one axis.
        axis: Which axis the slots are on.
    """

    slots: Sequence[tuple[str, Number]]
    others: Sequence[str] | int | None = None
    axis: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        size = len(self.slots)
        if self.others is None:
            return (size,)
        other = self.others if isinstance(self.others, int) else len(self.others)
        return (size, other) if self.axis == 0 else (other, size)

    def check(self, key: str, value: Any) -> None:
        """See ``Spec``."""
        _require_array(key, value, self.shape, "f")
        for slot, (name, number) in enumerate(self.slots):
            elements = np.atleast_1d(value.take(slot, axis=self.axis))
            for index, element in enumerate(elements.tolist()):
                self._check_one(self._key(key, name, index), number, element)

    def _key(self, key: str, name: str, index: int) -> str:
        if self.others is None:
            return f"{key}.{name}"
        other = index if isinstance(self.others, int) else self.others[index]
        return f"{key}[{other}].{name}"

    @staticmethod
    def _check_one(key: str, number: Number, element: float) -> None:
        if not (math.isfinite(element) and number.low <= element <= number.high):
            raise Refused(f"{key} = {number.shown(element)} is outside {number.range}")
        if number.whole and element != int(element):
            raise Refused(f"{key} = {number.shown(element)}: not a whole number")


def _require_array(key: str, value: Any, shape: tuple[int, ...], kind: str) -> None:
    if not isinstance(value, np.ndarray):
        raise Refused(f"{key} = {_short(value)}: not an array")
    if value.shape != shape:
        raise Refused(f"{key} has the shape {value.shape}, not {shape}")
    if value.dtype.kind != kind:
        raise Refused(f"{key} is an array of {value.dtype}, not of {_KINDS[kind]}")


def _require_elements(key: str, value: Any, number: Number) -> None:
    size = np.abs(value) if value.dtype.kind == "c" else value
    for place in np.argwhere(~((size >= number.low) & (size <= number.high)))[:1]:
        where = ", ".join(map(str, place))
        shown = number.shown(value[tuple(place)].item())
        raise Refused(f"{key}[{where}] = {shown} is outside {number.range}")


_KINDS: Final = {"f": "numbers", "c": "complex numbers"}


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."
