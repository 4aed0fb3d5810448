"""Is a port free, and if it is not, who has it.

Channel Access searches go to a UDP port and circuits to the TCP port of the same number. caproto
shares a taken UDP port silently (``SO_REUSEPORT``) and moves the TCP port, so that a second IOC
started by mistake answers half of the searches. Here a start looks first, and names the process
that is in the way.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

import psutil


class PortTakenError(OSError):
    """A port this server was told to use belongs to somebody else; the message says to whom."""


_BOTH = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
_NAMES = {socket.SOCK_DGRAM: "UDP", socket.SOCK_STREAM: "TCP"}


def require_free(
    interfaces: Iterable[str], port: int, kinds: Iterable[socket.SocketKind] = _BOTH
) -> None:
    """Check that a port is free on every interface.

    Args:
        interfaces: Addresses to bind to, e.g. ``"127.0.0.1"`` or ``"0.0.0.0"``.
        port: The port number.
        kinds: ``SOCK_DGRAM``, ``SOCK_STREAM``: the protocols.

    Raises:
        PortTakenError: Somebody has it; names the process where the system knows it.
    """
    for interface in interfaces:
        for kind in kinds:
            if not _is_free(interface, port, kind):
                raise PortTakenError(
                    f"{_NAMES[kind]} port {port} on {interface} is taken by {owner(port, kind)}; "
                    f"stop it or choose another port"
                )


def is_free(interface: str, port: int) -> bool:
    """True if the port is free for both UDP and TCP on this interface."""
    return all(_is_free(interface, port, kind) for kind in _BOTH)


def owner(port: int, kind: int = socket.SOCK_STREAM) -> str:
    """The process that holds a port: command line and number, as far as the system shows them."""
    protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
    try:
        connections = psutil.net_connections(protocol)
    except psutil.AccessDenied:
        return "a process that this user may not see"
    for connection in connections:
        listens = protocol == "udp" or connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr and connection.laddr.port == port and connection.pid:
            return _describe(connection.pid)
    return "a process that this user may not see"


def _describe(pid: int) -> str:
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        command = "unknown command"
    return f"process {pid} ({command[:120]})"


def _is_free(interface: str, port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # A connection of a former server in TIME_WAIT does not make a port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((interface, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True
