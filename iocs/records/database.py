"""All channels of an IOC, and what a put of a client leads to.

What a put does to the machine and when it is done is ``pvdb.live.puts``; here it is logged, its
consequences are posted, and its client gets the completion. ``Database.refusal`` holds the last
refusal; the setpoint is in WRITE alarm until the next put that is accepted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from caproto import AccessRights, ChannelType

from instruments.errors import Refused
from iocs.records.channels import LiveChannel, make_channel
from iocs.records.posting import Posting
from iocs.records.telling import Put, PutJournal, Telling, nobody
from iocs.records.values import from_wire
from iocs.words.complaints import Complaints
from iocs.words.escaping import escaped
from pvdb.live.puts import Puts
from pvdb.records.description import MAX_NAME_LENGTH, Record, Value

log = logging.getLogger("cryohalo.iocs.records")


class Access(Protocol):
    """Access rules: which rights a client has on a security group."""

    def rights(self, group: str, user: str, host: str, level: int) -> AccessRights:
        """Rights of ``user`` at ``host`` on records of ``group`` and this security level."""


class Database(Posting):
    """The channels of a table of records.

    Args:
        table: One record per PV.
        prefix: Begins every name, e.g. ``"HALO:"``.
        access: Access rules; None lets everybody read and write what is writable.
        on_puts: Told of every put, done or refused, in their order; of those that came together at
            once.
        journal: Keeps what was accepted before it is acknowledged; None for nothing.
        wall_time: Gives time stamps, s since the Unix epoch.

    Raises:
        ValueError: Two records share a name, or a name with the prefix is too long.
    """

    def __init__(
        self,
        table: Iterable[Record],
        prefix: str,
        *,
        access: Access | None = None,
        on_puts: Callable[[Sequence[Put]], None] = nobody,
        journal: PutJournal | None = None,
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(wall_time)
        self.prefix = prefix
        self.refusal = ""
        self.refusals = 0
        self.complaints = Complaints(log)
        self.watchers: list[Callable[[LiveChannel, int], None]] = []
        self.on_wake: Callable[[], None] = lambda: None
        self._access = access
        self._telling = Telling(on_puts, journal, self.complaints)
        self._kept_next = False
        self._puts = Puts()
        self.channels: dict[str, LiveChannel] = {}
        for record in table:
            self._add(record)

    def _add(self, record: Record) -> None:
        name = self.prefix + record.name
        if len(name) > MAX_NAME_LENGTH:
            raise ValueError(
                f"{name}: {len(name)} characters, Channel Access allows {MAX_NAME_LENGTH}"
            )
        if record.name in self.channels:
            raise ValueError(f"{record.name} stands twice in the table")
        channel = self.channels[record.name] = make_channel(record, self)
        self._changes.add(channel)

    def __getitem__(self, name: str) -> LiveChannel:
        """Channel ``name`` (without the prefix), or its field.

        ``"Rod.RBV"``, ``"Stage:Temp.HIHI"``.
        """
        if name in self.channels:
            return self.channels[name]
        record, _, field = name.partition(".")
        return self.channels[record].get_field(field)

    @property
    def put_log_error(self) -> str:
        """Why the last puts could not be logged, "" if they were."""
        return self._telling.error

    @property
    def pvdb(self) -> dict[str, LiveChannel]:
        """The channels by full name, as a caproto server takes them."""
        return {self.prefix + name: channel for name, channel in self.channels.items()}

    @property
    def records(self) -> list[Record]:
        """The table."""
        return [channel.record for channel in self.channels.values()]

    def saved_values(self) -> dict[str, Value]:
        """Values of the records that autosave keeps, and of the fields that were changed.

        As they are now, not as they were posted last: the state of the machine is kept with them.
        """
        found = {}
        for name, channel in self.channels.items():
            if channel.record.saved:
                found[name] = channel.present()
            for field, value in channel.changed_fields().items():
                found[f"{name}.{field}"] = value
        return found

    def rights(self, record: Record, host: str, user: str) -> AccessRights:
        """Rights of a client on ``record`` by the access rules."""
        if self._access is None:
            return AccessRights.READ | AccessRights.WRITE
        return self._access.rights(record.group, user, host, record.level)

    # -- puts ------------------------------------------------------------------------------------

    async def put_from_wire(
        self,
        channel: LiveChannel,
        data: Any,
        data_type: ChannelType,
        client: str,
        address: tuple[str, int] | None,
    ) -> None:
        """A put as it came over the wire; see ``put``."""
        where = f"{address[0]}:{address[1]}" if address else ""
        try:
            native = from_wire(data, data_type)
        except Refused as mistake:
            secret = channel.record.secret
            refusal = Refused(f"{channel.record.name}: not a text") if secret else mistake
            await self._refuse(channel, data, client, where, refusal)
            raise refusal from None
        await self._put(channel, native, client, where)

    async def put_for(self, channel: LiveChannel, data: Any, client: str, where: str) -> None:
        """A put of native data for a client of another protocol; see ``put``."""
        await self._put(channel, data, client, where)

    async def put(self, name: str, data: Any) -> None:
        """Put ``data`` to record or field ``name``; returns when the put has completed.

        Raises:
            Refused: Nothing has moved.
            Superseded: A later put or command ended this one.
        """
        await self._put(self[name], data, "", "")

    async def _put(self, channel: LiveChannel, data: Any, client: str, where: str) -> None:
        old = channel.value
        try:
            self._require_enabled(channel)
            value = self._puts.act(channel.record, data)
        except Refused as refusal:
            await self._refuse(channel, data, client, where, refusal)
            raise
        if channel.parent is not None and channel.record.saved:
            channel.parent.note_changed_field(channel)
        put = Put(channel.record.name, old, channel.record.told(value), client, where)
        self._telling.done(put, value, secret=channel.record.secret)
        try:
            await self._complete(channel, value)
        except Refused as refusal:  # it was accepted, and ended without its effect
            self.note_refusal(escaped(refusal))
            # Before the completion: the client then reads the reason at once.
            await self._post_together()
            raise
        await self._telling.safe()

    # Of a put that nobody is told of when it is complete only the first step is its own.

    def act(self, channel: LiveChannel, data: Value, client: str, where: str) -> None:
        """Let a put act whose record ``LiveChannel.acts_at_once``; ``finish`` is to follow soon.

        Args:
            channel: A record, no field.
            data: One number.
            client: As in ``Put``.
            where: The address, as in ``Put``.

        Raises:
            Refused: Nothing has moved, and nobody has been told of it.
        """
        old, record = channel.value, channel.record
        if channel.disabled:
            self._require_enabled(channel)
        value = self._puts.act(record, data)
        self._telling.gather(Put(record.name, old, value, client, where))
        channel.refusal = ""
        self._changes.note(channel)

    async def finish(self) -> None:
        """Log and keep the puts that have acted, and post what they changed.

        The first two are done before anything else is, and so in the turn in which it is called.
        """
        self._telling.write()
        self._kept_next = True
        await self._post_together()
        self.on_wake()
        await self._telling.safe()

    def _require_enabled(self, channel: LiveChannel) -> None:
        """Refuse a put to a record, or any field of it but DISP itself, that DISP has disabled."""
        name, _, field = channel.record.name.partition(".")
        record = self.channels.get(name, channel)
        if channel.record.writable and record.disabled and field != "DISP":
            raise Refused(f"{name}: puts are disabled, its DISP is {record.disabled}")

    async def _complete(self, channel: LiveChannel, value: Value) -> None:
        record = channel.record
        channel.refusal = ""
        self._changes.note(channel)
        if record.read is None:
            await channel.hold(value, self._wall_time())
        try:
            await self._wait_for_effect(channel)
        finally:
            if record.momentary:
                await channel.hold(0, self._wall_time())

    async def _wait_for_effect(self, channel: LiveChannel) -> None:
        if channel.record.done is None:
            self._kept_next = True
            await self._post_consequences(channel)
            self.on_wake()
            return
        completed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waits = self._puts.wait(channel.record, partial(_end, completed), completed.done)
        if not waits:
            self._keep_completed(1)
        await self._post_together()
        self.on_wake()
        if waits:
            await completed

    async def _post_consequences(self, channel: LiveChannel) -> None:
        """Post what a put changes at once: for a field its record, else whatever has changed.

        A client that reads a state right after its put has completed must not see the old one.
        """
        if channel.parent is None:
            await self._post_together()
            return
        now = self._wall_time()
        await channel.process(now)
        await channel.parent.process(now)
        await self._post_beside()

    async def settle(self) -> None:
        """Complete the puts that have had their effect, after posting the readbacks."""
        ended = self._puts.take_settled()
        if not ended:
            return
        told = [waiting for waiting, refusal in ended if refusal is None]
        self._keep_completed(sum(not waiting.abandoned() for waiting in told))
        try:
            await self.post_puts()
        finally:
            for waiting, refusal in ended:
                waiting.completed(refusal)

    def _keep_completed(self, number: int) -> None:
        """So many puts that waited have had their effect; they are told when it has been posted."""
        self._telling.completed(number)
        self._kept_next = True

    async def post_puts(self) -> None:
        """Post what puts have changed; those that complete with it reach the disk meanwhile."""
        if self._kept_next:
            self._kept_next = False
            self._telling.begin()
        await self.post()

    def settled(self) -> bool:
        """Whether ``settle`` has something to complete."""
        return self._puts.settled()

    @property
    def waiting(self) -> bool:
        """Whether a put has not completed yet."""
        return bool(self._puts)

    def end(self, why: str) -> None:
        """From now on every put is refused; those that wait end with an error.

        Args:
            why: In words, e.g. "the IOC is ending".
        """
        self._puts.end(why)

    # -- refusals --------------------------------------------------------------------------------

    async def _refuse(
        self, channel: LiveChannel, data: Any, client: str, where: str, why: Refused
    ) -> None:
        reason = escaped(why)  # it may quote the client, and everybody reads it
        self.note_refusal(reason)
        asked = channel.record.told(data)
        self._telling.log(Put(channel.record.name, channel.value, asked, client, where, reason))
        if channel.record.write is not None:
            channel.refusal = reason
            await channel.process(self._wall_time())
        # The client reads the reason at once; and the record's write may have noted a violation.
        await self._post_together()

    async def forbid(self, channel: LiveChannel, data: Any, client: str, where: str) -> str:
        """Note, log and post a put that the access rules forbid; returns why, in words."""
        message = f"{channel.record.name} is not writable for {client}"
        self.note_refusal(message)
        asked = channel.record.told(data)
        self._telling.log(Put(channel.record.name, channel.value, asked, client, where, message))
        await self._post_together()
        return message

    def note_refusal(self, message: str) -> None:
        """Keep the text of the last refusal, for ``IOC:Refusal_RBV``."""
        self.refusals += 1
        self.refusal = message


def _end(completed: asyncio.Future[None], refusal: Refused | None) -> None:
    """Tell the one who waits for a put how it ended, unless it has gone."""
    if completed.done():
        return
    if refusal is None:
        completed.set_result(None)
    else:
        completed.set_exception(refusal)
