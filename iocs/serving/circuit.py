"""One client of the server: its requests answered, its monitors sent.

Takes the place of caproto's circuit; each method states the defect that it mends.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import caproto as ca
from caproto.asyncio.server import VirtualCircuit
from caproto.server.common import DisconnectedCircuit

from iocs.serving.inbound import Inbound
from iocs.serving.monitors import Monitors, spec_of
from iocs.serving.outbound import BATCH_BYTES, Outbound
from iocs.serving.puts import Puts, failed
from iocs.serving.updates import Update

if TYPE_CHECKING:
    from iocs.serving.caproto_overrides import ServingContext

#: Batches of updates that may follow each other at once before they are spaced.
FLUSH_BURST: Final = 20

log = logging.getLogger("iocs.serving")


class ServingCircuit(VirtualCircuit):
    """One client.

    Defects: three tasks and two queues per client, and what one of them raises is lost: a malformed
    message leaves the circuit open and deaf. A client that leaves while it is being sent to stays
    in the books for good. Here one task answers and one sends, and neither outlives the circuit.
    """

    connected: bool
    context: ServingContext

    def __init__(self, circuit: Any, client: Any, context: ServingContext) -> None:
        super().__init__(circuit, client, context)
        self.limits = context.limits
        self.counts = context.counts
        self.monitors = Monitors(
            self.limits, self.counts, context.last_dead_band, context.last_sync_edge_update
        )
        self.inbound = Inbound(circuit, self.limits.max_message_bytes)
        # Defects: puts in progress are not bounded; a refusal is logged as a traceback; a reading
        # waits for as long as a put is in progress.
        self.puts = Puts(
            self.limits, self.counts, circuit.address, context.server_tasks.create, self._tell
        )
        self.write_event = self.puts.young
        self.outbound = Outbound(client.writer)
        self._posted = asyncio.Event()

    async def serve(self) -> None:
        """Answer this client until it leaves or is cut off."""
        self.events_on.set()
        sender = asyncio.create_task(self.subscription_queue_loop())
        try:
            while self.connected:
                for command in await self._receive():
                    await self._answer(command)
                    if self.outbound.nbytes > BATCH_BYTES:
                        await self.outbound.drain()
                await self.outbound.drain()
        except DisconnectedCircuit:
            pass
        except ca.CaprotoError as error:
            self.cut(f"broke the protocol: {str(error).splitlines()[0]}")
        finally:
            sender.cancel()
            await self._on_disconnect()

    def cut(self, reason: str) -> None:
        """Close this circuit now and say why."""
        host, port = self.circuit.address
        log.warning("client %s:%d (%s) cut off: %s", host, port, self.client_username, reason)
        self.counts.cut_clients += 1
        self.outbound.abort()

    def watch(self) -> None:
        """Cut this circuit off if its client has held on to memory for too long."""
        blocked, partial = self.outbound.blocked_since, self.inbound.partial_since
        if (reason := self.limits.broken_by(time.monotonic(), blocked, partial)) is not None:
            self.cut(reason)

    async def _on_disconnect(self) -> None:
        """Forget everything about a client.

        Defect: the states of its filters, its empty sets of subscriptions and a half received
        message are kept.
        """
        if not self.connected:
            return
        self.connected = False
        await self._cull_subscriptions(None, lambda _subscription: True)
        self.monitors.pending.clear()
        self.circuit.disconnect()
        self.inbound.drop()
        self.outbound.abort()

    async def _cull_subscriptions(self, db_entry: Any, func: Any) -> Any:
        removed = await super()._cull_subscriptions(db_entry, func)
        for spec, subscription in removed:
            await self._forget(spec, subscription)
        return removed

    async def _forget(self, spec: Any, subscription: Any) -> None:
        self.monitors.discard(subscription.subscriptionid)
        self.context.last_dead_band.pop(subscription, None)
        self.context.last_sync_edge_update.pop(subscription, None)
        if not self.context.subscriptions.get(spec, True):
            await spec.db_entry.unsubscribe(self.context.subscription_queue, spec)
        for book in (self.subscriptions, self.context.subscriptions):
            if not book.get(spec, True):
                del book[spec]

    async def send(self, *commands: Any) -> None:
        """Send messages soon; what one packet asked for is answered in one.

        Defect: every reply is a system call of its own, 0.9 ms on a busy host.
        """
        if self.connected:
            self.outbound.put(*self.circuit.send(*commands))

    async def _receive(self) -> list[Any]:
        """Commands that have come in.

        Defect: nothing bounds a message. A header that announces 100 MB makes the server collect
        them, in reads of 4 kB. Here a message beyond ``Limits.max_message_bytes`` is refused with
        ECA_TOLARGE and thrown away as it comes, as EPICS base does.
        """
        data = await self.client.recv(self.inbound.read_bytes)
        if not data:
            raise DisconnectedCircuit
        commands, oversized = self.inbound.take(data)
        if oversized is not None:
            channel = self.circuit.channels_sid.get(oversized.channel_number)
            who = str(self.client_username)
            await self.send(*self.puts.refuse_large(oversized.header, oversized.size, channel, who))
        return commands

    async def _answer(self, command: Any) -> None:
        """Answer one command.

        Defect: an exception while an error is being reported (an unknown channel number is enough)
        ends the task that answers. A reading that fails is answered ECA_INTERNAL, on which EPICS
        base's ``caget`` aborts.
        """
        try:
            self.circuit.process_command(command)
        except ca.RemoteProtocolError:
            raise
        except Exception as error:
            raise ca.RemoteProtocolError(f"{type(error).__name__}: {error}") from error
        try:
            replies = await self._process_command(command)
        except DisconnectedCircuit:
            raise
        except Exception as error:
            if not isinstance(error, ca.CaprotoError):
                log.exception("answering %r failed", command)
            replies = [failed(command, self.circuit.channels_sid, error)]
        if replies:
            await self.send(*replies)

    async def _process_command(self, command: Any) -> list[Any]:
        if isinstance(command, (ca.WriteRequest, ca.WriteNotifyRequest)):
            channel, entry = self._get_db_entry_from_command(command)
            who = (self.client_hostname, self.client_username)
            return await self.puts.begin(command, channel, entry, who)
        if isinstance(command, (ca.EventsOffRequest, ca.EventsOnRequest)):
            self.monitors.pending.paused = isinstance(command, ca.EventsOffRequest)
            self._posted.set()
            return []
        if isinstance(command, ca.EventCancelRequest):
            return await self._cancel(command)
        if isinstance(command, ca.ClearChannelRequest):
            return await self._clear_channel(command)
        return await super()._process_command(command) or []

    async def _cancel(self, command: Any) -> list[Any]:
        """End a subscription.

        Defect: it is looked for among all of the client's, each time.
        """
        subscription = self.monitors.subscription(command.subscriptionid)
        if subscription is None:
            return await super()._process_command(command)
        spec, channel = spec_of(subscription), subscription.channel
        for book in (self.subscriptions, self.context.subscriptions):
            book[spec].remove(subscription)
        await self._forget(spec, subscription)
        kind, count = command.data_type, subscription.data_count
        return [channel.unsubscribe(command.subscriptionid, data_type=kind, data_count=count)]

    async def _clear_channel(self, command: Any) -> list[Any]:
        """Forget a channel and its subscriptions.

        Defect: they are looked up by comparing a channel with a number, never found, and posted to
        until the task that sends dies of the missing channel.
        """
        channel = self.circuit.channels_sid[command.sid]
        await self._cull_subscriptions(None, lambda subscription: subscription.channel is channel)
        known = self.circuit.event_add_commands
        for number in [n for n, added in known.items() if added.sid == command.sid]:
            del known[number]
        return [channel.clear()]

    async def _tell(self, *replies: Any) -> None:
        await self._flush()  # who hears that a put is complete has seen what it changed
        await self.send(*replies)

    def post(self, subscription: Any, update: Update, flags: int) -> None:
        """Queue an update for one subscription of this client; never blocks."""
        if self.connected:
            self.monitors.post(subscription, update, flags)
            self._posted.set()

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
        while self.connected and (messages := self.monitors.take()):
            self.outbound.put(*messages)
            await self.outbound.drain()
