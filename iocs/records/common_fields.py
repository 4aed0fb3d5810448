"""The fields that every record has: names, alarm, acknowledgement, enabling, processing."""

from __future__ import annotations

from iocs.records.field_tables import field_of
from iocs.records.interfaces import ServedChannel
from iocs.records.outgoing import ALARM
from pvdb.records import Severity, Status
from pvdb.records.description import (
    MAX_DESCRIPTION_LENGTH,
    MAX_NAME_LENGTH,
    Read,
    Record,
    State,
    Wire,
    Write,
)

SEVERITIES = tuple(State(name) for name in ("NO_ALARM", "MINOR", "MAJOR", "INVALID"))
#: First 16 of the 22 alarm states of ``alarm.h``: as many as an enum carries over Channel Access.
#:
#: UDF is the 18th: ``.STAT`` shows it as CALC, and the alarm that comes with every value says UDF.
STATUSES = tuple(
    State(name)
    for name in (
        "NO_ALARM",
        "READ",
        "WRITE",
        "HIHI",
        "HIGH",
        "LOLO",
        "LOW",
        "STATE",
        "COS",
        "COMM",
        "TIMEOUT",
        "HWLIMIT",
        "CALC",
        "SCAN",
        "LINK",
        "SOFT",
    )
)
YES_NO = (State("NO"), State("YES"))
_SCANS = tuple(
    State(name)
    for name in (
        "Passive",
        "Event",
        "I/O Intr",
        "10 second",
        "5 second",
        "2 second",
        "1 second",
        ".5 second",
        ".2 second",
        ".1 second",
    )
)
_WHEN_IT_CHANGES = 2
_GROUP_LENGTH = 28


def common(channel: ServedChannel, name: str) -> Record | None:
    """Field ``name`` if every record has it."""
    for maker in (_text, _menu, _acknowledgement, _number):
        record = maker(channel, name)
        if record is not None:
            return record
    return None


def _text(channel: ServedChannel, name: str) -> Record | None:
    alarm = channel.alarm
    texts: dict[str, tuple[Read, int]] = {
        "NAME": (lambda: channel.database.prefix + channel.record.name, MAX_NAME_LENGTH + 1),
        "RTYP": (lambda: channel.record.kind, _GROUP_LENGTH),
        "ASG": (lambda: channel.record.group, _GROUP_LENGTH),
        "AMSG": (lambda: alarm.alarm_string, MAX_DESCRIPTION_LENGTH - 1),
        "NAMSG": (lambda: "", MAX_DESCRIPTION_LENGTH - 1),
    }
    if name in texts:
        read, length = texts[name]
        return field_of(channel.record, name, Wire.STRING, read, length=length)
    if name == "DESC":

        def describe(text: str) -> None:
            channel.description = text

        return field_of(
            channel.record,
            name,
            Wire.STRING,
            lambda: channel.description,
            describe,
            length=MAX_DESCRIPTION_LENGTH,
        )
    return None


def _menu(channel: ServedChannel, name: str) -> Record | None:
    record, alarm = channel.record, channel.alarm
    menus: dict[str, tuple[Read, tuple[State, ...]]] = {
        "SEVR": (lambda: int(alarm.severity), SEVERITIES),
        "NSEV": (lambda: 0, SEVERITIES),
        "STAT": (lambda: _status_index(alarm.status), STATUSES),
        "NSTA": (lambda: 0, STATUSES),
        "SCAN": (lambda: _WHEN_IT_CHANGES if record.read and not record.writable else 0, _SCANS),
    }
    if name not in menus:
        return None
    read, states = menus[name]
    return field_of(record, name, Wire.ENUM, read, states=states)


def _status_index(status: int) -> int:
    return int(status) if status < len(STATUSES) else int(Status.CALC)


def _acknowledgement(channel: ServedChannel, name: str) -> Record | None:
    """The severity that waits to be acknowledged, and whether one that has gone does.

    EPICS base takes these by ``DBR_PUT_ACKT`` and ``DBR_PUT_ACKS`` alone, from whoever may put to
    the value; here a put to the field does the same, so that any client can acknowledge.
    """
    data = channel.alarm._data  # noqa: SLF001
    if name == "ACKS":

        def acknowledge(severity: int) -> None:
            if severity >= data["severity_to_acknowledge"]:
                data["severity_to_acknowledge"] = Severity.NO_ALARM
                channel.post_also(ALARM)

        read: Read = lambda: int(data["severity_to_acknowledge"])  # noqa: E731
        return field_of(
            channel.record,
            name,
            Wire.ENUM,
            read,
            acknowledge,
            states=SEVERITIES,
            saved=False,
            level=channel.record.level,
        )
    if name == "ACKT":

        def keep(transient: int) -> None:
            data["must_acknowledge_transient"] = bool(transient)
            if not transient:
                severity = min(data["severity_to_acknowledge"], data["severity"])
                data["severity_to_acknowledge"] = severity
            channel.post_also(ALARM)

        return field_of(
            channel.record,
            name,
            Wire.ENUM,
            lambda: int(data["must_acknowledge_transient"]),
            keep,
            states=YES_NO,
            level=channel.record.level,
        )
    return None


def _number(channel: ServedChannel, name: str) -> Record | None:
    record = channel.record
    if name == "UDF":
        undefined: Read = lambda: int(channel.alarm.status == Status.UDF)  # noqa: E731
        return field_of(record, name, Wire.CHAR, undefined)
    if name == "PACT":
        return field_of(record, name, Wire.CHAR, lambda: 0)
    if name == "UTAG":
        return field_of(record, name, Wire.DOUBLE, lambda: 0.0)
    if name == "PROC":
        # Whatever is put, the record is looked at anew, as after any put to a field.
        nothing: Write = lambda _: None  # noqa: E731
        return field_of(record, name, Wire.CHAR, None, nothing, initial=0, saved=False)
    if name == "DISP":

        def disable(number: int) -> None:
            channel.disabled = number

        return field_of(record, name, Wire.CHAR, lambda: channel.disabled, disable)
    return None
