"""Bytes on their way to one client: what belongs together leaves together.

A system call per reply costs more than making the reply. Replies to requests that came in one
packet therefore leave in one, at the latest in the next turn of the event loop.

The transport is given a little at a time. It would copy what its client does not take, and a
hundred clients that read nothing would have a hundred copies of the same spectrum; what waits here
is shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from caproto.server.common import DisconnectedCircuit

from iocs.serving.sending.budget import Budget

#: Beyond this the sender should wait for the client.
BATCH_BYTES: Final = 65_536
#: Given to the transport in one go for a client of which the system takes all: each system call
#: costs more than its bytes. What it does not take the transport copies.
MOST_BYTES: Final = 262_144
#: Buffers that the system is given in one call.
MOST_BUFFERS: Final = 64


class Outbound:
    """The way to one client.

    Args:
        writer: Its stream. What is much is written to its socket itself: no stream that changes
            what it is given, as TLS does.
        budget: Where what waits is counted, with that of the other clients.

    Attributes:
        nbytes: Bytes that have not been handed to the transport.
        blocked_since: Since when the client has not accepted all that it was sent, monotonic
            seconds; several may wait for it, and a later waiter does not restart the time.
        idle_since: Since when it has accepted nothing of it.
    """

    def __init__(self, writer: asyncio.StreamWriter, budget: Budget) -> None:
        self._writer = writer
        self._budget = budget
        self._waiting: deque[bytes] = deque()
        self._offset = 0
        self._batch_bytes = BATCH_BYTES
        self.nbytes = 0
        self.blocked_since: float | None = None
        self.idle_since: float | None = None
        self._blocked = 0
        self._draining: asyncio.Task[None] | None = None
        self._gathers = False
        self._socket = writer.get_extra_info("socket") if hasattr(os, "writev") else None

    def put(self, *buffers: bytes) -> None:
        """Send soon; never blocks. Buffers that others are sent as well are not copied."""
        if not self._waiting and buffers and not self._gathers:
            asyncio.get_running_loop().call_soon(self.write)
        for buffer in buffers:
            self._waiting.append(buffer)
            self._budget.hold(buffer, len(buffer))
            self.nbytes += len(buffer)

    def pass_on(self, buffers: Sequence[bytes]) -> None:
        """Send now. What is little leaves at once if the client has taken all before."""
        if len(buffers) == 1 and len(buffers[0]) <= BATCH_BYTES and self.is_clear:
            self._writer.write(buffers[0])
            return
        gathers, self._gathers = self._gathers, True  # it is written here, and not once more
        self.put(*buffers)
        self._gathers = gathers
        self.write()

    @property
    def is_clear(self) -> bool:
        """Whether all that was sent is with the system."""
        return not self._waiting and not self._writer.transport.get_write_buffer_size()

    def gather(self) -> None:
        """Send nothing until ``let_go``, which is to be called in the same turn."""
        self._gathers = True

    def let_go(self) -> None:
        """Send what has been gathered, in one piece."""
        self._gathers = False
        self.write()
        if self._writer.transport.get_write_buffer_size() > BATCH_BYTES:
            self._have_followed()

    def write(self) -> None:
        """Hand over what the transport takes without keeping much; the rest follows by itself."""
        transport = self._writer.transport
        while self._waiting:
            if transport.is_closing():  # perhaps since the last piece
                self.forget()
            elif (kept := transport.get_write_buffer_size()) > BATCH_BYTES:
                self._have_followed()
                break
            elif self._socket is None or not self._write_through(self._socket.fileno()):
                self._write_batch(kept)

    def _write_batch(self, kept: int) -> None:
        """Hand a piece to the transport, which keeps so many bytes already."""
        if kept:
            self._batch_bytes = BATCH_BYTES
        self._writer.write(self._next_batch())
        taken = not self._writer.transport.get_write_buffer_size()
        self._batch_bytes = min(2 * self._batch_bytes, MOST_BYTES) if taken else BATCH_BYTES

    def _write_through(self, descriptor: int) -> bool:
        """Hand what waits to the system, as it is and without a copy; whether it has taken all."""
        if self.nbytes <= BATCH_BYTES or self._writer.transport.get_write_buffer_size():
            return False
        buffers = [memoryview(one) for one in islice(self._waiting, MOST_BUFFERS)]
        buffers[0] = buffers[0][self._offset :]
        try:
            taken = os.writev(descriptor, buffers)
        except OSError:  # it takes none now, or never: the transport sees to either
            return False
        self.nbytes -= taken
        self._offset += taken
        while self._waiting and self._offset >= len(self._waiting[0]):
            buffer = self._waiting.popleft()
            self._offset -= len(buffer)
            self._budget.release(buffer, len(buffer))
        return not self._waiting

    def _have_followed(self) -> None:
        """See to it that somebody waits for the client."""
        if not self._blocked and self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._follow())

    def _next_batch(self) -> bytes | memoryview:
        if len(self._waiting) == 1 and not self._offset and self.nbytes <= BATCH_BYTES:
            whole = self._waiting.popleft()
            self._budget.release(whole, len(whole))
            self.nbytes = 0
            return whole
        parts: list[bytes | memoryview] = []
        size = 0
        while self._waiting and size < self._batch_bytes:
            buffer = self._waiting[0]
            part = memoryview(buffer)[self._offset : self._offset + self._batch_bytes - size]
            parts.append(part)
            size += len(part)
            self._offset += len(part)
            if self._offset == len(buffer):
                self._offset = 0
                self._budget.release(self._waiting.popleft(), len(buffer))
        self.nbytes -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _follow(self) -> None:
        """Send the rest when nobody else waits for it."""
        try:
            with contextlib.suppress(DisconnectedCircuit):
                await self.drain()
        finally:
            self._draining = None

    async def drain(self) -> None:
        """Hand over what waits; return when the client has accepted enough of it.

        Raises:
            DisconnectedCircuit: The client is gone.
        """
        # Several tasks may wait at once: the time runs from the first to the last of them.
        if self.blocked_since is None:
            self.blocked_since = self.idle_since = time.monotonic()
        self._blocked += 1
        try:
            self.write()
            await self._writer.drain()
            while self._waiting:  # and most of what the transport kept has been accepted
                self.idle_since = time.monotonic()
                self.write()
                await self._writer.drain()
        except OSError as error:
            raise DisconnectedCircuit from error
        finally:
            self._blocked -= 1
            if not self._blocked:
                self.blocked_since = self.idle_since = None

    def abort(self) -> None:
        """Close without waiting for the client."""
        self.forget()
        self._writer.transport.abort()

    def forget(self) -> None:
        """Send nothing more of what waits."""
        while self._waiting:
            buffer = self._waiting.popleft()
            self._budget.release(buffer, len(buffer))
        self._offset = self.nbytes = 0
