"""A client that measures: how old is a monitor when it arrives, how many came, how fast is a get.

It reads the bytes of the circuit itself, because a Python client library costs more per monitor
than the servers under test. Age is the arrival's wall-clock time less the time stamp that the
server gave the value; both clocks are this host's.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field

import numpy as np

from tests.live.raw_client import (
    DOUBLE,
    EVENT_ADD,
    HEADER,
    READ_NOTIFY,
    WRITE,
    WRITE_NOTIFY,
    RawClient,
)

TIME_DOUBLE = 20
EPICS_EPOCH_S = 631152000
_HEADER = struct.Struct(">HHHHII")
_STAMP = struct.Struct(">II")
_VALUE = struct.Struct(">d")


@dataclass
class Seen:
    """Monitors received."""

    ages_s: list[float] = field(default_factory=list)
    per_pv: dict[int, int] = field(default_factory=dict)
    last: dict[int, float] = field(default_factory=dict)
    lost: int = 0

    def value(self, number: int, value: float) -> None:
        """Values count up by one; what is missing between two was lost."""
        if number in self.last:
            self.lost += round(value - self.last[number]) - 1
        self.last[number] = value

    def quantile_ms(self, fraction: float) -> float:
        """Quantile of the ages in ms; not a number if nothing came."""
        return float(np.quantile(self.ages_s, fraction)) * 1e3 if self.ages_s else float("nan")

    def __len__(self) -> int:
        return len(self.ages_s)


class Watcher:
    """Subscribes and counts."""

    def __init__(self, port: int, names: list[str], count: int = 1) -> None:
        self.client = RawClient(port, timeout_s=20.0)
        self.client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, name in enumerate(names):
            self.client.monitor(self.client.open(name, number), number, TIME_DOUBLE, count)
        self._buffer = bytearray()

    def watch(self, duration_s: float) -> Seen:
        """Receive for so long."""
        seen, end = Seen(), time.monotonic() + duration_s
        self.client.socket.settimeout(0.2)
        while time.monotonic() < end:
            try:
                data = self.client.socket.recv(1 << 20)
            except TimeoutError:
                continue
            if not data:
                raise ConnectionError("the server has closed the circuit")
            self._buffer += data
            self._parse(seen, time.time())
        return seen

    def close(self) -> None:
        """Leave."""
        self.client.socket.close()

    def _parse(self, seen: Seen, now: float) -> None:
        buffer, offset, end = self._buffer, 0, len(self._buffer)
        while offset + 16 <= end:
            command, size, _type, _count, _first, number = _HEADER.unpack_from(buffer, offset)
            body = offset + 16
            if size == 0xFFFF:
                if offset + 24 > end:
                    break
                (size,) = struct.unpack_from(">I", buffer, body)
                body += 8
            if body + size > end:
                break
            if command == EVENT_ADD and size >= 12:
                seconds, nanoseconds = _STAMP.unpack_from(buffer, body + 4)
                seen.ages_s.append(now - EPICS_EPOCH_S - seconds - nanoseconds * 1e-9)
                seen.per_pv[number] = seen.per_pv.get(number, 0) + 1
                if size == 24:
                    seen.value(number, _VALUE.unpack_from(buffer, body + 16)[0])
            offset = body + size
        del buffer[:offset]


def get_times_s(port: int, name: str, duration_s: float, pause_s: float = 0.01) -> list[float]:
    """How long gets take, one after another with a pause between."""
    times: list[float] = []
    with RawClient(port, timeout_s=20.0) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sid = client.open(name)
        end = time.monotonic() + duration_s
        client.socket.settimeout(20.0)
        while time.monotonic() < end:
            began = time.monotonic()
            client.send(READ_NOTIFY, DOUBLE, 1, sid, 1)
            client.until(READ_NOTIFY)
            times.append(time.monotonic() - began)
            time.sleep(pause_s)  # noqa: TID251  (a benchmark's load, not a wait for an event)
    return times


def asked_per_s(port: int, name: str, duration_s: float, *, puts: bool) -> float:
    """Gets, or puts with completion, that are answered per second, one after the other."""
    value = struct.pack(">d", 1.0)
    answer = WRITE_NOTIFY if puts else READ_NOTIFY
    with RawClient(port, timeout_s=20.0) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sid = client.open(name)
        asked, begin = 0, time.monotonic()
        while (took_s := time.monotonic() - begin) < duration_s:
            client.send(answer, DOUBLE, 1, sid, 1, value if puts else b"")
            client.until(answer)
            asked += 1
    return asked / took_s


#: What is asked for to the message that asks, with what is put, and its answer's size in bytes; a
#: put without completion has none.
_KINDS = {
    "get": (READ_NOTIFY, False, 24),
    "put with completion": (WRITE_NOTIFY, True, 16),
    "put": (WRITE, True, 0),
}


def rate_per_s(port: int, name: str, duration_s: float, kind: str, at_once: int) -> float:
    """Requests that are carried out per second, ``at_once`` of them sent together.

    Messages are made beforehand and answers only counted, so that the client is not what limits.
    Puts without completion are followed by one reading, which is answered after them.

    Args:
        port: Of the server.
        name: A PV of a number.
        duration_s: How long it is asked.
        kind: See ``_KINDS``.
        at_once: Requests in one go.
    """
    command, puts, size = _KINDS[kind]
    with RawClient(port, timeout_s=20.0) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sid = client.open(name)
        values = [struct.pack(">d", 1.0 + number % 2) if puts else b"" for number in range(at_once)]
        asking = b"".join(
            HEADER.pack(command, len(value), DOUBLE, 1, sid, 1) + value for value in values
        )
        expected = size * at_once
        if not size:
            asking += HEADER.pack(READ_NOTIFY, 0, DOUBLE, 1, sid, 2)
            expected = 24
        asked, begin = 0, time.monotonic()
        while (took_s := time.monotonic() - begin) < duration_s:
            client.socket.sendall(asking)
            _throw_away(client.socket, expected)
            asked += at_once
    return asked / took_s


def _throw_away(receiving: socket.socket, nbytes: int) -> None:
    while nbytes > 0:
        data = receiving.recv(nbytes)
        if not data:
            raise ConnectionError("the server has closed the circuit")
        nbytes -= len(data)
