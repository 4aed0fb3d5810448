"""The puts of one client: carried out to their end, refused with a reason, bounded in number.

What a client can learn of a refusal is set by the protocol: a put with completion is answered with
an error status, a plain put with an error message; both carry the reason in words. What each client
makes of it is in ``docs/reference/serving.md``.
"""

from __future__ import annotations

import asyncio
import logging
import time
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any, Final

import caproto as ca
import numpy as np
from caproto import CAStatus, ChannelType, Forbidden
from caproto._commands import extract_data
from caproto.asyncio.server import AsyncioEvent
from caproto.server.common import WRITE_LOCK_TIMEOUT, DisconnectedCircuit

from iocs.serving.clients.identity import Identity
from iocs.serving.clients.inbound import Oversized
from iocs.serving.clients.plain_puts import Acted, PlainPuts, request_of
from iocs.serving.clients.readings import REASON_LENGTH, ClientChannel, RefusedRequestError
from iocs.serving.interfaces import PutsAtOnce
from iocs.serving.limits import Limits, Statistics
from iocs.serving.messages import (
    LAST_TYPE,
    NO_CHANNEL,
    CaCommand,
    Request,
    element_bytes,
    error,
    kind_name,
    message,
    metadata_bytes,
    native_of,
)
from iocs.serving.sending.updates import NORMAL

#: What a client can do wrong. Anything else that a put raises is a fault of ours, logged in full.
CLIENTS_FAULT: Final = (
    ca.CaprotoError,
    ValueError,
    TypeError,
    OverflowError,
    PermissionError,
    TimeoutError,
    RefusedRequestError,
)
#: Of one packet, before others get their turn: some milliseconds' work.
MOST_PUTS: Final = 100
_LAST_PLAIN: Final = int(ChannelType.DOUBLE)
_LAST_WITH_METADATA: Final = int(ChannelType.CTRL_DOUBLE)
_ACKNOWLEDGING: Final = (int(ChannelType.PUT_ACKT), int(ChannelType.PUT_ACKS))

log = logging.getLogger("iocs.serving")


class ClientPuts:
    """Puts in progress for one client.

    Attributes:
        in_progress: How many have not completed.
        young: Set while none has begun a moment ago.
        plain: Those of which nobody is told when they are complete.
    """

    def __init__(
        self,
        limits: Limits,
        counts: Statistics,
        client: Identity,
        create_task: Callable[[Coroutine[Any, Any, None]], Any],
        tell: Callable[..., Awaitable[None]],
    ) -> None:
        self.limits = limits
        self.counts = counts
        self.client = client
        self.in_progress = 0
        self.young = YoungPut()
        self._create_task = create_task
        self._tell = tell
        self.plain = PlainPuts(client, self._room, self._finish_plain)

    async def begin(self, request: Request, channel: ClientChannel) -> None:
        """Start a put; it goes on if the client leaves. Its reply goes out when it completes.

        Args:
            request: What the client sent.
            channel: The channel it is for.
        """
        if self.in_progress >= self.limits.max_puts_in_progress:
            reason = f"{self.in_progress} puts of this client are still in progress"
            await self._tell(self.refuse(request, channel, ca.CaprotoValueError(reason)))
            return
        self._create_task(self._begun(request, channel))
        await asyncio.sleep(0)  # it takes its first step before the client's next request

    def begin_at_once(self, request: Request, channel: ClientChannel, *, last: bool) -> bool:
        """The same, with its first step taken here; whether it has begun.

        Args:
            request: What the client sent.
            channel: The channel it is for.
            last: Whether no other put has come with it.
        """
        hurry = getattr(channel.entry, "hurry", None)
        if hurry is None or len(self.plain.acted) >= self._room():
            return False
        self._step(self._begun(request, channel), channel.name, hurry, last=last)
        return True

    def _room(self) -> int:
        """How many puts more may be in progress."""
        return self.limits.max_puts_in_progress - self.in_progress

    def _finish_plain(self, acted: Sequence[Acted], owner: PutsAtOnce) -> None:
        self.in_progress += len(acted)
        self.young.clear()
        self._step(self._finished(acted, owner), acted[-1][0].name, owner.hurry, last=True)

    async def _finished(self, acted: Sequence[Acted], owner: PutsAtOnce) -> None:
        replies: list[tuple[ClientChannel, bytes]] = []
        try:
            await owner.finish()
        except Exception as failure:
            log.exception("what follows %d puts by %s failed", len(acted), self.client)
            replies = [
                (channel, self.refuse(request_of(data, offset), channel, failure))
                for channel, data, offset in acted
            ]
        finally:
            self._ended(len(acted))
        for channel, reply in replies:
            await self._answer(channel, reply)

    def _step(
        self,
        work: Coroutine[Any, Any, None],
        name: str,
        hurry: Callable[[bool], None],
        *,
        last: bool,
    ) -> None:
        """Take the first step of a put; the rest is for a task."""
        hurry(last)
        try:
            waits_for = work.send(None)
        except StopIteration:
            pass
        except Exception:
            log.exception("a put to %s by %s failed", name, self.client)
        else:
            self._create_task(_rest(work, waits_for))
        finally:
            hurry(False)

    def _begun(self, request: Request, channel: ClientChannel) -> Coroutine[Any, Any, None]:
        self.in_progress += 1
        self.young.clear()
        self.plain.look_again()
        return self._complete(request, channel)

    def _ended(self, number: int) -> None:
        self.in_progress -= number
        self.young.set()

    async def _complete(self, request: Request, channel: ClientChannel) -> None:
        try:
            reply = await self._carry_out(request, channel)
        finally:
            self._ended(1)
        await self._answer(channel, reply)

    async def _answer(self, channel: ClientChannel, reply: bytes) -> None:
        try:
            if reply and not channel.cleared:
                await self._tell(reply)
        except DisconnectedCircuit:
            log.debug("%s: the client has gone before its put completed", channel.name)

    async def _ask(self, request: Request, channel: ClientChannel) -> None:
        """Do what a put asks for."""
        names = (self.client.claimed_host, self.client.user)
        # A client without rights learns no more than that.
        data, kind = None, ChannelType.STRING
        if request.kind in _ACKNOWLEDGING or self.client.may_write(channel.entry):
            data, kind = put_data(request, channel.name), _put_as(request.kind)
        await channel.entry.auth_write(*names, data, kind, None, user_address=self.client.address)

    async def _carry_out(self, request: Request, channel: ClientChannel) -> bytes:
        try:
            await self._ask(request, channel)
        except Exception as failure:
            if not isinstance(failure, CLIENTS_FAULT):
                log.exception("a put to %s by %s failed", channel.name, self.client)
            return self.refuse(request, channel, failure)
        if request.command != CaCommand.WRITE_NOTIFY:
            return b""
        return message(CaCommand.WRITE_NOTIFY, request.kind, request.count, NORMAL, request.second)

    def refuse(self, request: Request, channel: ClientChannel, failure: Exception) -> bytes:
        """The reply to a refused put, which is also counted and logged."""
        status = CAStatus.ECA_PUTFAIL
        if isinstance(failure, RefusedRequestError):
            status = failure.status
        elif isinstance(failure, Forbidden):
            status = CAStatus.ECA_NOWTACCESS
        reason = str(failure) or str(failure.__cause__ or type(failure).__name__)
        self.note(channel.name, reason)
        return error(request, status, reason[:REASON_LENGTH], channel.cid)

    def refuse_large(self, oversized: Oversized, channel: ClientChannel | None) -> bytes:
        """The reply to a message that is too large to be taken.

        Args:
            oversized: The message.
            channel: The channel it was for, or None if there is no such channel.
        """
        self.note(channel.name if channel else "a message", oversized.reason)
        cid = channel.cid if channel else NO_CHANNEL
        return error(oversized.request, oversized.status, oversized.reason, cid)

    def note(self, name: str, reason: str) -> None:
        """Count and log a refusal."""
        self.counts.refused_puts += 1
        self.counts.last_refusal = f"{name}: {reason}"
        log.warning("%s: put by %s refused: %s", name, self.client, reason)


