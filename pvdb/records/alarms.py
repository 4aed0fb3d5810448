"""Alarm state of a value: limits with hysteresis, states, readings that cannot be trusted.

The rule for limits is EPICS base's (``aiRecord.c``, ``checkAlarms``): a limit is reached
inclusively, and once reached it holds until the value has come back by more than the hysteresis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pvdb.records.description import (
    NO_LIMITS,
    NUMBERS,
    AlarmLimits,
    Record,
    State,
    Value,
    Wire,
)
from pvdb.records.severity import Severity, Status


@dataclass(frozen=True)
class Alarm:
    """Status, severity and a message (``.STAT``, ``.SEVR``, ``.AMSG``)."""

    status: Status = Status.NO_ALARM
    severity: Severity = Severity.NO_ALARM
    message: str = ""

    def worse(self, other: Alarm) -> Alarm:
        """The one of higher severity; this one where they are equal."""
        return other if other.severity > self.severity else self


NO_ALARM = Alarm()

# Order of precedence, status and side of each limit.
_LEVELS = (
    ("hihi", Status.HIHI, 1.0),
    ("lolo", Status.LOLO, -1.0),
    ("high", Status.HIGH, 1.0),
    ("low", Status.LOW, -1.0),
)


def limit_alarm(limits: AlarmLimits, value: float, last: str) -> tuple[Alarm, str]:
    """Alarm of ``value`` against ``limits``.

    Args:
        limits: The limits, their severities and the hysteresis.
        value: In the record's units; NaN is undefined and INVALID, as in base.
        last: Name of the limit that was in force before (``"hihi"`` ...), or ``""``: the hysteresis
            needs it.

    Returns:
        The alarm, and the name of the limit now in force.
    """
    if value != value:
        return Alarm(Status.UDF, Severity.INVALID_ALARM, "no value"), ""
    for name, status, side in _LEVELS:
        severity = limits.severity(name)
        if not severity:
            continue
        slack = limits.hysteresis if name == last else 0.0
        if side * value >= side * getattr(limits, name) - slack:
            return Alarm(status, severity), name
    return NO_ALARM, ""


def state_alarm(state: State) -> Alarm:
    """Alarm of an enum record in ``state``."""
    if not state.severity:
        return NO_ALARM
    return Alarm(Status.STATE, state.severity)


def value_alarm(
    record: Record, limits: AlarmLimits, states: Sequence[State], value: Value, last: str
) -> tuple[Alarm, str]:
    """Alarm of a value as its record keeps it.

    Args:
        record: Whose value it is.
        limits: The limits in force; clients may have changed the record's own.
        states: The states in force, likewise.
        value: The value.
        last: Name of the limit that was in force before, see `limit_alarm`.

    Returns:
        The alarm, and the name of the limit now in force.
    """
    if record.wire is Wire.ENUM:
        return state_alarm(states[record.state_names().index(value)]), last
    if record.array or record.wire not in NUMBERS:
        return NO_ALARM, last
    if limits is NO_LIMITS and value == value:
        return NO_ALARM, ""
    return limit_alarm(limits, float(value), last)
