"""Any bytes from a client, to one circuit of a server with a record of every type; no sockets.

Whatever they are: nothing but the circuit itself may end, each answer must be well formed, no
record may be left with something that cannot be read, and the books must be empty afterwards.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import struct
from collections.abc import Callable
from typing import Any, Final

from caproto import CaprotoNetworkError, ChannelType

from iocs.records import Database
from iocs.serving.caproto_overrides import ServingContext, install
from iocs.serving.clients.circuit import ServingCircuit
from iocs.serving.limits import Limits
from tests.live import dbr
from tests.live import raw_client as ca
from tests.live.against_base import twin_ioc
from tests.live.exchange import frame, subscription

PREFIX: Final = "twin:"
#: Where the client is: not on this host, so that nobody asks the system for its user.
ADDRESS: Final = ("192.0.2.1", 5064)
LIMITS: Final = Limits(max_message_bytes=100_000, max_puts_in_progress=50)
_READ_BACK: Final = (ChannelType.TIME_STRING, ChannelType.CTRL_DOUBLE, ChannelType.GR_ENUM)


class BrokenServerError(AssertionError):
    """The server did what it never must."""


class Transport:
    """The client's end: gives what it was made with, in pieces, then leaves; keeps what comes."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._pieces = iter([data[i : i + piece] for i in range(0, len(data), piece)])
        self.received = bytearray()
        self.closed = False
        self.hear: Callable[[bytes], int] = lambda _: 0
        self.writer = self.transport = self

    async def recv(self, _: int) -> bytes:
        """The next piece, or what is left of it by who hears it first; empty at the end."""
        while True:
            await asyncio.sleep(0)
            if self.closed:
                raise CaprotoNetworkError("closed")
            piece = next(self._pieces, b"")
            dealt_with = self.hear(piece) if piece else 0
            if dealt_with < len(piece) or not piece:
                return piece[dealt_with:]

    def write(self, data: bytes) -> None:
        """Take what the server sends."""
        self.received += data

    async def drain(self) -> None:
        """Always ready for more."""
        await asyncio.sleep(0)

    def is_closing(self) -> bool:
        """Whether it has been closed."""
        return self.closed

    def get_write_buffer_size(self) -> int:
        """Nothing waits in it."""
        return 0

    def abort(self) -> None:
        """Close."""
        self.closed = True

    close = abort

    def get_extra_info(self, name: str) -> Any:
        """Where it comes from."""
        return {"peername": ADDRESS, "sockname": ("127.0.0.1", 5064)}.get(name)


