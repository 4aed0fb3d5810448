"""One client of the server: its connection, and its monitors on their way to it.

Takes the place of caproto's circuit. Defects of that: three tasks and two queues per client, and
what one of them raises is lost, so that a malformed message leaves the circuit open and deaf; a
client that leaves while it is being sent to stays in the books forever. Here one task answers and
one sends, and neither outlives the circuit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import caproto as ca
from caproto import CAStatus
from caproto.asyncio.utils import _TaskHandler
from caproto.server.common import DisconnectedCircuit

from iocs.serving.clients.answers import Answers, BrokenProtocolError
from iocs.serving.clients.inbound import Inbound, Oversized
from iocs.serving.clients.monitors import Monitors
from iocs.serving.clients.subscription import Subscription
from iocs.serving.interfaces import Context
from iocs.serving.messages import MINOR_VERSION, CaCommand, Request, error, message
from iocs.serving.sending.outbound import BATCH_BYTES, Outbound
from iocs.serving.sending.posted import Posted
from iocs.serving.sending.updates import Update
from iocs.words.complaints import words

#: Batches of updates that may follow each other at once before they are spaced.
FLUSH_BURST: Final = 20

log = logging.getLogger("iocs.serving")


class ServingCircuit:
    """One client.

    Attributes:
        address: Host and port of the client.
        client: Caproto's pair of streams.
        answers: What it asks for and is answered: channels, puts, subscriptions.
    """

    def __init__(self, address: tuple[str, int], client: Any, context: Context) -> None:
        self.address = address
        self.client = client
        self.connected = True
        self.tasks = _TaskHandler()  # caproto cancels what is in it when it ends
        self.limits = context.limits
        self.counts = context.counts
        self._fanout = context.fanout
        self.inbound = Inbound(self.limits.max_message_bytes, context.unfinished)
        self.outbound = Outbound(client.writer, context.waiting)
        self.answers = Answers(self, context)
        give_up = self.answers.subscriptions.give_up
        begin = partial(context.rounds.join, self._take_part)
        self.monitors = Monitors(self.limits, self.counts, context.waiting, give_up, begin)
        self._context = context
        self._posted = asyncio.Event()
        self._listens = False

    async def serve(self) -> None:
        """Answer this client until it leaves or is cut off."""
        sender = asyncio.create_task(self.subscription_queue_loop())
        sender.add_done_callback(self._sender_ended)
        self.send(message(CaCommand.VERSION, count=MINOR_VERSION))
        try:
            while self.connected:
                await self._answer(await self._receive())
        except DisconnectedCircuit:
            pass
        except BrokenProtocolError as broken:
            await self._take_leave(broken)
        finally:
            sender.cancel()
            await self._on_disconnect()

    def _sender_ended(self, sender: asyncio.Task[None]) -> None:
        """Nobody is to stay connected and hear nothing more."""
        if self.connected and not sender.cancelled() and (why := sender.exception()) is not None:
            log.error("sending to a client failed", exc_info=why)
            self.cut(f"sending failed: {words(why)}")

    async def _receive(self) -> Iterable[Request | Oversized]:
        """Requests that have come in.

        Defect: nothing bounds a message. A header that announces 100 MB makes the server collect
        them, in reads of 4 kB. Here a message beyond ``Limits.max_message_bytes`` is refused with
        ECA_TOLARGE and thrown away as it comes, as EPICS base does.
        """
        self._listens = self.inbound.between_messages
        try:
            data = await self.client.recv(self.inbound.read_bytes)
        except ca.CaprotoError as gone:
            raise DisconnectedCircuit from gone
        finally:
            self._listens = False
        if not data:
            raise DisconnectedCircuit
        requests = self.inbound.take(data)
        self._context.refuse_unfinished()
        return requests

    def hear(self, data: bytes) -> int:
        """Deal with what has just come as far as it can be done at once; how many bytes it was.

        Nothing is while an earlier request is being answered, or the client does not keep up.
        """
        if not self._listens or not self.outbound.is_clear:
            return 0
        self.outbound.gather()
        try:
            taken = self.answers.at_once(data, self.send)
            self._listens = taken == len(data)  # else the rest is for the task that serves
            self.hand_over()
        finally:
            self.outbound.let_go()
        return taken

    async def _answer(self, requests: Iterable[Request | Oversized]) -> None:
        for request in requests:
            if isinstance(request, Oversized):
                self.send(self.answers.refuse(request))
            else:
                await self.answers(request)
            if self.outbound.nbytes > BATCH_BYTES:
                await self.outbound.drain()
        if (wrong := self.inbound.unreadable) is not None:
            reply = error(wrong.request, CAStatus.ECA_INTERNAL, wrong.reason)
            raise BrokenProtocolError(wrong.reason, reply)
        self.hand_over()
        await self.outbound.drain()

    async def _take_leave(self, broken: BrokenProtocolError) -> None:
        """Say what was wrong, then cut."""
        self.send(broken.reply)
        self.outbound.write()
        self.cut(f"broke the protocol: {broken}", abort=False)

    def send(self, *messages: bytes) -> None:
        """Send soon; what one packet asked for is answered in one.

        Defect: every reply is a system call of its own, 0.9 ms on a busy host.
        """
        if self.connected and any(messages):
            self.outbound.put(*messages)
            self._context.relieve()

    def cut(self, reason: str, *, abort: bool = True) -> None:
        """Close this circuit now and say why; without ``abort`` what was sent goes out first."""
        host, port = self.address
        log.warning("client %s:%d (%s) cut off: %s", host, port, self.answers.identity.user, reason)
        self.counts.cut_clients += 1
        self.monitors.clear()
        if abort:
            self.outbound.abort()
        else:
            self.client.close()

    def watch(self) -> None:
        """Cut this circuit off if its client has held on to memory for too long."""
        idle, partial = self.outbound.idle_since, self.inbound.partial
        if (reason := self.limits.broken_by(time.monotonic(), idle, partial)) is not None:
            self.cut(reason)

    def refuse_unfinished(self) -> bool:
        """Refuse the message that stands half received, to make room for others; False if none."""
        oversized = self.inbound.give_up()
        if oversized is not None:
            self.send(self.answers.refuse(oversized))
        return oversized is not None

    async def _on_disconnect(self) -> None:
        """Forget everything about a client.

        Defect: the states of its filters, its empty sets of subscriptions and a half received
        message are kept.
        """
        if not self.connected:
            return
        self.connected = False
        await self.answers.forget()
        self.monitors.clear()
        self.inbound.drop()
        self.outbound.forget()
        if not self.client.writer.is_closing():
            self.outbound.abort()

    async def tell(self, *replies: bytes) -> None:
        """Send a reply after the updates that were posted before it."""
        self._fanout.deliver()
        # Who hears that a put is complete has seen what it changed.
        if self.monitors.pending.nbytes:
            await self._flush()
        self.hand_over()
        self.send(*replies)

    def wake(self) -> None:
        """See whether monitors wait to be sent."""
        self._posted.set()

    @property
    def place(self) -> tuple[str, str]:
        """The client's host and user, by which it has rights."""
        return self.answers.identity.place

    def post(self, subscription: Subscription, posted: Posted, flags: int) -> None:
        """Queue an update for one subscription of this client; never blocks.

        What fails ends that subscription.
        """
        if not self._may_be_sent(subscription):
            return
        self._make_room()
        try:
            self.monitors.post(subscription, posted, flags)
        except Exception as failure:
            self.give_up(subscription, failure)
        self._wake_sender()

    def _may_be_sent(self, subscription: Subscription) -> bool:
        """Whether the client is there, and may still read the channel."""
        return self._there and self.answers.identity.may_read(subscription.channel.entry)

    @property
    def _there(self) -> bool:
        return self.connected and not self.client.writer.is_closing()

    def give_up(self, subscription: Subscription, failure: Exception) -> None:
        """End a subscription whose value cannot be sent."""
        self.answers.subscriptions.give_up(subscription, failure)

    def queue(self, subscription: Subscription, update: Update) -> None:
        """Queue the first update of a subscription."""
        self._make_room()
        self.monitors.queue(subscription, update)
        self._wake_sender()

    # -- monitors on their way -------------------------------------------------------------------

    def _take_part(self) -> None:
        """Send what is ready, in the round of all clients."""
        if not self._there:
            self.monitors.clear()
            return
        outbound = self.outbound
        had_taken_all = outbound.is_clear
        messages = self.monitors.take_ready()
        outbound.pass_on(messages)
        # What is left of a round may follow until the next one.
        kept_up = not outbound.nbytes or (
            had_taken_all and outbound.nbytes < sum(map(len, messages))
        )
        if kept_up:
            self.monitors.open()
        else:  # the sender waits for it
            self.monitors.close()
            self._posted.set()
        if outbound.nbytes:
            self._context.relieve()

    def hand_over(self) -> None:
        """Put what is ready on its way, before what is sent next."""
        if self.monitors.ready:
            self.send(*self.monitors.take_ready())

    def _make_room(self) -> None:
        """Send what is ready if it is as much as may be."""
        if self.monitors.room <= 0 and self.monitors.ready:
            self._take_part()

    def _wake_sender(self) -> None:
        """Have what waits sent; what is ready has its round."""
        if self.monitors.pending.nbytes:
            self._posted.set()
            self._context.relieve()

    async def subscription_queue_loop(self) -> None:
        """Send what waits: at once, or in batches if updates come faster than they can be sent.

        Defect: the original waits up to a second to fill a batch as soon as two updates are less
        than 10 ms apart, and keeps 1000 sent updates per subscription.
        """
        interval_s, due = self.limits.flush_interval_s, 0.0
        while self.connected:
            await self._posted.wait()
            now = time.monotonic()
            due = max(due + interval_s, now - FLUSH_BURST * interval_s)
            if due > now:
                await asyncio.sleep(due - now)
            self._posted.clear()
            try:
                await self._flush()
            except DisconnectedCircuit:
                self.outbound.abort()

    async def _flush(self) -> None:
        """Send all that there is; return when the client has accepted enough of it."""
        while self.connected and (messages := self.monitors.take()):
            self.outbound.put(*messages)
            await self.outbound.drain()
        if self.outbound.nbytes:
            await self.outbound.drain()
        self.monitors.open()
