"""From parameters to arrays: the chain of lumps and its constants.

The chain, in the order that positive flow passes it (``Places`` names the parts):

    hot exchanger B, hot line B, header, regenerator B (hot to cold), header, cold line B,
    cold exchanger, cold line A, header, regenerator A (cold to hot), header, hot line A,
    hot exchanger A;  then, beside the chain, pump beds A and B

Exchangers on the stage and headers are mixed; in beds, lines and the cold exchanger's tubing fluid
passes without mixing. The plate of the cold exchanger is the metal partner of its tubing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import advection, rows
from amrr.circuit.nodes import TABLE_ROWS
from amrr.fluid import helium
from amrr.parameters import DetectorParameters, LineParameters, RefrigeratorParameters
from amrr.solids.garnet import paramagnet
from amrr.solids.materials import COPPER, STAINLESS_304

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
SIDES = ("A", "B")


@dataclass(frozen=True)
class Places:
    """Which lumps are which part, each in the order of the chain.

    Attributes:
        hot_exchanger: By side; one lump.
        hot_line: By side.
        hot_header: By side; one lump.
        bed: By side; that of B runs from hot to cold, that of A from cold to hot.
        cold_header: By side; one lump.
        cold_line: By side; that of B runs towards the exchanger, that of A away from it.
        cold_exchanger: All of its tubing.
        pump: By side; one lump beside the chain.
        detectors: By name; the lump of a cold line whose partner the stage is.
        count: Lumps of the chain.
    """

    hot_exchanger: dict[str, slice]
    hot_line: dict[str, slice]
    hot_header: dict[str, slice]
    bed: dict[str, slice]
    cold_header: dict[str, slice]
    cold_line: dict[str, slice]
    cold_exchanger: slice
    pump: dict[str, int]
    detectors: dict[str, int]
    count: int


def places(p: RefrigeratorParameters) -> Places:
    """Where the parts of this machine are in its chain."""
    half = (1, p.hot_line.nodes, 1, p.regenerator.nodes, 1, p.cold_line.nodes)
    ends = np.cumsum(half)
    count = 2 * int(ends[-1]) + p.exchangers.cold_nodes
    parts = []
    for length, end in zip(half, ends, strict=True):
        to_b = slice(int(end) - length, int(end))
        parts.append({"A": slice(count - to_b.stop, count - to_b.start), "B": to_b})
    hot_exchanger, hot_line, hot_header, bed, cold_header, cold_line = parts
    return Places(
        hot_exchanger=hot_exchanger,
        hot_line=hot_line,
        hot_header=hot_header,
        bed=bed,
        cold_header=cold_header,
        cold_line=cold_line,
        cold_exchanger=slice(int(ends[-1]), int(ends[-1]) + p.exchangers.cold_nodes),
        pump={"A": count, "B": count + 1},
        detectors={name: _detector_lump(p, d, cold_line) for name, d in p.detectors.items()},
        count=count,
    )


def _detector_lump(
    p: RefrigeratorParameters, detector: DetectorParameters, lines: dict[str, slice]
) -> int:
    """The lump of its line that a stage is on; lines are counted from the regenerator."""
    line, at = p.cold_line, lines[detector.side]
    k = min(int(detector.distance_m / line.length_m * line.nodes), line.nodes - 1)
    return at.start + k if detector.side == "B" else at.stop - 1 - k


def lumps(p: RefrigeratorParameters) -> tuple[Array, Array, Ints]:
    """State (STATE_ROWS, M+2), constants (CONSTANT_ROWS, M+2) and magnet index of every lump."""
    where = places(p)
    c = np.zeros((rows.CONSTANT_ROWS, where.count + 2))
    coil_of = np.zeros(where.count + 2, dtype=np.int64)
    lengths = np.zeros(where.count)  # of each lump along the flow, m
    areas = np.zeros(where.count)  # of its fluid, m2
    steel = np.zeros(where.count)  # of its steel wall, m2
    for coil, side in ((2, "A"), (3, "B")):
        _hot_exchanger(p, c, where.hot_exchanger[side])
        _line(p.hot_line, c, where.hot_line[side], lengths, areas, steel)
        _line(p.cold_line, c, where.cold_line[side], lengths, areas, steel)
        _regenerator(p, c, where.bed[side])
        coil_of[where.bed[side]] = coil
        r = p.regenerator
        lengths[where.bed[side]] = r.length_m / r.nodes
        areas[where.bed[side]] = r.porosity * r.area_m2
        steel[where.bed[side]] = r.wall_area_m2
        for header in (where.hot_header[side], where.cold_header[side]):
            _header(p, c, header)
            lengths[header], areas[header] = r.header_height_m, r.area_m2
            steel[header] = r.wall_area_m2
    _cold_exchanger(p, c, where.cold_exchanger, lengths, areas)
    for name, lump in where.detectors.items():
        c[rows.CONTACT, lump] = p.detectors[name].link_w_per_k
        c[rows.WALL_GAMMA, lump] = p.detectors[name].capacity_j_per_k  # at 1 K
    _faces(p, c, where, lengths, areas, steel)
    _beds(p, c, coil_of, where.count)
    c[rows.SPANS : rows.SPANS + 3] = advection.spans(c[rows.VOLUME])
    state = np.zeros((rows.STATE_ROWS, where.count + 2))
    state[rows.TEMPERATURE] = state[rows.WALL] = p.stage.setpoint_k
    state[rows.C3] = helium.density_3he(p.concentration)
    return state, c, coil_of


def _hot_exchanger(p: RefrigeratorParameters, c: Array, where: slice) -> None:
    c[rows.VOLUME, where] = p.exchangers.hot_volume_m3
    c[rows.LINK, where] = p.exchangers.hot_link_w_per_k


def _line(
    line: LineParameters, c: Array, where: slice, lengths: Array, areas: Array, steel: Array
) -> None:
    c[rows.VOLUME, where] = line.volume_m3 / line.nodes
    c[rows.PLUG, where] = 1.0
    dz = line.length_m / line.nodes
    c[rows.GAMMA, where] = _steel_gamma(line.wall_area_m2 * dz)
    lengths[where], areas[where], steel[where] = dz, line.area_m2, line.wall_area_m2


def _steel_gamma(volume_m3: float) -> float:
    return STAINLESS_304.gamma_j_per_kg_k2 * STAINLESS_304.density_kg_per_m3 * volume_m3


def _header(p: RefrigeratorParameters, c: Array, where: slice) -> None:
    r = p.regenerator
    c[rows.VOLUME, where] = r.area_m2 * r.header_height_m
    c[rows.GAMMA, where] = STAINLESS_304.gamma_j_per_kg_k2 * r.cap_kg


def _regenerator(p: RefrigeratorParameters, c: Array, where: slice) -> None:
    r, solenoid = p.regenerator, p.regenerator_magnet.solenoid
    dz = r.length_m / r.nodes
    solid = (1.0 - r.porosity) * r.volume_m3 / r.nodes
    c[rows.SPINS, where] = solid * paramagnet(p.refrigerant).spins_mol_per_m3
    c[rows.VOLUME, where] = r.porosity * r.volume_m3 / r.nodes
    c[rows.PLUG, where] = 1.0
    c[rows.GAMMA, where] = _steel_gamma(r.wall_area_m2 * dz)
    # The canister sits in the middle of its magnet; the profile is symmetric, so either direction
    # will do.
    z = 0.5 * (solenoid.length_m - r.length_m) + (np.arange(r.nodes) + 0.5) * dz
    c[rows.FIELD_PER_A, where] = solenoid.field_per_ampere(z)


def _cold_exchanger(
    p: RefrigeratorParameters, c: Array, where: slice, lengths: Array, areas: Array
) -> None:
    e = p.exchangers
    c[rows.VOLUME, where] = e.cold_volume_m3 / e.cold_nodes
    c[rows.PLUG, where] = 1.0
    c[rows.CONTACT, where] = e.cold_contact_w_per_k / e.cold_nodes
    metal = COPPER.gamma_j_per_kg_k2 * e.cold_plate_kg + e.cold_ballast_j_per_k  # at 1 K
    c[rows.WALL_GAMMA, where] = metal / e.cold_nodes
    along = COPPER.conductivity_coefficient * e.cold_plate_area_m2 / e.cold_plate_length_m
    c[rows.WALL_FACE, where.start : where.stop - 1] = along * e.cold_nodes
    lengths[where] = e.cold_tube_length_m / e.cold_nodes
    areas[where] = math.pi * e.cold_tube_bore_m**2 / 4.0


def _faces(
    p: RefrigeratorParameters, c: Array, where: Places, lengths: Array, areas: Array, steel: Array
) -> None:
    """What couples each lump to the next: half of the one and half of the other in series."""
    osmotic = p.fluid_closure == "osmotic"
    for i in range(where.count - 1):
        j = i + 1
        c[rows.FLUID_FACE, i] = _in_series(areas, lengths, i, j)
        c[rows.STEEL_FACE, i] = STAINLESS_304.conductivity_coefficient * _in_series(
            steel, lengths, i, j
        )
        smaller = min(c[rows.VOLUME, i], c[rows.VOLUME, j])
        diffusion = p.slip_diffusivity_m2_per_s * c[rows.FLUID_FACE, i]
        c[rows.SLIP_FACE, i] = smaller / p.slip_s if osmotic else diffusion
    for bed in where.bed.values():
        dz = p.regenerator.length_m / p.regenerator.nodes
        c[rows.DISPERSION, bed.start : bed.stop - 1] = p.regenerator.dispersivity_m / dz
    if osmotic:  # the beds' own faces, at both ends of the chain
        pump_m3 = p.pump.porosity * p.pump.bed_volume_m3
        mobility = min(pump_m3, p.exchangers.hot_volume_m3) / p.slip_s
        c[rows.SLIP_FACE, where.count - 1] = c[rows.SLIP_FACE, where.pump["A"]] = mobility


def _in_series(areas: Array, lengths: Array, i: int, j: int) -> float:
    """A/dz from the middle of lump i to that of lump j; 0 where one of them has none."""
    if min(areas[i], areas[j]) == 0.0:
        return 0.0
    return float(2.0 / (lengths[i] / areas[i] + lengths[j] / areas[j]))


def _beds(p: RefrigeratorParameters, c: Array, coil_of: Ints, count: int) -> None:
    pump = p.pump
    beds = slice(count, count + 2)
    solid = (1.0 - pump.porosity) * pump.bed_volume_m3
    c[rows.SPINS, beds] = solid * paramagnet(pump.refrigerant).spins_mol_per_m3
    c[rows.VOLUME, beds] = pump.porosity * pump.bed_volume_m3
    c[rows.LINK, beds] = pump.link_w_per_k
    c[rows.TABLE, beds] = 0 if pump.refrigerant == p.refrigerant else TABLE_ROWS
    # A bed is one lump. Work and heat go by dB, so it feels the mean over its length.
    c[rows.FIELD_PER_A, beds] = p.pump_magnet.solenoid.mean_t_per_a(pump.bed_length_m)
    coil_of[count], coil_of[count + 1] = 0, 1


def pump_constants(p: RefrigeratorParameters) -> Array:
    """Constants of the pump in the order of ``amrr.circuit.rows``."""
    return np.array(
        [
            p.pump.flow_resistance_pa_s_per_m3,
            p.pump.largest_flow_m3_per_s,
            p.pump.superleak_onset_k,
            helium.V4_M3_PER_MOL,
            helium.ALPHA,
        ]
    )


def sweep_per_m3(c: Array) -> float:
    """The part of the worst lump that 1 m3 through the loop sweeps, or exchanges by dispersion."""
    spread = c[rows.DISPERSION] + np.roll(c[rows.DISPERSION], 1)
    return float(((1.0 + spread) / c[rows.VOLUME]).max())


def constants(p: RefrigeratorParameters, c: Array) -> Array:
    """Fixed numbers in the order of ``amrr.kernel``, for lumps of these constants."""
    t = p.thermometry
    return np.array(
        [
            p.dt_s,
            p.exchangers.parasitic_w,
            t.excitation_w / t.sensor_link_w_per_k,
            p.exchangers.highest_heater_w,
            p.stage.highest_heater_w,
            p.regenerator.fluid_conductivity_w_per_m_k,
            sweep_per_m3(c),
        ]
    )
