"""Thermodynamics of one lump of refrigerant, fluid and metal, from its free energy. Compiled.

    F(T) = n F_spin(T, B) + V phi(T, c3) - gamma T^2 / 2
    phi(T, c3) = spline + R T c3 ln(c3 / c0)         Helmholtz energy per volume of fluid
    S = -F_T,   U = F - T F_T,   C = -T F_TT

n moles of Gd3+, V fluid volume, gamma T the heat capacity of metal. F_spin and phi are uniform
cubic splines (``amrr.circuit.spline``); the ideal-mixing term is analytic because its
logarithm has no good spline. With constant partial volumes phi also gives
Pi = c3 phi_c - phi, and mu4 = -v4 Pi. The fluid's e = U/V stands for its enthalpy per volume: the
liquid is incompressible and at zero pressure.
"""

from __future__ import annotations

import math
from typing import Final

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
#: Rows of one refrigerant's table.
TABLE_ROWS: Final = B_POINTS + 2
_PER_T_STEP: Final = 1.0 / T_STEP_K
_PER_B_STEP: Final = 1.0 / B_STEP_T
_PER_C_STEP: Final = 1.0 / C_STEP
_SIXTH: Final = 1.0 / 6.0
R_GAS: Final = GAS_CONSTANT_J_PER_MOL_K
#: Newton steps below this end the iteration: the next error is its square.
_SMALL_K: Final = 1e-7
#: Likewise of steps of third order: the next error is some hundred times its cube, in kelvin.
_SMALL_CUBED_K: Final = 1e-5


@jit
def cell(value: float, first: float, per_step: float, points: int) -> tuple[int, float]:
    """Grid cell and position inside it (outside the grid: the end cell, extrapolated).

    ``per_step`` is the reciprocal of the grid's step: divisions cost more than all else here.
    """
    position = (value - first) * per_step
    index = min(max(math.floor(position), 0), points - 2)
    return index, position - index


@jit
def basis(u: float) -> Four:
    """The four cubic B-splines at position u of a cell."""
    v = 1.0 - u
    return (
        v * v * v * _SIXTH,
        (3.0 * u * u * u - 6.0 * u * u + 4.0) * _SIXTH,
        (3.0 * v * v * v - 6.0 * v * v + 4.0) * _SIXTH,
        u * u * u * _SIXTH,
    )


@jit
def basis_slope(u: float) -> Four:
    """Their first derivatives with respect to u."""
    v = 1.0 - u
    return (
        -0.5 * v * v,
        1.5 * u * u - 2.0 * u,
        -1.5 * v * v + 2.0 * v,
        0.5 * u * u,
    )


@jit
def row(table: Array, i: int, j: int, w: Four) -> Four:
    """Contract a 4 x 4 block over the table's first axis: coefficients of a function of T alone.

    The temperature axis is the last, so that the four sums run over neighbouring numbers.
    """
    return (
        table[j, i] * w[0] + table[j + 1, i] * w[1]
        + table[j + 2, i] * w[2] + table[j + 3, i] * w[3],
        table[j, i + 1] * w[0] + table[j + 1, i + 1] * w[1]
        + table[j + 2, i + 1] * w[2] + table[j + 3, i + 1] * w[3],
        table[j, i + 2] * w[0] + table[j + 1, i + 2] * w[1]
        + table[j + 2, i + 2] * w[2] + table[j + 3, i + 2] * w[3],
        table[j, i + 3] * w[0] + table[j + 1, i + 3] * w[1]
        + table[j + 2, i + 3] * w[2] + table[j + 3, i + 3] * w[3],
    )  # fmt: skip