@types.coroutine
def _rest(work: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine that has been begun, for a task.

    Args:
        work: It has suspended once.
        waits_for: What it gave to the event loop then.
    """
    while True:
        try:
            come = yield waits_for
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            step: Callable[[Any], Any] = work.throw
            come = error
        else:
            step = work.send
        try:
            waits_for = step(come)
        except StopIteration:
            return


def _put_as(kind: int) -> ChannelType:
    return ChannelType(kind) if kind in _ACKNOWLEDGING else native_of(kind)


def put_data(request: Request, name: str) -> Any:
    """The elements that a put brings, in this machine's byte order.

    Args:
        request: The put.
        name: The channel, for messages.

    Returns:
        An array, or a list of texts as bytes.

    Raises:
        RefusedRequestError: Nothing of this DBR type is put, or there are fewer bytes than
            elements. (EPICS base then takes whatever stands in its buffer.)

    As in base, a put without completion may come with the metadata of a reading, which is not
    looked at, and one with completion may not.
    """
    kind, count, payload = request.kind, request.count, request.payload
    if kind > LAST_TYPE:
        raise RefusedRequestError(CAStatus.ECA_BADTYPE, f"there is no {kind_name(kind)}")
    if kind in _ACKNOWLEDGING:
        count = 1
    elif kind > _LAST_PLAIN:
        if request.command == CaCommand.WRITE_NOTIFY or kind > _LAST_WITH_METADATA:
            reason = f"{name}: {kind_name(kind)} is for reading; put the plain type"
            raise RefusedRequestError(CAStatus.ECA_PUTFAIL, reason)
        payload = payload[metadata_bytes(kind) :]
    needed = count * element_bytes(kind)
    if native_of(kind) == ChannelType.STRING and count == 1:
        needed = 1  # a single text comes without the zeros after it
    if len(payload) < needed:
        reason = (
            f"{name}: {count} of {kind_name(kind)} are {needed} bytes, {len(payload)} were sent"
        )
        raise RefusedRequestError(CAStatus.ECA_BADCOUNT, reason)
    if kind in _ACKNOWLEDGING:
        return np.array([int.from_bytes(payload[:2])])
    if count == 0:
        return np.zeros(0, np.uint8 if native_of(kind) == ChannelType.CHAR else float)
    return extract_data(payload, native_of(kind), count)


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

    @property
    def passed(self) -> bool:
        """Whether there is none that a reading has to wait for."""
        return self.is_set() or time.monotonic() - self._began > WRITE_LOCK_TIMEOUT

    def clear(self) -> None:
        """A put begins."""
        super().clear()
        self._began = time.monotonic()

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait for a young put, at most ``timeout`` seconds; true if there is none."""
        if self.passed:
            return True
        return bool(await super().wait(timeout))
