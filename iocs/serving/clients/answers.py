"""What one client asks for, answered: a mistake in one request is an error and ends nothing.

Only who is out of step is cut off, as by EPICS base: who names a channel that is not there, or
speaks a version that nobody speaks any more. Defects of caproto's circuit: it refuses what base
takes (a priority or a search number sent anew, a request's number used again, a subscription ended
with another type than it was begun with), and cuts off a client for a mistake in one name.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import caproto as ca
from caproto import CAStatus
from caproto.server.common import WRITE_LOCK_TIMEOUT

from iocs.serving.clients.at_once import AtOnce
from iocs.serving.clients.books import Books
from iocs.serving.clients.identity import Identity
from iocs.serving.clients.inbound import Oversized
from iocs.serving.clients.puts import ClientPuts
from iocs.serving.clients.readings import (
    ClientChannel,
    RefusedRequestError,
    check_kind,
    failed,
    read,
)
from iocs.serving.clients.subscriptions import Subscriptions
from iocs.serving.interfaces import Circuit, Context
from iocs.serving.messages import (
    ADDRESS_OF_SENDER,
    MINOR_VERSION,
    OLDEST_VERSION,
    REPLY_WANTED,
    CaCommand,
    Request,
    error,
    message,
)

HIGHEST_PRIORITY: Final = 99

log = logging.getLogger("iocs.serving")


class BrokenProtocolError(Exception):
    """The client is out of step and is cut off.

    Attributes:
        reply: What it is sent first, if anything.
    """

    def __init__(self, reason: str, reply: bytes = b"") -> None:
        super().__init__(reason)
        self.reply = reply


class Answers:
    """One client's channels, and what its requests get.

    Attributes:
        channels: Its channels by the server's number.
        identity: Who the client is.
        puts: Its puts in progress.
        at_once: Answers what needs no waiting.
        subscriptions: Its subscriptions.
    """

    def __init__(self, circuit: Circuit, context: Context) -> None:
        self._circuit = circuit
        self._context = context
        self._most_bytes = circuit.limits.max_message_bytes
        self._last_number = 0
        self.channels: dict[int, ClientChannel] = {}
        self.identity = Identity(circuit.address, context.port or 0)
        # Defects: puts in progress are not bounded; a refusal is logged as a traceback; a reading
        # waits for as long as a put is in progress.
        limits, counts = circuit.limits, circuit.counts
        create_task = context.server_tasks.create
        self.puts = ClientPuts(limits, counts, self.identity, create_task, circuit.tell)
        self.at_once = AtOnce(self, self._most_bytes)
        self._books = Books(circuit.limits, context.books)
        self.subscriptions = Subscriptions(circuit, context, self._books)
        self._handlers: dict[int, Callable[[Request], Awaitable[None]]] = {
            CaCommand.VERSION: self._version,
            CaCommand.SEARCH: self._search,
            CaCommand.ECHO: self._echo,
            CaCommand.READ_SYNC: self._echo,
            CaCommand.CLIENT_NAME: self._name,
            CaCommand.HOST_NAME: self._name,
            CaCommand.CREATE_CHANNEL: self._create,
            CaCommand.CLEAR_CHANNEL: self._clear,
            CaCommand.READ: self._read,
            CaCommand.READ_NOTIFY: self._read,
            CaCommand.WRITE: self._put,
            CaCommand.WRITE_NOTIFY: self._put,
            CaCommand.EVENT_ADD: self._subscribe,
            CaCommand.EVENT_CANCEL: self._cancel,
            CaCommand.EVENTS_OFF: self._pause,
            CaCommand.EVENTS_ON: self._pause,
        }

    async def __call__(self, request: Request) -> None:
        """Answer one request.

        Raises:
            BrokenProtocolError: The client is out of step.
        """
        await self._handlers[request.command](request)

    def refuse(self, oversized: Oversized) -> bytes:
        """The reply to a message that is too large to be taken."""
        channel = self.channels.get(oversized.request.first)
        return self.puts.refuse_large(oversized, channel)

    async def forget(self) -> None:
        """The client is gone."""
        for channel in self.channels.values():
            channel.cleared = True
            self._books.leave(channel.nbytes)
        self.subscriptions.end_all(lambda _: True)
        self.channels.clear()

    # -- the circuit itself ----------------------------------------------------------------------

    async def _version(self, request: Request) -> None:
        """Take the client's version; ours was sent when it connected.

        Defect: the priority, and the number of a search over TCP that stands in its place, must
        never change, so that no client whose searches come over TCP (``EPICS_CA_NAME_SERVERS``) is
        answered.
        """
        if request.count < OLDEST_VERSION or request.kind > HIGHEST_PRIORITY:
            raise BrokenProtocolError(f"version {request.count}, priority {request.kind}")

    async def _search(self, request: Request) -> None:
        """Answer a search over TCP."""
        if not request.text:
            return
        if self._context.serves(request.text):
            version = MINOR_VERSION.to_bytes(2) + b"\0" * 6
            port, here = self._context.port, ADDRESS_OF_SENDER
            self._circuit.send(message(CaCommand.SEARCH, port, 0, here, request.second, version))
        elif request.kind == REPLY_WANTED:
            version_of_client = request.count
            self._circuit.send(
                message(
                    CaCommand.NOT_FOUND, REPLY_WANTED, version_of_client, request.second,
                    request.second,
                )
            )  # fmt: skip

    async def _echo(self, request: Request) -> None:
        self._circuit.send(message(request.command))

    async def _name(self, request: Request) -> None:
        """Take the client's or its host's name, unless channels have been given rights by it."""
        if self.channels:
            reason = "a name that comes after the first channel is not taken"
            self._circuit.send(error(request, CAStatus.ECA_INTERNAL, reason))
            return
        try:
            of_user = request.command == CaCommand.CLIENT_NAME
            self.identity.take(request.text_bytes, of_user=of_user)
        except ValueError as wrong:
            reply = error(request, CAStatus.ECA_INTERNAL, str(wrong))
            raise BrokenProtocolError(str(wrong), reply) from wrong

    async def _pause(self, request: Request) -> None:
        pause = request.command == CaCommand.EVENTS_OFF
        self._circuit.monitors.pending.paused = pause
        if pause:
            self._circuit.hand_over()
            self._circuit.monitors.close()
        self._circuit.wake()

    # -- channels --------------------------------------------------------------------------------

    async def _create(self, request: Request) -> None:
        """Open a channel.

        Defect: a mistake in its name (a filter that is none) ends all channels of the client.
        """
        cid, name = request.first, request.text
        if request.second < OLDEST_VERSION:
            raise BrokenProtocolError(f"version {request.second}")
        if not name:
            return
        try:
            channel = self._channel(name, cid)
            self._books.enter(channel.nbytes)
        except RefusedRequestError as full:
            self._context.complaints.tell("channels", f"{self.identity} opens no more: {full}")
            self._circuit.send(message(CaCommand.CREATE_FAILED, first=cid))
            return
        except Exception as mistake:  # names come from the network
            log.debug("%r is not served: %s", name, mistake)
            self._circuit.send(message(CaCommand.CREATE_FAILED, first=cid))
            return
        await self.identity.established()
        self.channels[channel.sid] = channel
        rights = self.identity.rights(channel.entry)
        self._circuit.send(
            message(CaCommand.ACCESS_RIGHTS, first=cid, second=int(rights)),
            message(CaCommand.CREATE_CHANNEL, channel.kind, channel.most, cid, channel.sid),
        )

    def _channel(self, name: str, cid: int) -> ClientChannel:
        found = self._context.find(name)
        self._last_number += 1
        return ClientChannel(
            name, cid, self._last_number, found.entry, found.filters, found.long_text
        )

    def _found(self, request: Request) -> ClientChannel:
        """The channel a request is for."""
        channel = self.channels.get(request.first)
        if channel is None:
            reason = f"there is no channel {request.first}"
            reply = error(request, CAStatus.ECA_INTERNAL, reason)
            raise BrokenProtocolError(f"{CaCommand(request.command).name}: {reason}", reply)
        return channel

    async def _clear(self, request: Request) -> None:
        """Forget a channel and its subscriptions.

        Defect: they are looked up by comparing a channel with a number, never found, and posted to
        until the task that sends dies of the missing channel.
        """
        channel = self._found(request)
        channel.cleared = True
        del self.channels[channel.sid]
        self._books.leave(channel.nbytes)
        self.subscriptions.end_all(lambda subscription: subscription.channel is channel)
        self._circuit.send(
            message(CaCommand.CLEAR_CHANNEL, first=request.first, second=request.second)
        )

    async def _read(self, request: Request) -> None:
        """Answer a reading.

        Defect: one that fails is answered ECA_INTERNAL, on which EPICS base's ``caget`` aborts.
        """
        channel = self._found(request)
        try:
            check_kind(channel, request.kind, request.count, self._most_bytes)
            await self.puts.young.wait(WRITE_LOCK_TIMEOUT)
            reply = await read(request, channel, self.identity)
        except Exception as failure:
            self._failed(request, channel, failure)
        else:
            self._circuit.send(reply)

    def _failed(self, request: Request, channel: ClientChannel, failure: Exception) -> None:
        kind = CaCommand(request.command).name
        if isinstance(failure, (ca.CaprotoError, RefusedRequestError)):
            log.warning("%s: %s by %s refused: %s", channel.name, kind, self.identity, failure)
        else:
            log.error("%s: answering %s failed: %s", channel.name, kind, failure)
            log.debug("answering failed", exc_info=failure)
        self._circuit.send(failed(request, channel, failure))

    async def _put(self, request: Request) -> None:
        await self.puts.begin(request, self._found(request))

    async def _subscribe(self, request: Request) -> None:
        channel = self._found(request)
        try:
            check_kind(channel, request.kind, request.count, self._most_bytes)
            self.identity.require_readable(channel.entry, channel.name)
            await self.puts.young.wait(WRITE_LOCK_TIMEOUT)
            self.subscriptions.begin(request, channel)
        except Exception as failure:
            self._failed(request, channel, failure)

    async def _cancel(self, request: Request) -> None:
        channel = self._found(request)
        self._circuit.send(self.subscriptions.cancel(request, channel))