@jit
def derivatives(q: Four, u: float) -> tuple[float, float, float]:
    """Value, dF/dT and d2F/dT2 of a row of coefficients at position u of its cell."""
    beyond = u - min(max(u, 0.0), 1.0)
    u -= beyond
    w, d, v = basis(u), basis_slope(u), 1.0 - u
    f = q[0] * w[0] + q[1] * w[1] + q[2] * w[2] + q[3] * w[3]
    f_t = q[0] * d[0] + q[1] * d[1] + q[2] * d[2] + q[3] * d[3]
    f_tt = q[0] * v + q[1] * (3.0 * u - 2.0) + q[2] * (3.0 * v - 2.0) + q[3] * u
    if beyond != 0.0:
        # Past the grid's ends F goes on as a parabola: C/T stays what it is there, and positive.
        f += beyond * (f_t + 0.5 * beyond * f_tt)
        f_t += beyond * f_tt
    return f, f_t * _PER_T_STEP, f_tt * (_PER_T_STEP * _PER_T_STEP)


@jit
def spin_row(garnet: Array, first: int, i: int, field_t: float) -> Four:
    """Coefficients of F_spin(T) at one field, of the table that starts at row ``first``."""
    j, v = cell(abs(field_t), 0.0, _PER_B_STEP, B_POINTS)
    return row(garnet, i, first + j, basis(v))


@jit
def fluid_row(fluid: Array, i: int, c3: float) -> Four:
    """Coefficients of phi(T) at one concentration, without the ideal-mixing term."""
    j, v = cell(c3, 0.0, _PER_C_STEP, C_POINTS)
    return row(fluid, i, j, basis(v))


@jit
def mixing(c3: float) -> float:
    """R c3 ln(c3/c0): dphi/dT of the ideal-mixing term, J/(m3 K)."""
    if c3 <= 0.0:
        return 0.0
    return R_GAS * c3 * math.log(c3 / C_REFERENCE)


@jit
def add(a: Four, scale_a: float, b: Four, scale_b: float) -> Four:
    """Sum of two rows of coefficients, a times scale_a plus b times scale_b."""
    return (
        a[0] * scale_a + b[0] * scale_b,
        a[1] * scale_a + b[1] * scale_b,
        a[2] * scale_a + b[2] * scale_b,
        a[3] * scale_a + b[3] * scale_b,
    )


@jit
def lump_rows(
    garnet: Array,
    fluid: Array,
    first: int,
    i: int,
    spins_mol: float,
    volume_m3: float,
    field_t: float,
    c3: float,
) -> tuple[Four, Four]:
    """Coefficients of the lump's F(T), without metal and mixing, and those of its fluid's phi."""
    f = fluid_row(fluid, i, c3)
    if spins_mol == 0.0:
        return add(f, volume_m3, f, 0.0), f
    return add(spin_row(garnet, first, i, field_t), spins_mol, f, volume_m3), f


@jit
def lump(
    garnet: Array,
    fluid: Array,
    first: int,
    spins_mol: float,
    volume_m3: float,
    gamma: float,
    temperature_k: float,
    field_t: float,
    c3: float,
) -> tuple[float, float, float]:
    """S (J/K), U (J) and C (J/K) of a lump."""
    i, u = cell(temperature_k, T_FIRST_K, _PER_T_STEP, T_POINTS)
    q, _ = lump_rows(garnet, fluid, first, i, spins_mol, volume_m3, field_t, c3)
    f, f_t, f_tt = derivatives(q, u)
    entropy = -f_t - volume_m3 * mixing(c3) + gamma * temperature_k
    energy = f - temperature_k * f_t + 0.5 * gamma * temperature_k**2
    return entropy, energy, temperature_k * (gamma - f_tt)


