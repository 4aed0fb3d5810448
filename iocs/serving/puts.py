"""The puts of one client: carried out to their end, refused with a reason, bounded in number.

What a client can learn of a refusal is set by the protocol: a put with completion is answered with
an error status, a plain put with an error message; both carry the reason in words. What each client
makes of it is told in ``docs/serving.md``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import caproto as ca
from caproto import Forbidden
from caproto.asyncio.server import AsyncioEvent
from caproto.server.common import WRITE_LOCK_TIMEOUT, DisconnectedCircuit

from iocs.serving.limits import Limits, Statistics

#: What a client can do wrong. Anything else that a put raises is a fault of ours, logged in full.
CLIENTS_FAULT: Final = (
    ca.CaprotoError,
    ValueError,
    TypeError,
    OverflowError,
    PermissionError,
    TimeoutError,
)
#: Longest reason sent to a client; the whole is in the log.
REASON_LENGTH: Final = 200

log = logging.getLogger("iocs.serving")


class Puts:
    """Puts in progress for one client.

    Attributes:
        in_progress: How many have not completed.
    """

    def __init__(
        self,
        limits: Limits,
        counts: Statistics,
        address: tuple[str, int],
        create_task: Callable[[Coroutine[Any, Any, None]], Any],
        tell: Callable[..., Awaitable[None]],
    ) -> None:
        self.limits = limits
        self.counts = counts
        self.address = address
        self.in_progress = 0
        self.young = YoungPut()
        self._create_task = create_task
        self._tell = tell

    async def begin(
        self, command: Any, channel: Any, entry: Any, who: tuple[str | None, str | None]
    ) -> list[Any]:
        """Start a put; it goes on if the client leaves.

        Args:
            command: The request.
            channel: The client's channel.
            entry: What is served.
            who: Host and user, as the client names them.

        Returns:
            The refusal if too many of this client are in progress, nothing otherwise: the reply
            goes out when the put completes.
        """
        if self.in_progress >= self.limits.max_puts_in_progress:
            reason = f"{self.in_progress} puts of this client are still in progress"
            return self.refuse(command, channel, ca.CaprotoValueError(reason), who)
        self.in_progress += 1
        self.young.clear()
        self._create_task(self._complete(command, channel, entry, who))
        await asyncio.sleep(0)  # it takes its first step before the client's next command
        return []

    async def _complete(
        self, command: Any, channel: Any, entry: Any, who: tuple[str | None, str | None]
    ) -> None:
        try:
            replies = await self._carry_out(command, channel, entry, who)
        finally:
            self.in_progress -= 1
            self.young.set()
        try:
            if channel.circuit.channels_sid.get(command.sid) is channel:
                await self._tell(*replies)
        except DisconnectedCircuit:
            log.debug("%s: nobody left to tell that a put has completed", channel.name)

    async def _carry_out(
        self, command: Any, channel: Any, entry: Any, who: tuple[str | None, str | None]
    ) -> list[Any]:
        written = (command.data, command.data_type, command.metadata)
        try:
            status = await entry.auth_write(*who, *written, user_address=self.address)
        except Exception as error:
            if not isinstance(error, CLIENTS_FAULT):
                log.exception("a put to %s by %s failed", channel.name, who)
            return self.refuse(command, channel, error, who)
        if not isinstance(command, ca.WriteNotifyRequest):
            return []
        status = True if status is None else status
        return [channel.write(ioid=command.ioid, status=status, data_count=entry.length)]

    def refuse(
        self, command: Any, channel: Any, error: Exception, who: tuple[str | None, str | None]
    ) -> list[Any]:
        """The reply to a refused put, which is also counted and logged."""
        forbidden = isinstance(error, Forbidden)
        status = ca.CAStatus.ECA_NOWTACCESS if forbidden else ca.CAStatus.ECA_PUTFAIL
        reason = str(error) or str(error.__cause__ or type(error).__name__)
        self.note(channel.name, reason, "{1}@{0}".format(*who))
        return [ca.ErrorResponse(command, channel.cid, status, reason[:REASON_LENGTH])]

    def refuse_large(self, header: bytes, size: int, channel: Any, who: str) -> list[Any]:
        """The reply to a message that is too large to be taken.

        Args:
            header: The request's header as it came.
            size: Bytes of the message.
            channel: The channel it was for, or None if there is no such channel.
            who: The client.
        """
        reason = f"{size} bytes are more than the {self.limits.max_message_bytes} this server takes"
        self.note(channel.name if channel else "a message", reason, who)
        cid = channel.cid if channel else 0
        return [ca.ErrorResponse(Request(header), cid, ca.CAStatus.ECA_TOLARGE, reason)]

    def note(self, name: str, reason: str, who: str) -> None:
        """Count and log a refusal."""
        self.counts.refused_puts += 1
        self.counts.last_refusal = f"{name}: {reason}"
        log.warning("%s: put by %s refused: %s", name, who, reason)


def failed(command: Any, channels: Mapping[int, Any], error: Exception) -> Any:
    """The reply to a request, other than a put, that failed.

    Args:
        command: The request.
        channels: The client's channels by the server's number.
        error: What went wrong.

    Raises:
        RemoteProtocolError: The request was for no channel of this client.
    """
    channel = channels.get(getattr(command, "sid", -1))
    if channel is None:
        raise ca.RemoteProtocolError(f"{type(command).__name__}: {error}") from error
    forbidden = isinstance(error, Forbidden)
    status = ca.CAStatus.ECA_NORDACCESS if forbidden else ca.CAStatus.ECA_GETFAIL
    return ca.ErrorResponse(command, channel.cid, status, str(error)[:REASON_LENGTH])


class YoungPut(AsyncioEvent):
    """Set while no put is young.

    Defect: every read makes a task to wait for puts in progress, and waits ``WRITE_LOCK_TIMEOUT``
    for as long as there is one. A motor's put lasts as long as the move, and each reading of that
    client then takes a millisecond longer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._began = 0.0
        self.set()

    def clear(self) -> None:
        """A put begins."""
        super().clear()
        self._began = time.monotonic()

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait for a young put, at most ``timeout`` seconds; true if there is none."""
        if self.is_set() or time.monotonic() - self._began > WRITE_LOCK_TIMEOUT:
            return True
        return bool(await super().wait(timeout))


class Request:
    """A request of which only the header was kept, for an error reply."""

    def __init__(self, header: Any) -> None:
        self.header = header
