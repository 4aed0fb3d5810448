"""What is mended in caproto 1.3.0's server by overriding its internals; no other file does.

Each override states its defect. ``tests/live/test_overrides.py`` has a test for each that fails
without it; ``docs/serving.md`` writes them up. :func:`install` warns if caproto is another release.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import time
import warnings
from typing import Any, Final

import caproto as ca
from caproto import ChannelData, ChannelEnum
from caproto.asyncio.server import Context, VirtualCircuit
from caproto.asyncio.utils import _create_udp_socket, _TransportWrapper
from caproto.server.common import DisconnectedCircuit

from iocs.serving.beacons import send_beacons
from iocs.serving.fairness import Breath
from iocs.serving.inbound import Inbound
from iocs.serving.limits import Limits, Statistics
from iocs.serving.monitors import Fanout, Monitors, spec_of
from iocs.serving.outbound import BATCH_BYTES, Outbound
from iocs.serving.puts import Puts, failed
from iocs.serving.search import Searches
from iocs.serving.updates import Update, cut_text

CAPROTO_VERSION: Final = "1.3.0"
#: Batches of updates that may follow each other at once before they are spaced.
FLUSH_BURST: Final = 20

log = logging.getLogger("iocs.serving")


class CaprotoVersionWarning(UserWarning):
    """Another caproto than these overrides were written for."""


def install(limits: Limits) -> None:
    """Replace three methods of channels and a type; warn loudly if caproto is another release."""
    if ca.__version__ != CAPROTO_VERSION:
        text = (
            f"written for caproto {CAPROTO_VERSION}, {ca.__version__} is installed: run tests/live"
        )
        warnings.warn(text, CaprotoVersionWarning, stacklevel=2)
    _breathe.after_s = limits.fairness_s
    ChannelData.publish = _publish
    ChannelEnum.verify_value = _verify_enum
    ca.ChannelAlarm.read = _read_alarm
    # Defect: DBR_CTRL_STRING carries a time stamp that it has not; clients show it as the text.
    ca.DBR_TYPES[ca.ChannelType.CTRL_STRING] = ca.DBR_TYPES[ca.ChannelType.STS_STRING]


_breathe = Breath()
_stock_publish = ChannelData.publish
_stock_verify_enum = ChannelEnum.verify_value
_stock_read_alarm = ca.ChannelAlarm.read


async def _publish(self: ChannelData, flags: int) -> None:
    """Post a value, then give way if this task has kept the loop for long.

    Defect: posting never gives way, so a task that posts as fast as it can starves every client.
    """
    await _stock_publish(self, flags)
    await _breathe()


async def _read_alarm(self: ca.ChannelAlarm, dbr: Any = None) -> Any:
    """Cut the alarm's text to what a DBR string holds.

    Defect: one byte more, and every read and monitor of the channel fails, of whatever type.
    """
    whole = self._data["alarm_string"]
    self._data["alarm_string"] = cut_text(whole, self.string_encoding or "latin-1")
    try:
        return await _stock_read_alarm(self, dbr)
    finally:
        self._data["alarm_string"] = whole


async def _verify_enum(self: ChannelEnum, data: Any) -> Any:
    """Take the states only.

    Defect: any index is stored. One beyond the states makes every later read fail with
    ECA_INTERNAL, on which EPICS base's ``caget`` aborts, until somebody writes a good one.
    """
    states = self.enum_strings
    if data in states or (not isinstance(data, (str, bytes)) and 0 <= data < len(states)):
        return await _stock_verify_enum(self, data)
    raise ca.CaprotoValueError(f"{data!r} is no state; the states are {', '.join(states)}")


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


class ServingContext(Context):
    """caproto's server with bounds: see the defects at each method."""

    def __init__(self, pvdb: dict[str, Any], interfaces: list[str], limits: Limits) -> None:
        super().__init__(pvdb, interfaces)
        self.limits = limits
        self.counts = Statistics()
        self.subscription_queue = Fanout(self.subscriptions)
        self.listening = asyncio.Event()
        self._not_listening = len(interfaces)

    def count(self) -> Statistics:
        """The counts, with clients and channels as they are now; done once a second, too."""
        return self.counts.now([len(one.circuit.channels_sid) for one in self.circuits])

    async def server_accept_loop(self, sock: socket.socket) -> None:
        """Accept circuits.

        Defect: caproto's listener has protocol 0, so asyncio does not set TCP_NODELAY, and small
        messages sent back to back wait 40 ms for the client's delayed acknowledgement. Nothing
        bounds the number of clients.
        """
        await asyncio.start_server(self._accept, sock=sock)
        self._not_listening -= 1
        if self._not_listening == 0:
            self.listening.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None or len(self.circuits) >= self.limits.max_clients:
            self.counts.refused_clients += 1
            log.warning("client %s refused: %d clients are connected", peer, len(self.circuits))
            writer.transport.abort()
            return
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        state = ca.VirtualCircuit(ca.SERVER, peer, None)
        circuit = ServingCircuit(state, _TransportWrapper(reader, writer), self)
        self.circuits.add(circuit)
        self.server_tasks.create(self._serve(circuit))

    async def _serve(self, circuit: ServingCircuit) -> None:
        try:
            await circuit.serve()
        except Exception:
            log.exception("serving %s:%d failed", *circuit.circuit.address)
        finally:
            self.circuits.discard(circuit)

    async def subscription_queue_loop(self) -> None:
        """Cut off clients that hold on to memory; the queue that this loop emptied is gone."""
        while True:
            await asyncio.sleep(self.limits.watch_period_s)
            self.count()
            for circuit in list(self.circuits):
                circuit.watch()

    async def _create_broadcaster_transport(self, interface: str) -> None:
        """Answer searches where they arrive.

        Defects: replies lack the sequence number that libca puts into its searches, so libca
        searches slowly (10 000 PVs: 7.6 s); a datagram passes a thread-safe call, two queues and
        two tasks; with several interfaces a reply is sent from each of them.
        """
        udp = _create_udp_socket()
        udp.bind((interface, self.ca_server_port))
        searches = functools.partial(Searches, self.serves, self.port, self.ignore_addresses)
        loop = asyncio.get_running_loop()
        self.udp_socks[interface], _ = await loop.create_datagram_endpoint(searches, sock=udp)

    def serves(self, name: str) -> bool:
        """True if this PV, with field and modifiers, is served here."""
        try:
            return self[name] is not None
        except Exception:  # names come from the network: any nonsense is simply not ours
            return False

    async def broadcast_beacon_loop(self) -> None:
        """Send beacons.

        Defect: a beacon to a host where no repeater listens comes back as ECONNREFUSED and is
        logged as two tracebacks, each time.
        """
        longest_s = float(self.environ["EPICS_CAS_BEACON_PERIOD"])
        await send_beacons(self.beacon_socks.values(), self.broadcaster, self.port, longest_s)
