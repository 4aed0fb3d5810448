"""Fields of a record (``.DESC``, ``.HIHI`` ...), each a `Record` of its own over the channel.

Fields that mean something here are live: they tell the channel's data, and those that an operator
may tune (alarm limits, severities, deadbands, display limits, units' precision, description) act
when written. The others exist with the type and default that EPICS base gives them, from the field
tables of ``caproto.server.records`` with the corrections that a comparison with base 7.0.8's
softIoc asked for.
"""

from __future__ import annotations

from dataclasses import replace
from math import isinf
from typing import TYPE_CHECKING, Any

import numpy as np

from instruments.errors import Refused
from iocs.records.field_tables import AS_DOUBLE, field_of, from_table
from pvdb.records import Severity, Status
from pvdb.records.description import Read, Record, State, Wire, Write

if TYPE_CHECKING:
    from iocs.records.channels import LiveChannel

SEVERITIES = tuple(State(name) for name in ("NO_ALARM", "MINOR", "MAJOR", "INVALID"))
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
"""First 16 of the 22 alarm states of ``alarm.h``: as many as an enum carries over Channel Access.

UDF is the 18th: `.STAT` tells it as CALC, and the alarm that comes with every value says UDF.
"""

_STATE_CODES = (
    "ZR",
    "ON",
    "TW",
    "TH",
    "FR",
    "FV",
    "SX",
    "SV",
    "EI",
    "NI",
    "TE",
    "EL",
    "TV",
    "TT",
    "FT",
    "FF",
)
_STATE_FIELDS = {f"{code}ST": index for index, code in enumerate(_STATE_CODES)}
_SEVERITY_FIELDS = {f"{code}SV": index for index, code in enumerate(_STATE_CODES)}
_VALUE_FIELDS = {f"{code}VL": index for index, code in enumerate(_STATE_CODES)}
_LIMIT_FIELDS = {"LOLO": "lolo", "LOW": "low", "HIGH": "high", "HIHI": "hihi"}
_LIMIT_SEVERITY_FIELDS = {"LLSV": "lolo", "LSV": "low", "HSV": "high", "HHSV": "hihi"}
_DATA_KEYS = {
    "LOPR": "lower_disp_limit",
    "HOPR": "upper_disp_limit",
    "LOLO": "lower_alarm_limit",
    "LOW": "lower_warning_limit",
    "HIGH": "upper_warning_limit",
    "HIHI": "upper_alarm_limit",
}


def field_record(channel: LiveChannel, name: str) -> Record:
    """The record of field ``name`` of ``channel``.

    Raises:
        KeyError: The record type has no such field.
    """
    for maker in (_common, _numeric, _limits, _states, _array):
        record = maker(channel, name)
        if record is not None:
            return record
    return from_table(channel.record, name)


def _field(
    channel: LiveChannel,
    name: str,
    wire: Wire,
    read: Read | None,
    write: Write | None = None,
    **extra: Any,
) -> Record:
    return field_of(channel.record, name, wire, read, write, **extra)


def _common(channel: LiveChannel, name: str) -> Record | None:
    record, alarm = channel.record, channel.alarm
    texts: dict[str, Read] = {
        "NAME": lambda: channel.database.prefix + record.name,
        "RTYP": lambda: record.kind,
        "ASG": lambda: record.group,
        "AMSG": lambda: alarm.alarm_string,
        "NAMSG": lambda: "",
    }
    if name in texts:
        return _field(channel, name, Wire.STRING, texts[name])
    menus: dict[str, tuple[Read, tuple[State, ...]]] = {
        "SEVR": (lambda: int(alarm.severity), SEVERITIES),
        "NSEV": (lambda: 0, SEVERITIES),
        "ACKS": (lambda: int(alarm.severity_to_acknowledge), SEVERITIES),
        "STAT": (lambda: _status_index(alarm.status), STATUSES),
        "NSTA": (lambda: 0, STATUSES),
        "SCAN": (lambda: 1 if record.read and not record.writable else 0, _SCANS),
    }
    if name in menus:
        read, states = menus[name]
        return _field(channel, name, Wire.ENUM, read, states=states)
    if name == "UDF":
        return _field(channel, name, Wire.CHAR, lambda: int(alarm.status == Status.UDF))
    if name in ("DISP", "PROC", "PACT"):
        return _field(channel, name, Wire.CHAR, lambda: 0)
    if name == "UTAG":
        return _field(channel, name, Wire.DOUBLE, lambda: 0.0)
    if name == "DESC":
        return _field(
            channel, name, Wire.STRING, lambda: channel.description, _describer(channel), length=40
        )
    return None


