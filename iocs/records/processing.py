"""What becomes of a value: read, compared with what was posted last, its alarm worked out, posted.

What the value is and what is worth posting is decided here; how it is sent, in ``Outgoing``.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import numpy as np
from caproto import TimeStamp

from iocs.records.outgoing import ALARM, LOG, PROPERTY, VALUE
from iocs.records.tuning import Tuning
from iocs.words.complaints import words
from pvdb.records import Severity, Status
from pvdb.records.alarms import (
    NO_ALARM,
    Alarm,
    calm_range,
    refusal_alarm,
    trouble_alarm,
    value_alarm,
)
from pvdb.records.checking import stored
from pvdb.records.comparison import same
from pvdb.records.description import AlarmLimits, Range, Record, Value, Wire

log = logging.getLogger("cryohalo.iocs.records")

#: What was read last where nothing was, or where it does not matter any more.
_UNREAD = object()


class Processing(Tuning):
    """Mixed in before a caproto channel class: the working out of a live channel.

    Attributes:
        alarms: Limits and severities, as an operator may have changed them.
        seen: The reading that was processed last.
        refusal: Why the last put was refused, "" if it was not.
        told_refusal: The refusal that is in the alarm.
    """

    # What caproto's ChannelData gives:
    value: Any
    timestamp: float
    alarm: Any

    def begin(self, record: Record) -> None:
        """Take over the record's limits and deadbands, which an operator may change."""
        self.begin_tuning(record)
        self.alarms = record.alarms
        self.monitor_deadband = record.monitor_deadband
        self.archive_deadband = record.archive_deadband
        self.description = record.description
        self.state_severities = [state.severity for state in record.states]
        self._first_names = record.state_names()
        self.last_limit = ""
        self.refusal = ""
        self.monitored: Value = None
        self.archived: Value = None
        self._version: object = object()
        self._unread = False
        self.seen: object = _UNREAD
        self._told_trouble = self.told_refusal = ""
        self._fields = {}
        self._calm_limits: AlarmLimits | None = None
        self._calm: Range = (0.0, 0.0)

    def quiet(self) -> bool:
        """Whether processing would find what it found last time: nothing to work out or to post.

        What clients change (fields, refusals) is processed by the put itself. A reading that is
        undefined or fails is never quiet, so that what becomes of it is not missed.
        """
        record = self.record
        if self.seen is _UNREAD or self.refusal != self.told_refusal:
            return False
        try:
            if record.version is not None:
                if not self._is_read():
                    return False
            elif record.read is not None and record.read() != self.seen:
                return False
            if record.trouble is not None and record.trouble() != self._told_trouble:
                return False
            return not callable(record.control) or not self._control_moved(record.control())
        except Exception:  # processing reads again, and says so
            return False

    def take(self, reading: Value, now: float) -> bool:
        """Post a number that has just been read, where nothing but it can have changed.

        Most of what is posted is as plain as this, and working all out costs five times as much.

        Args:
            reading: What was read.
            now: When, s since the Unix epoch.

        Returns:
            False where there may be more to it; then nothing has been done, see ``process``.
        """
        if type(reading) is not float or not self._is_calm(reading):
            return False
        self.seen = self.monitored = self.archived = reading
        data = self._data
        data["value"], data["timestamp"] = reading, _stamp(now)
        self.publish_at_once(VALUE | LOG)
        return True

    def _is_calm(self, reading: float) -> bool:
        """Whether a number is worth posting, and neither its alarm nor a field is to be seen to."""
        if self._calm_limits is not self.alarms:
            self._calm_limits, self._calm = self.alarms, calm_range(self.alarms)
        return (
            self._calm[0] < reading < self._calm[1]
            and reading != self.monitored
            and self.seen is not _UNREAD
            and not (self.refusal or self.told_refusal or self._fields)
            and not (self.monitor_deadband or self.archive_deadband)
            and not self.alarm._data["severity"]  # noqa: SLF001
            and self.record.wire is Wire.DOUBLE
            and self.hands_over
        )

    async def process(self, now: float) -> None:
        """Read the value, work out the alarm, and post what changed; never raises.

        What fails is this channel's alarm: the others are posted nevertheless.

        Args:
            now: Wall-clock time stamp, s since the Unix epoch.
        """
        self.database.doubt(self)
        try:
            await self._process(now)
        except Exception as error:
            self.seen = _UNREAD  # to be tried again at the next post
            if self._take_alarm(self._failed("posting", error)):
                await self.publish(ALARM)

    async def _process(self, now: float) -> None:
        value, alarm, limits_moved = self._work_out()
        flags = self._changes(value) | self._take_alarm(alarm)
        if flags or not same(value, self.value):
            self._store(value, now)
        if flags:
            await self.publish(flags)
        if limits_moved:
            await self.publish(PROPERTY)
        if flags or limits_moved:
            await self.process_fields(now)

    async def hold(self, value: Value, now: float) -> None:
        """Take a put value (of a record without ``read``), and post it if it is another."""
        self._store(stored(self.record, value), now)
        await self.process(now)

    def _work_out(self) -> tuple[Value, Alarm, bool]:
        """Value, alarm, whether the control range moved; what fails must not stop the others."""
        self.told_refusal = self.refusal
        try:
            value, alarm = self._read_value()
            limit, self.last_limit = value_alarm(
                self.record, self.alarms, self.state_severities, value, self.last_limit
            )
            alarm = limit.worse(alarm)
            limits_moved = self._take_control_range()
        except Exception as error:
            self.seen = _UNREAD
            value, alarm, limits_moved = self.value, self._failed("reading", error), False
        else:
            self.database.complaints.forget((self, "reading"))
        return value, alarm.worse(refusal_alarm(self.refusal)), limits_moved

    def _read_value(self) -> tuple[Value, Alarm]:
        record = self.record
        if record.read is None:
            self.seen = None
            return self.value, NO_ALARM
        self.seen = _UNREAD
        if record.version is not None and self._is_read():
            self.seen = None
            return self.value, NO_ALARM
        reading = record.read()
        value = stored(record, self._by_number(reading))
        self._told_trouble = reason = record.trouble() if record.trouble is not None else ""
        if record.version is not None:
            self.seen, self._unread = None, False
        elif not record.array:  # an array may be changed in place
            self.seen = reading
        return value, trouble_alarm(record, reason)

    def _by_number(self, reading: Value) -> Value:
        """A state by its number: a machine knows the names of its table, not an operator's."""
        named = self.record.wire is Wire.ENUM and isinstance(reading, str)
        return self._first_names.index(reading) if named else reading

    def _is_read(self) -> bool:
        """Whether a waveform is still of the version that was read last."""
        assert self.record.version is not None
        if not self._unread:
            version = self.record.version()
            self._unread, self._version = version != self._version, version
        return not self._unread

    def _failed(self, what: str, error: Exception) -> Alarm:
        """The alarm of a channel that cannot be read or posted; logged once."""
        message = words(error)
        self.database.complaints.tell((self, what), f"{what} {self.record.name} failed: {message}")
        log.debug("%s %s failed", what, self.record.name, exc_info=error)
        return Alarm(Status.READ, Severity.INVALID_ALARM, message)

    def _changes(self, value: Value) -> int:
        flags = 0
        if self._moved(self.monitored, value, self.monitor_deadband):
            flags |= VALUE
            self.monitored = value
        if self._moved(self.archived, value, self.archive_deadband):
            flags |= LOG
            self.archived = value
        return flags

    def _moved(self, last: Value, value: Value, deadband: float) -> bool:
        if last is None:
            return True
        if deadband and not isinstance(value, (str, np.ndarray)):
            # NaN differs from everything, so a reading that appears or vanishes is always posted.
            return not abs(value - last) <= deadband and not (value != value and last != last)
        return not same(value, last)

    def _take_alarm(self, alarm: Alarm) -> int:
        data = self.alarm._data  # noqa: SLF001  (caproto's own writer is a coroutine that also posts)
        if (data["status"], data["severity"], data["alarm_string"]) == (
            alarm.status,
            alarm.severity,
            alarm.message,
        ):
            return 0
        data.update(status=alarm.status, severity=alarm.severity, alarm_string=alarm.message)
        transient = data["must_acknowledge_transient"]
        if not transient or data["severity_to_acknowledge"] < alarm.severity:
            data["severity_to_acknowledge"] = alarm.severity
        return ALARM

    def _take_control_range(self) -> bool:
        if not callable(self.record.control) or not self._control_moved(self.record.control()):
            return False
        self.show_control_range()
        return True

    def _control_moved(self, limits: Range) -> bool:
        return self.shown_control != tuple(limits)

    def _store(self, value: Value, now: float) -> None:
        self._data["value"] = value
        self._data["timestamp"] = _stamp(now)
        self._content.clear()

    async def process_fields(self, now: float) -> None:
        """Process the fields that clients have asked for."""
        for channel in self._fields.values():
            await channel.process(now)


@lru_cache(maxsize=4)
def _stamp(now: float) -> TimeStamp:
    """One time stamp for all that is posted at one moment."""
    return TimeStamp.from_flexible_value(now)
