"""The osmotic closure: superfluid slips through the normal fluid until mu4 is uniform. Compiled.

In the bulk closure (the paper's) normal fluid and superfluid move together. If they do not,
superfluid flows wherever mu4, that is Pi, is not uniform, and by incompressibility the normal
fluid with its 3He moves the other way. Per mole of 3He this counterflow carries

    h_q = T s_v / c3 + mu3 - mu4 v3/v4 = (e + Pi) / c3

(all the entropy rides on the normal fluid), from high Pi to low Pi. Between neighbours it is

    q = K (Pi_i - Pi_{i+1}),   K = V / (slip time dPi/dc3)

and is solved implicitly along the whole chain, beds included, with the adiabatic dPi/dc3. A slip
time far below a second gives uniform Pi: concentration rises where it is cold. Where that would
pass the phase separation line x_d(T) no more 3He is let in; the machine then reports phase
separation.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import loop
from amrr.circuit.nodes import R_GAS, fluid_pressure, lump
from amrr.compiled import jit

Array = NDArray[np.float64]

#: Beyond this the mixture model fails (dPi/dc3 has the wrong sign), whatever the temperature.
LARGEST_CONCENTRATION: Final = 0.44


@jit
def dilute_line(temperature_k: float) -> float:
    """x_d(T) from 0.15 K: `amrr.fluid.helium.dilute_line`; 0.674 from the tricritical point."""
    dt = min(temperature_k, 0.867) - 0.867
    return 0.674 - 0.209148 * dt / (dt - 0.080280) + 0.960222 * dt + 0.549920 * dt * dt


@jit
def separated(x: Array, i: int, v4: float, alpha: float) -> bool:
    """True when a lump's fluid is within 0.01 of the phase separation line, or beyond it."""
    c = x[loop.C3, i] * v4
    concentration = c / max(1.0 - alpha * c, 0.05)
    limit = min(dilute_line(x[loop.TEMPERATURE, i]), LARGEST_CONCENTRATION)
    return concentration >= limit - 0.01


@jit
def response(
    x: Array, n: Array, i: int, garnet: Array, fluid: Array
) -> tuple[float, float, float, float]:
    """Pi, adiabatic dPi/dc3 over V, h_q, and isothermal dPi/dc3 of a lump."""
    pi, pi_t, pi_c, e_c = fluid_pressure(fluid, x[loop.TEMPERATURE, i], x[loop.C3, i])
    _, _, capacity = lump(
        garnet, fluid, loop.table_of(x, i), n[loop.SPINS, i], n[loop.VOLUME, i], n[loop.GAMMA, i],
        x[loop.TEMPERATURE, i], x[loop.FIELD, i], x[loop.C3, i],
    )  # fmt: skip
    pi_c = max(pi_c, 0.05 * R_GAS * x[loop.TEMPERATURE, i])
    heat = (x[loop.FLUID_ENERGY, i] + pi) / x[loop.C3, i]
    capacity += n[loop.LINK, i]  # a linked lump is stiffer; one second of its link is ample
    adiabatic = pi_c + pi_t * n[loop.VOLUME, i] * (heat - e_c) / capacity
    return pi, max(adiabatic, 0.1 * pi_c) / n[loop.VOLUME, i], heat, pi_c


@jit
def chain_index(k: int, count: int) -> int:
    """Lump number along bed A, chain, bed B."""
    if k == 0:
        return count
    if k == count + 1:
        return count + 1
    return k - 1


@jit
def eliminate(x: Array, n: Array, pump: Array, slip_s: float, work: Array, dt_s: float) -> None:
    """Forward half of Thomas' algorithm, for the faces k between lumps k and k+1.

    Reads rows Pi, stiffness and dPi/dc3 of the work space, writes rows 3 and 4.
    """
    count = x.shape[1] - 2
    pi, stiff, upper, right, soft = work[0], work[1], work[3], work[4], work[5]
    for k in range(count + 1):
        i, j = chain_index(k, count), chain_index(k + 1, count)
        volume = min(n[loop.VOLUME, i], n[loop.VOLUME, j])
        conductance = volume / (slip_s * max(soft[k], soft[k + 1])) * dt_s
        drive = pi[k] - pi[k + 1]
        into = j if drive > 0.0 else i
        if separated(x, into, pump[loop.V4], pump[loop.ALPHA]):
            conductance *= 1e-12
        diagonal = 1.0 / conductance + stiff[k] + stiff[k + 1]
        if k > 0:
            diagonal -= stiff[k] * upper[k - 1]
            drive += stiff[k] * right[k - 1]
        upper[k] = stiff[k + 1] / diagonal
        right[k] = drive / diagonal


@jit
def move(x: Array, n: Array, work: Array) -> float:
    """Backward half: the flow through every face, applied; returns that into the CHX, mol."""
    count = x.shape[1] - 2
    heat, upper, right = work[2], work[3], work[4]
    flow = 0.0
    cold = 0.0
    for k in range(count, -1, -1):
        flow = right[k] + upper[k] * flow
        i, j = chain_index(k, count), chain_index(k + 1, count)
        energy = flow * (heat[k] if flow > 0.0 else heat[k + 1])
        x[loop.C3, i] -= flow / n[loop.VOLUME, i]
        x[loop.C3, j] += flow / n[loop.VOLUME, j]
        x[loop.HEAT, i] -= energy
        x[loop.HEAT, j] += energy
        if j == count // 2:
            cold = flow
    return cold


@jit
def equalise(
    x: Array,
    n: Array,
    garnet: Array,
    fluid: Array,
    pump: Array,
    slip_s: float,
    work: Array,
    dt_s: float,
) -> float:
    """Counterflow of one step; adds its energy to row HEAT and moves 3He.

    Args:
        x: Lumps; c3 changes, row HEAT receives energies in J.
        n: Lump constants.
        garnet: Table of F_spin.
        fluid: Table of phi.
        pump: Pump constants (for v4 and alpha).
        slip_s: Relaxation time of a lump against its neighbour, s.
        work: Work space, at least (6, lumps).
        dt_s: Step.

    Returns:
        3He through the cold heat exchanger's first face, mol.
    """
    count = x.shape[1] - 2
    for k in range(count + 2):
        i = chain_index(k, count)
        work[0, k], work[1, k], work[2, k], work[5, k] = response(x, n, i, garnet, fluid)
    eliminate(x, n, pump, slip_s, work, dt_s)
    return move(x, n, work)