def _status_index(status: int) -> int:
    return int(status) if status < len(STATUSES) else int(Status.CALC)


_SCANS = tuple(State(name) for name in ("Passive", "I/O Intr"))


def _describer(channel: LiveChannel) -> Write:
    def describe(text: str) -> None:
        channel.description = text

    return describe


def _numeric(channel: LiveChannel, name: str) -> Record | None:
    """Units, precision, display limits, deadbands."""
    record, data = channel.record, channel._data  # noqa: SLF001
    if "units" not in data:
        return None
    if name == "EGU":
        return _field(channel, name, Wire.STRING, lambda: data["units"])
    if name == "PREC" and "precision" in data:
        return replace(
            _field(
                channel, name, Wire.SHORT, lambda: data["precision"], _storer(channel, "precision")
            ),
            control=(0, 15),
        )
    if name in ("HOPR", "LOPR"):
        return _limit_field(channel, name, _storer(channel, _DATA_KEYS[name]))
    if name in ("DRVH", "DRVL") and record.writable and not record.array:
        key = "upper_ctrl_limit" if name == "DRVH" else "lower_ctrl_limit"
        return _limit_field(channel, name, None, key)
    if name == "MDEL" and not record.array:
        return _deadband_field(channel, name, "monitor_deadband")
    if name == "ADEL" and not record.array:
        return _deadband_field(channel, name, "archive_deadband")
    return None


def _value_wire(channel: LiveChannel) -> Wire:
    return Wire.LONG if channel.record.wire.integer else Wire.DOUBLE


def _limit_field(channel: LiveChannel, name: str, write: Write | None, key: str = "") -> Record:
    data, key = channel._data, key or _DATA_KEYS[name]  # noqa: SLF001
    return _field(
        channel, name, _value_wire(channel), lambda: data[key], write, units=channel.record.units
    )


def _deadband_field(channel: LiveChannel, name: str, attribute: str) -> Record:
    def write(number: float) -> None:
        setattr(channel, attribute, number)

    return _field(
        channel,
        name,
        _value_wire(channel),
        lambda: getattr(channel, attribute),
        write,
        units=channel.record.units,
    )


def _storer(channel: LiveChannel, key: str) -> Write:
    def store(number: float) -> None:
        channel._data[key] = number  # noqa: SLF001
        channel._content.clear()  # noqa: SLF001
        channel.database.property_changed(channel)

    return store


def _limits(channel: LiveChannel, name: str) -> Record | None:
    """Alarm limits, their severities, hysteresis."""
    if "units" not in channel._data or channel.record.array:  # noqa: SLF001
        return None
    if name in _LIMIT_FIELDS:
        return _limit_field(channel, name, _alarm_writer(channel, name))
    if name in _LIMIT_SEVERITY_FIELDS:
        limit = _LIMIT_SEVERITY_FIELDS[name]
        return _field(
            channel,
            name,
            Wire.ENUM,
            lambda: int(channel.alarms.severity(limit)),
            _severity_writer(channel, limit),
            states=SEVERITIES,
        )
    if name == "HYST":
        return _field(
            channel,
            name,
            _value_wire(channel),
            lambda: channel.alarms.hysteresis,
            _alarm_setter(channel, "hysteresis"),
            units=channel.record.units,
        )
    return None