@jit
def search(
    garnet: Array,
    fluid: Array,
    first: int,
    spins_mol: float,
    volume_m3: float,
    gamma: float,
    guess_k: float,
    field_t: float,
    c3: float,
    goal: float,
    link_j_per_k: float,
    isentropic: bool,
) -> tuple[float, float, float, float, float]:
    """As ``relax``, from anywhere to anywhere on the grid and beyond it, by Newton's method."""
    mix = mixing(c3)
    t = guess_k
    i, u = cell(t, T_FIRST_K, _PER_T_STEP, T_POINTS)
    q, f_row = lump_rows(garnet, fluid, first, i, spins_mol, volume_m3, field_t, c3)
    for _ in range(40):
        f, f_t, f_tt = derivatives(q, u)
        if isentropic:
            change = (goal + volume_m3 * mix + f_t - gamma * t) / (gamma - f_tt)
        else:
            energy = f - t * f_t + 0.5 * gamma * t * t
            change = (goal - energy - link_j_per_k * t) / (t * (gamma - f_tt) + link_j_per_k)
        t = min(max(t + change, 0.5 * t), 2.0 * t)
        last = i
        i, u = cell(t, T_FIRST_K, _PER_T_STEP, T_POINTS)
        if i != last:
            q, f_row = lump_rows(garnet, fluid, first, i, spins_mol, volume_m3, field_t, c3)
        if abs(change) < _SMALL_K:
            break
    f, f_t, f_tt = derivatives(q, u)
    entropy = -f_t - volume_m3 * mix + gamma * t
    energy = f - t * f_t + 0.5 * gamma * t * t
    fluid_f, fluid_f_t, _ = derivatives(f_row, u)
    return t, entropy, energy, fluid_f - t * fluid_f_t, t * (gamma - f_tt)


@jit
def powers(q: Four) -> Four:
    """The same cubic as a row of coefficients, by powers of the position u in its cell."""
    return (
        (q[0] + 4.0 * q[1] + q[2]) * _SIXTH,
        0.5 * (q[2] - q[0]),
        0.5 * (q[0] - 2.0 * q[1] + q[2]),
        (q[3] - q[0] + 3.0 * (q[1] - q[2])) * _SIXTH,
    )


@jit
def improved(
    p: Four, u: float, t: float, gamma: float, goal: float, link_j_per_k: float, isentropic: bool
) -> float:
    """A step towards ``goal`` inside a cell, whose error is the cube of the last one.

    Chebyshev's method: F is a cubic there, so that its third derivative is known, too.

    Args:
        p: F by powers of u.
        u: Position in the cell.
        t: The same as a temperature, K.
        gamma: Metal, J/K2.
        goal: The entropy without mixing, J/K; or U + link T, J.
        link_j_per_k: Conductance to a bath times the step.
        isentropic: Which of the two.
    """
    f_t = (p[1] + u * (2.0 * p[2] + u * (3.0 * p[3]))) * _PER_T_STEP
    f_tt = (2.0 * p[2] + 6.0 * p[3] * u) * (_PER_T_STEP * _PER_T_STEP)
    f_ttt = 6.0 * p[3] * (_PER_T_STEP * _PER_T_STEP * _PER_T_STEP)
    stiff = gamma - f_tt
    if isentropic:
        missing = goal + f_t - gamma * t
        slope, curve = stiff, -f_ttt
    else:
        f = p[0] + u * (p[1] + u * (p[2] + u * p[3]))
        missing = goal - (f - t * f_t + 0.5 * gamma * t * t) - link_j_per_k * t
        slope, curve = t * stiff + link_j_per_k, stiff - t * f_ttt
    over = 1.0 / slope
    newton = missing * over
    return newton * (1.0 - 0.5 * curve * newton * over)


