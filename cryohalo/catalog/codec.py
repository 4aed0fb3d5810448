"""Documents to bytes and back: msgpack, arrays laid out as by ``msgpack-numpy``, no pickles.

An array is a map ``{b"nd": true, b"type": "<f8", b"kind": b"", b"shape": [...], b"data": ...}``, a
NumPy scalar the same with ``b"nd": false`` and no shape, a complex number ``{b"complex": true,
b"data": "(1+2j)"}``. That layout can carry object arrays too, as pickles: those are neither written
nor read. Whatever is written here can be read here; what cannot be kept is refused by its name.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import msgpack
import numpy as np

from cryohalo.catalog.extents import (
    BEYOND,
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_VALUES,
    SHORT_BYTES,
    DamagedFileError,
    end_of_value,
)
from instruments.plain_arrays import demand_plain, plain_array

__all__ = ["Document", "UnfitError", "decode", "encode", "plain"]

#: A document's name (``start``, ``descriptor``, ``event`` ...) and its content.
Document = tuple[str, dict[str, Any]]

#: Of what is written: a document stands in a pair, an array is a map with a list.
MAX_NESTING: Final = MAX_DEPTH - 4
_INTEGERS: Final = (-(2**63), 2**64 - 1)
_LONGEST_COMPLEX: Final = 100
#: Beginnings of the extension that msgpack unpacks by itself; an array may hold such bytes too.
_TIMESTAMPS: Final = (b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff")


class UnfitError(ValueError):
    """Something that no document can hold; the message names its key and says why."""


def encode(name: str, document: Mapping[str, Any]) -> bytes:
    """The bytes of one document.

    Raises:
        UnfitError: It holds what cannot be kept; nothing is left out and nothing made up.
    """
    data: bytes = msgpack.packb((name, plain(document)), default=_packed)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise UnfitError(f"it has {len(data)} bytes, at most {MAX_DOCUMENT_BYTES} can be kept")
    return data


def decode(data: bytes) -> Document:
    """One document from its bytes.

    Raises:
        DamagedFileError: They are no document, are beyond its bounds, or hold what is no plain
            data.
    """
    pair = _short(data) or _bounded(data)
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
        raise DamagedFileError("it is no pair of a name and a document")
    name, content = pair
    if not isinstance(content, dict):
        raise DamagedFileError(f"{name[:20]!r} is followed by no document")
    return name, {key: _restored(value, str(key), 3) for key, value in content.items()}


def _short(data: bytes) -> Any:
    """A short document unpacked at once; None where a closer look is needed.

    Keys that are no texts, extensions and timestamps are left to it.
    """
    if len(data) > SHORT_BYTES or any(mark in data for mark in _TIMESTAMPS):
        return None
    try:
        return msgpack.unpackb(
            data, strict_map_key=True, ext_hook=_no_extension, object_pairs_hook=_once
        )
    except (ValueError, TypeError, msgpack.UnpackException):
        return None


def _no_extension(*_: object) -> Any:
    raise ValueError("an extension type")


def _once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """A map; a key that comes twice would hide one of its values, another to each reader."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice in one map")
    return found


