"""Alarm state of a value: limits with hysteresis, states, readings that cannot be trusted.

The rule for limits is EPICS base's (``aiRecord.c``, ``checkAlarms``): a limit is reached
inclusively, and once reached it holds until the value has come back by more than the hysteresis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

from pvdb.records.description import (
    NO_LIMITS,
    NUMBERS,
    AlarmLimits,
    Range,
    Record,
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


def calm_range(limits: AlarmLimits) -> Range:
    """Between which values none of the limits is reached, if none was before."""
    low = max((value for value in (limits.lolo, limits.low) if isfinite(value)), default=-inf)
    high = min((value for value in (limits.high, limits.hihi) if isfinite(value)), default=inf)
    return low, high


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


def value_alarm(
    record: Record, limits: AlarmLimits, severities: Sequence[Severity], value: Value, last: str
) -> tuple[Alarm, str]:
    """Alarm of a value as its record keeps it.

    Args:
        record: Whose value it is.
        limits: The limits in force; clients may have changed the record's own.
        severities: Of the states, in their order, likewise.
        value: The value.
        last: Name of the limit that was in force before, see ``limit_alarm``.

    Returns:
        The alarm, and the name of the limit now in force.
    """
    if record.wire is Wire.ENUM:
        severity = severities[record.state_names().index(value)]
        return (Alarm(Status.STATE, severity) if severity else NO_ALARM), last
    if record.array or record.wire not in NUMBERS:
        return NO_ALARM, last
    if limits is NO_LIMITS and value == value:
        return NO_ALARM, ""
    return limit_alarm(limits, float(value), last)


def trouble_alarm(record: Record, reason: str) -> Alarm:
    """Alarm of a reading that is in trouble; none where ``reason`` is empty."""
    if not reason:
        return NO_ALARM
    severity = record.trouble_severity
    status = Status.READ if severity is Severity.INVALID_ALARM else Status.STATE
    return Alarm(status, severity, reason)


def refusal_alarm(reason: str) -> Alarm:
    """Alarm of a setpoint whose last put was refused; none where ``reason`` is empty."""
    return Alarm(Status.WRITE, Severity.MINOR_ALARM, reason) if reason else NO_ALARM
