"""One request, or a few, sent to a server, and all that comes back, in comparable form.

The end of the answers is known by an echo sent behind the request; what a server sends from another
thread (EPICS base its monitors and completed puts) is waited for by number.
"""

from __future__ import annotations

import contextlib
import struct
from typing import Any, Final

from tests.live import dbr
from tests.live import raw_client as ca
from tests.live.raw_client import Message, RawClient

NAMES: Final = {
    ca.VERSION: "VERSION", ca.EVENT_ADD: "EVENT", ca.SEARCH: "SEARCH", ca.ERROR: "ERROR",
    ca.CLEAR_CHANNEL: "CLEAR", 3: "READ", 10: "READ_SYNC", 14: "NOT_FOUND",
    ca.READ_NOTIFY: "READ_NOTIFY", ca.CREATE_CHANNEL: "CREATE", ca.WRITE_NOTIFY: "WRITE_NOTIFY",
    ca.ACCESS_RIGHTS: "RIGHTS", 26: "CREATE_FAILED",
}  # fmt: skip
Reply = tuple[Any, ...]
CLOSED: Final[Reply] = ("CLOSED",)
#: How long to wait for what comes from another thread.
LATE_S: Final = 1.0


def frame(
    command: int,
    kind: int = 0,
    count: int = 0,
    first: int = 0,
    second: int = 0,
    payload: bytes = b"",
) -> bytes:
    """A message as bytes, padded as a well-behaved client would."""
    payload += b"\0" * (-len(payload) % 8)
    if len(payload) < 0xFFFF and count < 0xFFFF:
        header = ca.HEADER.pack(command, len(payload), kind, count, first, second)
    else:
        header = ca.LARGE.pack(command, 0xFFFF, kind, 0, first, second, len(payload), count)
    return header + payload


def subscription(mask: int) -> bytes:
    """What a subscription carries."""
    return struct.pack(">fffHH", 0, 0, 0, mask, 0)


class Peer(RawClient):
    """A client of one server that reconnects when it is cut off.

    Attributes:
        port: Of the server.
        channels: By name: the server's number, own type, number of elements, rights.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.channels: dict[str, tuple[int, int, int, int] | None] = {}
        super().__init__(port, timeout_s=10)
        self.cut_off = False
        self.ask(b"")

    def reconnect(self) -> None:
        """Begin anew."""
        self.socket.close()
        self.__init__(self.port)  # type: ignore[misc]

    def channel(self, name: str) -> tuple[int, int, int, int] | None:
        """Open a channel once; None if it is not served."""
        if name not in self.channels:
            created = rights = None
            request = frame(ca.CREATE_CHANNEL, first=1, second=13, payload=name.encode() + b"\0")
            for answer in self.messages(request, 1):
                if answer.command == ca.ACCESS_RIGHTS:
                    rights = answer.second
                elif answer.command == ca.CREATE_CHANNEL:
                    created = answer
            self.channels[name] = (
                (created.second, created.data_type, created.count, rights or 0) if created else None
            )
        return self.channels[name]

    def messages(self, request: bytes, expected: int = 0) -> list[Message]:
        """What comes back; ``cut_off`` is then set if the server has closed the circuit.

        Args:
            request: One or more messages.
            expected: How many answers there must be, if they may come late.
        """
        got: list[Message] = []
        echoed = False
        try:
            self.socket.settimeout(10)
            self.socket.sendall(request + frame(ca.ECHO))
            while not echoed or sum(m.command != ca.ACCESS_RIGHTS for m in got) < expected:
                answer = self.receive()
                if answer.command == ca.ECHO:
                    echoed = True
                    self.socket.settimeout(LATE_S)
                else:
                    got.append(answer)
        except TimeoutError:
            pass
        except OSError:
            self.cut_off = True
        return got

    def ask(self, request: bytes, expected: int = 0) -> list[Reply]:
        """What comes back, in comparable form."""
        replies = [comparable(message) for message in self.messages(request, expected)]
        return [*replies, CLOSED] if self.cut_off else replies


def comparable(message: Message) -> Reply:
    """A message without what differs between any two servers: numbers, times, words."""
    name = NAMES.get(message.command, str(message.command))
    if message.command == ca.ERROR:
        command, _, kind, *_ = ca.HEADER.unpack_from(message.payload)
        return name, message.second, NAMES.get(command, command), kind
    if message.command in (3, ca.READ_NOTIFY, ca.EVENT_ADD):
        status = None if message.command == 3 else message.first
        if message.command == ca.EVENT_ADD and not message.payload:
            return name, _kind(message.data_type), message.count, "ended"
        metadata, values = [], []
        with contextlib.suppress(struct.error, IndexError):
            metadata, values = dbr.decoded(message.data_type, message.count, message.payload)
        return name, _kind(message.data_type), message.count, status, metadata, values
    if message.command == ca.WRITE_NOTIFY:
        return name, message.data_type, message.count, message.first
    if message.command == ca.ACCESS_RIGHTS:
        return name, message.second
    if message.command == ca.SEARCH:
        return name, message.second
    return name, message.data_type, message.count


def _kind(number: int) -> str:
    return dbr.NAMES[number] if number < len(dbr.NAMES) else str(number)