def _bounded(data: bytes) -> Any:
    """A document unpacked after a look at all that it declares."""
    if end_of_value(lambda count, at: data[at : at + count], 0, len(data)) != len(data):
        raise DamagedFileError("it is not whole")
    try:
        return msgpack.unpackb(data, strict_map_key=False, object_pairs_hook=_once)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise DamagedFileError(f"it cannot be unpacked: {error}") from error


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that holds nothing but what a document may hold.

    Texts, numbers, arrays of them, lists and maps with texts as keys stay. Paths, dates and times
    become texts, tuples become lists, members of an ``Enum`` their values.

    Raises:
        UnfitError: Something has no plain form; names its key, as in ``sample.holder[2]``.
    """
    return _Plain().map(document, "", 0)


class _Plain:
    """Walks through one document and counts what it meets."""

    def __init__(self) -> None:
        self._values = 0

    def map(self, value: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
        self._count(len(value) * 2, where, depth)
        result = {}
        for key, item in value.items():
            name = key if type(key) is str and key.isascii() else _key(key, where)
            if type(item) is float:  # most of an event are
                result[name] = item
            else:
                result[name] = self.value(item, f"{where}.{name}" if where else name, depth + 1)
        return result

    def value(self, value: Any, where: str, depth: int) -> Any:
        if value is None or isinstance(value, bool | float | bytes):
            return value
        if isinstance(value, str):
            return _text(value, where)
        if isinstance(value, int):
            return _integer(value, where)
        if isinstance(value, Mapping):
            return self.map(value, where, depth)
        if isinstance(value, list | tuple):
            self._count(len(value), where, depth)
            return [self.value(v, f"{where}[{i}]", depth + 1) for i, v in enumerate(value)]
        if isinstance(value, np.ndarray | np.generic):
            return _array(value, where)
        if isinstance(value, Enum):
            return self.value(value.value, where, depth)
        return _converted(value, where)

    def _count(self, values: int, where: str, depth: int) -> None:
        self._values += values
        if depth > MAX_NESTING:
            raise UnfitError(f"{where[:60]}... is nested deeper than {MAX_NESTING}")
        if self._values > MAX_VALUES:
            raise UnfitError(f"{where}: more than {MAX_VALUES} values; an array counts as one")


def _place(where: str) -> str:
    return where or "the document"


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise UnfitError(f"{_place(where)} has the key {key!r:.60}; keys must be texts")
    return _text(key, where)


def _text(value: str, where: str) -> str:
    if type(value) is str and value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnfitError(f"{_place(where)}: {value!r:.60} is no text in UTF-8") from error
    return str.__str__(value)  # of a member of an Enum the value, not its name


def _integer(value: int, where: str) -> int:
    low, high = _INTEGERS
    if not low <= value <= high:
        raise UnfitError(
            f"{where} is an integer of {value.bit_length()} bits, at most 64 can be kept"
        )
    return value


def _array(value: np.ndarray[Any, Any] | np.generic, where: str) -> Any:
    if isinstance(value, np.ma.MaskedArray):
        raise UnfitError(f"{where} is a masked array: its mask cannot be kept, fill it first")
    if isinstance(value, np.datetime64):
        return str(value)
    try:
        demand_plain(np.asarray(value))
    except ValueError as error:
        raise UnfitError(f"{where}: {error}") from error
    return value


def _converted(value: Any, where: str) -> Any:
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, complex):
        return value
    if isinstance(value, os.PathLike):
        return _text(os.fsdecode(value), where)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    hint = "; give a list" if isinstance(value, set | frozenset) else ""
    raise UnfitError(f"{where} is of type {type(value).__name__}, which cannot be kept{hint}")


def _packed(value: Any) -> dict[bytes, Any]:
    """What msgpack has no form for, as a map."""
    if isinstance(value, np.ndarray):
        return {
            b"nd": True,
            b"type": value.dtype.str,
            b"kind": b"",
            b"shape": value.shape,
            b"data": value.data if value.flags.c_contiguous else value.tobytes(),
        }
    if isinstance(value, np.generic):
        return {b"nd": False, b"type": value.dtype.str, b"data": value.tobytes()}
    return {b"complex": True, b"data": repr(value)}


def _restored(value: Any, where: str, depth: int) -> Any:
    """The value with its maps that stand for arrays made into arrays."""
    if depth > MAX_DEPTH and isinstance(value, dict | list):
        raise DamagedFileError(BEYOND)
    if isinstance(value, dict):
        if b"nd" in value or b"complex" in value:
            return _unpacked(value, where)
        for key, item in value.items():
            if isinstance(item, dict | list):
                value[key] = _restored(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                value[index] = _restored(item, f"{where}[{index}]", depth + 1)
    return value


def _unpacked(value: dict[Any, Any], where: str) -> Any:
    try:
        if b"complex" in value:
            return _complex(value.get(b"data"))
        if value.get(b"kind") not in (b"", None):
            raise ValueError(f"an array of kind {value[b'kind']!r:.20}")
        if value[b"nd"] is True:
            return plain_array(value.get(b"type"), value.get(b"shape"), value.get(b"data"))
        return plain_array(value.get(b"type"), (), value.get(b"data"))[()]
    except ValueError as error:
        raise DamagedFileError(f"{where[:60]}: {error}") from error


def _complex(text: object) -> complex:
    if not isinstance(text, str) or len(text) > _LONGEST_COMPLEX:
        raise ValueError("no complex number")
    return complex(text)
