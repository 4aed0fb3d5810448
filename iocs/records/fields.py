"""Fields of a record (``.DESC``, ``.HIHI`` ...), each a ``Record`` of its own over the channel.

Fields that mean something here are live: they show the channel's data, and those that an operator
may tune (alarm limits, severities, deadbands, display and drive limits, units, precision, names of
states, description, acknowledgement, DISP) act when written. The others exist with the type and
default that EPICS base gives them, from the field tables of ``caproto.server.records`` with the
corrections that a comparison with base 7.0.8's softIoc asked for.
"""

from __future__ import annotations

from dataclasses import replace
from math import isinf
from typing import Any

import numpy as np

from instruments.errors import Refused
from iocs.records.common_fields import SEVERITIES, common
from iocs.records.field_tables import AS_DOUBLE, field_of, from_table
from iocs.records.interfaces import ServedChannel
from iocs.records.outgoing import PROPERTY
from iocs.records.state_fields import states
from pvdb.records import Severity
from pvdb.records.description import Read, Record, State, Wire, Write

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


def field_record(channel: ServedChannel, name: str) -> Record:
    """The record of field ``name`` of ``channel``.

    Raises:
        KeyError: The record type has no such field.
    """
    for maker in (common, _numeric, _limits, states, _array):
        record = maker(channel, name)
        if record is not None:
            return record
    return from_table(channel.record, name)


def _numeric(channel: ServedChannel, name: str) -> Record | None:
    """Units, precision, display limits, deadbands."""
    record, data = channel.record, channel._data  # noqa: SLF001
    if "units" not in data:
        return None
    if name == "EGU":
        return _field(
            channel, name, Wire.STRING, lambda: channel.full_units, channel.take_units, length=15
        )
    if name == "PREC" and "precision" in data:
        return replace(
            _field(
                channel, name, Wire.SHORT, lambda: data["precision"], _storer(channel, "precision")
            ),
            control=(0, 15),
        )
    if name == "PREC" and record.array:  # of bytes, which have none
        return _field(channel, name, Wire.SHORT, lambda: record.precision)
    if name in ("HOPR", "LOPR"):
        return _limit_field(channel, name, _storer(channel, _DATA_KEYS[name]))
    if name in ("DRVH", "DRVL") and record.writable and not record.array:
        return _drive_field(channel, name)
    if name == "MDEL" and not record.array:
        return _deadband_field(channel, name, "monitor_deadband")
    if name == "ADEL" and not record.array:
        return _deadband_field(channel, name, "archive_deadband")
    return None


def _drive_field(channel: ServedChannel, name: str) -> Record:
    """A limit of what may be put: an operator may draw it in, never beyond the instrument's."""
    high = name == "DRVH"

    def write(limit: float) -> None:
        low, top = channel.drive_range()
        channel.take_drive((low, limit) if high else (limit, top))

    return _limit_field(channel, name, write, "upper_ctrl_limit" if high else "lower_ctrl_limit")


def _field(
    channel: ServedChannel,
    name: str,
    wire: Wire,
    read: Read | None,
    write: Write | None = None,
    **extra: Any,
) -> Record:
    return field_of(channel.record, name, wire, read, write, **extra)


def _value_wire(channel: ServedChannel) -> Wire:
    return Wire.LONG if channel.record.kind in ("longin", "longout") else Wire.DOUBLE


def _limit_field(channel: ServedChannel, name: str, write: Write | None, key: str = "") -> Record:
    data, key = channel._data, key or _DATA_KEYS[name]  # noqa: SLF001
    return _field(
        channel, name, _value_wire(channel), lambda: data[key], write, units=channel.record.units
    )


def _deadband_field(channel: ServedChannel, name: str, attribute: str) -> Record:
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


def _storer(channel: ServedChannel, key: str) -> Write:
    def store(number: float) -> None:
        channel._data[key] = number  # noqa: SLF001
        channel._content.clear()  # noqa: SLF001
        channel.post_also(PROPERTY)

    return store


def _limits(channel: ServedChannel, name: str) -> Record | None:
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


def _alarm_writer(channel: ServedChannel, name: str) -> Write:
    store, change = _storer(channel, _DATA_KEYS[name]), _alarm_setter(channel, _LIMIT_FIELDS[name])

    def write(limit: float) -> None:
        change(limit)
        store(limit)

    return write


def _severity_writer(channel: ServedChannel, limit: str) -> Write:
    change = _alarm_setter(channel, f"{limit}_severity")

    def write(index: int) -> None:
        if index and isinf(getattr(channel.alarms, limit)):
            raise Refused(
                f"{channel.record.name} has no {limit.upper()} limit to give a severity to"
            )
        change(Severity(index))
        channel.post_also(PROPERTY)

    return write


def _alarm_setter(channel: ServedChannel, attribute: str) -> Write:
    def change(value: Any) -> None:
        channel.alarms = replace(channel.alarms, **{attribute: value})

    return change


def _array(channel: ServedChannel, name: str) -> Record | None:
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
