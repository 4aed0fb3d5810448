"""Where a msgpack value ends, found from its headers alone and before anything is made of it.

A header of five bytes may declare four thousand million elements, and a reader that believes it
sets memory aside for them. Here every declared length is held to the bytes that are really there,
to a depth and to a number of values. Texts and arrays are stepped over, not read: the place of a
document of a megabyte costs some hundred steps.

The format is that of https://github.com/msgpack/msgpack/blob/master/spec.md; its extension types
are refused, no document has any.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NoReturn

import msgpack

__all__ = [
    "BEYOND",
    "MAX_DEPTH",
    "MAX_DOCUMENT_BYTES",
    "MAX_VALUES",
    "SHORT_BYTES",
    "DamagedFileError",
    "documents_in",
    "end_of_value",
]

#: Largest document; a spectrum of the haloscope has 800 kB.
MAX_DOCUMENT_BYTES: Final = 256_000_000
#: Most values of one document, an array counting as one; they become Python objects.
MAX_VALUES: Final = 2_000_000
#: Deepest nesting of lists and maps.
MAX_DEPTH: Final = 64
#: Most keys of one document that are no text: hashes of numbers can be made to collide.
MAX_NUMBER_KEYS: Final = 1000

#: What is no longer can become some megabytes of objects, whatever it declares.
SHORT_BYTES: Final = 1 << 16
BEYOND: Final = f"more than {MAX_VALUES} values, or {MAX_DEPTH} of them nested"

Read = Callable[[int, int], bytes]

#: The byte a document begins with: a list of two, its name and its content.
_PAIR: Final = 0x92
_PAIR_BYTE: Final = bytes([_PAIR])
_WINDOW: Final = SHORT_BYTES
_LONGEST_HEADER: Final = 9


class DamagedFileError(ValueError):
    """Bytes that are no document; the message says why."""


# What a first byte says: a scalar of so many bytes (> 0), or one of these.
_NEVER, _BYTES, _LIST, _MAP = 0, -1, -2, -3
_EXTENSIONS: Final = (*range(0xC7, 0xCA), *range(0xD4, 0xD9))


def _tables() -> tuple[list[int], list[int], list[int]]:
    """For each first byte: what it is, the size of its length field, the length it holds itself."""
    kind, field, length = [1] * 256, [0] * 256, [0] * 256
    kind[0x80:0x90], kind[0x90:0xA0], kind[0xA0:0xC0] = [_MAP] * 16, [_LIST] * 16, [_BYTES] * 32
    length[0x80:0xC0] = [*range(16), *range(16), *range(32)]
    kind[0xC4:0xC7], kind[0xD9:0xDC] = [_BYTES] * 3, [_BYTES] * 3
    field[0xC4:0xC7], field[0xD9:0xDC] = [1, 2, 4], [1, 2, 4]
    kind[0xCA:0xD4] = [5, 9, 2, 3, 5, 9, 2, 3, 5, 9]  # floats, unsigned and signed integers
    kind[0xDC:0xDE], kind[0xDE:0xE0] = [_LIST] * 2, [_MAP] * 2
    field[0xDC:0xE0] = [2, 4, 2, 4]
    for byte in (0xC1, *_EXTENSIONS):
        kind[byte] = _NEVER
    return kind, field, length


_KIND, _FIELD, _LENGTH = _tables()


def documents_in(handle: int, size: int, at: int = 0) -> Iterator[tuple[int, int]]:
    """Where the documents of a file begin and end, up to one that is incomplete or to zeros.

    Args:
        handle: Descriptor of an open file.
        size: Size of the file, or how much of it is to be looked at.
        at: Where a document begins or will begin.

    Raises:
        DamagedFileError: After the last whole document comes what is none.
    """
    while at < size:
        for end in _short_ends(handle, at, size):
            yield at, end
            at = end
        first = os.pread(handle, 1, at)
        if first == b"\0" and _is_zero(handle, at, size):
            return
        if first and first[0] != _PAIR:
            raise DamagedFileError(f"damaged at byte {at}: no document begins there")
        try:
            end_or_none = end_of_value(partial(os.pread, handle), at, size)
        except DamagedFileError as error:
            raise DamagedFileError(f"damaged at byte {at}: {error}") from error
        if end_or_none is None:
            return
        yield at, end_or_none
        at = end_or_none


def _short_ends(handle: int, at: int, size: int) -> Iterator[int]:
    """Where the documents end that begin at ``at`` and are whole within a window.

    msgpack steps over them a hundred times faster than ``end_of_value``, and makes nothing of
    them. It knows no bounds: what is so short needs none until it is unpacked.
    """
    window = os.pread(handle, min(SHORT_BYTES, size - at), at)
    unpacker = msgpack.Unpacker(max_buffer_size=SHORT_BYTES)
    unpacker.feed(window)
    end = 0
    while window[end : end + 1] == _PAIR_BYTE:
        try:
            unpacker.skip()
        except (ValueError, msgpack.UnpackException):  # not whole, or no msgpack
            return
        end = unpacker.tell()
        yield at + end


def _is_zero(handle: int, at: int, size: int) -> bool:
    """Whether the rest is zeros, and no more of them than a document could have had bytes."""
    if size - at > MAX_DOCUMENT_BYTES:
        return False
    while at < size:
        piece = os.pread(handle, min(_WINDOW, size - at), at)
        if piece.strip(b"\0"):
            return False
        if not piece:
            break
        at += len(piece)
    return True


def end_of_value(read: Read, start: int, size: int) -> int | None:
    """Where the value that begins at ``start`` ends.

    Args:
        read: Gives the bytes from a position on: how many, where.
        start: Position of its first byte.
        size: Where the bytes end.

    Returns:
        The position after its last byte; None if the bytes end before it does.

    Raises:
        DamagedFileError: No document begins so, or it is beyond a bound.
    """
    last = min(size, start + MAX_DOCUMENT_BYTES)
    end: int | None = start
    left, in_map = [1], [False]  # values still to come in each open container, the outermost first
    values = number_keys = 0
    for kind, length, end in _headers(read, start, last):
        if in_map[-1] and kind != _BYTES and not left[-1] & 1:
            number_keys += 1
            if kind < 0 or number_keys > MAX_NUMBER_KEYS:
                raise DamagedFileError("a key that is no text")
        left[-1] -= 1
        if kind < _BYTES:
            values += length
            if values > MAX_VALUES or len(left) > MAX_DEPTH:
                raise DamagedFileError(BEYOND)
            left.append(length)
            in_map.append(kind == _MAP)
        while not left[-1]:
            left.pop()
            in_map.pop()
            if not left:
                return end
    if size - start > MAX_DOCUMENT_BYTES:
        raise DamagedFileError(f"a document of more than {MAX_DOCUMENT_BYTES} bytes")
    return None


def _headers(read: Read, start: int, last: int) -> Iterator[tuple[int, int, int]]:
    """The headers from ``start`` on, texts and arrays stepped over, while all is before ``last``.

    Yields:
        What it is, how many values it declares, where the next header is.

    Raises:
        DamagedFileError: A byte that begins no value of a document.
    """
    window, base, at = b"", start, 0
    while True:
        if at + _LONGEST_HEADER > len(window):
            base += at
            window, at = read(_WINDOW, base), 0
            if not window:
                return
        first = window[at]
        kind, field, length = _KIND[first], _FIELD[first], _LENGTH[first]
        if kind > 0:
            at += kind
        elif kind < 0:
            if field:
                length = int.from_bytes(window[at + 1 : at + 1 + field], "big")
            at += 1 + field
            if kind == _BYTES:
                at, length = at + length, 0
            elif kind == _MAP:
                length *= 2
        else:
            _refuse(first)
        if base + at + length > last:  # each value that is declared has a byte at least
            return
        yield kind, length, base + at


def _refuse(first: int) -> NoReturn:
    if first in _EXTENSIONS:
        raise DamagedFileError("a value of an extension type")
    raise DamagedFileError(f"byte 0x{first:02x}, which begins no value")
