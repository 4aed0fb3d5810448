"""The page of devices: every signal with its process variable, unit and kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ophyd import Component, Device, EpicsSignalRO

from cryohalo.documents.docstrings import prose_of
from cryohalo.documents.markdown import code, table, text
from devices.amrr import Refrigerator
from devices.haloscope import Haloscope
from iocs.documents.pages import build
from pvdb.records import Record

__all__ = ["page"]

_HEAD = """# Devices

Made from the classes in `devices/`. What begins a name is the device's own:
`haloscope.daq.spectrum` is recorded as `haloscope_daq_spectrum`, and its process variable begins
with the prefix. Signals of kind *hinted* and *normal* are in every event, *config* in the
descriptor, *omitted* in neither. [Devices and plans](../plans.md) has how they behave.
"""


def page() -> str:
    """Both instruments, device by device."""
    parts = [_HEAD]
    for name, kind in (("amrr", Refrigerator), ("haloscope", Haloscope)):
        records = {record.name: record for record in build(name).database.records}
        parts += [f"## `devices.{name}.{kind.__name__}`\n", *_parts(kind, records)]
    return "\n".join(parts)


def _parts(kind: type[Device], records: dict[str, Record]) -> Iterator[str]:
    """A table for the device's own signals, then one for each of its parts."""
    own = list(_rows(kind, "", "", records))
    yield "\n\n".join(map(text, prose_of(kind))) + "\n"
    yield table(("signal", "process variable", "units", "kind", "what it is"), own)
    for name, item in _components(kind):
        if issubclass(item.cls, Device):
            about = "\n\n".join(map(text, prose_of(item.cls)))
            yield f"### {kind.__name__.lower()}.{name}\n\n{about}\n"
            rows = _rows(item.cls, f"{name}.", _suffix(item), records)
            columns = ("signal", "process variable", "units", "kind", "what it is")
            yield table(columns, rows)


def _rows(
    kind: type[Device], name: str, prefix: str, records: dict[str, Record]
) -> Iterator[tuple[str, ...]]:
    """A row for each signal; parts of a part have theirs in the same table."""
    for attribute, item in _components(kind):
        pv = prefix + _suffix(item)
        if issubclass(item.cls, Device):
            if name:
                yield from _rows(item.cls, f"{name}{attribute}.", pv, records)
            continue
        record = records.get(pv.removesuffix(".VAL$").removesuffix(".VAL"))
        units = record.units if record else str(item.kwargs.get("units", ""))
        shown = code(pv) if record or issubclass(item.cls, EpicsSignalRO) else ""
        yield code(name + attribute), shown, text(units), _kind(item), _about(item, record)


def _components(kind: type[Device]) -> Iterator[tuple[str, Component[Any]]]:
    for name in kind.component_names:
        item = getattr(kind, name)
        if isinstance(item, Component):
            yield name, item


def _suffix(item: Component[Any]) -> str:
    return str(item.suffix or "")


def _about(item: Component[Any], record: Record | None) -> str:
    """What the record says, then what the device says beside its unit."""
    told = [record.description, _told(item)] if record else [_told(item)]
    words = [one for one in told if one and not (record and one == record.units)]
    return text("; ".join(words))


def _told(item: Component[Any]) -> str:
    """What its author says of a component; ophyd writes its own words where nobody did."""
    return "" if str(item.doc).startswith(type(item).__name__) else str(item.doc or "")


def _kind(item: Component[Any]) -> str:
    return str(getattr(item.kind, "name", item.kind))
