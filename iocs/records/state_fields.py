"""The fields of records with states: their names and severities, the raw value."""

from __future__ import annotations

from dataclasses import replace

from instruments.errors import Refused
from iocs.records.common_fields import SEVERITIES
from iocs.records.field_tables import field_of
from iocs.records.interfaces import ServedChannel
from pvdb.records import Severity
from pvdb.records.description import MAX_STATE_LENGTH, Read, Record, Wire

_CODES = (
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
_NAMES = {f"{code}ST": index for index, code in enumerate(_CODES)}
_SEVERITIES = {f"{code}SV": index for index, code in enumerate(_CODES)}
_VALUES = {f"{code}VL": index for index, code in enumerate(_CODES)}
_OF_TWO = {"ZNAM": "ZRST", "ONAM": "ONST", "ZSV": "ZRSV", "OSV": "ONSV"}


def states(channel: ServedChannel, name: str) -> Record | None:
    """Field ``name`` if it is one that records with states have."""
    record = channel.record
    if record.wire is not Wire.ENUM:
        return None
    if name == "RVAL":
        raw: Read = lambda: channel.record.state_names().index(channel.value)  # noqa: E731
        return field_of(record, name, Wire.DOUBLE, raw)
    if record.kind in ("mbbi", "mbbo") and name in _VALUES:
        number = _VALUES[name]
        shown = number if number < len(record.states) else 0
        return field_of(record, name, Wire.DOUBLE, lambda: shown)
    if record.kind in ("mbbi", "mbbo") and name == "SDEF":
        return field_of(record, name, Wire.SHORT, lambda: 1)
    if record.kind in ("bi", "bo"):
        if name not in _OF_TWO or len(record.states) != 2:
            return None
        return _name_or_severity(channel, name, _OF_TWO[name])
    return _name_or_severity(channel, name, name)


def _name_or_severity(channel: ServedChannel, name: str, standard: str) -> Record | None:
    if standard in _NAMES:
        return _name_field(channel, name, _NAMES[standard])
    if standard in _SEVERITIES:
        return _severity_field(channel, name, _SEVERITIES[standard])
    return None


def _name_field(channel: ServedChannel, name: str, index: int) -> Record:
    record = channel.record
    if index >= len(record.states):
        return field_of(record, name, Wire.STRING, lambda: "", length=MAX_STATE_LENGTH)

    def rename(text: str) -> None:
        states = list(channel.record.states)
        others = [state.name for state in states[:index] + states[index + 1 :]]
        if not text or text in others:
            problem = f"there is a state {text!r} already" if text else "a state needs a name"
            raise Refused(f"{record.name}.{name}: {problem}")
        states[index] = replace(states[index], name=text)
        channel.take_states(tuple(states))

    return field_of(
        record,
        name,
        Wire.STRING,
        lambda: channel.record.states[index].name,
        rename,
        length=MAX_STATE_LENGTH,
    )


def _severity_field(channel: ServedChannel, name: str, index: int) -> Record:
    severities = channel.state_severities
    if index >= len(severities):
        return field_of(channel.record, name, Wire.ENUM, lambda: 0, states=SEVERITIES)

    def write(severity: int) -> None:
        severities[index] = Severity(severity)

    return field_of(
        channel.record, name, Wire.ENUM, lambda: int(severities[index]), write, states=SEVERITIES
    )
