"""Answer Channel Access searches: one UDP datagram in, one out.

Written out instead of going through caproto's command objects, its queue and two tasks, because a
client that connects 10 000 PVs at once sends 10 000 searches within a second, and because whatever
arrives on a UDP port must be cheap to look at and to throw away.

Layout: https://docs.epics-controls.org/en/latest/internal/ca_protocol.html, CA_PROTO_VERSION and
CA_PROTO_SEARCH. A client that sets "sequence number valid" in its version message expects the
number back; libca measures round trips with it and searches slowly without.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Collection
from typing import Any, Final

_HEADER: Final = struct.Struct(">HHHHII")
_REPLY: Final = struct.Struct(">HHHHIIH6x")
_VERSION: Final = 0
_SEARCH: Final = 6
_MINOR_VERSION: Final = 13
_SEQUENCE_VALID: Final = 1
#: The client takes the server's address from the datagram.
_ADDRESS_OF_SENDER: Final = 0xFFFFFFFF
#: As libca's own datagrams: fits an Ethernet frame.
MAX_REPLY_BYTES: Final = 1400

log = logging.getLogger("iocs.serving")


def answer(datagram: bytes, known: Callable[[str], bool], port: int) -> list[bytes]:
    """Reply to the searches of one datagram.

    Args:
        datagram: What came in; anything.
        known: Is this PV served here?
        port: TCP port of this server.

    Returns:
        The datagrams to send back, none if nothing we serve was asked for. What follows the first
        malformed message is ignored.
    """
    version = _HEADER.pack(_VERSION, 0, 0, _MINOR_VERSION, 0, 0)
    found: list[bytes] = []
    offset, end = 0, len(datagram)
    while offset + _HEADER.size <= end:
        command, size, kind, _count, first, second = _HEADER.unpack_from(datagram, offset)
        body = offset + _HEADER.size
        offset = body + size
        if offset > end:
            break
        if command == _VERSION and kind == _SEQUENCE_VALID:
            version = _HEADER.pack(_VERSION, 0, kind, _MINOR_VERSION, first, 0)
        elif command == _SEARCH and known(_name(datagram[body:offset])):
            found.append(
                _REPLY.pack(_SEARCH, 8, port, 0, _ADDRESS_OF_SENDER, second, _MINOR_VERSION)
            )
    return _datagrams(version, found)


def _name(payload: bytes) -> str:
    return payload.partition(b"\0")[0].decode("latin-1")


def _datagrams(version: bytes, replies: list[bytes]) -> list[bytes]:
    each = (MAX_REPLY_BYTES - len(version)) // _REPLY.size
    chunks = (replies[i : i + each] for i in range(0, len(replies), each))
    return [version + b"".join(chunk) for chunk in chunks]


class CaSearches(asyncio.DatagramProtocol):
    """The UDP port that clients search at.

    Args:
        known: Is this PV served here?
        port: TCP port of this server.
        ignored: Host addresses whose searches are not answered.
    """

    def __init__(self, known: Callable[[str], bool], port: int, ignored: Collection[str]) -> None:
        self._known = known
        self._port = port
        self._ignored = ignored
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer at once."""
        if addr[0] not in self._ignored:
            for reply in answer(data, self._known, self._port):
                self._transport.sendto(reply, addr)

    def error_received(self, exc: Exception) -> None:
        """A reply to a client that has gone."""
        log.debug("search port: %s", exc)
