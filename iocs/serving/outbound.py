"""Bytes on their way to one client: what belongs together leaves together.

A system call per reply costs more than making the reply. Replies to requests that came in one
packet therefore leave in one, at the latest in the next turn of the event loop.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from caproto.server.common import DisconnectedCircuit

#: Beyond this whoever sends should wait for the client.
BATCH_BYTES: Final = 65_536


class Outbound:
    """The way to one client.

    Attributes:
        nbytes: Bytes that have not been handed to the transport.
        blocked_since: Since when the client has not accepted what it was sent, monotonic seconds;
            several may wait for it, and whoever comes later does not begin the time anew.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: list[Any] = []
        self.nbytes = 0
        self.blocked_since: float | None = None
        self._blocked = 0

    def put(self, *buffers: Any) -> None:
        """Send soon; never blocks."""
        if not self._waiting and buffers:
            asyncio.get_running_loop().call_soon(self.write)
        self._waiting.extend(buffers)
        self.nbytes += sum(memoryview(buffer).nbytes for buffer in buffers)

    def write(self) -> None:
        """Hand over what waits."""
        waiting, self._waiting, self.nbytes = self._waiting, [], 0
        if waiting and not self._writer.transport.is_closing():
            self._writer.write(b"".join(waiting))

    async def drain(self) -> None:
        """Hand over what waits; return when the client has accepted enough of it.

        Raises:
            DisconnectedCircuit: The client is gone.
        """
        self.write()
        if self.blocked_since is None:
            self.blocked_since = time.monotonic()
        self._blocked += 1
        try:
            await self._writer.drain()
        except OSError as error:
            raise DisconnectedCircuit from error
        finally:
            self._blocked -= 1
            if not self._blocked:
                self.blocked_since = None

    def abort(self) -> None:
        """Close without waiting for the client."""
        self._waiting.clear()
        self._writer.transport.abort()
