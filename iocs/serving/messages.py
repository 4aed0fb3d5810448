"""Channel Access messages as they stand on the wire: cut out of bytes, put together, no more.

A server meets whatever anybody sends. caproto's commands are for clients that keep to the protocol:
they raise in their constructors, and its circuit's state machine refuses what EPICS base's server
takes (a version sent twice, a search over TCP after it, a number used again). Here a message is six
numbers and its payload, and what each asks for is judged where it is answered.

Layout: https://docs.epics-controls.org/en/latest/internal/ca_protocol.html.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from caproto import DBR_TYPES, CAStatus, ChannelType
from caproto._dbr import field_types

HEADER: Final = struct.Struct(">HHHHII")
LARGE_HEADER: Final = struct.Struct(">HHHHIIII")
#: In the place of the size: sizes and counts of 65 535 and more stand in a longer header.
LARGE: Final = 0xFFFF
#: Payloads are padded to a multiple of this.
ALIGNMENT: Final = 8
#: The protocol's version that is spoken here, and the oldest that a client may speak.
MINOR_VERSION: Final = 13
OLDEST_VERSION: Final = 4
#: Of a search: answer even if the name is not served here.
REPLY_WANTED: Final = 10
#: In the place of an address: the one that this message comes from.
ADDRESS_OF_SENDER: Final = 0xFFFFFFFF
#: In the place of a channel: an error that is no channel's.
NO_CHANNEL: Final = 0xFFFFFFFF
LAST_TYPE: Final = int(max(ChannelType))
#: caproto has no types of elements for the four that have no family.
_NATIVE: Final = {
    **{int(kind): native for kind, native in field_types["native"].items()},
    **dict.fromkeys((35, 36), ChannelType.INT),
    **dict.fromkeys((37, 38), ChannelType.STRING),
}


class CaCommand(IntEnum):
    """What a message asks for or answers."""

    VERSION = 0
    EVENT_ADD = 1
    EVENT_CANCEL = 2
    READ = 3
    WRITE = 4
    SEARCH = 6
    EVENTS_OFF = 8
    EVENTS_ON = 9
    READ_SYNC = 10
    ERROR = 11
    CLEAR_CHANNEL = 12
    NOT_FOUND = 14
    READ_NOTIFY = 15
    CREATE_CHANNEL = 18
    WRITE_NOTIFY = 19
    CLIENT_NAME = 20
    HOST_NAME = 21
    ACCESS_RIGHTS = 22
    ECHO = 23
    CREATE_FAILED = 26


#: What a client may ask for.
REQUESTS: Final = frozenset(CaCommand) - {
    CaCommand.ERROR, CaCommand.NOT_FOUND, CaCommand.ACCESS_RIGHTS, CaCommand.CREATE_FAILED
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One message of a client.

    Attributes:
        command: See ``CaCommand``; any number.
        kind: The DBR type, mostly.
        count: Number of elements, mostly.
        first: The server's number of the channel, mostly.
        second: The client's number of the request, mostly.
        payload: What follows the header.
    """

    command: int
    kind: int
    count: int
    first: int
    second: int
    payload: bytes = b""

    @property
    def header(self) -> bytes:
        """The header, short, as an error reply returns it."""
        size = min(len(self.payload), LARGE)
        count = min(self.count, LARGE)
        return HEADER.pack(self.command, size, self.kind, count, self.first, self.second)

    @property
    def text(self) -> str:
        """The payload as a name: up to the first zero; the last byte never counts."""
        return self.text_bytes.decode("latin-1")

    @property
    def text_bytes(self) -> bytes:
        """``text`` as it came."""
        return self.payload[:-1].partition(b"\0")[0]


def message(
    command: int,
    kind: int = 0,
    count: int = 0,
    first: int = 0,
    second: int = 0,
    payload: bytes = b"",
) -> bytes:
    """The bytes of one message; the payload is padded."""
    payload += b"\0" * (-len(payload) % ALIGNMENT)
    return header(command, len(payload), kind, count, first, second) + payload


def header(command: int, size: int, kind: int, count: int, first: int, second: int) -> bytes:
    """What stands before a payload of ``size`` bytes."""
    if size < LARGE and count < LARGE:
        return HEADER.pack(command, size, kind, count, first, second)
    return LARGE_HEADER.pack(command, LARGE, kind, 0, first, second, size, count)


def error(request: Request, status: CAStatus, reason: str, channel: int = NO_CHANNEL) -> bytes:
    """An error message.

    Args:
        request: What it is about.
        status: One of the protocol's.
        reason: In words.
        channel: The client's number of the channel it is about.
    """
    code = status.value.code_with_severity
    text = reason.encode("utf-8", "replace") + b"\0"
    return message(CaCommand.ERROR, first=channel, second=code, payload=request.header + text)


def kind_name(kind: int) -> str:
    """A DBR type in words."""
    return f"DBR_{ChannelType(kind).name}" if kind <= LAST_TYPE else f"DBR type {kind}"


def native_of(kind: int) -> ChannelType:
    """The type of the elements of DBR type ``kind``, up to ``LAST_TYPE``."""
    return _NATIVE[kind]


def element_bytes(kind: int) -> int:
    """Bytes of one element of DBR type ``kind``, up to ``LAST_TYPE``."""
    return ctypes.sizeof(DBR_TYPES[native_of(kind)])


def metadata_bytes(kind: int) -> int:
    """Bytes before the elements of DBR type ``kind``, up to CTRL_DOUBLE."""
    return ctypes.sizeof(DBR_TYPES[kind]) if kind > ChannelType.DOUBLE else 0
