"""Mended in caproto 1.3.0's server by overriding its internals; with ``circuit``, all of it.

Each override states its defect. ``tests/live/serving/test_overrides.py`` has a test for each
that fails without it; ``docs/reference/serving.md`` writes them up. ``install`` warns if caproto is
another release.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import time
import warnings
from operator import itemgetter
from typing import Any, Final

import caproto as ca
from caproto import ChannelData, ChannelEnum
from caproto.asyncio.server import Context
from caproto.asyncio.utils import _create_udp_socket, _TransportWrapper

from iocs.serving.clients.circuit import ServingCircuit
from iocs.serving.clients.fanout import Fanout
from iocs.serving.filtering.filter_text import FilterError, parse_name
from iocs.serving.filtering.filters import make_filters
from iocs.serving.interfaces import Found
from iocs.serving.limits import Limits, Statistics
from iocs.serving.listening.accepting import Acceptor, Incoming
from iocs.serving.listening.beacons import send_beacons
from iocs.serving.listening.search import CaSearches
from iocs.serving.sending.budget import Budget, give_back
from iocs.serving.sending.fairness import Breath
from iocs.serving.sending.rounds import Rounds
from iocs.serving.sending.updates import cut_text
from iocs.words.complaints import Complaints

CAPROTO_VERSION: Final = "1.3.0"
#: How often clients are looked through for one to cut off, while too much waits.
RELIEF_PERIOD_S: Final = 0.05

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
_stock_verify_enum = ChannelEnum.verify_value
_stock_read_alarm = ca.ChannelAlarm.read


async def _publish(self: ChannelData, flags: int) -> None:
    """Hand a value over to those who want it; give way if this task has kept the loop for long.

    Defects: it is converted to each client's type on the poster's call stack, so that one
    client's mistake is the end of the task that drives the machine. Posting never gives way, so a
    task that posts as fast as it can starves every client.
    """
    self._content.clear()
    for fanout in tuple(self._queues):
        fanout.hand_over(self, flags)
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


class ServingContext(Context):
    """caproto's server with bounds: see the defects at each method."""

    def __init__(self, pvdb: dict[str, Any], interfaces: list[str], limits: Limits) -> None:
        super().__init__(pvdb, interfaces)
        self.limits = limits
        self.counts = Statistics()
        self.rounds = Rounds()
        self.fanout = Fanout(self.rounds.hasten)
        self.waiting = Budget(limits.max_waiting_bytes)
        self.unfinished = Budget(limits.max_unfinished_bytes)
        self.books = Budget(limits.max_books_bytes)
        self._next_relief_s = 0.0
        self.complaints = Complaints(log, logging.WARNING)
        self.listening = asyncio.Event()
        self._not_listening = len(interfaces)

    def count(self) -> Statistics:
        """The counts, with clients and channels as they are now; done once a second, too."""
        return self.counts.now([len(one.answers.channels) for one in self.circuits])

    async def server_accept_loop(self, sock: socket.socket) -> None:
        """Accept circuits.

        Defect: caproto's listener has protocol 0, so asyncio does not set TCP_NODELAY, and small
        messages sent back to back wait 40 ms for the client's delayed acknowledgement. Nothing
        bounds the number of clients, who may take the last file descriptor.
        """
        acceptor = Acceptor(sock, self._accept, self._refused)
        self._not_listening -= 1
        if self._not_listening == 0:
            self.listening.set()
        await acceptor.run()

    def _refused(self) -> None:
        self.counts.refused_clients += 1

    def _accept(self, reader: Incoming, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if peer is None or len(self.circuits) >= self.limits.max_clients:
            self._refused()
            self.complaints.tell("clients", f"clients are refused: {len(self.circuits)} are served")
            writer.transport.abort()
            return
        circuit = ServingCircuit(peer, _TransportWrapper(reader, writer), self)
        reader.hear = circuit.hear
        self.circuits.add(circuit)
        self.server_tasks.create(self._serve(circuit))

    async def _serve(self, circuit: ServingCircuit) -> None:
        try:
            await circuit.serve()
        except Exception:
            log.exception("serving %s:%d failed", *circuit.address)
        finally:
            self.circuits.discard(circuit)

    async def subscription_queue_loop(self) -> None:
        """Cut off clients that hold on to memory; the queue that this loop emptied is gone."""
        while True:
            await asyncio.sleep(self.limits.watch_period_s)
            self.count()
            for circuit in list(self.circuits):
                circuit.watch()
            self.relieve()
            # All are asked: each is to forget what it has held at most.
            fallen = [one.has_fallen() for one in (self.waiting, self.unfinished, self.books)]
            if any(fallen):
                give_back()

    def relieve(self) -> None:
        """Cut off who has accepted nothing for longest, while too much waits for all together."""
        now_s = time.monotonic()
        if not self.waiting.over or now_s < self._next_relief_s:
            return
        self._next_relief_s = now_s + RELIEF_PERIOD_S
        blocked = [(one.outbound.blocked_since or now_s, one) for one in self.circuits]
        for since_s, circuit in sorted(blocked, key=itemgetter(0)):
            if not self.waiting.over or now_s - since_s < self.limits.crowded_client_s:
                return
            most = self.limits.max_waiting_bytes / 1e6
            circuit.cut(
                f"accepted nothing for {now_s - since_s:.1f} s, "
                f"and more than {most:g} MB wait for all clients"
            )

    def refuse_unfinished(self) -> None:
        """Refuse half received messages, the one that has not grown for longest first."""
        if not self.unfinished.over:
            return
        held = [(one.inbound.partial.grew_s, one) for one in self.circuits if one.inbound.partial]
        for _, circuit in sorted(held, key=itemgetter(0)):
            circuit.refuse_unfinished()
            if not self.unfinished.over:
                return

    async def _create_broadcaster_transport(self, interface: str) -> None:
        """Answer searches where they arrive.

        Defects: replies lack the sequence number that libca puts into its searches, so libca
        searches slowly (10 000 PVs: 7.6 s); a datagram passes a thread-safe call, two queues and
        two tasks; with several interfaces a reply is sent from each of them.
        """
        udp = _create_udp_socket()
        udp.bind((interface, self.ca_server_port))
        searches = functools.partial(CaSearches, self.serves, self.port, self.ignore_addresses)
        loop = asyncio.get_running_loop()
        self.udp_socks[interface], _ = await loop.create_datagram_endpoint(searches, sock=udp)

    def serves(self, name: str) -> bool:
        """True if this PV, with field and filters, is served here."""
        try:
            self.find(name)
        except Exception:  # names come from the network: any nonsense is simply not ours
            return False
        return True

    def find(self, name: str) -> Found:
        """What is served under a name with field, ``$`` and filters.

        Raises:
            KeyError: There is no such record or field.
            FilterError: It cannot be filtered like that, or is no text and ends in ``$``.
        """
        if name in self.pvdb:
            return Found(self.pvdb[name])
        parts = parse_name(name)
        entry = self[f"{parts.record}.{parts.field}" if parts.field else parts.record]
        if parts.long_text and entry.data_type != ca.ChannelType.STRING:
            raise FilterError("it ends in $ and is no text")
        return Found(entry, make_filters(parts.filters), parts.long_text)

    async def broadcast_beacon_loop(self) -> None:
        """Send beacons.

        Defect: a beacon to a host where no repeater listens comes back as ECONNREFUSED and is
        logged as two tracebacks, each time.
        """
        longest_s = float(self.environ["EPICS_CAS_BEACON_PERIOD"])
        await send_beacons(self.beacon_socks.values(), self.broadcaster, self.port, longest_s)
