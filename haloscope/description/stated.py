"""The description of one haloscope: all groups and the table of its mode map, checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from haloscope.description.checking import MistakesError, demand, name_in, values_in
from haloscope.description.groups import (
    Analysis,
    Antenna,
    Axion,
    Cavity,
    Cryostat,
    Digitizer,
    Jpa,
    Magnet,
    NetworkAnalyzer,
    NoiseSource,
    Operation,
    Receiver,
    Rod,
    Safety,
    Unknowns,
)
from haloscope.description.modes import ModeMap, Table, made, table_named, wrong_in
from haloscope.description.places import demand_places, outside_map
from instruments.stated_values import hash_in, served

if TYPE_CHECKING:
    from haloscope.parameters import HaloscopeParameters

__all__ = ["DESCRIBED", "LONGEST_JSON", "Description", "describe"]

#: Bytes of a description as JSON, at most: a thousand rows of a mode map and everything else.
LONGEST_JSON: Final = 200_000
_MODE_MAP: Final = "table"
_HASH: Final = "parameters_hash"
_NO_GROUPS: Final = ("name", _MODE_MAP, _HASH)


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the owners of a haloscope state of it: all that plans and analysis may know.

    Attributes:
        name: Of the haloscope.
        table: Rows of the mode map (``haloscope.description.modes``).
        parameters_hash: Of the parameter file that it is of, as its IOC reports it; "" for none.

    The other attributes are the groups of ``haloscope.description.groups``.
    """

    name: str
    axion: Axion
    magnet: Magnet
    cavity: Cavity
    rod: Rod
    antenna: Antenna
    jpa: Jpa
    receiver: Receiver
    noise_source: NoiseSource
    cryostat: Cryostat
    network_analyzer: NetworkAnalyzer
    digitizer: Digitizer
    unknowns: Unknowns
    operation: Operation
    safety: Safety
    analysis: Analysis
    table: Table
    parameters_hash: str = ""

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> Description:
        """From nested plain values, as ``as_dict`` gives them; somebody else may have made them.

        Raises:
            MistakesError: A value is missing, unknown, of another type or out of range; tells all.
        """
        found: list[str] = []
        given = {name: part for name, part in content.items() if name not in _NO_GROUPS}
        name = name_in(content.get("name"), found)
        parameters_hash = hash_in(content.get(_HASH, ""), found)
        values = values_in(DESCRIBED, given, None, found)
        demand(values, found)
        demand_places(values, found)
        if wrong := wrong_in(content.get(_MODE_MAP)):
            found.append(f"{_MODE_MAP} of the mode map: {wrong}")
        if found:
            raise MistakesError(found)
        groups = {group: DESCRIBED[group](**part) for group, part in values.items()}
        table = tuple(tuple(float(x) for x in row) for row in content[_MODE_MAP])
        made_of = cls(name=name, table=table, parameters_hash=parameters_hash, **groups)
        if outside := outside_map(made_of.mode_map, made_of.cavity, made_of.rod):
            raise MistakesError(outside)
        return made_of

    @classmethod
    def from_json(cls, text: str) -> Description:
        """From JSON, as an IOC serves it.

        Raises:
            ValueError: It is no JSON, too long, or no description; ``MistakesError`` tells all that
                is wrong with its values.
        """
        return cls.from_mapping(served(text, LONGEST_JSON))

    def as_dict(self) -> dict[str, Any]:
        """Nested plain values, fit for JSON and for a document."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found

    def as_json(self) -> str:
        """As an IOC serves it."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of everything in it."""
        return self._hash

    @cached_property
    def _hash(self) -> str:
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:16]

    @cached_property
    def mode_map(self) -> ModeMap:
        """The calculated map from rod to mode."""
        return made(self.cavity, self.rod, self.table)


#: Classes of the groups of a description by their names.
DESCRIBED: Final[Mapping[str, type[Any]]] = {
    name: kind for name, kind in get_type_hints(Description).items() if name not in _NO_GROUPS
}


def describe(parameters: HaloscopeParameters) -> Description:
    """What the owners state of a haloscope with these parameters.

    Raises:
        OSError: Its mode map cannot be read.
        MistakesError: The mode map does not hold the reference frequency.
        ValueError: The mode map is none.
    """
    groups = {
        group: kind(**{item.name: getattr(getattr(parameters, group), item.name)
                       for item in fields(kind)})
        for group, kind in DESCRIBED.items()
    }  # fmt: skip
    table = table_named(parameters.rod.mode_map, parameters.folder)
    found = Description(
        name=parameters.name, table=table, parameters_hash=parameters.hash(), **groups
    )
    if outside := outside_map(found.mode_map, found.cavity, found.rod):
        raise MistakesError(outside)
    return found
