"""One step of the fluid loop: pump beds, heat exchangers and regenerators. Compiled.

The loop is a chain of lumps (``amrr.circuit.layout``). Positive flow leaves pump bed A, passes
hot heat exchanger B, regenerator B from hot to cold, the cold heat exchanger, regenerator A from
cold to hot, hot heat exchanger A, and enters pump bed B; superfluid returns through the superleak.
That is the paper's crossed loop: the expelling bed feeds the demagnetising regenerator.

A step is split in two, each part conserving exactly:

1. field: every lump keeps its entropy while its field changes; the change of U is the magnet's
   work;
2. transport at constant field: bulk flow (``amrr.circuit.advection``), 3He relative to it
   (``amrr.circuit.slip``), conduction (``amrr.circuit.conduction``), links to the 1.6 K stage
   (implicit). 3He and energy move between lumps as fluxes, so their sums are kept to rounding. So
   that no lump is swept more than once, this part is done in as many equal pieces as that takes.

Pump: the superfluid equalises mu4 through the superleak, so the pressure difference that drives
the bulk flow is Pi_A - Pi_B = R_h Vdot. R_h Vdot is a few pascals of tens of kilopascals: the
equation is stiff and is solved implicitly, Vdot = (Pi_A - Pi_B) / (R_h - dt d(Pi_A - Pi_B)/dV).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.circuit.advection import face_values
from amrr.circuit.nodes import Content, fluid_energy, fluid_pressure, lump, mixing
from amrr.circuit.relaxation import relax
from amrr.circuit.rows import (
    ALPHA,
    C3,
    CAPACITY,
    ENERGY,
    ENTROPY,
    ENTROPY_TO_STAGE,
    FACE_C3,
    FACE_ENERGY,
    FIELD,
    FIELD_PER_A,
    FLUID_ENERGY,
    GAMMA,
    HEAT,
    HEAT_BEDS,
    HEAT_HHX,
    LARGEST_FLOW,
    LINK,
    ONSET_K,
    PLUG,
    RESISTANCE,
    SPANS,
    SPINS,
    TABLE,
    TEMPERATURE,
    V4,
    VOLUME,
    WORK_PUMP,
    WORK_REGENERATOR,
)  # fmt: skip
from amrr.compiled import jit

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A lump may be swept to this part in one piece of a step.
LARGEST_COURANT: Final = 0.8
#: More pieces than this no machine may need (``amrr.limits``).
MOST_PIECES: Final = 256


@jit
def lambda_temperature(c3: float, v4: float, alpha: float) -> float:
    """T_lambda of a fluid with c3 mol of 3He per m3, K."""
    x = c3 * v4 / (1.0 - alpha * c3 * v4)
    dx = x - 0.674
    return 0.867 - 2.620259 * dx - 1.023726 * dx * dx


@jit
def content(x: Array, n: Array, i: int, garnet: Array, fluid: Array) -> Content:
    """What is in lump i."""
    return Content(
        garnet, fluid, int(n[TABLE, i]), n[SPINS, i], n[VOLUME, i], n[GAMMA, i], x[FIELD, i],
        x[C3, i],
    )  # fmt: skip


@jit
def settle(x: Array, n: Array, i: int, garnet: Array, fluid: Array) -> None:
    """Recompute energy, entropy and fluid energy of a lump from its temperature."""
    s, u, c = lump(content(x, n, i, garnet, fluid), x[TEMPERATURE, i])
    x[CAPACITY, i] = c
    x[ENTROPY, i] = s
    x[ENERGY, i] = u
    x[FLUID_ENERGY, i] = fluid_energy(fluid, x[TEMPERATURE, i], x[C3, i])


@jit
def note_mixing(x: Array, memo: Array) -> None:
    """Work out ``mixing`` of the fluid of every lump whose 3He has changed.

    Args:
        x: State of the lumps.
        memo: The 3He that it was last worked out for, and what came out; shape (2, lumps).
    """
    for i in range(x.shape[1]):
        if memo[0, i] != x[C3, i]:
            memo[0, i] = x[C3, i]
            memo[1, i] = mixing(x[C3, i])


@jit
def change_field(
    x: Array, n: Array, memo: Array, coil_of: Ints, current_a: Array, garnet: Array, fluid: Array,
    ledger: Array,
) -> None:  # fmt: skip
    """Part 1: isentropic change of field of every lump with refrigerant."""
    note_mixing(x, memo)
    for i in range(x.shape[1]):
        field = abs(n[FIELD_PER_A, i] * current_a[coil_of[i]])
        if n[SPINS, i] == 0.0 or field == x[FIELD, i]:
            continue
        x[FIELD, i] = field
        before = x[ENERGY, i]
        x[TEMPERATURE, i], _, x[ENERGY, i], x[FLUID_ENERGY, i], x[CAPACITY, i] = relax(
            content(x, n, i, garnet, fluid), x[TEMPERATURE, i], memo[1, i], x[ENTROPY, i], 0.0, True
        )
        ledger[WORK_PUMP if coil_of[i] < 2 else WORK_REGENERATOR] += x[ENERGY, i] - before


@jit
def bed_response(
    x: Array,
    n: Array,
    i: int,
    fluid: Array,
    c_flow: float,
    e_flow: float,
    mu_volume: float,
) -> tuple[float, float]:
    """Pi of a bed, and dPi/dV while bulk (c_flow, e_flow per m3) leaves and superfluid enters."""
    pi, pi_t, pi_c, e_c = fluid_pressure(fluid, x[TEMPERATURE, i], x[C3, i])
    dc = -c_flow / n[VOLUME, i]
    dt = (-e_flow + mu_volume - n[VOLUME, i] * e_c * dc) / x[CAPACITY, i]
    return pi, pi_t * dt + pi_c * dc


@jit
def superleak_open(x: Array, i: int, pump: Array) -> bool:
    """True while the bed is superfluid and below the onset in the pores."""
    t_lambda = lambda_temperature(x[C3, i], pump[V4], pump[ALPHA])
    onset = pump[ONSET_K] * t_lambda / lambda_temperature(0.0, pump[V4], pump[ALPHA])
    return x[TEMPERATURE, i] < min(t_lambda, onset)


@jit
def pump_flow(x: Array, n: Array, fluid: Array, pump: Array, dt_s: float) -> float:
    """Bulk flow from bed A to bed B in m3/s, implicit in the bed pressures."""
    last = x.shape[1] - 2
    a, b = last, last + 1
    if not (superleak_open(x, a, pump) and superleak_open(x, b, pump)):
        return 0.0
    pi_a = fluid_pressure(fluid, x[TEMPERATURE, a], x[C3, a])[0]
    pi_b = fluid_pressure(fluid, x[TEMPERATURE, b], x[C3, b])[0]
    if pi_a >= pi_b:
        out, inner = a, last - 1
        mu_volume = -pi_b
    else:
        out, inner = b, 0
        mu_volume = -pi_a
    into = b if out == a else a
    # What leaves the expelling bed is its own fluid; what enters the other comes from the chain's
    # end.
    _, slope_out = bed_response(x, n, out, fluid, x[C3, out], x[FLUID_ENERGY, out], mu_volume)
    _, slope_in = bed_response(
        x, n, into, fluid, -x[C3, inner], -x[FLUID_ENERGY, inner], -mu_volume
    )
    stiffness = max(0.0, slope_in - slope_out)
    flow = abs(pi_a - pi_b) / (pump[RESISTANCE] + dt_s * stiffness)
    flow = min(flow, pump[LARGEST_FLOW])
    return flow if out == a else -flow


@jit
def pieces(sweep_per_m3: float, volume_m3: float) -> int:
    """Into how many equal pieces a step that moves this volume has to be cut.

    Args:
        sweep_per_m3: The part of the worst lump that 1 m3 sweeps or exchanges.
        volume_m3: What moves.
    """
    needed = int(np.ceil(abs(volume_m3) * sweep_per_m3 / LARGEST_COURANT))
    return min(max(needed, 1), MOST_PIECES)


@jit
def close(
    x: Array,
    n: Array,
    memo: Array,
    i: int,
    gain_j: float,
    stage_k: float,
    garnet: Array,
    fluid: Array,
    dt_s: float,
) -> float:
    """New temperature of a lump that gained energy; returns the heat given to the stage, J."""
    link = n[LINK, i] * dt_s
    goal = x[ENERGY, i] + gain_j + link * stage_k
    (
        x[TEMPERATURE, i],
        x[ENTROPY, i],
        x[ENERGY, i],
        x[FLUID_ENERGY, i],
        x[CAPACITY, i],
    ) = relax(content(x, n, i, garnet, fluid), x[TEMPERATURE, i], memo[1, i], goal, link, False)
    return link * (x[TEMPERATURE, i] - stage_k)


@jit
def transport(
    x: Array,
    n: Array,
    memo: Array,
    garnet: Array,
    fluid: Array,
    volume_m3: float,
    stage_k: float,
    ledger: Array,
    dt_s: float,
) -> None:
    """Part 2: move ``volume_m3`` of bulk fluid around the loop, exchange with the stage.

    Row HEAT holds what conduction and slip have put into each lump during this step.
    """
    count = x.shape[1] - 2
    a, b = count, count + 1
    for value, face in ((C3, FACE_C3), (FLUID_ENERGY, FACE_ENERGY)):
        face_values(x, n[VOLUME], n[SPANS : SPANS + 3], n[PLUG], value, face, volume_m3)
    donor = b if volume_m3 >= 0.0 else a
    # Superfluid crosses the superleak against the bulk flow, with mu4 of the bed it leaves and no
    # entropy.
    superfluid_j = -volume_m3 * fluid_pressure(fluid, x[TEMPERATURE, donor], x[C3, donor])[0]
    in_a, in_b = -volume_m3, volume_m3
    x[C3, a] += in_a * x[FACE_C3, 0] / n[VOLUME, a]
    x[C3, b] += in_b * x[FACE_C3, count] / n[VOLUME, b]
    gain_a = in_a * x[FACE_ENERGY, 0] + superfluid_j + x[HEAT, a]
    gain_b = in_b * x[FACE_ENERGY, count] - superfluid_j + x[HEAT, b]
    for i in range(count):
        x[C3, i] += volume_m3 * (x[FACE_C3, i] - x[FACE_C3, i + 1]) / n[VOLUME, i]
    note_mixing(x, memo)
    to_beds = close(x, n, memo, a, gain_a, stage_k, garnet, fluid, dt_s)
    to_beds += close(x, n, memo, b, gain_b, stage_k, garnet, fluid, dt_s)
    to_hhx = 0.0
    for i in range(count):
        gain = volume_m3 * (x[FACE_ENERGY, i] - x[FACE_ENERGY, i + 1]) + x[HEAT, i]
        to_hhx += close(x, n, memo, i, gain, stage_k, garnet, fluid, dt_s)
    ledger[HEAT_HHX] += to_hhx
    ledger[HEAT_BEDS] += to_beds
    ledger[ENTROPY_TO_STAGE] += (to_hhx + to_beds) / stage_k