def _alarm_writer(channel: LiveChannel, name: str) -> Write:
    store, change = _storer(channel, _DATA_KEYS[name]), _alarm_setter(channel, _LIMIT_FIELDS[name])

    def write(limit: float) -> None:
        change(limit)
        store(limit)

    return write


def _severity_writer(channel: LiveChannel, limit: str) -> Write:
    change = _alarm_setter(channel, f"{limit}_severity")

    def write(index: int) -> None:
        if index and isinf(getattr(channel.alarms, limit)):
            raise Refused(
                f"{channel.record.name} has no {limit.upper()} limit to give a severity to"
            )
        change(Severity(index))

    return write


def _alarm_setter(channel: LiveChannel, attribute: str) -> Write:
    def change(value: Any) -> None:
        channel.alarms = replace(channel.alarms, **{attribute: value})

    return change


def _states(channel: LiveChannel, name: str) -> Record | None:
    """Names and severities of the states of an enum record, and its raw value."""
    record = channel.record
    if record.wire is not Wire.ENUM:
        return None
    if name == "RVAL":
        index = record.state_names().index
        return _field(channel, name, Wire.DOUBLE, lambda: index(channel.value))
    if record.kind in ("mbbi", "mbbo") and name in _VALUE_FIELDS:
        number = _VALUE_FIELDS[name]
        shown = number if number < len(record.states) else 0
        return _field(channel, name, Wire.DOUBLE, lambda: shown)
    if record.kind in ("mbbi", "mbbo") and name == "SDEF":
        return _field(channel, name, Wire.SHORT, lambda: 1)
    two = (
        {"ZNAM": "ZRST", "ONAM": "ONST", "ZSV": "ZRSV", "OSV": "ONSV"}
        if len(record.states) == 2
        else {}
    )
    if record.kind in ("bi", "bo") and name not in two:
        return None
    standard = two.get(name, name) if record.kind in ("bi", "bo") else name
    if standard in _STATE_FIELDS:
        return _field(channel, name, Wire.STRING, _name_reader(record, _STATE_FIELDS[standard]))
    if standard in _SEVERITY_FIELDS:
        return _state_severity_field(channel, name, _SEVERITY_FIELDS[standard])
    return None


def _name_reader(record: Record, index: int) -> Read:
    return lambda: record.states[index].name if index < len(record.states) else ""


def _state_severity_field(channel: LiveChannel, name: str, index: int) -> Record:
    severities = channel.state_severities
    if index >= len(severities):
        return _field(channel, name, Wire.ENUM, lambda: 0, states=SEVERITIES)

    def write(severity: int) -> None:
        severities[index] = Severity(severity)

    return _field(
        channel, name, Wire.ENUM, lambda: int(severities[index]), write, states=SEVERITIES
    )


def _array(channel: LiveChannel, name: str) -> Record | None:
    """Sizes of a waveform or a text."""
    record = channel.record
    sizes: dict[str, Read] = {}
    if record.array:
        sizes = {"NELM": lambda: record.length, "NORD": lambda: np.size(channel.value)}
        if name == "FTVL":
            return _field(channel, name, Wire.ENUM, lambda: record.wire.name, states=_FTYPES)
    elif record.kind in ("lsi", "lso"):
        sizes = {
            "SIZV": lambda: record.length + 1,
            "LEN": lambda: len(str(channel.value).encode()) + 1,
        }
    if name not in sizes:
        return None
    return _field(channel, name, AS_DOUBLE.get(name, Wire.LONG), sizes[name])


_FTYPES = tuple(
    State(name)
    for name in (
        "STRING",
        "CHAR",
        "UCHAR",
        "SHORT",
        "USHORT",
        "LONG",
        "ULONG",
        "INT64",
        "UINT64",
        "FLOAT",
        "DOUBLE",
        "ENUM",
    )
)
