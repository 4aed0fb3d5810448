"""A lump's temperature from its entropy or its energy, by its free energy. Compiled.

Nearly always the answer is in the cell of the tables where the search begins, or in the next one.
F is one cubic in T there, so steps of third order find it; elsewhere Newton's method does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.circuit.nodes import (
    PER_T_STEP,
    T_FIRST_K,
    T_POINTS,
    Content,
    Four,
    cell,
    derivatives,
    inside,
    lump_rows,
)
from amrr.compiled import jit, jit_apart

Array = NDArray[np.float64]

#: Newton steps below this end the iteration: the next error is its square.
_SMALL_K: Final = 1e-7
#: A temperature is found when it may be off by this.
_FOUND_K: Final = 1e-13
#: Relative error of a slope that is continued by a step, over the square of that step: 1/K2. Heat
#: capacities bend by C''/C of some 100/K2 at most.
_SLOPE_ERROR_PER_K2: Final = 100.0


@jit_apart
def search(
    of: Content, guess_k: float, mix: float, goal: float, link_j_per_k: float, isentropic: bool
) -> tuple[float, float, float, float, float]:
    """As ``relax``, from anywhere to anywhere on the grid and beyond it, by Newton's method."""
    gamma, mixed = of.gamma, of.volume_m3 * mix
    t = guess_k
    i, u = cell(t, T_FIRST_K, PER_T_STEP, T_POINTS)
    q, f_row = lump_rows(of, i)
    for _ in range(40):
        f, f_t, f_tt = derivatives(q, u)
        if isentropic:
            change = (goal + mixed + f_t - gamma * t) / (gamma - f_tt)
        else:
            energy = f - t * f_t + 0.5 * gamma * t * t
            change = (goal - energy - link_j_per_k * t) / (t * (gamma - f_tt) + link_j_per_k)
        t = min(max(t + change, 0.5 * t), 2.0 * t)
        last = i
        i, u = cell(t, T_FIRST_K, PER_T_STEP, T_POINTS)
        if i != last:
            q, f_row = lump_rows(of, i)
        if abs(change) < _SMALL_K:
            break
    f, f_t, f_tt = derivatives(q, u)
    entropy = -f_t - mixed + gamma * t
    energy = f - t * f_t + 0.5 * gamma * t * t
    fluid_f, fluid_f_t, _ = derivatives(f_row, u)
    return t, entropy, energy, fluid_f - t * fluid_f_t, t * (gamma - f_tt)


@jit
def lack(
    p: Four, u: float, t: float, gamma: float, goal: float, link_j_per_k: float, isentropic: bool
) -> tuple[float, float, float]:
    """What is missing to ``goal`` inside a cell, and how it falls with T: slope and curvature.

    Args:
        p: F by powers of u.
        u: Position in the cell.
        t: The same as a temperature, K.
        gamma: Metal, J/K2.
        goal: The entropy without mixing, J/K; or U + link T, J.
        link_j_per_k: Conductance to a bath times the step.
        isentropic: Which of the two.
    """
    f, f_t, f_tt = inside(p, u)
    f_ttt = 6.0 * p[3] * (PER_T_STEP * PER_T_STEP * PER_T_STEP)
    stiff = gamma - f_tt
    if isentropic:
        return goal + f_t - gamma * t, stiff, -f_ttt
    energy = f - t * f_t + 0.5 * gamma * t * t
    return goal - energy - link_j_per_k * t, t * stiff + link_j_per_k, stiff - t * f_ttt


@jit
def improved(
    p: Four, u: float, t: float, gamma: float, goal: float, link_j_per_k: float, isentropic: bool
) -> tuple[float, float]:
    """Two steps towards ``goal`` inside a cell; arguments as of ``lack``.

    The first is of third order (Chebyshev's method: F is a cubic there, so that its third
    derivative is known, too). The second takes the slope from the first, continued to where that
    has led, and so needs no other division.

    Returns:
        Their sum, and the error that may be left, as the second step times that of its slope; K.
    """
    missing, slope, curve = lack(p, u, t, gamma, goal, link_j_per_k, isentropic)
    over = 1.0 / slope
    newton = missing * over
    bend = curve * over
    first = newton * (1.0 - 0.5 * bend * newton)
    at = u + first * PER_T_STEP
    missing, _, _ = lack(p, at, t + first, gamma, goal, link_j_per_k, isentropic)
    turn = bend * first
    second = missing * over * (1.0 - turn + turn * turn)
    return first + second, abs(second) * _SLOPE_ERROR_PER_K2 * first * first


@jit
def relax(
    of: Content, guess_k: float, mix: float, goal: float, link_j_per_k: float, isentropic: bool
) -> tuple[float, float, float, float, float]:
    """Find a lump's temperature from its entropy, or from its energy.

    Nearly always it stays in its cell, or passes into the next one, and ``improved`` finds it to
    rounding, in one go if it is within a few millikelvin; elsewhere ``search`` does.

    Args:
        of: The lump.
        guess_k: Where to start.
        mix: ``mixing`` of its 3He: its logarithm costs half of what all else here does.
        goal: The entropy in J/K; or U + link T in J.
        link_j_per_k: Conductance to a bath times the step, for the energy balance.
        isentropic: Which of the two.

    Returns:
        T (K), S (J/K), U (J), the fluid's energy density (J/m3) and the heat capacity (J/K).
    """
    gamma, mixed = of.gamma, of.volume_m3 * mix
    bare = goal + mixed if isentropic else goal
    i, u = cell(guess_k, T_FIRST_K, PER_T_STEP, T_POINTS)
    p, f_row = lump_rows(of, i)
    t, u, error_k = found(p, u, guess_k, gamma, bare, link_j_per_k, isentropic)
    if not 0.0 <= u <= 1.0:
        i, u = cell(t, T_FIRST_K, PER_T_STEP, T_POINTS)
        p, f_row = lump_rows(of, i)
        t, u, error_k = found(p, u, t, gamma, bare, link_j_per_k, isentropic)
    near = leave(p, f_row, u, t, gamma, mixed)
    if error_k < _FOUND_K and 0.0 <= u <= 1.0:
        return near
    return search(of, guess_k, mix, goal, link_j_per_k, isentropic)


@jit
def found(
    p: Four, u: float, t: float, gamma: float, goal: float, link_j_per_k: float, isentropic: bool
) -> tuple[float, float, float]:
    """Temperature, its position, and the error that may be left, by ``improved`` once or twice."""
    change, error_k = improved(p, u, t, gamma, goal, link_j_per_k, isentropic)
    t += change
    u += change * PER_T_STEP
    if error_k > _FOUND_K:
        change, error_k = improved(p, u, t, gamma, goal, link_j_per_k, isentropic)
        t += change
        u += change * PER_T_STEP
    return t, u, error_k


@jit
def leave(
    p: Four, fluid_p: Four, u: float, t: float, gamma: float, mixed: float
) -> tuple[float, float, float, float, float]:
    """What ``relax`` returns, from F and phi by powers of u."""
    f, f_t, f_tt = inside(p, u)
    phi, phi_t, _ = inside(fluid_p, u)
    entropy = gamma * t - f_t - mixed
    energy = f - t * f_t + 0.5 * gamma * t * t
    return t, entropy, energy, phi - t * phi_t, t * (gamma - f_tt)
