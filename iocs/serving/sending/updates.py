"""One posted value on its way to subscribers: encoded once, whatever their number.

caproto makes a response object, checks it against the circuit's state machine and encodes it anew
for every subscriber, 25 us each. A monitor's bytes differ between subscribers only in the 16 bytes
of their header, so here the rest is made once and joined to each header.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from caproto import ChannelType, TimeStamp
from caproto._backend import backend
from caproto._constants import MAX_STRING_SIZE

from iocs.serving.messages import ALIGNMENT, HEADER, CaCommand, element_bytes, header, native_of

#: ECA_NORMAL.
NORMAL: Final = 1
#: A larger payload is kept for one number of elements only, since clients choose that number, and
#: is not copied for each client.
SMALL_BYTES: Final = 1024
#: Where a client's own number of its subscription stands in a message.
NUMBER_BYTES: Final = 4
_NUMBER_AT: Final = HEADER.size - NUMBER_BYTES
#: caproto gives these with their text inside the metadata.
_WHOLE: Final = frozenset({ChannelType.STSACK_STRING, ChannelType.CLASS_NAME})


class Update:
    """A value as it was when it was posted.

    Attributes:
        metadata: Caproto's DBR structure, or ``b""`` for a plain type.
        values: Array, bytes or sequence, in the subscribers' type.
        nbytes: Bytes it keeps alive.
    """

    __slots__ = ("__weakref__", "_bodies", "metadata", "nbytes", "values")

    def __init__(self, metadata: Any, values: Any) -> None:
        self.metadata = metadata
        self.values = values
        self.nbytes = _size(values) + 32
        self._bodies: dict[tuple[int, int], bytes] = {}

    def message(self, kind: int, count: int, subscription: int) -> tuple[bytes, bytes]:
        """The event message for one subscriber: its header, and the payload that others share.

        Arguments as for ``payload``.
        """
        before, after, body = self.parts(kind, count)
        return before + subscription.to_bytes(NUMBER_BYTES) + after, body

    def parts(self, kind: int, count: int) -> tuple[bytes, bytes, bytes]:
        """What all subscribers of one type are sent; see ``event_parts``.

        Arguments as for ``payload``.
        """
        return event_parts(self.payload(kind, count), kind, count or self.count)

    def stamped(self, time_s: float) -> Update:
        """The same with another time stamp, if it has one.

        Args:
            time_s: S since the Unix epoch.
        """
        if not hasattr(self.metadata, "stamp"):
            return self
        metadata = type(self.metadata).from_buffer_copy(bytes(self.metadata))
        metadata.stamp = TimeStamp.from_unix_timestamp(time_s)
        return Update(metadata, self.values)

    @property
    def count(self) -> int:
        """Elements there are."""
        return len(self.values) or int(not self.values_apart)

    @property
    def values_apart(self) -> bool:
        """Whether the elements stand apart from the metadata; a class name does not."""
        return getattr(self.metadata, "DBR_ID", 0) not in _WHOLE

    def payload(self, kind: int, count: int) -> bytes:
        """What is sent of it, as EPICS base counts.

        Args:
            kind: The DBR type asked for.
            count: Elements asked for; what there is not is zero. 0 for as many as there are.
        """
        count = count or self.count
        body = self._bodies.get((kind, count))
        if body is None:
            body = self._body(kind, count)
            if not self._bodies or len(body) <= SMALL_BYTES:
                self._bodies[kind, count] = body
        return body

    def _body(self, kind: int, count: int) -> bytes:
        native = native_of(kind)
        size = count * element_bytes(kind)
        if self.values_apart:
            body = bytes(self.metadata) + _big_endian(native, self.values[:count])[:size]
            missing = len(bytes(self.metadata)) + size - len(body)
        else:
            body = bytes(self.metadata)
            missing = size - element_bytes(kind)
        body += b"\0" * max(missing, 0)
        return body + b"\0" * (-len(body) % ALIGNMENT)


def event_parts(body: bytes, kind: int, count: int) -> tuple[bytes, bytes, bytes]:
    """An event message in parts: before the subscriber's own number, after it, and the payload.

    Args:
        body: The payload.
        kind: The DBR type.
        count: Number of elements.
    """
    return *event_head(len(body), kind, count), body


@lru_cache(maxsize=256)
def event_head(size: int, kind: int, count: int) -> tuple[bytes, bytes]:
    """The header of an event message: before the subscriber's own number, and after it.

    Args:
        size: Bytes of the payload.
        kind: The DBR type.
        count: Number of elements.
    """
    whole = header(CaCommand.EVENT_ADD, size, kind, count, NORMAL, 0)
    return whole[:_NUMBER_AT], whole[_NUMBER_AT + NUMBER_BYTES :]


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
    if native == ChannelType.STRING:  # closed by a zero: clients read on until there is one
        return b"".join(
            text[: MAX_STRING_SIZE - 1].ljust(MAX_STRING_SIZE, b"\0") for text in values
        )
    if isinstance(values, np.ndarray) and values.dtype == backend.type_map.get(native):
        return values.tobytes()
    return bytes(backend.python_to_epics(native, values, byteswap=True))
