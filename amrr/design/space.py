"""The variables of the design study, and the machine that follows from their values.

The regenerators hold as much refrigerant as the default's: the diameter follows from the length. So
does the magnet: its winding is longer than the bed, and wider, by as much as the default's, and has
the turns that reach the paper's 1.5 T at 4.7 A. The pump stays as it is, but for its fields.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.coils.solenoid import turns_for
from amrr.design.sizing import DesignInputs
from amrr.parameters import CoilParameters, RefrigeratorParameters, RegeneratorParameters

Array = NDArray[np.float64]

#: The paper's largest field; T.
HIGHEST_T: Final = DesignInputs().peak_field_t


@dataclass(frozen=True)
class Variable:
    """One variable of the study.

    Attributes:
        name: In ``values``, in tables and in files.
        low: Lowest value.
        high: Highest.
        step: Values are multiples of it: what a workshop or an operator would round to.
        unit: Its unit; "" for none.
        scale: From SI to what is shown.
        shown: The unit that is shown.
    """

    name: str
    low: float
    high: float
    step: float
    unit: str
    scale: float = 1.0
    shown: str = ""

    def at(self, part: float) -> float:
        """The value at a part of the range, 0 to 1, rounded to a step."""
        value = self.low + min(max(part, 0.0), 1.0) * (self.high - self.low)
        return round(round(value / self.step) * self.step, 9)

    def part(self, value: float) -> float:
        """The part of the range where a value is; beyond the range its nearer end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


#: All variables, in the order of the vectors of the search.
VARIABLES: Final = (
    Variable("length_m", 0.040, 0.160, 0.0005, "m", 1e3, "mm"),
    Variable("concentration", 0.04, 0.20, 0.0025, ""),
    Variable("flow_time_s", 20.0, 160.0, 1.0, "s"),
    Variable("hold_time_s", 4.0, 30.0, 1.0, "s"),
    Variable("pump_low_t", 0.2, 1.0, 0.005, "T"),
    Variable("pump_high_t", 0.8, HIGHEST_T, 0.005, "T"),
    Variable("regen_cold_start_t", 0.3, HIGHEST_T, 0.005, "T"),
    Variable("regen_cold_end_t", 0.0, 0.4, 0.005, "T"),
    Variable("regen_hot_start_t", 0.3, HIGHEST_T, 0.005, "T"),
    Variable("regen_hot_end_t", 0.5, HIGHEST_T, 0.005, "T"),
    # The shape of the ramps: from 1 on B^2 is linear in time, below B is.
    Variable("square_ramp", 0.0, 1.0, 1.0, ""),
)
_CYCLE: Final = tuple(v.name for v in VARIABLES[2:-1])


def values(vector: Sequence[float] | Array) -> dict[str, float]:
    """The values of a vector of the search, whose entries go from 0 to 1 each."""
    return {v.name: v.at(float(u)) for v, u in zip(VARIABLES, vector, strict=True)}


def vector(of: dict[str, float]) -> Array:
    """The vector of these values: the inverse of ``values``, to a step."""
    return np.array([v.part(of[v.name]) for v in VARIABLES])


def values_of(p: RefrigeratorParameters) -> dict[str, float]:
    """The values of a machine."""
    found = {"length_m": p.regenerator.length_m, "concentration": p.concentration}
    found |= {name: getattr(p.cycle, name) for name in _CYCLE}
    return found | {"square_ramp": float(p.cycle.square_ramp)}


def machine(of: dict[str, float], base: RefrigeratorParameters) -> RefrigeratorParameters:
    """A machine with these values, and in all else as another one.

    Args:
        of: By name of the variable.
        base: What is varied; its regenerator's volume is kept.

    Raises:
        ValueError: No solenoid reaches the paper's field around such a bed.
    """
    bed = reshaped(base.regenerator, of["length_m"])
    cycle = replace(
        base.cycle, **{n: of[n] for n in _CYCLE}, square_ramp=bool(of["square_ramp"] >= 0.5)
    )
    return replace(
        base,
        concentration=of["concentration"],
        regenerator=bed,
        regenerator_magnet=fitted(base.regenerator_magnet, base.regenerator, bed),
        cycle=cycle,
    )


def reshaped(bed: RegeneratorParameters, length_m: float) -> RegeneratorParameters:
    """A bed of the same volume and another length."""
    if length_m == bed.length_m:
        return bed
    diameter_m = bed.inner_diameter_m * math.sqrt(bed.length_m / length_m)
    return replace(bed, length_m=length_m, inner_diameter_m=diameter_m)


def fitted(
    coil: CoilParameters, around: RegeneratorParameters, bed: RegeneratorParameters
) -> CoilParameters:
    """A magnet for another bed: as much longer and wider than it as it is around the first."""
    if bed == around:
        return coil
    old, inputs = coil.solenoid, DesignInputs()
    length_m = old.length_m + bed.length_m - around.length_m
    radius_m = old.inner_radius_m + 0.5 * (bed.inner_diameter_m - around.inner_diameter_m)
    turns = turns_for(HIGHEST_T, inputs.current_a, length_m, radius_m, old.wire_diameter_m)
    solenoid = replace(old, length_m=length_m, inner_radius_m=radius_m, turns=turns)
    return replace(coil, solenoid=solenoid)


def coarse(p: RefrigeratorParameters, nodes: int, dt_s: float) -> RefrigeratorParameters:
    """The same machine, with so many lumps along a bed and such a step."""
    return replace(p, dt_s=dt_s, regenerator=replace(p.regenerator, nodes=nodes))
