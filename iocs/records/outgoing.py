"""What a channel sends: who gets an event, and values in the type a client asks for."""

from __future__ import annotations

import struct
from math import isfinite
from typing import Any

import numpy as np
from caproto import CaprotoConversionError, ChannelType, SubscriptionType, native_type
from caproto._dbr import DbrStringArray

from iocs.records.texts import written
from iocs.words.complaints import words
from pvdb.records.description import INTEGER_RANGES, Record, Wire

#: Kinds of event. Plain numbers: an ``IntFlag`` makes an object of each combination.
VALUE, LOG, ALARM, PROPERTY = (
    int(SubscriptionType.DBE_VALUE),
    int(SubscriptionType.DBE_LOG),
    int(SubscriptionType.DBE_ALARM),
    int(SubscriptionType.DBE_PROPERTY),
)

_WIRE_ENDS = {
    ChannelType.LONG: INTEGER_RANGES[Wire.LONG],
    ChannelType.INT: INTEGER_RANGES[Wire.SHORT],
    ChannelType.CHAR: INTEGER_RANGES[Wire.CHAR],
    ChannelType.ENUM: (0, 2**16 - 1),
}


_SMALLEST = float(np.finfo(np.float32).tiny)
_LARGEST = (-float(np.finfo(np.float32).max), float(np.finfo(np.float32).max))


def _single(value: Any) -> Any:
    """Numbers for single precision: the nearest that it has; what is not 0 does not become 0."""
    numbers = np.asarray(value, dtype=float)
    held = np.where(np.isfinite(numbers), np.clip(numbers, *_LARGEST), numbers)
    tiny = (held != 0) & (np.abs(held) < _SMALLEST)
    return np.where(tiny, np.copysign(_SMALLEST, held), held)


#: ``dbr_stsack_string`` before its value: status, severity, ACKT, ACKS.
_ACKNOWLEDGEMENT = struct.Struct(">hhHH")


