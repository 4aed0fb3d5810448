"""Phoebus' alarm tree and save-and-restore configuration of an instrument, from its table.

The alarm tree (``.xml``) is what Phoebus' alarm server imports: components by group, each PV that
has an alarm limit or a state that is an alarm. The configuration (``.csv``) is what
save-and-restore imports into a folder: every setpoint that the IOC itself keeps, with its readback.

Formats: Phoebus' documentation of the alarm and the save-and-restore applications
(https://control-system-studio.readthedocs.io).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import isfinite
from xml.etree import ElementTree as Xml

from pvdb.records import Record

__all__ = ["alarm_tree", "alarms", "kept", "save_set"]

_LIMITS = ("lolo", "low", "high", "hihi")
#: The lag of the simulation and the load of this host: nothing to call somebody for.
_NOT_AN_INSTRUMENT_S = ("Sim:", "IOC:")


def alarm_tree(title: str, prefix: str, records: Iterable[Record], screen: str) -> str:
    """The alarm tree of one instrument, as XML text.

    Args:
        title: Of the tree.
        prefix: Begins every name: an alarm tree has no macros.
        records: The table.
        screen: File of the instrument's screen, which each component opens.
    """
    tree = Xml.Element("config", name=title)
    members = sorted(alarms(records), key=_group)
    for group, found in groupby(members, key=_group):
        component = Xml.SubElement(tree, "component", name=group)
        display = Xml.SubElement(component, "display")
        _put(display, title=title, details=screen)
        for record in found:
            pv = Xml.SubElement(component, "pv", name=f"{prefix}{record.name}")
            _put(pv, description=record.description, enabled="true", latching="true")
            _put(pv, annunciating="false")
    Xml.indent(tree)
    return Xml.tostring(tree, encoding="unicode", xml_declaration=True) + "\n"


def alarms(records: Iterable[Record]) -> list[Record]:
    """Those of the instrument that can be in alarm by their value."""
    return [
        record
        for record in records
        if record.group != "TRUTH"
        and not record.name.startswith(_NOT_AN_INSTRUMENT_S)
        and (
            any(state.severity for state in record.states)
            or any(isfinite(getattr(record.alarms, limit)) for limit in _LIMITS)
        )
    ]


def save_set(prefix: str, records: Sequence[Record]) -> str:
    """The save-and-restore configuration of one instrument, as CSV.

    The last column is never empty: Phoebus drops empty columns at the end of a line.
    """
    by_name = {record.name: record for record in records}
    lines = ["PV,READBACK,READ_ONLY"]
    for record in kept(records):
        readback = f"{record.name}_RBV"
        lines.append(
            f"{prefix}{record.name},{prefix + readback if readback in by_name else ''},false"
        )
    return "\n".join(lines) + "\n"


def kept(records: Iterable[Record]) -> list[Record]:
    """The setpoints that belong to the state of the instrument, without commands and clock."""
    return [
        record
        for record in records
        if record.saved and record.writable and not record.momentary and not record.array
    ]


def _group(record: Record) -> str:
    head, colon, _ = record.name.partition(":")
    return head if colon else head.partition(".")[0].removesuffix("_RBV")


def _put(element: Xml.Element, **values: str) -> None:
    for key, value in values.items():
        Xml.SubElement(element, key).text = value
