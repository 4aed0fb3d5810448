"""caproto channels that live by a ``Record``.

caproto stores, converts and sends; whether a put is allowed and what the fields say is decided
here, what the value is and what is worth posting in ``iocs.records.processing``. Differences from a
bare ``ChannelData``:

- every channel has its own alarm, worked out with the record's severities and hysteresis;
- a monitor is sent only to subscriptions whose mask asks for that kind of event, and only for a
  change beyond the deadbands ``.MDEL`` and ``.ADEL`` (caproto sends every write to every
  subscription);
- fields (``.EGU``, ``.HIHI``, ...) are made when a client first asks for one, and show the
  channel's own data: a channel costs about 20 us to make, against 1.5 ms with caproto's
  ``record=``;
- a put goes to the ``Database``, which checks it, acts, logs it and waits, without its metadata.
"""

from __future__ import annotations

from typing import Any

from caproto import (
    AccessRights,
    ChannelByte,
    ChannelDouble,
    ChannelEnum,
    ChannelFloat,
    ChannelInteger,
    ChannelShort,
    ChannelString,
    ChannelType,
    Forbidden,
)

from iocs.records.fields import field_record
from iocs.records.interfaces import ChannelOwner
from iocs.records.metadata import metadata
from iocs.records.processing import Processing
from pvdb.records.checking import first_value, stored
from pvdb.records.description import Record, Value, Wire

#: Flags are slow to combine, and this is asked at each post.
_READ_ALONE = {AccessRights(n): AccessRights(n) & AccessRights.READ for n in range(4)}
_ACKNOWLEDGED = {ChannelType.PUT_ACKS: "ACKS", ChannelType.PUT_ACKT: "ACKT"}


class LiveChannel(Processing):
    """Mixed in before a caproto channel class: the behaviour described by a ``Record``.

    Attributes:
        acts_at_once: Whether a put that nobody is told of when it is complete is over when it has
            acted, but for what all puts that come together share: see ``PutsAtOnce``.
    """

    database: ChannelOwner
    parent: LiveChannel | None
    _fields: dict[str, LiveChannel]

    def attach(
        self, record: Record, database: ChannelOwner, parent: LiveChannel | None = None
    ) -> None:
        """Take over the record; done once, right after construction."""
        self.database = database
        self.parent = parent
        self.begin(record)
        self._changed: set[str] = set()
        is_field = parent is not None or "." in record.name  # DISP of its record disables it, too
        whole = is_field or record.array or record.secret or record.momentary
        self.acts_at_once = record.read is not None and record.done is None and not whole

    def check_access(self, hostname: str | None, username: str | None) -> AccessRights:
        """Rights of a client, by the access rules: asked on every way to the value and to it.

        A record without ``write`` is never writable.

        Args:
            hostname: Where the client is: the address that its circuit comes from.
            username: Its user.
        """
        rights = self.database.rights(self.record, hostname or "", username or "")
        return rights if self.record.writable else _READ_ALONE[rights]

    @property
    def owner(self) -> ChannelOwner:
        """Whose puts share what puts that come together do."""
        return self.database

    def hurry(self, hurried: bool) -> None:
        """Whether the put that takes its first step now is the last of those that came together.

        A channel that has this lets its puts take that step wherever they arrive, in no task.
        """
        self.database.hurry(hurried)

    async def auth_write(
        self,
        hostname: str | None,
        username: str | None,
        data: Any,
        data_type: ChannelType,
        metadata: Any,
        *,
        flags: int = 0,
        user_address: tuple[str, int] | None = None,
    ) -> None:
        """A client's put: refused with an exception, or complete when this returns.

        An acknowledgement, ``DBR_PUT_ACKT`` or ``DBR_PUT_ACKS``, is a put to the field by whoever
        may write the record by the access rules: read-only records are acknowledged too.
        """
        host, target = user_address[0] if user_address else hostname, self
        if data_type in _ACKNOWLEDGED:
            target = (self.parent or self).get_field(_ACKNOWLEDGED[data_type])
            data_type = ChannelType.INT
            rights = self.database.rights(self.record, host or "", username or "")
        else:
            rights = self.check_access(host, username)
        if AccessRights.WRITE not in rights:
            where = f"{user_address[0]}:{user_address[1]}" if user_address else ""
            why = await self.database.forbid(target, data, f"{username}@{hostname}", where)
            raise Forbidden(why)
        client = f"{username}@{hostname}"
        await self.database.put_from_wire(target, data, data_type, client, user_address)

    def get_field(self, name: str) -> LiveChannel:
        """Channel of field ``name``.

        Raises:
            KeyError: The record type has no such field.
        """
        if name in ("", "VAL"):
            return self
        if self.parent is not None:
            raise KeyError(name)
        channel = self._fields.get(name)
        if channel is None:
            channel = make_channel(field_record(self, name), self.database, parent=self)
            self._fields[name] = channel
        return channel

    def note_changed_field(self, field: LiveChannel) -> None:
        """A client has written this field: autosave keeps it."""
        self._changed.add(field.record.name.rpartition(".")[2])

    def changed_fields(self) -> dict[str, Value]:
        """Values of the fields that clients have written."""
        return {name: self._fields[name].present() for name in sorted(self._changed)}

    def present(self) -> Value:
        """The value as it is at this moment, which may not have been posted yet.

        Where it cannot be read, the last one.
        """
        try:
            read = self.record.read
            return self.value if read is None else stored(self.record, read())
        except Exception:  # reported when it is processed
            return self.value


class DoubleChannel(LiveChannel, ChannelDouble):
    """``ai``, ``ao``, waveforms of numbers."""


class FloatChannel(LiveChannel, ChannelFloat):
    """Single precision fields."""


class LongChannel(LiveChannel, ChannelInteger):
    """``longin``, ``longout``."""


class ShortChannel(LiveChannel, ChannelShort):
    """16-bit fields."""


class ByteChannel(LiveChannel, ChannelByte):
    """8-bit fields and waveforms of bytes."""


class EnumChannel(LiveChannel, ChannelEnum):
    """``bi``, ``bo``, ``mbbi``, ``mbbo`` and menus."""


class TextChannel(LiveChannel, ChannelString):
    """Texts: ``lsi``, ``lso`` and text fields."""


_CLASSES: dict[Wire, type] = {
    Wire.DOUBLE: DoubleChannel,
    Wire.FLOAT: FloatChannel,
    Wire.LONG: LongChannel,
    Wire.SHORT: ShortChannel,
    Wire.CHAR: ByteChannel,
    Wire.ENUM: EnumChannel,
    Wire.STRING: TextChannel,
}


def make_channel(
    record: Record, database: ChannelOwner, parent: LiveChannel | None = None
) -> LiveChannel:
    """The channel of ``record``.

    Its first value is ``record.initial``, replaced when it is first processed.
    """
    channel = _CLASSES[record.wire](value=first_value(record), **metadata(record))
    channel.attach(record, database, parent)
    if record.wire is Wire.CHAR and not record.array:  # caproto makes bytes of a number
        channel._data["value"] = first_value(record)  # noqa: SLF001
    if parent is not None and record.read is not None:
        channel._data["value"] = stored(record, record.read())  # noqa: SLF001
    if parent is not None:  # what a field begins with is no change, whenever it is asked for
        channel.monitored = channel.archived = channel.value
    return channel
