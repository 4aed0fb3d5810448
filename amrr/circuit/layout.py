"""From parameters to arrays: the chain of lumps and its constants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import loop
from amrr.fluid import helium
from amrr.parameters import RefrigeratorParameters
from amrr.solids.garnet import MATERIALS
from amrr.solids.materials import COPPER, STAINLESS_304

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def lumps(p: RefrigeratorParameters) -> tuple[Array, Array, Ints]:
    """State (STATE_ROWS, M+2), constants (CONSTANT_ROWS, M+2) and magnet index of every lump."""
    n = p.regenerator.nodes
    count = 2 * n + 3
    constants = np.zeros((loop.CONSTANT_ROWS, count + 2))
    coil_of = np.zeros(count + 2, dtype=np.int64)
    _regenerator(p, constants, coil_of, slice(1, n + 1), 3)
    _regenerator(p, constants, coil_of, slice(n + 2, 2 * n + 2), 2)
    _exchangers(p, constants, n)
    _beds(p, constants, coil_of, count)
    state = np.zeros((loop.STATE_ROWS, count + 2))
    state[loop.TEMPERATURE] = p.stage.setpoint_k
    state[loop.C3] = helium.density_3he(p.concentration)
    return state, constants, coil_of


def _regenerator(
    p: RefrigeratorParameters, c: Array, coil_of: Ints, where: slice, coil: int
) -> None:
    r, solenoid = p.regenerator, p.regenerator_magnet.solenoid
    dz = r.length_m / r.nodes
    solid = (1.0 - r.porosity) * r.volume_m3 / r.nodes
    c[loop.SPINS, where] = solid * MATERIALS[p.refrigerant].spins_mol_per_m3
    c[loop.VOLUME, where] = r.porosity * r.volume_m3 / r.nodes
    c[loop.GAMMA, where] = (
        STAINLESS_304.gamma_j_per_kg_k2 * STAINLESS_304.density_kg_per_m3 * r.wall_area_m2 * dz
    )
    # The canister sits in the middle of its magnet; the profile is symmetric, so either direction
    # will do.
    z = 0.5 * (solenoid.length_m - r.length_m) + (np.arange(r.nodes) + 0.5) * dz
    c[loop.FIELD_PER_A, where] = solenoid.field_per_ampere(z)
    coil_of[where] = coil
    start, stop = where.start - 1, where.stop
    c[loop.CONDUCTANCE, start:stop] = r.fluid_conductivity_w_per_m_k * r.porosity * r.area_m2 / dz
    c[loop.CONDUCTANCE_SLOPE, start:stop] = (
        STAINLESS_304.conductivity_coefficient * r.wall_area_m2 / dz
    )
    # Half a lump only to the exchangers at both ends.
    for row in (loop.CONDUCTANCE, loop.CONDUCTANCE_SLOPE):
        c[row, start] *= 2.0
        c[row, stop - 1] *= 2.0


def _exchangers(p: RefrigeratorParameters, c: Array, n: int) -> None:
    e = p.exchangers
    for i in (0, 2 * n + 2):
        c[loop.VOLUME, i] = e.hot_volume_m3
        c[loop.LINK, i] = e.hot_link_w_per_k
    c[loop.VOLUME, n + 1] = e.cold_volume_m3
    c[loop.GAMMA, n + 1] = COPPER.gamma_j_per_kg_k2 * e.cold_plate_kg


def _beds(p: RefrigeratorParameters, c: Array, coil_of: Ints, count: int) -> None:
    pump = p.pump
    beds = slice(count, count + 2)
    solid = (1.0 - pump.porosity) * pump.bed_volume_m3
    c[loop.SPINS, beds] = solid * MATERIALS[pump.refrigerant].spins_mol_per_m3
    c[loop.VOLUME, beds] = pump.porosity * pump.bed_volume_m3
    c[loop.LINK, beds] = pump.link_w_per_k
    c[loop.FIELD_PER_A, beds] = p.pump_magnet.solenoid.centre_t_per_a
    coil_of[count], coil_of[count + 1] = 0, 1


def pump_constants(p: RefrigeratorParameters) -> Array:
    """Constants of the pump in the order of :mod:`amrr.circuit.loop`."""
    return np.array(
        [
            p.pump.flow_resistance_pa_s_per_m3,
            p.pump.largest_flow_m3_per_s,
            p.pump.superleak_onset_k,
            helium.V4_M3_PER_MOL,
            helium.ALPHA,
        ]
    )


def constants(p: RefrigeratorParameters) -> Array:
    """Fixed numbers in the order of :mod:`amrr.kernel`."""
    t = p.thermometry
    return np.array(
        [
            p.dt_s,
            p.exchangers.parasitic_w,
            t.excitation_w / t.sensor_link_w_per_k,
            p.exchangers.highest_heater_w,
            p.stage.highest_heater_w,
            p.slip_s if p.fluid_closure == "osmotic" else 0.0,
        ]
    )