class Complaints(logging.Handler):
    """Hears what a server logs only when it is at fault itself."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.heard.append(record.getMessage())


class Server:
    """A server without sockets, to be given client after client.

    Attributes:
        at_once: Whether it answers what it can as it comes, as over a socket.
    """

    def __init__(self) -> None:
        self.at_once = True
        self.loop = asyncio.new_event_loop()
        self.complaints = Complaints()
        logging.getLogger().addHandler(self.complaints)
        self.database = Database(twin_ioc.table(), PREFIX)
        self.context: ServingContext = self.loop.run_until_complete(self._start())

    async def _start(self) -> ServingContext:
        install(LIMITS)
        await self.database.post()
        context = ServingContext(dict(self.database.pvdb), ["127.0.0.1"], LIMITS)
        context.port = 5064
        return context

    def close(self) -> None:
        """End it."""
        logging.getLogger().removeHandler(self.complaints)
        self.loop.close()

    def give(self, data: bytes, piece: int) -> bytes:
        """Serve one client.

        Args:
            data: All that it sends.
            piece: Bytes that arrive together.

        Returns:
            What it received.

        Raises:
            BrokenServerError: See the module.
        """
        self.complaints.heard.clear()
        transport = Transport(data, piece)
        self.loop.run_until_complete(asyncio.wait_for(self._serve(transport), 10))
        if self.complaints.heard:
            raise BrokenServerError(self.complaints.heard[0])
        messages(bytes(transport.received))
        return bytes(transport.received)

    async def _serve(self, transport: Transport) -> None:
        circuit = ServingCircuit(ADDRESS, transport, self.context)
        if self.at_once:
            transport.hear = circuit.hear
        self.context.circuits.add(circuit)
        await circuit.serve()
        self.context.circuits.discard(circuit)
        for task in list(self.context.server_tasks.tasks):
            await task
        await self.database.post()
        self._books(circuit)
        for channel in self.database.channels.values():
            for kind in _READ_BACK:
                if kind.name.endswith("STRING") or channel.data_type != ChannelType.STRING:
                    await channel.read(kind)

    def _books(self, circuit: ServingCircuit) -> None:
        held = {
            "channels": len(circuit.answers.channels),
            "puts in progress": circuit.answers.puts.in_progress,
            "subscriptions": len(self.context.fanout._subscriptions),
            "records listened to": sum(
                bool(channel._queues) for channel in self.database.channels.values()
            ),
            "bytes that wait": self.context.waiting.nbytes,
            "bytes half received": self.context.unfinished.nbytes,
        }
        if any(held.values()):
            raise BrokenServerError(f"still in the books: {held}")


def messages(data: bytes) -> list[tuple[int, ...]]:
    """The headers of what a server sent.

    Raises:
        BrokenServerError: It cannot be cut into messages.
    """
    found, offset = [], 0
    while offset < len(data):
        try:
            command, size, kind, count, first, second = ca.HEADER.unpack_from(data, offset)
            start = offset + ca.HEADER.size
            if size == 0xFFFF and count == 0:
                size, count = struct.unpack_from(">II", data, start)
                start += 8
        except struct.error:
            raise BrokenServerError(f"half a header at {offset}") from None
        if start + size > len(data) or size % 8:
            raise BrokenServerError(f"a message of {size} bytes at {offset} of {len(data)}")
        found.append((command, kind, count, first, second))
        offset = start + size
    return found


def seeds() -> dict[str, bytes]:
    """Clients that behave well, each asking for one kind of thing of every record."""
    hello = frame(ca.VERSION, 0, 13) + frame(ca.CLIENT_NAME, payload=b"me\0")
    hello += frame(ca.HOST_NAME, payload=b"here\0")
    names = [f"{PREFIX}{record.name}" for record in twin_ioc.table()]
    opened = hello
    for number, name in enumerate(names, 1):
        opened += frame(ca.CREATE_CHANNEL, first=number, second=13, payload=name.encode() + b"\0")
    found = {"hello": hello, "channels": opened}
    for kind in range(39):
        asked = opened
        for sid in range(1, len(names) + 1):
            asked += frame(ca.READ_NOTIFY, kind, 0, sid, kind)
            asked += frame(ca.EVENT_ADD, kind, 1, sid, kind * 100 + sid, subscription(7))
            data = dbr.encoded(kind, ["1" if dbr.native_of(kind) == "STRING" else 1])
            asked += frame(ca.WRITE_NOTIFY, kind, 1, sid, 1000 + sid, data)
            asked += frame(ca.EVENT_CANCEL, kind, 1, sid, kind * 100 + sid)
        found[f"type {dbr.NAMES[kind]}"] = asked + frame(ca.CLEAR_CHANNEL, first=1, second=1)
    rests = (".DESC", ".DESC$", ".EGU", ".DISP", ".PROC", ".HIHI", ".ACKS", ".ZNAM", ".NOSUCH", "$",
             ".VAL{\"arr\":{\"s\":1}}", "[0:1]", "{\"dbnd\":{\"abs\":1}}", "{\"ts\":{}}",
             "{\"dec\":{\"n\":2}}", "{\"sync\":{\"m\":\"before\",\"s\":\"red\"}}", "{")  # fmt: skip
    for rest in rests:
        asked = hello
        for cid, name in enumerate(names, 1):
            payload = f"{name}{rest}".encode() + b"\0"
            asked += frame(ca.CREATE_CHANNEL, first=cid, second=13, payload=payload)
        if rest not in (".NOSUCH", "{"):  # the first of them that there is
            asked += frame(ca.EVENT_ADD, ca.DOUBLE, 0, 1, 1, subscription(15))
            asked += frame(ca.WRITE_NOTIFY, ca.STRING, 1, 1, 1, b"1\0")
            asked += frame(ca.READ_NOTIFY, ca.STRING, 1, 1, 1)
        found[f"rest {rest}".replace("/", "-")] = asked
    found["searches"] = hello + b"".join(
        frame(ca.SEARCH, reply, 13, number, number, name.encode() + b"\0")
        for number, (name, reply) in enumerate(itertools.product(names, (5, 10)))
    )
    found["pauses"] = opened + frame(ca.EVENTS_OFF) + frame(ca.ECHO) + frame(ca.EVENTS_ON)
    return found
