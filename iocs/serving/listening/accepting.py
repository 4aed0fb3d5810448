"""Accept clients, and keep some file descriptors for the IOC itself.

asyncio's own listener, out of descriptors, logs a traceback for each place in its backlog every
second, half a megabyte; and clients could take the last descriptor, so that neither the state could
be saved nor the health be read. Here a client that would take one of the last is closed at once.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Final, SupportsIndex, cast

from iocs.words.complaints import Complaints, words

try:
    import resource
except ImportError:  # not on this system
    resource = None  # type: ignore[assignment]

#: Connections that wait to be accepted, as asyncio's.
BACKLOG: Final = 100
#: After a connection could not be accepted.
RETRY_S: Final = 1.0
#: Kept for the files of state, the put log and readings of health; at most a quarter of all.
RESERVED_DESCRIPTORS: Final = 16

log = logging.getLogger("iocs.serving")


class Incoming(asyncio.StreamReader):
    """What one client sends: shown as it comes to who can deal with it at once.

    Attributes:
        hear: Given what has come; says how many bytes of it need not be read any more. It is not
            to raise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hear: Callable[[bytes], int] = _nothing

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take what has come; a transport gives bytes."""
        assert isinstance(data, bytes)
        dealt_with = self.hear(data)
        if dealt_with < len(data):
            super().feed_data(data[dealt_with:])

    def feed_eof(self) -> None:
        """Nothing comes any more."""
        self.hear = _nothing
        super().feed_eof()

    def set_exception(self, exc: Exception) -> None:
        """Nothing comes any more, since this went wrong."""
        self.hear = _nothing
        super().set_exception(exc)


def _nothing(_: bytes) -> int:
    return 0


class _Connection(asyncio.StreamReaderProtocol):
    """How one connection ended is in its reader; nobody asks its future, which is no mistake."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it has ended."""
        super().connection_lost(exc)
        closed = self._get_close_waiter(None)  # type: ignore[attr-defined]
        if closed.done() and not closed.cancelled():
            # asyncio does this when it lets the protocol go, which may be after the future was.
            closed.exception()


Connected = Callable[[Incoming, asyncio.StreamWriter], None]


def highest_descriptor() -> float:
    """The highest number of a file descriptor that a client may have."""
    if resource is None:
        return float("inf")
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return float("inf")
    return most - 1 - min(RESERVED_DESCRIPTORS, most // 4)


class Acceptor:
    """Accepts the clients of one listening socket.

    Args:
        listener: Bound, and not listening yet.
        connected: Told of each client.
        refused: Told of each that is turned away.
    """

    def __init__(
        self, listener: socket.socket, connected: Connected, refused: Callable[[], None]
    ) -> None:
        self._listener = listener
        self._connected = connected
        self._refused = refused
        self._complaints = Complaints(log, logging.WARNING)
        listener.setblocking(False)
        listener.listen(BACKLOG)

    async def run(self) -> None:
        """Accept for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
                await self._take(client)
            except OSError as error:
                self._complaints.tell("accepting", f"no client can be accepted: {words(error)}")
                await asyncio.sleep(RETRY_S)

    async def _take(self, client: socket.socket) -> None:
        if client.fileno() > highest_descriptor():
            client.close()
            self._refused()
            line = "clients are refused: the file descriptors that are left are the IOC's own"
            self._complaints.tell("descriptors", line)
            return
        try:
            # Small messages sent back to back would wait 40 ms for the client's acknowledgement.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Not the reader from here: the protocol would hold itself through it.
            protocol = _Connection(
                Incoming(), lambda reader, writer: self._connected(cast("Incoming", reader), writer)
            )
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, client)
        except OSError as error:  # it has gone already
            client.close()
            log.debug("a client has gone before it was served: %s", error)
