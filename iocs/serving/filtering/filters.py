"""Channel filters, as in EPICS base: ``arr``, ``dbnd``, ``dec``, ``ts`` and ``utag``.

What each does, and to which values, is base 7.0.8's (``modules/database/src/std/filters``). So is
how options are converted, that a key may be cut short, and that the band of ``dbnd``'s ``rel``, a
percentage, is taken as an absolute one for the first value.

Two things of base's are not had, and a channel that asks for one is not found: ``sync``, because
there are no states to follow, and ``ts`` with ``num`` or ``str``, which makes a value of the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from caproto import ChannelType, SubscriptionType

from iocs.serving.filtering.filter_text import (
    INT32,
    FilterError,
    Options,
    Value,
    decimal_number,
    whole_number,
)

_VALUE: Final = int(SubscriptionType.DBE_VALUE | SubscriptionType.DBE_LOG)
_PROPERTY: Final = int(SubscriptionType.DBE_PROPERTY)
#: Record types whose ``VAL`` base refers to and does not copy: filters of numbers let it pass.
_BY_REFERENCE: Final = frozenset({"lsi", "lso", "mbbi", "mbbo"})
#: Longer texts are referred to as well.
_COPIED_BYTES: Final = 40


class Gate(Protocol):
    """A filter that lets some of the updates of one subscription pass."""

    def passes(self, number: float | None, events: int) -> bool:
        """Whether to send an update.

        Args:
            number: The value, None if it is an array or no number.
            events: The kinds of event that it is, of those that were subscribed to.
        """


class Deadband:
    """``dbnd``: what differs enough from what was sent last."""

    def __init__(self, size: float, *, percent: bool) -> None:
        self._size = self._band = size
        self._percent = percent
        self._last = math.nan

    def passes(self, number: float | None, events: int) -> bool:
        """As ``Gate.passes``; alarms and properties always pass."""
        if number is None:
            return True
        sent = events & ~_VALUE
        if _distance(number, self._last) > self._band:
            sent |= events & _VALUE
            self._last = number
        if sent and self._percent:
            self._band = number * self._size / 100.0
        return bool(sent)


def _distance(number: float, other: float) -> float:
    """How far two values are apart: infinitely if one is no number or infinite and the other is."""
    if math.isfinite(number) and math.isfinite(other):
        return abs(number - other)
    both_nan = math.isnan(number) and math.isnan(other)
    return 0.0 if both_nan or number == other else math.inf


class Decimation:
    """``dec``: one of every ``n``."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._seen = 0

    def passes(self, number: float | None, events: int) -> bool:
        """As ``Gate.passes``; properties always pass."""
        if events & _PROPERTY:
            return True
        first = self._seen == 0
        self._seen = (self._seen + 1) % self._n
        return first


class UserTag:
    """``utag``: those of one tag, and the first. Every update here has tag 0."""

    def __init__(self, mask: int, value: int) -> None:
        self._drop = value != 0  # 0 in whatever mask is 0
        self._first = True

    def passes(self, number: float | None, events: int) -> bool:
        """As ``Gate.passes``; properties always pass."""
        if events & _PROPERTY:
            return True
        first, self._first = self._first, False
        return first or not self._drop


@dataclass(frozen=True)
class Slice:
    """``arr``: some elements of an array; negative numbers count from its end."""

    start: int = 0
    step: int = 1
    end: int = -1

    def places(self, length: int) -> slice:
        """Where the elements stand in an array of ``length``."""
        start = min(max(self.start + length if self.start < 0 else self.start, 0), length)
        end = min(max(self.end + length if self.end < 0 else self.end, 0), length - 1)
        return slice(start, max(end + 1, start), max(self.step, 1))

    def count(self, length: int) -> int:
        """How many elements of an array of ``length`` there are."""
        return len(range(*self.places(length).indices(length)))


@dataclass(frozen=True)
class Filters:
    """What the name of a channel asks for.

    Attributes:
        gates: Make the filters of updates, in their order; each subscription has its own.
        slices: Cut arrays, in their order, after the gates.
        stamped: Whether what is sent carries the time at which it was sent.
    """

    gates: tuple[Callable[[], Gate], ...] = ()
    slices: tuple[Slice, ...] = ()
    stamped: bool = False

    def __bool__(self) -> bool:
        return bool(self.gates or self.slices or self.stamped)

    def most(self, length: int) -> int:
        """Elements that can be sent of a channel that holds ``length``."""
        for one in self._acting(length):
            length = one.count(length)
        return length

    def cut(self, values: Any, length: int) -> Any:
        """The elements to send.

        Args:
            values: The elements there are: an array, bytes or a list.
            length: Elements the channel can hold; a channel of one is not cut.
        """
        for one in self._acting(length):
            values = values[one.places(len(values))]
        # A copy: a view of some elements would keep all of them.
        return values.copy() if isinstance(values, np.ndarray) else values

    def _acting(self, length: int) -> Iterator[Slice]:
        """The slices of what can hold more than one element."""
        for one in self.slices:
            if length <= 1:
                return
            yield one
            length = one.count(length)

    def begin(self) -> list[Gate]:
        """The gates of one subscription."""
        return [make() for make in self.gates]


