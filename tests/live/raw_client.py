"""A Channel Access client of a few lines, to send what a well-behaved one never would.

Protocol: https://docs.epics-controls.org/en/latest/internal/ca_protocol.html
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from dataclasses import dataclass

HEADER = struct.Struct(">HHHHII")
LARGE = struct.Struct(">HHHHIIII")
VERSION, EVENT_ADD, EVENT_CANCEL, WRITE, SEARCH = 0, 1, 2, 4, 6
EVENTS_OFF, EVENTS_ON, ERROR, CLEAR_CHANNEL, READ_NOTIFY = 8, 9, 11, 12, 15
CREATE_CHANNEL, WRITE_NOTIFY, CLIENT_NAME, HOST_NAME, ACCESS_RIGHTS, ECHO = 18, 19, 20, 21, 22, 23
STRING, ENUM, CHAR, LONG, DOUBLE = 0, 3, 4, 5, 6
VALUE_EVENTS = 1
TIMEOUT_S = float(os.environ.get("RAW_CLIENT_TIMEOUT_S", "20"))


def padded(text: bytes) -> bytes:
    """A text as it travels: closed by a zero, filled up to eights."""
    return text + b"\0" * (8 - len(text) % 8)


@dataclass(frozen=True)
class Message:
    """One message as it came."""

    command: int
    data_type: int
    count: int
    first: int
    second: int
    payload: bytes


class RawClient:
    """One circuit; every read ends at ``timeout_s``."""

    def __init__(
        self,
        port: int,
        timeout_s: float = TIMEOUT_S,
        receive_buffer: int | None = None,
        user: bytes = b"raw",
        host: bytes = b"here",
        address: str = "127.0.0.1",
    ) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s)
        self.socket.connect((address, port))
        self._buffer = b""
        # A server that turns this client away may do so while it still greets; `closed` tells.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send(VERSION, count=13)
            self.send(CLIENT_NAME, payload=padded(user))
            self.send(HOST_NAME, payload=padded(host))

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(
        self,
        command: int,
        data_type: int = 0,
        count: int = 0,
        first: int = 0,
        second: int = 0,
        payload: bytes = b"",
        size: int | None = None,
    ) -> None:
        """Send one message; ``size`` may claim more than the payload has."""
        size = len(payload) if size is None else size
        if size < 0xFFFF and count < 0xFFFF:
            header = HEADER.pack(command, size, data_type, count, first, second)
        else:
            header = LARGE.pack(command, 0xFFFF, data_type, 0, first, second, size, count)
        self.socket.sendall(header + payload)

    def receive(self) -> Message:
        """The next message. Raises ConnectionError if the server has closed the circuit."""
        command, size, data_type, count, first, second = HEADER.unpack(self._take(16))
        if size == 0xFFFF and count == 0:
            size, count = struct.unpack(">II", self._take(8))
        return Message(command, data_type, count, first, second, self._take(size))

    def until(self, command: int) -> Message:
        """The next message of one kind; others are skipped."""
        while (message := self.receive()).command != command:
            pass
        return message

    def open(self, name: str, cid: int = 1) -> int:
        """Create a channel; its server number."""
        self.send(CREATE_CHANNEL, first=cid, second=13, payload=padded(name.encode()))
        return self.until(CREATE_CHANNEL).second

    def monitor(self, sid: int, number: int, data_type: int = DOUBLE, count: int = 1) -> None:
        """Subscribe to value events."""
        mask = struct.pack(">fffHH", 0, 0, 0, VALUE_EVENTS, 0)
        self.send(EVENT_ADD, data_type, count, sid, number, mask)

    def put(
        self, sid: int, data_type: int, payload: bytes, ioid: int = 1, count: int = 1
    ) -> Message:
        """Put with completion; the reply, which may be an error message."""
        payload += b"\0" * (-len(payload) % 8)
        self.send(WRITE_NOTIFY, data_type, count, sid, ioid, payload)
        while (message := self.receive()).command not in (WRITE_NOTIFY, ERROR):
            pass
        return message

    def get(self, sid: int, data_type: int = DOUBLE, ioid: int = 7) -> Message:
        """Read with notification; the reply, which may be an error message."""
        self.send(READ_NOTIFY, data_type, 1, sid, ioid)
        while (message := self.receive()).command not in (READ_NOTIFY, ERROR):
            pass
        return message

    def closed(self) -> bool:
        """True if the server has closed the circuit; waits for it to do so."""
        try:
            while True:
                self.receive()
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError("closed by the server")
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken
