"""Thermodynamics of one lump of refrigerant, fluid and metal, from its free energy. Compiled.

    F(T) = n F_spin(T, B) + V phi(T, c3) - gamma T^2 / 2
    phi(T, c3) = spline + R T c3 ln(c3 / c0)         Helmholtz energy per volume of fluid
    S = -F_T,   U = F - T F_T,   C = -T F_TT

n moles of Gd3+, V fluid volume, gamma T the heat capacity of metal. F_spin and phi are uniform
cubic splines (``amrr.circuit.spline``); the ideal-mixing term is analytic because its
logarithm has no good spline. With constant partial volumes phi also gives Pi = c3 phi_c - phi, and
mu4 = -v4 Pi. The fluid's e = U/V stands for its enthalpy per volume: the liquid is incompressible
and at zero pressure. Each cell of a table holds the powers of its own polynomial: to work them out
of the spline's weights at every look would cost more than all else here.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amrr.compiled import jit
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K

Array = NDArray[np.float64]
Four = tuple[float, float, float, float]

# The two tables share one temperature grid.
T_FIRST_K: Final = 0.20
T_STEP_K: Final = 0.02
T_POINTS: Final = 151
B_STEP_T: Final = 0.025
B_POINTS: Final = 121
C_STEP: Final = 250.0  # mol of 3He per m3
C_POINTS: Final = 65
C_REFERENCE: Final = 3000.0
#: Cells of field of one refrigerant's table.
TABLE_ROWS: Final = B_POINTS - 1
PER_T_STEP: Final = 1.0 / T_STEP_K
_PER_B_STEP: Final = 1.0 / B_STEP_T
_PER_C_STEP: Final = 1.0 / C_STEP
_PER_C_REFERENCE: Final = 1.0 / C_REFERENCE
R_GAS: Final = GAS_CONSTANT_J_PER_MOL_K


@jit
def cell(value: float, first: float, per_step: float, points: int) -> tuple[int, float]:
    """Grid cell and position inside it (outside the grid: the end cell, extrapolated).

    ``per_step`` is the reciprocal of the grid's step: divisions cost more than all else here.
    """
    position = (value - first) * per_step
    index = min(max(math.floor(position), 0), points - 2)
    return index, position - index


@jit
def along_t(table: Array, j: int, i: int, v: float) -> Four:
    """The cubic in u that is left of cell [j, i] at position v of its first axis, by powers of u.

    Args:
        table: Cells of ``amrr.circuit.spline.cells``.
        j: Cell of field or concentration.
        i: Cell of temperature.
        v: Position in the former.
    """
    c = table[j, i]
    return (
        c[0, 0] + v * (c[1, 0] + v * (c[2, 0] + v * c[3, 0])),
        c[0, 1] + v * (c[1, 1] + v * (c[2, 1] + v * c[3, 1])),
        c[0, 2] + v * (c[1, 2] + v * (c[2, 2] + v * c[3, 2])),
        c[0, 3] + v * (c[1, 3] + v * (c[2, 3] + v * c[3, 3])),
    )


@jit
def slope_along_t(table: Array, j: int, i: int, v: float) -> Four:
    """The derivative of ``along_t`` with respect to v."""
    c = table[j, i]
    return (
        c[1, 0] + v * (2.0 * c[2, 0] + v * (3.0 * c[3, 0])),
        c[1, 1] + v * (2.0 * c[2, 1] + v * (3.0 * c[3, 1])),
        c[1, 2] + v * (2.0 * c[2, 2] + v * (3.0 * c[3, 2])),
        c[1, 3] + v * (2.0 * c[2, 3] + v * (3.0 * c[3, 3])),
    )


@jit
def curve_along_t(table: Array, j: int, i: int, v: float) -> Four:
    """The second derivative of ``along_t`` with respect to v."""
    c = table[j, i]
    return (
        2.0 * c[2, 0] + 6.0 * c[3, 0] * v,
        2.0 * c[2, 1] + 6.0 * c[3, 1] * v,
        2.0 * c[2, 2] + 6.0 * c[3, 2] * v,
        2.0 * c[2, 3] + 6.0 * c[3, 3] * v,
    )


@jit
def inside(p: Four, u: float) -> tuple[float, float, float]:
    """Value, dF/dT and d2F/dT2 of a cubic by powers of u, at position u of its cell."""
    f = p[0] + u * (p[1] + u * (p[2] + u * p[3]))
    f_t = p[1] + u * (2.0 * p[2] + u * (3.0 * p[3]))
    f_tt = 2.0 * p[2] + u * (6.0 * p[3])
    return f, f_t * PER_T_STEP, f_tt * (PER_T_STEP * PER_T_STEP)


@jit
def derivatives(p: Four, u: float) -> tuple[float, float, float]:
    """As ``inside``, and beyond the grid's ends too: there F goes on as a parabola.

    C/T stays what it is at the end, and positive.
    """
    beyond = (u - min(max(u, 0.0), 1.0)) * T_STEP_K
    f, f_t, f_tt = inside(p, min(max(u, 0.0), 1.0))
    if beyond != 0.0:
        f += beyond * (f_t + 0.5 * beyond * f_tt)
        f_t += beyond * f_tt
    return f, f_t, f_tt


@jit
def spin_row(garnet: Array, first: int, i: int, field_t: float) -> Four:
    """F_spin(T) at one field by powers of u, of the table that starts at row ``first``."""
    j, v = cell(abs(field_t), 0.0, _PER_B_STEP, B_POINTS)
    return along_t(garnet, first + j, i, v)


@jit
def fluid_row(fluid: Array, i: int, c3: float) -> Four:
    """phi(T) at one concentration by powers of u, without the ideal-mixing term."""
    j, v = cell(c3, 0.0, _PER_C_STEP, C_POINTS)
    return along_t(fluid, j, i, v)


@jit
def mixing(c3: float) -> float:
    """R c3 ln(c3/c0): dphi/dT of the ideal-mixing term, J/(m3 K)."""
    if c3 <= 0.0:
        return 0.0
    return R_GAS * c3 * math.log(c3 * _PER_C_REFERENCE)


@jit
def add(a: Four, scale_a: float, b: Four, scale_b: float) -> Four:
    """Sum of two cubics, a times scale_a plus b times scale_b."""
    return (
        a[0] * scale_a + b[0] * scale_b,
        a[1] * scale_a + b[1] * scale_b,
        a[2] * scale_a + b[2] * scale_b,
        a[3] * scale_a + b[3] * scale_b,
    )


class Content(NamedTuple):
    """What is in a lump, and at which field.

    Attributes:
        garnet: Tables of F_spin, one below the other.
        fluid: Table of phi.
        first: First row of the refrigerant's table.
        spins_mol: Moles of Gd.
        volume_m3: Fluid volume.
        gamma: Metal, J/K2.
        field_t: Field.
        c3: 3He density, mol/m3.
    """

    garnet: Array
    fluid: Array
    first: int
    spins_mol: float
    volume_m3: float
    gamma: float
    field_t: float
    c3: float


@jit
def lump_rows(of: Content, i: int) -> tuple[Four, Four]:
    """The lump's F(T), without metal and mixing, and its fluid's phi(T), by powers of u."""
    f = fluid_row(of.fluid, i, of.c3)
    if of.spins_mol == 0.0:
        return add(f, of.volume_m3, f, 0.0), f
    spins = spin_row(of.garnet, of.first, i, of.field_t)
    return add(spins, of.spins_mol, f, of.volume_m3), f


@jit
def lump(of: Content, temperature_k: float) -> tuple[float, float, float]:
    """S (J/K), U (J) and C (J/K) of a lump."""
    i, u = cell(temperature_k, T_FIRST_K, PER_T_STEP, T_POINTS)
    q, _ = lump_rows(of, i)
    f, f_t, f_tt = derivatives(q, u)
    entropy = -f_t - of.volume_m3 * mixing(of.c3) + of.gamma * temperature_k
    energy = f - temperature_k * f_t + 0.5 * of.gamma * temperature_k**2
    return entropy, energy, temperature_k * (of.gamma - f_tt)


@jit
def fluid_energy(fluid: Array, temperature_k: float, c3: float) -> float:
    """e(T, c3) in J/m3."""
    i, u = cell(temperature_k, T_FIRST_K, PER_T_STEP, T_POINTS)
    f, f_t, _ = derivatives(fluid_row(fluid, i, c3), u)
    return f - temperature_k * f_t


@jit
def fluid_pressure(
    fluid: Array, temperature_k: float, c3: float
) -> tuple[float, float, float, float]:
    """Pi (Pa), dPi/dT (Pa/K), dPi/dc3 (Pa m3/mol), de/dc3 (J/mol) at one state."""
    i, u = cell(temperature_k, T_FIRST_K, PER_T_STEP, T_POINTS)
    j, v = cell(c3, 0.0, _PER_C_STEP, C_POINTS)
    f, f_t, _ = derivatives(along_t(fluid, j, i, v), u)
    f_c, f_ct, _ = derivatives(slope_along_t(fluid, j, i, v), u)
    f_c, f_ct = f_c * _PER_C_STEP, f_ct * _PER_C_STEP
    f_cc = derivatives(curve_along_t(fluid, j, i, v), u)[0] * (_PER_C_STEP * _PER_C_STEP)
    # The ideal-mixing term adds R T c to Pi and nothing to the energy.
    pi = c3 * f_c - f + R_GAS * temperature_k * c3
    pi_t = c3 * f_ct - f_t + R_GAS * c3
    pi_c = c3 * f_cc + R_GAS * temperature_k
    return pi, pi_t, pi_c, f_c - temperature_k * f_ct
