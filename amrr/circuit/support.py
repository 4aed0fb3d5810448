"""Where a machine has left what its models have support for, in words.

The compiled step runs on spline tables that reach beyond the validity of the material models, and
are continued beyond their own ends. A machine that has got there still moves on; its numbers are
extrapolations, and this says so.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import loop, nodes, rows, slip
from amrr.circuit.layout import Places
from amrr.coils import magnet
from amrr.fluid import helium
from amrr.fluid.helium_flow import HIGHEST_ITS90_K, LOWEST_ITS90_K
from amrr.parameters import RefrigeratorParameters
from amrr.solids import copper
from amrr.solids.garnet import paramagnet

Array = NDArray[np.float64]

#: End of the tables, K and T.
_TABLE_K = nodes.T_FIRST_K + nodes.T_STEP_K * (nodes.T_POINTS - 1)
_TABLE_T = nodes.B_STEP_T * (nodes.B_POINTS - 1)


def separated(x: Array) -> bool:
    """True when the fluid is at or beyond the phase separation line in any lump of state ``x``."""
    v4, alpha = helium.V4_M3_PER_MOL, helium.ALPHA
    return any(slip.separated(x, i, v4, alpha) for i in range(x.shape[1]))


def warnings(
    x: Array, p: RefrigeratorParameters, places: Places, pump_constants: Array, stage_k: float
) -> tuple[str, ...]:
    """One sentence for every model that is used outside its range; empty when none is.

    Args:
        x: State of the lumps, rows as in ``amrr.circuit.loop``; the last two are the pump beds.
        p: The machine.
        places: Its parts.
        pump_constants: Constants of the pump.
        stage_k: Temperature of the stage.
    """
    found = _refrigerant("the regenerators", p.refrigerant, x[:, :-2], _bed_lumps(places))
    found += _refrigerant("the pump", p.pump.refrigerant, x[:, -2:], slice(None))
    found += _fluid(x, pump_constants)
    if not p.stage.held and not LOWEST_ITS90_K <= stage_k <= HIGHEST_ITS90_K:
        found.append(
            f"stage at {stage_k:.3f} K is outside the vapour pressure scale's {LOWEST_ITS90_K:g} "
            f"to {HIGHEST_ITS90_K:g} K"
        )
    return tuple(found)


def coil_warnings(coils: Mapping[str, Array]) -> tuple[str, ...]:
    """One sentence for every magnet that is warmer than its heat capacities are known to be right.

    Args:
        coils: State of each coil, slots as in ``amrr.coils.magnet``, by the supply's name.
    """
    found: list[str] = []
    for name, x in coils.items():
        for what, slot, model, high in (
            ("hot spot", magnet.HOT_SPOT, "heat capacity of copper", copper.HIGHEST_K),
            ("winding", magnet.TEMPERATURE, "winding's heat capacity", magnet.HIGHEST_WINDING_K),
        ):
            if x[slot] > high:
                found.append(f"{name}: {what} at {x[slot]:.0f} K is above the {model}: {high:g} K")
    return tuple(found)


def _bed_lumps(places: Places) -> list[int]:
    return [i for bed in places.bed.values() for i in range(bed.start, bed.stop)]


def _refrigerant(where: str, name: str, x: Array, lumps: list[int] | slice) -> list[str]:
    material = paramagnet(name)
    found: list[str] = []
    coldest = float(x[rows.TEMPERATURE].min())
    if coldest < material.lowest_temperature_k:
        low = material.lowest_temperature_k
        found.append(f"{coldest:.3f} K is below the refrigerant model's {low:g} K")
    model = f"the model of {name} in {where}"
    hottest = float(x[rows.TEMPERATURE, lumps].max())
    if hottest > (high := min(material.highest_temperature_k, _TABLE_K)):
        found.append(f"{hottest:.3f} K is above {model}: {high:g} K")
    strongest = float(x[rows.FIELD, lumps].max())
    if strongest > (high := min(material.highest_field_t, _TABLE_T)):
        found.append(f"{strongest:.3f} T is above {model}: {high:g} T")
    return found


def _fluid(x: Array, pump_constants: Array) -> list[str]:
    found: list[str] = []
    count = x.shape[1] - 2
    for side, bed in (("A", count), ("B", count + 1)):
        if not loop.superleak_open(x, bed, pump_constants):
            found.append(f"Pump{side}: superleak closed at {x[rows.TEMPERATURE, bed]:.3f} K")
    if separated(x):
        richest = float(helium.concentration(x[rows.C3].max()))
        found.append(f"mixture separates: x = {richest:.3f}")
    hottest = float(x[rows.TEMPERATURE].max())
    if hottest > helium.HIGHEST_TEMPERATURE_K:
        found.append(f"{hottest:.3f} K is above the mixture model's 1.9 K")
    return found
