"""The binary form of the archiver appliance's answers (``getData.raw``), which Phoebus reads.

A chunk for each year and type: a line that says what follows, a line for each sample, an empty
line. Lines are protocol buffers' messages in which line ends are escaped. Messages, their numbers
and the escapes: EPICS Archiver Appliance, "The .pb file format and the .pbraw binary protocol", and
``EPICSEvent.proto``; the encoding: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from itertools import groupby
from typing import Any, Final

__all__ = ["PayloadType", "chunks"]

_ESCAPES: Final = {0x1B: b"\x1b\x01", 0x0A: b"\x1b\x02", 0x0D: b"\x1b\x03"}
_VARINT, _FIXED64, _BYTES = 0, 1, 2
_SEVEN_BITS, _MORE = 0x7F, 0x80


class PayloadType(IntEnum):
    """What the lines of a chunk are."""

    STRING = 0
    ENUM = 3
    DOUBLE = 6
    DOUBLES = 13


_OF_KIND: Final = {
    "text": PayloadType.STRING,
    "state": PayloadType.ENUM,
    "number": PayloadType.DOUBLE,
}


def chunks(
    name: str, kind: str, headers: Mapping[str, str], points: Iterable[Mapping[str, Any]]
) -> Iterator[bytes]:
    """The answer in pieces.

    Args:
        name: Of the variable.
        kind: ``number``, ``state`` or ``text``.
        headers: Its fields, ``EGU`` and ``PREC``.
        points: As the JSON route has them: ``secs``, ``nanos``, ``val`` (a list for bins),
            ``severity``, ``status`` and perhaps ``fields``.
    """

    def chunk_of(point: Mapping[str, Any]) -> tuple[int, PayloadType]:
        year = datetime.fromtimestamp(point["secs"], UTC).year
        binned = isinstance(point["val"], list)
        return year, PayloadType.DOUBLES if binned else _OF_KIND[kind]

    for (year, payload), members in groupby(points, key=chunk_of):
        start_s = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
        yield _line(_information(name, payload, year, headers))
        for point in members:
            yield _line(_sample(point, payload, start_s))
        yield b"\n"


def _information(name: str, payload: PayloadType, year: int, headers: Mapping[str, str]) -> bytes:
    many = 5 if payload is PayloadType.DOUBLES else 1
    told = [_number(1, payload), _text(2, name), _number(3, year), _number(4, many)]
    return b"".join([*told, *(_field(15, key, value) for key, value in headers.items())])


def _sample(point: Mapping[str, Any], payload: PayloadType, start_s: int) -> bytes:
    told = [
        _number(1, point["secs"] - start_s),
        _number(2, point["nanos"]),
        _value(point["val"], payload),
        _number(4, point["severity"]),
        _number(5, point["status"]),
    ]
    fields = point.get("fields", {})
    return b"".join([*told, *(_field(7, key, value) for key, value in fields.items())])


def _value(value: Any, payload: PayloadType) -> bytes:
    if payload is PayloadType.STRING:
        return _text(3, str(value))
    if payload is PayloadType.ENUM:
        return _number(3, value << 1)  # zigzag of what is never negative
    if payload is PayloadType.DOUBLES:
        return _bytes(3, struct.pack(f"<{len(value)}d", *value))
    return _varint(3 << 3 | _FIXED64) + struct.pack("<d", value)


def _field(number: int, name: str, value: str) -> bytes:
    return _bytes(number, _text(1, name) + _text(2, value))


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())


def _bytes(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > _SEVEN_BITS:
        found.append(value & _SEVEN_BITS | _MORE)
        value >>= 7
    return bytes([*found, value])


def _line(message: bytes) -> bytes:
    return b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in message) + b"\n"
