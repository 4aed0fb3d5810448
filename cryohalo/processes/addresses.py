"""Private Channel Access addresses: ports, the client's environment, is a PV served there.

libca reads its environment once, at a process's first Channel Access call. A program that starts
IOCs on private ports therefore chooses the ports first, sets the environment, and imports clients
last.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Final

LOOPBACK: Final = "127.0.0.1"
#: Private ports lie between here and ``LAST_PORT``: above the registered Channel Access ports,
#: below the range from which Linux takes ephemeral ports (32768).
FIRST_PORT: Final = 15_000
LAST_PORT: Final = 31_999
#: What a client takes at most; a spectrum of 100 000 points has 800 000.
MAX_ARRAY_BYTES: Final = 4_000_000

_HEADER: Final = struct.Struct(">HHHHII")
_VERSION, _SEARCH, _MINOR, _REPLY_WANTED = 0, 6, 13, 10
_CONFIRM: Final = 17
_REPEATER_POLL_S: Final = 0.5


def free_ports(count: int, start: int | None = None) -> list[int]:
    """Ports of this host that are free for UDP and TCP on loopback.

    Args:
        count: How many.
        start: Where to begin looking; by default a place that depends on the process number, so
            that programs started together do not choose the same ports.

    Raises:
        OSError: Not that many are free.
    """
    size = LAST_PORT - FIRST_PORT + 1
    first = FIRST_PORT + (os.getpid() * 37) % size if start is None else start
    found: list[int] = []
    for offset in range(size):
        port = FIRST_PORT + (first - FIRST_PORT + offset) % size
        if _is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"only {len(found)} of {count} ports are free from {FIRST_PORT} to {LAST_PORT}")


def client_environment(
    ports: Iterable[int], repeater_port: int | None = None, host: str = LOOPBACK
) -> dict[str, str]:
    """The variables with which any Channel Access client finds IOCs on these ports, and no other.

    Separate ports with one address list entry each are found by pyepics, aioca, EPICS base's
    programs and caproto's clients alike; several IOCs on one UDP port are not (unicast reaches
    one).
    """
    return environment_for((f"{host}:{port}" for port in ports), repeater_port)


def environment_for(
    addresses: Iterable[str],
    repeater_port: int | None = None,
    max_array_bytes: int = MAX_ARRAY_BYTES,
) -> dict[str, str]:
    """The same for IOCs on several hosts, each ``host:port``."""
    environment = {
        "EPICS_CA_ADDR_LIST": " ".join(addresses),
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_MAX_ARRAY_BYTES": str(max_array_bytes),
    }
    if repeater_port is not None:
        environment["EPICS_CA_REPEATER_PORT"] = str(repeater_port)
        environment["EPICS_CAS_BEACON_PORT"] = str(repeater_port)
    return environment


def repeater_stand_in(
    host: str = LOOPBACK, avoid: Collection[int] = (), port: int | None = None
) -> socket.socket:
    """A UDP socket that answers as a repeater: clients start none of their own, and miss none.

    It confirms registrations and forwards nothing: the IOCs of a launcher are found by searching.

    Args:
        host: Address to bind to.
        avoid: Ports that somebody else is about to use.
        port: Where; by default a free one.

    Returns:
        The socket; its port is ``.getsockname()[1]``. Close it when no client is left.

    Raises:
        OSError: The port is taken, by a repeater perhaps.
    """
    stand_in = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if port is None:
            port = next(free for free in free_ports(len(avoid) + 1) if free not in avoid)
        stand_in.bind((host, port))
    except OSError:
        stand_in.close()
        raise
    stand_in.settimeout(_REPEATER_POLL_S)
    threading.Thread(target=_confirm, args=(stand_in,), name="repeater", daemon=True).start()
    return stand_in


def _confirm(stand_in: socket.socket) -> None:
    """Answer every client that registers, until the socket is closed."""
    while True:
        try:
            _, client = stand_in.recvfrom(1024)
            address = int.from_bytes(socket.inet_aton(client[0]), "big")
            stand_in.sendto(_HEADER.pack(_CONFIRM, 0, 0, 0, 0, address), client)
        except TimeoutError:
            continue
        except OSError:
            return


def search(name: str, port: int, host: str = LOOPBACK, timeout_s: float = 0.2) -> int | None:
    """Ask one address for a PV, as a client would.

    Returns:
        The TCP port that the reply names, or None if nobody answered in time.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect((host, port))
            client.send(_request(name))
            return _tcp_port(client.recv(4096))
        except OSError:  # nobody listens (yet), or nobody answers
            return None


def wait_served(names: Sequence[str], port: int, timeout_s: float = 20.0) -> None:
    """Return when every PV is served at ``port`` by the server that owns that very TCP port.

    Raises:
        TimeoutError: Some are not; the message names the first.
    """
    deadline = time.monotonic() + timeout_s
    for name in names:
        while (found := search(name, port)) != port:
            if time.monotonic() > deadline:
                answer = "no reply" if found is None else f"a reply from TCP port {found}"
                raise TimeoutError(f"{name} at {LOOPBACK}:{port}: {answer} after {timeout_s:g} s")


def _request(name: str) -> bytes:
    payload = name.encode("ascii") + b"\0"
    payload += b"\0" * (-len(payload) % 8)
    version = _HEADER.pack(_VERSION, 0, 0, _MINOR, 0, 0)
    return version + _HEADER.pack(_SEARCH, len(payload), _REPLY_WANTED, _MINOR, 1, 1) + payload


def _tcp_port(reply: bytes) -> int | None:
    offset = 0
    while offset + _HEADER.size <= len(reply):
        command, size, port, *_ = _HEADER.unpack_from(reply, offset)
        if command == _SEARCH:
            return int(port)
        offset += _HEADER.size + size
    return None


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                return False
    return True