class Outgoing:
    """Mixed in before a caproto channel class: the sending half of a live channel."""

    record: Record
    database: Any
    parent: Any
    timestamp: float
    alarm: Any
    _data: dict[str, Any]
    _queues: dict[Any, Any]
    _content: dict[Any, Any]
    _posting: int = VALUE | LOG | ALARM
    #: A record is worked out when it is posted, not when it is read.
    read_as_posted: bool = True

    async def process(self, now: float) -> None:
        """Work the value out anew; see ``iocs.records.channels.LiveChannel``."""
        raise NotImplementedError

    async def publish(self, flags: int) -> None:
        """Hand the value over to those who want one of these kinds of event; never raises.

        This runs on the call stack of the machine: a listener that fails is logged. In our server
        it suspends nowhere, so that what was read together is posted together.
        """
        if self.hands_over:
            self.publish_at_once(flags)
            return
        self._posting = flags
        try:
            await super().publish(flags)  # type: ignore[misc]
        except Exception as error:
            self._not_handed_over(error)
        self._tell_watchers(flags)

    def publish_at_once(self, flags: int) -> None:
        """The same where ``hands_over``, without a coroutine."""
        self._posting = flags
        self._content.clear()
        if self._queues:  # most records have no subscriber
            try:
                for fanout in tuple(self._queues):
                    fanout.hand_over(self, flags)
            except Exception as error:
                self._not_handed_over(error)
        if self.database.watchers:
            self._tell_watchers(flags)

    @property
    def hands_over(self) -> bool:
        """Whether all who listen take a value without waiting: as the books of our server do."""
        return all(hasattr(queue, "hand_over") for queue in self._queues)

    def _tell_watchers(self, flags: int) -> None:
        for watcher in self.database.watchers:
            try:
                watcher(self, flags)
            except Exception as error:
                self._not_handed_over(error)

    def _not_handed_over(self, error: Exception) -> None:
        line = f"handing over {self.record.name} failed: {words(error)}"
        self.database.complaints.tell((self, "handing over"), line)

    def _is_eligible(self, spec: Any) -> bool:
        return bool(spec.mask & self._posting)

    async def read(self, data_type: ChannelType) -> tuple[Any, Any]:
        """The value for a get; a field is worked out at that moment."""
        if self.parent is not None:
            await self.process(self.parent.timestamp)
        return await super().read(data_type)  # type: ignore[misc]

    @property
    def _told_alarm(self) -> Any:
        """A field is sent with its record's alarm, unless a put to it was refused."""
        return self.alarm if self.parent is None or self.alarm.severity else self.parent.alarm

    async def _read(self, data_type: ChannelType) -> tuple[Any, Any]:
        metadata, values = await self._converted(data_type)
        if self.parent is not None and hasattr(metadata, "severity"):
            metadata.status, metadata.severity = self._told_alarm.status, self._told_alarm.severity
        return metadata, values

    async def _converted(self, data_type: ChannelType) -> tuple[Any, Any]:
        # Only what caproto converts in another way than EPICS base is converted here.
        if data_type == ChannelType.STSACK_STRING:
            return await self._read_with_acknowledgement()
        if data_type == ChannelType.CLASS_NAME:
            return b"", DbrStringArray([self.record.kind.encode()])
        if self.record.wire is Wire.DOUBLE:
            if "STRING" in ChannelType(data_type).name:
                return await self._read_as_text(data_type, self._data["precision"])
            if native_type(data_type) in _WIRE_ENDS:
                return await self._read_as_whole_number(data_type)
            if native_type(data_type) == ChannelType.FLOAT:
                return await self._read_instead(_single(self._data["value"]), data_type)
        elif self.record.wire is Wire.STRING:
            self._require_number(data_type)
        elif self.record.wire is Wire.CHAR:
            if "STRING" in ChannelType(data_type).name:
                return await self._read_as_text(data_type, 0)
            if self.record.array:
                return await self._read_instead(self._data["value"].tobytes(), data_type)
        return await super()._read(data_type)  # type: ignore[misc]

    def _require_number(self, data_type: ChannelType) -> None:
        """See that a text that is read as a number is one to others than Python: not ``1_0``."""
        kind, text = native_type(data_type), str(self._data["value"])
        if kind == ChannelType.ENUM:
            why = f"{self.record.name} is a text: it cannot be read as a state"
            raise CaprotoConversionError(why)
        is_text = kind in (ChannelType.STRING, ChannelType.CHAR)
        if not is_text and ("_" in text or not text.isascii()):
            raise CaprotoConversionError(f"{self.record.name} = {text!r}: not a number")

    async def _read_with_acknowledgement(self) -> tuple[Any, Any]:
        """The value as text, with what of its alarm waits to be acknowledged."""
        _, texts = await self._read(ChannelType.STRING)
        alarm = self._told_alarm
        head = (alarm.status, alarm.severity, alarm.must_acknowledge_transient)
        return _ACKNOWLEDGEMENT.pack(*head, alarm.severity_to_acknowledge), texts

    async def _read_as_whole_number(self, data_type: ChannelType) -> tuple[Any, Any]:
        """What does not fit an integer type is sent as the type's nearest end, NaN as 0."""
        ends = _WIRE_ENDS[native_type(data_type)]
        whole = np.clip(np.nan_to_num(self._data["value"]), *ends)
        return await self._read_instead(whole, data_type)

    async def _read_instead(self, value: Any, data_type: ChannelType) -> tuple[Any, Any]:
        """Convert ``value`` in the place of the value that is kept; nothing below suspends."""
        kept = self._data["value"]
        self._data["value"] = value
        try:
            return await super()._read(data_type)  # type: ignore[misc]
        finally:
            self._data["value"] = kept

    async def _read_as_text(self, data_type: ChannelType, decimals: int) -> tuple[Any, Any]:
        """Numbers as text, as EPICS base sends them."""
        numbers = np.atleast_1d(self._data["value"]).tolist()
        texts = [written(number, decimals) for number in numbers]
        any_value = b"0" if self.record.wire is Wire.CHAR else 0  # only its metadata is wanted
        metadata, _ = await self._read_instead(any_value, data_type)
        return metadata, DbrStringArray(text.encode() for text in texts)

    def _read_metadata(self, dbr_metadata: Any) -> None:
        """Metadata of a reply.

        Limits that do not fit its integer type are sent as the type's own ends.
        """
        native = native_type(ChannelType(dbr_metadata.DBR_ID))
        ends = _LARGEST if native == ChannelType.FLOAT else _WIRE_ENDS.get(native)
        if ends is None or "units" not in self._data:
            super()._read_metadata(dbr_metadata)  # type: ignore[misc]
            return
        kept = dict(self._data)
        for key, number in kept.items():
            if key.endswith("_limit") and (isfinite(number) or ends is not _LARGEST):
                clipped = min(max(number, ends[0]), ends[1])
                self._data[key] = clipped if ends is _LARGEST else int(clipped)
        try:
            super()._read_metadata(dbr_metadata)  # type: ignore[misc]
        finally:
            self._data.update(kept)
