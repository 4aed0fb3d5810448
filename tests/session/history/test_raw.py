"""The appliance's binary form, read back by the rules of protocol buffers and of its escapes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest

from cryohalo.history.raw import PayloadType, chunks

YEAR_S = 1_767_225_600  # 2026-01-01T00:00:00Z
Field = tuple[int, Any]


def fields(message: bytes) -> Iterator[Field]:
    """Numbers and contents of a message's fields."""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while place < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 1:
            yield key >> 3, struct.unpack_from("<d", message, place)[0]
            place += 8
        else:
            size = varint()
            yield key >> 3, message[place : place + size]
            place += size


def unescaped(line: bytes) -> bytes:
    for escaped, byte in ((b"\x1b\x03", b"\r"), (b"\x1b\x02", b"\n"), (b"\x1b\x01", b"\x1b")):
        line = line.replace(escaped, byte)
    return line


def read(content: bytes) -> list[list[list[Field]]]:
    """Chunks of messages of fields; the first message of each says what follows."""
    whole = content.split(b"\n\n")
    assert whole.pop() == b""
    return [[list(fields(unescaped(line))) for line in one.split(b"\n")] for one in whole]


def point(secs: int, value: Any, severity: int = 0, status: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "secs": secs,
        "nanos": 250_000_000,
        "val": value,
        "severity": severity,
        "status": status,
        **more,
    }


def told(kind: str, *points: dict[str, Any]) -> list[list[list[Field]]]:
    return read(b"".join(chunks("A:T", kind, {"EGU": "K"}, points)))


def test_numbers_with_what_they_are() -> None:
    ((about, one, two),) = told("number", point(YEAR_S + 7, 1.5), point(YEAR_S + 300, -2.5e9, 2, 3))
    assert about == [(1, PayloadType.DOUBLE), (2, b"A:T"), (3, 2026), (4, 1), about[4]]
    assert list(fields(about[4][1])) == [(1, b"EGU"), (2, b"K")]
    assert one == [(1, 7), (2, 250_000_000), (3, 1.5), (4, 0), (5, 0)]
    assert two == [(1, 300), (2, 250_000_000), (3, -2.5e9), (4, 2), (5, 3)]


def test_each_year_is_a_chunk() -> None:
    first, second = told("number", point(YEAR_S - 1, 1.0), point(YEAR_S, 2.0))
    assert (dict(first[0])[3], dict(first[1])[1]) == (2025, 365 * 86_400 - 1)
    assert (dict(second[0])[3], dict(second[1])[1]) == (2026, 0)


def test_states_texts_and_bins() -> None:
    ((about, state),) = told("state", point(YEAR_S, 3))
    assert (dict(about)[1], dict(state)[3]) == (PayloadType.ENUM, 6)  # zigzag
    ((about, text),) = told("text", point(YEAR_S, "held: ä"))
    assert (dict(about)[1], dict(text)[3].decode()) == (PayloadType.STRING, "held: ä")
    ((about, bin_),) = told("number", point(YEAR_S, [1.0, 0.5, 0.0, 2.0, 9]))
    assert (dict(about)[1], dict(about)[4]) == (PayloadType.DOUBLES, 5)
    assert struct.unpack("<5d", dict(bin_)[3]) == (1.0, 0.5, 0.0, 2.0, 9.0)


@pytest.mark.parametrize("secs", [10, 13, 27, 10 << 7 | 13, 27 << 7 | 10])
def test_line_ends_inside_a_message_are_escaped(secs: int) -> None:
    ((_, one),) = told("number", point(YEAR_S + secs, 1.0))
    assert dict(one)[1] == secs
    ((_, text),) = told("text", point(YEAR_S, "a\nb\r\x1bc\x1b\x01"))
    assert dict(text)[3] == b"a\nb\r\x1bc\x1b\x01"


def test_a_loss_is_in_the_fields_of_the_next_sample() -> None:
    lost = {"cnxlostepsecs": "60", "cnxregainedepsecs": "70"}
    ((_, one),) = told("number", point(YEAR_S, 1.0, fields=lost))
    found = [dict(fields(content)) for number, content in one if number == 7]
    assert found == [{1: b"cnxlostepsecs", 2: b"60"}, {1: b"cnxregainedepsecs", 2: b"70"}]


def test_nothing_is_nothing() -> None:
    assert b"".join(chunks("A:T", "number", {}, [])) == b""
