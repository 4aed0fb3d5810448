"""Searches of PV Access clients, answered at the addresses that were asked for and no others.

p4p's server (PVXS) listens for searches on all interfaces, whatever it is told, and sorts them
afterwards. Here its socket is closed, and searches are answered by this file from sockets bound to
the addresses themselves. Circuits are p4p's own.

Protocol (search request, search response):
https://docs.epics-controls.org/en/latest/pv-access/Protocol-Messages.html
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psutil

_MAGIC: Final = 0xCA
_VERSION: Final = 2
_SEARCH, _RESPONSE = 3, 4
_CONTROL_OR_SEGMENT: Final = 0x31
_BIG_ENDIAN, _FROM_SERVER = 0x80, 0x40
_REPLY_WANTED: Final = 0x01
_LONG_SIZE: Final = 254
_TCP: Final = b"\3tcp"
_SENDERS_ADDRESS: Final = bytes(16)
_HEADER_BYTES: Final = 8
_ALL: Final = "0.0.0.0"

log = logging.getLogger("cryohalo.iocs.pva")


@dataclass(frozen=True)
class Search:
    """What one message asks for.

    Attributes:
        number: The client's number of the search.
        port: UDP port that waits for the answer.
        reply_wanted: Answer even if nothing of it is served.
        names: What is searched, by the client's numbers.
    """

    number: int
    port: int
    reply_wanted: bool
    names: tuple[tuple[int, str], ...]


class _Reader:
    """Reads a message's fields in its own byte order; ``struct.error`` where it ends too early."""

    def __init__(self, message: bytes, order: str) -> None:
        self._message = message
        self._order = order
        self._at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from(self._order + layout, self._message, self._at)
        self._at += struct.calcsize(self._order + layout)
        return found

    def text(self) -> str:
        (size,) = self.take("B")
        if size == _LONG_SIZE:
            (size,) = self.take("I")
        elif size > _LONG_SIZE:
            size = 0
        return self.take(f"{size}s")[0].decode("utf-8", "replace")


def searches(datagram: bytes) -> list[Search]:
    """The searches of a datagram over TCP; what follows the first malformed message is ignored."""
    found: list[Search] = []
    while len(datagram) >= _HEADER_BYTES and datagram[0] == _MAGIC:
        flags, command = datagram[2], datagram[3]
        order = ">" if flags & _BIG_ENDIAN else "<"
        (size,) = struct.unpack_from(order + "I", datagram, 4)
        body, datagram = datagram[8 : 8 + size], datagram[8 + size :]
        if command == _SEARCH and not flags & (_CONTROL_OR_SEGMENT | _FROM_SERVER):
            try:
                found += _search(_Reader(body, order))
            except struct.error:
                break
    return found


def _search(message: _Reader) -> list[Search]:
    number, flags, port = message.take("IB3x16xH")
    protocols = [message.text() for _ in range(*message.take("B"))]
    (count,) = message.take("H")
    names = tuple((message.take("I")[0], message.text()) for _ in range(count))
    if protocols and "tcp" not in protocols:
        return []
    return [Search(number, port, bool(flags & _REPLY_WANTED), names)]


def response(search: Search, served: Callable[[str], bool], identity: bytes, port: int) -> bytes:
    """The answer to a search, ``b""`` if there is none.

    Args:
        search: What was asked for.
        served: Is this PV served here?
        identity: Twelve bytes that are this server's own.
        port: TCP port of the circuits.
    """
    found = [number for number, name in search.names if served(name)]
    if not found and not search.reply_wanted:
        return b""
    numbers = struct.pack(f">BH{len(found)}I", bool(found), len(found), *found)
    answer = identity + struct.pack(">I", search.number) + _SENDERS_ADDRESS
    body = answer + struct.pack(">H", port) + _TCP + numbers
    flags = _BIG_ENDIAN | _FROM_SERVER
    return struct.pack(">BBBBI", _MAGIC, _VERSION, flags, _RESPONSE, len(body)) + body


@dataclass
class PvaSearches(asyncio.DatagramProtocol):
    """One UDP socket that clients search at.

    Attributes:
        served: Is this PV served here?
        port: TCP port of the circuits.
        identity: Twelve bytes that are this server's own.
    """

    served: Callable[[str], bool]
    port: int
    identity: bytes = field(default_factory=lambda: secrets.token_bytes(12))
    _transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer at once, to the host that asked and to no other, whatever the message names."""
        for search in searches(data):
            reply = response(search, self.served, self.identity, self.port)
            if reply and search.port:
                self._transport.sendto(reply, (addr[0], search.port, *addr[2:]))

    def error_received(self, exc: Exception) -> None:
        """A reply to a client that has gone."""
        log.debug("search port: %s", exc)


async def listen(
    interfaces: Sequence[str], port: int, served: Callable[[str], bool]
) -> list[asyncio.DatagramTransport]:
    """Answer searches at a UDP port of these addresses, and of the networks they are on.

    Clients on this host listen at the same port of all addresses, for beacons: it is shared with
    them, and what is sent to an address itself comes to who is bound to that address.
    """
    loop, identity = asyncio.get_running_loop(), secrets.token_bytes(12)
    transports: list[asyncio.DatagramTransport] = []
    for address in dict.fromkeys(one for each in interfaces for one in _listened(each)):
        shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.bind((address, port))
        transport, _ = await loop.create_datagram_endpoint(
            lambda: PvaSearches(served, port, identity), sock=shared
        )
        transports.append(transport)
    return transports


def _listened(interface: str) -> list[str]:
    """An address, and the one at which its network's broadcasts arrive; for all, each as well."""
    every = [one for card in psutil.net_if_addrs().values() for one in card]
    cards = [one for one in every if one.family == socket.AF_INET]
    if interface == _ALL:
        return [interface, *(one.address for one in cards)]
    broadcasts = [one.broadcast for one in cards if one.address == interface and one.broadcast]
    return [interface, *broadcasts]


def close_wildcard(port: int) -> None:
    """Close this process's UDP sockets of a port, which belong to a library: it hears nothing more.

    Each is replaced by one that is bound to nothing, which its owner may close as its own.

    Raises:
        OSError: There is none, or this system does not tell which it is.
    """
    sockets = [s for s in psutil.Process().net_connections("udp") if s.laddr.port == port]
    if not sockets or any(one.fd < 0 for one in sockets):
        raise OSError(f"the socket of UDP port {port} is not found: PV Access would be open to all")
    for one in sockets:
        with socket.socket(one.family, socket.SOCK_DGRAM) as deaf:
            os.dup2(deaf.fileno(), one.fd, inheritable=False)