@jit
def relax(
    garnet: Array,
    fluid: Array,
    first: int,
    spins_mol: float,
    volume_m3: float,
    gamma: float,
    guess_k: float,
    field_t: float,
    c3: float,
    goal: float,
    link_j_per_k: float,
    isentropic: bool,
) -> tuple[float, float, float, float, float]:
    """Find a lump's temperature from its entropy, or from its energy.

    Nearly always it stays in its cell, or passes into the next one, and two steps of third order
    find it to rounding; elsewhere ``search`` does.

    Args:
        garnet: Tables of F_spin, one below the other.
        fluid: Table of phi.
        first: First row of the refrigerant's table.
        spins_mol: Moles of Gd.
        volume_m3: Fluid volume.
        gamma: Metal, J/K2.
        guess_k: Where to start.
        field_t: Field.
        c3: 3He density, mol/m3.
        goal: The entropy in J/K; or U + link T in J.
        link_j_per_k: Conductance to a bath times the step, for the energy balance.
        isentropic: Which of the two.

    Returns:
        T (K), S (J/K), U (J), the fluid's energy density (J/m3) and the heat capacity (J/K).
    """
    mixed = volume_m3 * mixing(c3)
    bare = goal + mixed if isentropic else goal
    t = guess_k
    for _ in range(2):
        i, u = cell(t, T_FIRST_K, _PER_T_STEP, T_POINTS)
        q, f_row = lump_rows(garnet, fluid, first, i, spins_mol, volume_m3, field_t, c3)
        p = powers(q)
        change = improved(p, u, t, gamma, bare, link_j_per_k, isentropic)
        t += change
        u += change * _PER_T_STEP
        change = improved(p, u, t, gamma, bare, link_j_per_k, isentropic)
        t += change
        u += change * _PER_T_STEP
        if 0.0 <= u <= 1.0 and abs(change) < _SMALL_CUBED_K:
            return leave(p, powers(f_row), u, t, gamma, mixed)
    return search(
        garnet, fluid, first, spins_mol, volume_m3, gamma, guess_k, field_t, c3, goal,
        link_j_per_k, isentropic,
    )  # fmt: skip


@jit
def leave(
    p: Four, fluid_p: Four, u: float, t: float, gamma: float, mixed: float
) -> tuple[float, float, float, float, float]:
    """What ``relax`` returns, from F and phi by powers of u."""
    f = p[0] + u * (p[1] + u * (p[2] + u * p[3]))
    f_t = (p[1] + u * (2.0 * p[2] + u * (3.0 * p[3]))) * _PER_T_STEP
    f_tt = (2.0 * p[2] + 6.0 * p[3] * u) * (_PER_T_STEP * _PER_T_STEP)
    phi = fluid_p[0] + u * (fluid_p[1] + u * (fluid_p[2] + u * fluid_p[3]))
    phi_t = (fluid_p[1] + u * (2.0 * fluid_p[2] + u * (3.0 * fluid_p[3]))) * _PER_T_STEP
    entropy = gamma * t - f_t - mixed
    energy = f - t * f_t + 0.5 * gamma * t * t
    return t, entropy, energy, phi - t * phi_t, t * (gamma - f_tt)


@jit
def fluid_energy(fluid: Array, temperature_k: float, c3: float) -> float:
    """e(T, c3) in J/m3."""
    i, u = cell(temperature_k, T_FIRST_K, _PER_T_STEP, T_POINTS)
    f, f_t, _ = derivatives(fluid_row(fluid, i, c3), u)
    return f - temperature_k * f_t


@jit
def fluid_pressure(
    fluid: Array, temperature_k: float, c3: float
) -> tuple[float, float, float, float]:
    """Pi (Pa), dPi/dT (Pa/K), dPi/dc3 (Pa m3/mol), de/dc3 (J/mol) at one state."""
    i, u = cell(temperature_k, T_FIRST_K, _PER_T_STEP, T_POINTS)
    j, v = cell(c3, 0.0, _PER_C_STEP, C_POINTS)
    f, f_t, _ = derivatives(row(fluid, i, j, basis(v)), u)
    slope = row(fluid, i, j, basis_slope(v))
    f_c, f_ct, _ = derivatives(slope, u)
    f_c, f_ct = f_c * _PER_C_STEP, f_ct * _PER_C_STEP
    curve = row(fluid, i, j, (1.0 - v, 3.0 * v - 2.0, 1.0 - 3.0 * v, v))
    f_cc = derivatives(curve, u)[0] * (_PER_C_STEP * _PER_C_STEP)
    # The ideal-mixing term adds R T c to Pi and nothing to the energy.
    pi = c3 * f_c - f + R_GAS * temperature_k * c3
    pi_t = c3 * f_ct - f_t + R_GAS * c3
    pi_c = c3 * f_cc + R_GAS * temperature_k
    return pi, pi_t, pi_c, f_c - temperature_k * f_ct
