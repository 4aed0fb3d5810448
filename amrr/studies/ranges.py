"""The assumed parameters of a machine with their ranges, and machines with other values of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from amrr.coils.solenoid import Solenoid
from amrr.origins import ORIGIN, RANGE, Origin, Range
from amrr.parameters import RefrigeratorParameters


@dataclass(frozen=True)
class Leaf:
    """One number, switch or name among the parameters.

    Attributes:
        name: Dotted.
        value: What it is.
        origin: Where it comes from; None where its field does not say.
        range: How far it may be wrong; None unless it is assumed.
    """

    name: str
    value: Any
    origin: Origin | None
    range: Range | None


def leaves(part: Any, prefix: str = "") -> Iterator[Leaf]:
    """Every parameter below a part, with what its field says of it."""
    for f in fields(part):
        value, name = getattr(part, f.name), f"{prefix}{f.name}"
        if is_dataclass(value):
            yield from leaves(value, f"{name}.")
        else:
            yield Leaf(name, value, f.metadata.get(ORIGIN), f.metadata.get(RANGE))


def assumed(parameters: RefrigeratorParameters) -> dict[str, Range]:
    """Ranges of the assumed parameters of this machine, by dotted name.

    Those of detectors' stages that it does not have are left out.
    """
    absent = {
        f"detector{k}." for k in (1, 2, 3, 4) if not getattr(parameters, f"detector{k}").fitted
    }
    return {
        leaf.name: leaf.range
        for leaf in leaves(parameters)
        if leaf.range is not None and not leaf.name.startswith(tuple(absent))
    }


def with_values(
    parameters: RefrigeratorParameters, values: Mapping[str, Any]
) -> RefrigeratorParameters:
    """A machine with other values of some parameters, built as this one is.

    What follows from them moves along: turns keep the field of an ampere when a winding changes its
    shape, and a detector's stage keeps its place on a line of another length.

    Args:
        parameters: The machine.
        values: By dotted name.

    Raises:
        ValueError: No parameter has this name; says so.
    """
    known = parameters.flat()
    for name in values:
        if name not in known:
            raise ValueError(f"{name} is no parameter of the refrigerator")
    found: RefrigeratorParameters = parameters
    for name, value in values.items():
        found = _changed(found, name, value)
    for magnet in ("pump_magnet", "regenerator_magnet"):
        if f"{magnet}.solenoid.turns" not in values:
            shape, before = getattr(found, magnet).solenoid, getattr(parameters, magnet).solenoid
            found = _changed(found, f"{magnet}.solenoid.turns", _turns(shape, before))
    stretch = found.cold_line.length_m / parameters.cold_line.length_m
    for k in (1, 2, 3, 4):
        name = f"detector{k}.distance_m"
        if name not in values and stretch != 1.0:
            found = _changed(found, name, stretch * known[name])
    return found


def _turns(shape: Solenoid, before: Solenoid) -> int:
    """Turns with which a winding of this shape has the field of an ampere of the other one."""
    if replace(shape, turns=before.turns) == before:
        return before.turns
    turns = before.turns
    for _ in range(20):  # the thickness depends on the turns, weakly
        turns = round(turns * before.centre_t_per_a / replace(shape, turns=turns).centre_t_per_a)
    return turns


def _changed(part: Any, name: str, value: Any) -> Any:
    first, _, rest = name.partition(".")
    return replace(part, **{first: _changed(getattr(part, first), rest, value) if rest else value})
