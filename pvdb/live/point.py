"""One process variable as it is now: its value, and the alarm that goes with it."""

from __future__ import annotations

import logging

from pvdb.records import Record, Severity, Status, Value
from pvdb.records.alarms import NO_ALARM, Alarm, refusal_alarm, trouble_alarm, value_alarm
from pvdb.records.checking import first_value, stored

log = logging.getLogger("cryohalo.pvdb")


class Point:
    """The live side of a record.

    Attributes:
        record: What it is.
        refusal: Why the last put was refused, "" since one was accepted.
        alarm: As of the last ``read``.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.refusal = ""
        self.alarm: Alarm = NO_ALARM
        self._value: Value = first_value(record)
        self._last_limit = ""
        self._severities = [state.severity for state in record.states]

    def read(self) -> Value:
        """The value now, and with it the alarm; a reading that fails leaves the last value."""
        record = self.record
        alarm = NO_ALARM
        try:
            if record.read is not None:
                self._value = stored(record, record.read())
            alarm, self._last_limit = value_alarm(
                record, record.alarms, self._severities, self._value, self._last_limit
            )
            if record.trouble is not None:
                alarm = alarm.worse(trouble_alarm(record, record.trouble()))
        except Exception as error:
            alarm = failed_reading(record, error)
        self.alarm = alarm.worse(refusal_alarm(self.refusal))
        return self._value

    def hold(self, value: Value) -> None:
        """Take a put value, of a record that has nothing to read."""
        self._value = stored(self.record, value)


def failed_reading(record: Record, error: Exception) -> Alarm:
    """Alarm of a reading that raised."""
    return Alarm(
        Status.READ, Severity.INVALID_ALARM, f"{record.name}: {type(error).__name__}: {error}"
    )
