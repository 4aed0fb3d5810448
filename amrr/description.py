"""What the owners of a refrigerator state of it: what plans and screens may know.

It imports nothing of the simulation. ``amrr.describing`` makes it from parameters; the IOC serves
it as JSON, and the device reads that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, get_type_hints

from instruments.quantities import quantity
from instruments.stated_values import MistakesError, hash_in, name_in, served, values_in

__all__ = [
    "LONGEST_JSON",
    "ColdEnd",
    "Cycle",
    "Helium",
    "Magnets",
    "MistakesError",
    "RefrigeratorDescription",
    "Stage",
]

LONGEST_JSON: Final = 20_000
_HASH: Final = "parameters_hash"
_NO_GROUPS: Final = ("name", _HASH)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The stage that takes the rejected heat."""

    setpoint_k: float = quantity("temperature that it is meant to have", above=0, high=10)
    low_k: float = quantity("lowest setpoint", above=0, high=10)
    high_k: float = quantity("highest setpoint", above=0, high=10)
    ready_k: float = quantity("ready within this of its setpoint", above=0, high=10)
    held: float = quantity("1 where another machine holds it, not its own controller", 0, 1)


@dataclass(frozen=True, kw_only=True)
class ColdEnd:
    """The cold exchanger and its load."""

    setpoint_k: float = quantity("temperature that is usually held", above=0, high=10)
    low_k: float = quantity("lowest setpoint", above=0, high=10)
    high_k: float = quantity("highest setpoint", above=0, high=10)
    load_w: float = quantity("heater power of a cool-down", 0, 10)
    highest_heater_w: float = quantity("highest heater power", 0, 10)


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """Times and fields of the cycle."""

    flow_time_s: float = quantity("a phase with flow", above=0, high=1e5)
    hold_time_s: float = quantity("a phase without flow", above=0, high=1e5)
    pump_low_t: float = quantity("lowest field of the pumps", 0, 20)
    pump_high_t: float = quantity("highest field of the pumps", 0, 20)
    regen_cold_start_t: float = quantity("regenerator, the cold flow begins", 0, 20)
    regen_cold_end_t: float = quantity("regenerator, the cold flow ends", 0, 20)
    regen_hot_start_t: float = quantity("regenerator, the hot flow begins", 0, 20)
    regen_hot_end_t: float = quantity("regenerator, the hot flow ends", 0, 20)


@dataclass(frozen=True, kw_only=True)
class Magnets:
    """Limits of the magnets."""

    highest_pump_t: float = quantity("highest field that a pump's supply gives", above=0, high=50)
    highest_regenerator_t: float = quantity(
        "highest field that a regenerator's supply gives", above=0, high=50
    )
    coil_cold_k: float = quantity("coils below this have recovered", above=0, high=300)
    coil_empty_a: float = quantity("a coil below this is empty", above=0, high=1e4)


@dataclass(frozen=True, kw_only=True)
class Helium:
    """The bath that feeds the pot."""

    lowest_percent: float = quantity("the cycle stops below this level", 0, 100, unit="%")
    low_percent: float = quantity("alarm of the level", 0, 100, unit="%")


@dataclass(frozen=True, kw_only=True)
class RefrigeratorDescription:
    """What is fixed about a refrigerator, for plans and screens.

    Attributes:
        name: Of the machine.
        parameters_hash: Of the parameter file that it is of, as its IOC reports it; "" for none.
    """

    name: str
    stage: Stage
    cold: ColdEnd
    cycle: Cycle
    magnets: Magnets
    helium: Helium
    parameters_hash: str = ""

    @classmethod
    def from_json(cls, text: str) -> RefrigeratorDescription:
        """From JSON, as an IOC serves it; somebody else may have made it.

        Raises:
            ValueError: It is no JSON, too long, or no description; ``MistakesError`` tells all that
                is wrong with its values.
        """
        return cls.from_mapping(served(text, LONGEST_JSON))

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> RefrigeratorDescription:
        """From nested plain values.

        Raises:
            MistakesError: A value is missing, unknown, of another type or out of range; tells all.
        """
        found: list[str] = []
        name = name_in(content.get("name"), found)
        own = hash_in(content.get(_HASH, ""), found)
        given = {key: part for key, part in content.items() if key not in _NO_GROUPS}
        values = values_in(_GROUPS, given, None, found)
        _demand(values, found)
        if found:
            raise MistakesError(found)
        groups = {group: _GROUPS[group](**part) for group, part in values.items()}
        return cls(name=name, parameters_hash=own, **groups)

    def as_dict(self) -> dict[str, Any]:
        """Nested plain values, fit for JSON and for a document."""
        return asdict(self)

    def as_json(self) -> str:
        """As an IOC serves it."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of everything in it."""
        return self._hash

    @cached_property
    def _hash(self) -> str:
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:16]


_GROUPS: Final[Mapping[str, type[Any]]] = {
    name: kind
    for name, kind in get_type_hints(RefrigeratorDescription).items()
    if name not in _NO_GROUPS
}
#: Pairs of which the first may not be above the second.
_ASCENDING: Final = (
    ("stage.low_k", "stage.high_k"),
    ("cold.low_k", "cold.high_k"),
    ("cold.load_w", "cold.highest_heater_w"),
    ("cycle.pump_high_t", "magnets.highest_pump_t"),
    ("helium.lowest_percent", "helium.low_percent"),
)


def _demand(values: Mapping[str, Mapping[str, Any]], found: list[str]) -> None:
    flat = {f"{g}.{k}": v for g, part in values.items() for k, v in part.items() if v is not None}
    for low, high in _ASCENDING:
        if low in flat and high in flat and flat[low] > flat[high]:
            found.append(
                f"parameter {low} is {flat[low]:g}, may not be above {high}, {flat[high]:g}"
            )
