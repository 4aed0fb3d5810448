"""Every PV that devices use, as the devices' components and the PV database tell of it together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final

from devices.hardware.leaves import Leaf
from devices.hardware.leaving_out import leaves_of_class
from pvdb.records import Record

__all__ = ["INSTRUMENTS", "Needed", "catalogue", "device_class"]

#: Names of the devices, by the name of the instrument's IOC and of its table in the files.
INSTRUMENTS: Final[Mapping[str, str]] = {"amrr": "Refrigerator", "haloscope": "Haloscope"}


@dataclass(frozen=True)
class Needed:
    """One PV of an instrument.

    Attributes:
        name: Ours, without the prefix, as a file of a laboratory has it.
        leaf: The devices' signal that uses it.
        record: What the PV database says of it.
        written: Whether the devices write to it.
    """

    name: str
    leaf: Leaf
    record: Record
    written: bool

    @property
    def units(self) -> str:
        """Of the record."""
        return self.record.units

    @property
    def kind(self) -> str:
        """What it holds: a number, a whole number, states, a text, an array of so many."""
        if self.record.array:
            return f"array of {self.record.length}" if self.record.length else "array"
        if self.record.state_names():
            return " / ".join(self.record.state_names())
        if self.record.wire.name == "STRING" or self.record.kind.startswith("ls"):
            return "text"
        return "whole number" if self.record.wire.integer else "number"

    @property
    def what(self) -> str:
        """What it is for: the record's description; of a motor's field the component's words."""
        return (self.leaf.what if "." in self.name else "") or self.record.description


def device_class(instrument: str) -> type:
    """The device of an instrument."""
    module = import_module(f"devices.{instrument}")
    found: type = getattr(module, INSTRUMENTS[instrument])
    return found


@cache
def catalogue(instrument: str) -> Mapping[str, Needed]:
    """Every PV of an instrument's devices by name, in the order of their components."""
    from iocs.documents.pages import build

    records = {record.name: record for record in build(instrument).database.records}
    found: dict[str, Needed] = {}
    for leaf in leaves_of_class(device_class(instrument)):
        for name in leaf.names:
            plain = name.removesuffix(".VAL$")
            record = records.get(plain) or records[plain.partition(".")[0]]
            writes = leaf.direction != "read" and name == leaf.names[-1]
            found.setdefault(plain, Needed(plain, leaf, record, writes))
    return found
