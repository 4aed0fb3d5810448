"""What is put, checked and turned into the value a record takes.

Nothing is wrapped, clipped or cut: what does not fit is refused with a message that names the
record, the value and the limit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from instruments.errors import Refused
from instruments.ranges import within
from pvdb.records.description import INTEGER_RANGES, Range, Record, Value, Wire

#: A text whose digits before the power of ten are not all 0.
_NOT_ZERO = re.compile(r"[^eE]*[1-9]")


def checked(record: Record, data: Any) -> Value:
    """``data`` as ``record`` takes it.

    Args:
        record: The record that is written to.
        data: A number, a text, a state's name or index, or a sequence of numbers.

    Returns:
        A float, int (also the index of a state), str or array.

    Raises:
        Refused: It does not fit; the message says why.
    """
    if type(data) is float and _is_plain(record, data):
        return data
    if record.array:
        return _array(record, data)
    if record.wire is Wire.STRING:
        return _text(record, data)
    item = _single(record, data)
    if record.wire is Wire.ENUM:
        return _state(record, item)
    return _number(record, item, None if record.write_checks_range else record.control_range())


def _is_plain(record: Record, number: float) -> bool:
    """Whether a number is within what a plain record takes: what most puts are, seen at once."""
    if record.wire is not Wire.DOUBLE or record.array or record.write_checks_range:
        return False
    limits = record.control_range()
    return limits is not None and limits[0] <= number <= limits[1] and isfinite(number)


def _single(record: Record, data: Any) -> Any:
    if isinstance(data, np.ndarray) or (
        isinstance(data, Sequence) and not isinstance(data, (str, bytes))
    ):
        if len(data) != 1:
            raise Refused(f"{record.name} takes one value, {len(data)} were sent")
        data = data[0]
    return data.item() if isinstance(data, np.generic) else data


def _number(record: Record, item: Any, limits: Range | None) -> float | int:
    number = _as_float(record, item)
    low, high = _tightest(limits, INTEGER_RANGES.get(record.wire))
    number = demand_within(record, number, low, high)
    if record.wire.integer and number != int(number):
        raise Refused(f"{record.name} = {number:g}: not a whole number")
    return int(number) if record.wire.integer else number


def demand_within(record: Record, number: float, low: float, high: float, of: str = "") -> float:
    """``number``, put to ``record``, if it lies in ``low`` to ``high``.

    Args:
        record: The record that is written to.
        number: What is put.
        low: Lower limit, itself allowed.
        high: Upper limit, itself allowed.
        of: Whose limits these are, where not the record's own.

    Raises:
        Refused: It does not lie there.
    """
    try:
        return within(record.name + of, number, low, high, record.units)
    except ValueError as error:
        raise Refused(str(error)) from None


def _as_float(record: Record, item: Any) -> float:
    if isinstance(item, str) and not (item.isascii() and "_" not in item):
        raise Refused(f"{record.name} = {item!r}: not a number")  # 1_0 is one to Python alone
    try:
        number = float(item)
        if number == 0.0 and isinstance(item, str) and _NOT_ZERO.match(item):
            raise Refused(f"{record.name} = {item!r}: nearer to 0 than numbers reach")
        return number
    except OverflowError:  # a whole number of some hundred digits
        return np.inf
    except (TypeError, ValueError):
        raise Refused(f"{record.name} = {item!r}: not a number") from None


def _tightest(*ranges: Range | None) -> Range:
    given = [limits for limits in ranges if limits is not None]
    return (
        max((low for low, _ in given), default=-np.inf),
        min((high for _, high in given), default=np.inf),
    )


def _state(record: Record, item: Any) -> int:
    names = record.state_names()
    if isinstance(item, str):
        if item in names:
            return names.index(item)
        if not (item.isascii() and item.isdecimal()):
            raise Refused(f"{record.name} = {item!r}: not one of {', '.join(names)}")
    number = _as_float(record, item)
    if number not in range(len(names)):
        raise Refused(f"{record.name} = {number:g}: its states are 0 to {len(names) - 1}")
    return int(number)


def _text(record: Record, data: Any) -> str:
    if isinstance(data, np.ndarray) and data.dtype.kind == "u" and data.dtype.itemsize == 1:
        data = data.tobytes().split(b"\0", 1)[0].decode("utf-8", errors="replace")
    item = data if isinstance(data, str) else _single(record, data)
    if not isinstance(item, str):
        raise Refused(f"{record.name} = {item!r}: not a text")
    if len(item.encode()) > record.length:
        raise Refused(f"{record.name}: text of {len(item.encode())} bytes, at most {record.length}")
    return item


def _array(record: Record, data: Any) -> np.ndarray:
    if np.size(data) > record.length:
        raise Refused(f"{record.name}: {np.size(data)} elements, at most {record.length}")
    if isinstance(data, (list, tuple)):
        data = [_as_float(record, item) for item in data]
    try:
        array = np.atleast_1d(np.asarray(data, dtype=float))
    except (TypeError, ValueError):
        raise Refused(f"{record.name}: not an array of numbers") from None
    if not np.isfinite(array).all():
        raise Refused(f"{record.name}: not all elements are finite numbers")
    return array


def whole(value: Value, wire: Wire) -> int:
    """``value`` as a whole number; raises ``OverflowError`` if its wire type is too small."""
    low, high = INTEGER_RANGES[wire]
    number = int(value)
    if not low <= number <= high:
        raise OverflowError(f"{number} does not fit {wire.value} ({low:g} to {high:g})")
    return number


def cut(text: str, length: int) -> str:
    """``text`` in at most ``length`` bytes, with dots where it was cut."""
    if len(text.encode()) <= length:
        return text
    return text.encode()[: length - 3].decode(errors="ignore") + "..."


def first_value(record: Record) -> Value:
    """What a record holds before it is first read or put to."""
    if record.array:
        return np.zeros(0, dtype=np.uint8 if record.wire is Wire.CHAR else float)
    if record.wire is Wire.ENUM:
        return record.state_names()[int(record.initial or 0)]
    if record.wire is Wire.STRING:
        return str(record.initial or "")
    return (int if record.wire.integer else float)(record.initial or 0)


def stored(record: Record, value: Value) -> Value:
    """``value`` as a record keeps it: plain Python, the name of a state, or an array.

    Raises:
        OverflowError: A whole number that its type on the wire cannot hold.
        IndexError: No such state.
    """
    wire = record.wire
    if record.array:
        return np.asarray(value)
    if wire is Wire.ENUM:
        return value if isinstance(value, str) else record.state_names()[int(value)]
    if wire is Wire.STRING:
        return cut(str(value), record.length)
    return whole(value, wire) if wire.integer else float(value)