NO_FILTERS: Final = Filters()


def number_of(entry: Any, value: Any, *, long_text: bool) -> float | None:
    """The value of a channel as the gates see it: None if it is an array or no number.

    Args:
        entry: Caproto's channel.
        value: What it holds.
        long_text: Whether it is sent as bytes.
    """
    field = getattr(entry, "parent", None) is not None
    if entry.max_length != 1 or long_text:
        return None
    if entry.reported_record_type in _BY_REFERENCE and not field:
        return None
    if entry.data_type == ChannelType.ENUM:
        return float(entry.enum_strings.index(value)) if isinstance(value, str) else float(value)
    if entry.data_type != ChannelType.STRING:
        return float(value)
    if getattr(entry, "long_string_max_length", 0) > _COPIED_BYTES:
        return None
    return decimal_number(str(value)) if value else 0.0


# -- from the text ------------------------------------------------------------------------------


@dataclass
class _Keys:
    """The options of one filter, as base takes them: by kind, by cut keys, the last one given."""

    name: str
    kinds: Mapping[str, Callable[[Value], Any]]
    given: dict[str, Any] = field(default_factory=dict)

    def take(self, options: Options) -> dict[str, Any]:
        for short, value in options:
            key = next((key for key in self.kinds if key.startswith(short)), None)
            if key is None:
                raise FilterError(f"{self.name} has no option {short!r}")
            if value is None:  # a map, whose keys are this filter's own
                continue
            converted = self.kinds[key](value)
            if converted is None:
                raise FilterError(f"{self.name}: {key} = {value!r} is of no use")
            self.given.pop(key, None)  # what was given last stands last
            self.given[key] = converted
        return self.given


def _whole(value: Value) -> int | None:
    if isinstance(value, str):
        return whole_number(value)
    if isinstance(value, float) and math.isnan(value):
        return INT32[0]
    inside = INT32[0] <= value <= INT32[1]
    return int(value) if inside else None


def _strictly_whole(value: Value) -> int | None:
    return _whole(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _decimal(value: Value) -> float | None:
    if isinstance(value, str):
        return decimal_number(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return None if whole and _whole(value) is None else float(value)


def _named(*names: str) -> Callable[[Value], str | None]:
    def chosen(value: Value) -> str | None:
        if not isinstance(value, str):
            return None
        return next((name for name in names if name.startswith(value)), None)

    return chosen


def _one_of(*names: str) -> Callable[[Value], str | None]:
    by_name = _named(*names)

    def chosen(value: Value) -> str | None:
        if isinstance(value, str):
            return by_name(value)
        whole = isinstance(value, int) and not isinstance(value, bool)
        return names[int(value)] if whole and 0 <= value < len(names) else None

    return chosen


def _arr(options: Options) -> Slice:
    given = _Keys("arr", {"s": _whole, "i": _whole, "e": _whole}).take(options)
    return Slice(given.get("s", 0), given.get("i", 1), given.get("e", -1))


def _dbnd(options: Options) -> Callable[[], Gate]:
    kinds = {"d": _decimal, "m": _one_of("abs", "rel"), "abs": _decimal, "rel": _decimal}
    size, percent = 0.0, False
    for key, value in _Keys("dbnd", kinds).take(options).items():
        if key != "m":
            size = value
        if key != "d":
            percent = (value if key == "m" else key) == "rel"
    return lambda: Deadband(size, percent=percent)


def _dec(options: Options) -> Callable[[], Gate]:
    n = _Keys("dec", {"n": _strictly_whole}).take(options).get("n", 0)
    if n < 1:
        raise FilterError(f"dec: n = {n}, at least 1")
    return lambda: Decimation(n)


def _utag(options: Options) -> Callable[[], Gate]:
    given = _Keys("utag", {"M": _whole, "V": _whole}).take(options)
    return lambda: UserTag(given.get("M", -1), given.get("V", 0))


def _ts(options: Options) -> bool:
    numbers, texts = _named("dbl", "sec", "nsec", "ts"), _named("epics", "iso")
    kinds = {"num": numbers, "epoch": _named("epics", "unix"), "str": texts}
    given = _Keys("ts", kinds).take(options)
    if "num" in given or "str" in given:
        raise FilterError("ts: the time as the value is not served here")
    return True


_GATES: Final = {"dbnd": _dbnd, "dec": _dec, "utag": _utag}


def make_filters(found: tuple[tuple[str, Options], ...]) -> Filters:
    """The filters that a name asks for.

    Args:
        found: Their names and options, in order.

    Raises:
        FilterError: One cannot be had, or not with these options.
    """
    gates, slices, stamped = [], [], False
    for name, options in found:
        if name == "arr":
            slices.append(_arr(options))
        elif name == "ts":
            stamped = _ts(options)
        elif name in _GATES:
            gates.append(_GATES[name](options))
        elif name == "sync":
            raise FilterError("sync: there are no states here")
        else:
            raise FilterError(f"there is no filter {name!r}")
    return Filters(tuple(gates), tuple(slices), stamped)
