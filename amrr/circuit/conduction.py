"""Heat between neighbours, and between each lump and the metal that it touches. Compiled.

Each lump of the chain may have a partner of metal: a piece of the cold exchanger's plate, or a
detector's stage. Partners conduct to each other where they are one piece. With dt the step,

    C_i (T_i' - T_i) = dt [g_i-1 (T_i-1' - T_i') + g_i (T_i+1' - T_i') + k_i (W_i' - T_i')]
    D_i (W_i' - W_i) = dt [p_i-1 (W_i-1' - W_i') + p_i (W_i+1' - W_i') + k_i (T_i' - W_i') + q_i]

is solved for all temperatures at the end of the step (backward Euler, so that no step is too long),
by elimination of 2 x 2 blocks. The heats that follow are then moved, so that energy is kept to
rounding though C is that of the beginning. Fluid conducts as (London; Khalatnikov)

    kappa(T, x) = kappa_1 (c_1 / c3) (1 K / T),    c_1: x = 0.1

which is kappa = S^2 D/(c3 R) of a dilute mixture without net flow of 3He: S is the entropy of the
phonons, proportional to T^3, and D = 1.6e-4 T^-7 m2/s their diffusion of 3He (Lamoreaux et al.,
Europhys. Lett. 58, 718 (2002), 0.45 to 0.95 K), giving 0.03 W/(m K) at 0.9 K and x = 0.1. The 1/x
holds to x = 0.01 at least (Murphy and Meyer, J. Low Temp. Phys. 99, 745 (1995)).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.circuit.rows import (
    C3,
    CAPACITY,
    CONTACT,
    FLUID_FACE,
    HEAT,
    LINK,
    LOAD,
    STEEL_FACE,
    TEMPERATURE,
    WALL,
    WALL_FACE,
    WALL_GAMMA,
)  # fmt: skip
from amrr.compiled import jit

Array = NDArray[np.float64]
Six = tuple[float, float, float, float, float, float]

#: c3 at x = 0.1, mol/m3.
REFERENCE_C3: Final = 3525.7
#: Below this, in mol/m3 (x = 0.003), the law is not continued: no wall of pure superfluid is known.
LEAST_C3: Final = 100.0
WORK_ROWS: Final = 8


@jit
def conductivity(at_reference: float, temperature_k: float, c3: float) -> float:
    """Kappa of the mixture in W/(m K), from that at 1 K and x = 0.1."""
    return at_reference * REFERENCE_C3 / (max(c3, LEAST_C3) * temperature_k)


@jit
def conduct(
    x: Array, n: Array, kappa: float, stage_k: float, work: Array, dt_s: float
) -> tuple[float, float]:
    """Add to row HEAT what each lump gains; warm the partners.

    Args:
        x: State of the lumps.
        n: Their constants.
        kappa: Conductivity of the fluid at 1 K and x = 0.1, W/(m K).
        stage_k: Of the stage that some lumps are linked to.
        work: Work space, shape (WORK_ROWS, lumps) at least.
        dt_s: Step.

    Returns:
        Heat put into the partners by their loads, J, and its sum over temperature, J/K.
    """
    count = x.shape[1] - 2
    g, p = work[6], work[7]
    for i in range(count - 1):
        j = i + 1
        mean = 0.5 * (x[TEMPERATURE, i] + x[TEMPERATURE, j])
        fluid = conductivity(kappa, mean, 0.5 * (x[C3, i] + x[C3, j]))
        g[i] = dt_s * (n[FLUID_FACE, i] * fluid + n[STEEL_FACE, i] * mean)
        p[i] = dt_s * n[WALL_FACE, i] * 0.5 * (x[WALL, i] + x[WALL, j])
    g[count - 1] = p[count - 1] = 0.0
    _eliminate(x, n, stage_k, work, dt_s)
    return _move(x, n, work, dt_s)


@jit
def _eliminate(x: Array, n: Array, stage_k: float, work: Array, dt_s: float) -> None:
    """Forward half: T' = work0 + work1 T'' + work2 W'', W' = work3 + work4 T'' + work5 W''.

    T'' and W'' are those of the next lump.
    """
    g, p = work[6], work[7]
    last = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    g_before = p_before = 0.0
    for i in range(x.shape[1] - 2):
        link = n[LINK, i] * dt_s
        if n[WALL_GAMMA, i] == 0.0:
            last = _alone(x, i, link, stage_k, g_before, g[i], last)
        else:
            contact = n[CONTACT, i] * dt_s
            wall_capacity = n[WALL_GAMMA, i] * x[WALL, i]
            last = _pair(
                x[CAPACITY, i] + link + g[i], wall_capacity + p[i], contact,
                x[CAPACITY, i] * x[TEMPERATURE, i] + link * stage_k,
                wall_capacity * x[WALL, i] + x[LOAD, i] * dt_s,
                g_before, p_before, g[i], p[i], last,
            )  # fmt: skip
        work[0, i], work[1, i], work[2, i], work[3, i], work[4, i], work[5, i] = last
        g_before, p_before = g[i], p[i]


@jit
def _alone(
    x: Array, i: int, link: float, stage_k: float, g_before: float, g: float, last: Six
) -> Six:
    """``work`` of a lump without a partner: what counts as the partner's stays as it is."""
    over = 1.0 / (x[CAPACITY, i] + link + g + g_before * (1.0 - last[1]))
    right = x[CAPACITY, i] * x[TEMPERATURE, i] + link * stage_k + g_before * last[0]
    return right * over, g * over, 0.0, x[WALL, i], 0.0, 0.0


