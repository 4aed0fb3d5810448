"""One posted value on its way to subscribers: encoded once, whatever their number.

caproto makes a response object, checks it against the circuit's state machine and encodes it anew
for every subscriber, 25 us each. A monitor's bytes differ between subscribers only in the 16 bytes
of their header, so here the rest is made once and joined to each header.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any, Final

import numpy as np
from caproto import ChannelType
from caproto._backend import backend
from caproto._constants import MAX_STRING_SIZE
from caproto._dbr import DBR_TYPES, native_type

_HEADER: Final = struct.Struct(">HHHHII")
_LARGE_HEADER: Final = struct.Struct(">HHHHIIII")
_EVENT_ADD: Final = 1
_NORMAL: Final = 1
_LARGE: Final = 0xFFFF


class Update:
    """A value as it was when it was posted.

    Attributes:
        metadata: caproto's DBR structure, or ``b""`` for a plain type.
        values: Array, bytes or sequence, in the subscribers' type.
        nbytes: Bytes it keeps alive.
    """

    __slots__ = ("_bodies", "metadata", "nbytes", "values")

    def __init__(self, metadata: Any, values: Any) -> None:
        self.metadata = metadata
        self.values = values
        self.nbytes = _size(values) + 32
        self._bodies: dict[tuple[int, int], bytes] = {}

    def message(self, data_type: int, count: int, most: int, subscription: int) -> bytes:
        """The event message for one subscriber.

        Args:
            data_type: The DBR type asked for.
            count: Elements asked for; 0 for as many as there are.
            most: Elements the channel can hold; nobody gets more.
            subscription: The client's number of the subscription.
        """
        if count == 0 or count > most:
            count = len(self.values)
        body = self._bodies.get((data_type, count))
        if body is None:
            body = self._bodies[data_type, count] = self._body(data_type, count)
        return _header(len(body), data_type, count, subscription) + body

    def _body(self, data_type: int, count: int) -> bytes:
        native = native_type(ChannelType(data_type))
        data = _big_endian(native, self.values[:count])
        missing = count * ctypes.sizeof(DBR_TYPES[native]) - len(data)
        body = bytes(self.metadata) + data + b"\0" * max(missing, 0)
        return body + b"\0" * (-len(body) % 8)


def cut_text(text: str, encoding: str) -> str:
    """A text cut to what a DBR string holds: 39 bytes and a closing zero."""
    encoded = text.encode(encoding, "replace")
    return (
        text
        if len(encoded) < MAX_STRING_SIZE
        else encoded[: MAX_STRING_SIZE - 1].decode(encoding, "ignore")
    )


def _size(values: Any) -> int:
    size = getattr(values, "nbytes", None)
    if size is not None:
        return int(size)
    texts = bool(len(values)) and isinstance(values[0], (bytes, str))
    return sum(len(value) for value in values) if texts else len(values)


def _big_endian(native: ChannelType, values: Any) -> bytes:
    if isinstance(values, (bytes, bytearray)):
        return bytes(values)
    if isinstance(values, np.ndarray) and values.dtype == backend.type_map.get(native):
        return values.tobytes()
    return bytes(backend.python_to_epics(native, values, byteswap=True))


def _header(size: int, data_type: int, count: int, subscription: int) -> bytes:
    if size < _LARGE and count < _LARGE:
        return _HEADER.pack(_EVENT_ADD, size, data_type, count, _NORMAL, subscription)
    return _LARGE_HEADER.pack(_EVENT_ADD, _LARGE, data_type, 0, _NORMAL, subscription, size, count)
