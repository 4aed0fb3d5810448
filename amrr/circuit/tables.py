"""The two potentials of ``amrr.circuit.nodes`` as spline tables, computed at start-up.

The tables reach beyond the validity of the material models, so that a badly run machine still
moves on; it is then flagged by ``amrr.refrigerator.SimulatedRefrigerator.warnings``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import nodes
from amrr.circuit.spline import cells
from amrr.fluid import helium
from amrr.solids.garnet import paramagnet
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K

Array = NDArray[np.float64]


def temperatures_k() -> Array:
    """The common temperature grid."""
    return nodes.T_FIRST_K + nodes.T_STEP_K * np.arange(nodes.T_POINTS, dtype=np.float64)


@cache
def garnet_table(name: str, molecular_field_scale: float = 1.0) -> Array:
    """F_spin(T, B) of a refrigerant, J/(mol Gd), as cells [field, T].

    Args:
        name: Of the refrigerant.
        molecular_field_scale: Of its lambda.
    """
    named = paramagnet(name)
    molecular_t = molecular_field_scale * named.molecular_field_t
    material = replace(named, molecular_field_t=molecular_t)
    fields_t = nodes.B_STEP_T * np.arange(nodes.B_POINTS)
    free = material.free_energy(temperatures_k()[:, None], fields_t[None, :], extrapolate=True)
    return cells(free.T)


@cache
def garnet_tables(names: tuple[str, ...], molecular_field_scale: float = 1.0) -> Array:
    """The tables of several refrigerants, one below the other, each once."""
    each = [garnet_table(name, molecular_field_scale) for name in dict.fromkeys(names)]
    return each[0] if len(each) == 1 else np.concatenate(each)


@cache
def fluid_table(excitations_scale: float = 1.0) -> Array:
    """phi(T, c3) less its ideal-mixing term, J/m3, as cells [c3, T].

    Args:
        excitations_scale: Of the part of phonons and rotons.
    """
    t = temperatures_k()[:, None]
    c3 = nodes.C_STEP * np.arange(nodes.C_POINTS)[None, :]
    x = np.maximum(helium.concentration(c3), 1e-9)
    c3 = helium.density_3he(x)
    free = helium.free_energy(t, x, extrapolate=True)
    if excitations_scale != 1.0:
        free = free + (excitations_scale - 1.0) * helium.excitations_energy(t, x, extrapolate=True)
    phi = free / helium.molar_volume(x)
    ideal = GAS_CONSTANT_J_PER_MOL_K * t * c3 * np.log(c3 / nodes.C_REFERENCE)
    return cells((phi - ideal).T)