@jit
def _pair(
    a: float, b: float, contact: float, r: float, s: float, g_before: float, p_before: float,
    g: float, p: float, last: Six,
) -> Six:  # fmt: skip
    """``work`` of a lump and its partner.

    Args:
        a: What the lump exchanges with all but its partner and the lump before, J/K.
        b: The same of its partner.
        contact: Between the two, J/K.
        r: Heat that the lump would hold at its temperatures of before, J.
        s: The same of its partner.
        g_before: To the lump before, J/K.
        p_before: From partner to partner there.
        g: To the next lump.
        p: From partner to partner there.
        last: ``work`` of the lump before.
    """
    a += contact + g_before * (1.0 - last[1])
    ab = -contact - g_before * last[2]
    r += g_before * last[0]
    b += contact + p_before * (1.0 - last[5])
    ba = -contact - p_before * last[4]
    s += p_before * last[3]
    over = 1.0 / (a * b - ab * ba)
    return (
        (b * r - ab * s) * over, b * g * over, -ab * p * over,
        (a * s - ba * r) * over, -ba * g * over, a * p * over,
    )  # fmt: skip


@jit
def _move(x: Array, n: Array, work: Array, dt_s: float) -> tuple[float, float]:
    """Backward half, and the heats that follow; partners take their new temperatures."""
    count = x.shape[1] - 2
    g, p = work[6], work[7]
    warmer = wall_warmer = 0.0  # T' and W' of the lump behind
    load_j = load_j_per_k = 0.0
    for i in range(count - 1, -1, -1):
        t = work[0, i] + work[1, i] * warmer + work[2, i] * wall_warmer
        w = work[3, i] + work[4, i] * warmer + work[5, i] * wall_warmer
        if i < count - 1:
            heat = g[i] * (t - warmer)
            x[HEAT, i] -= heat
            x[HEAT, i + 1] += heat
        gamma = n[WALL_GAMMA, i]
        if gamma > 0.0:
            into = n[CONTACT, i] * dt_s * (w - t)
            x[HEAT, i] += into
            ahead = p[i] * (w - wall_warmer) if i < count - 1 else 0.0
            put = x[LOAD, i] * dt_s
            # U = gamma W^2 / 2. What comes from the partner before is added in that one's turn.
            energy = 0.5 * gamma * x[WALL, i] ** 2 + put - into - ahead
            if i < count - 1 and p[i] > 0.0:
                ahead_energy = 0.5 * n[WALL_GAMMA, i + 1] * x[WALL, i + 1] ** 2 + ahead
                x[WALL, i + 1] = np.sqrt(max(2.0 * ahead_energy / n[WALL_GAMMA, i + 1], 1e-8))
            x[WALL, i] = np.sqrt(max(2.0 * energy / gamma, 1e-8))
            load_j += put
            load_j_per_k += put / x[WALL, i]
        else:
            x[WALL, i] = t
        warmer, wall_warmer = t, w
    return load_j, load_j_per_k
