"""3He relative to the bulk flow: dispersion in the packing, and superfluid that slips. Compiled.

**Dispersion.** Paths through a packing differ in length, so flow exchanges fluid of neighbours: per
volume moved through a face a part l/dz of it, with the dispersivity l about half a grain
(Delgado, Heat Mass Transfer 42, 279 (2006): Peclet number 2 by grain size). The exchanged fluid
takes up the temperature of the grains within 20 ms, a hundredth of the time in which it passes one,
so only its 3He stays different, and its energy is de/dc3 of that.

**Slip.** In the bulk closure (the paper's) normal fluid and superfluid move together. If they do
not, superfluid flows wherever mu4, that is Pi, is not uniform, and by incompressibility the normal
fluid with its 3He moves the other way. Per mole of 3He this counterflow carries

    h_q = T s_v / c3 + mu3 - mu4 v3/v4 = (e + Pi) / c3

(all the entropy rides on the normal fluid), from high Pi to low Pi. Between neighbours it is

    q = k (Pi_i - Pi_{i+1}) / (dPi/dc3)

In the bulk closure k = D A/dz: at one temperature this is Fick's law with the diffusivity D, and
with a gradient of temperature it is the heat flush, 3He driven to the cold (Khalatnikov,
"Introduction to the Theory of Superfluidity", ch. 24). D is small there by what that closure
assumes. In the osmotic closure k is a lump's volume over a slip time far below a second, Pi becomes
uniform, and concentration rises where it is cold. Where that would pass the phase separation line
x_d(T) no more 3He is let in; the machine then reports phase separation.

The flow is solved implicitly along the whole chain, beds included, with the adiabatic dPi/dc3 of
the present state. That is a linear answer to a law that is not: a step is shortened until no flow
takes much of a lump's 3He (``_LARGEST_PART``) or heat (``_LARGEST_CHANGE``). Where that is not
enough, as where hardly any 3He is left, the conductance of that face is lowered, so that 3He still
flows from high Pi to low Pi only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import rows
from amrr.circuit.nodes import R_GAS, fluid_pressure
from amrr.compiled import jit

Array = NDArray[np.float64]

#: Beyond this the mixture model fails (dPi/dc3 has the wrong sign), whatever the temperature.
LARGEST_CONCENTRATION: Final = 0.44
WORK_ROWS: Final = 10
#: Of a lump's 3He through one face in one step: two faces must leave some.
_LARGEST_PART: Final = 0.4
#: Of a lump's C T, as heat through one face in one step.
_LARGEST_CHANGE: Final = 0.05
#: A step is cut into at most so many pieces for slip.
MOST_PIECES: Final = 64
#: Solutions with lower conductances, until no flow is too large; then it is cut.
_TRIALS: Final = 8
#: mol/m3; nearer to pure 4He than x = 3e-5 the heat per 3He is not continued.
_LEAST_C3: Final = 1.0


@jit
def dilute_line(temperature_k: float) -> float:
    """x_d(T) from 0.15 K: ``amrr.fluid.helium.dilute_line``; 0.674 from the tricritical point."""
    dt = min(temperature_k, 0.867) - 0.867
    return 0.674 - 0.209148 * dt / (dt - 0.080280) + 0.960222 * dt + 0.549920 * dt * dt


@jit
def separated(x: Array, i: int, v4: float, alpha: float) -> bool:
    """True when a lump's fluid is within 0.01 of the phase separation line, or beyond it."""
    return beyond(x[rows.TEMPERATURE, i], x[rows.C3, i], v4, alpha)


@jit
def beyond(temperature_k: float, c3: float, v4: float, alpha: float) -> bool:
    """True when fluid is within 0.01 of the phase separation line, or beyond it."""
    c = c3 * v4
    concentration = c / max(1.0 - alpha * c, 0.05)
    limit = min(dilute_line(temperature_k), LARGEST_CONCENTRATION)
    return concentration >= limit - 0.01


@jit
def response(x: Array, n: Array, i: int, fluid: Array) -> tuple[float, float, float, float, float]:
    """Pi, adiabatic dPi/dc3 over V, h_q, isothermal dPi/dc3 and de/dc3 of a lump."""
    pi, pi_t, pi_c, e_c = fluid_pressure(fluid, x[rows.TEMPERATURE, i], x[rows.C3, i])
    pi_c = max(pi_c, 0.05 * R_GAS * x[rows.TEMPERATURE, i])
    heat = (x[rows.FLUID_ENERGY, i] + pi) / max(x[rows.C3, i], _LEAST_C3)
    capacity = x[rows.CAPACITY, i]
    capacity += n[rows.LINK, i]  # a linked lump is stiffer; one second of its link is ample
    adiabatic = pi_c + pi_t * n[rows.VOLUME, i] * (heat - e_c) / capacity
    return pi, max(adiabatic, 0.1 * pi_c) / n[rows.VOLUME, i], heat, pi_c, e_c


@jit
def chain_index(k: int, count: int) -> int:
    """Lump number along bed A, chain, bed B."""
    if k == 0:
        return count
    if k == count + 1:
        return count + 1
    return k - 1


@jit
def may_separate(x: Array, v4: float, alpha: float) -> bool:
    """False when no lump can be ``separated``: the coldest would not be with the richest fluid."""
    coldest, richest = x[rows.TEMPERATURE, 0], 0.0
    for i in range(x.shape[1]):
        coldest = min(coldest, x[rows.TEMPERATURE, i])
        richest = max(richest, x[rows.C3, i])
    return beyond(coldest, richest, v4, alpha)


@jit
def resistance(
    x: Array, n: Array, pump: Array, work: Array, k: int, dt_s: float, near: bool
) -> float:
    """Pascal per mol through face k in a step; much into fluid about to separate.

    Infinite where a face lets nothing slip. ``near`` is ``may_separate``.
    """
    count = x.shape[1] - 2
    pi, soft = work[0], work[5]
    found = max(soft[k], soft[k + 1]) / (n[rows.SLIP_FACE, chain_index(k, count)] * dt_s)
    if near:
        into = chain_index(k + 1 if pi[k] > pi[k + 1] else k, count)
        if separated(x, into, pump[rows.V4], pump[rows.ALPHA]):
            return found * 1e12
    return found


@jit
def eliminate(work: Array, k: int, before: float, flowed: float) -> tuple[float, float]:
    """Forward half of Thomas' algorithm at face k, into rows 3 and 4; from those of the last."""
    pi, stiff = work[0], work[1]
    over = 1.0 / (work[7, k] + stiff[k + 1] + stiff[k] * (1.0 - before))
    work[4, k] = (pi[k] - pi[k + 1] + stiff[k] * flowed) * over
    work[3, k] = stiff[k + 1] * over
    return work[3, k], work[4, k]


@jit
def substitute(work: Array, count: int) -> None:
    """Its backward half. Row 8: the flow through every face, mol, implicit in Pi."""
    upper, right, flow = work[3], work[4], work[8]
    flow[count] = right[count]
    for k in range(count - 1, -1, -1):
        flow[k] = right[k] + upper[k] * flow[k + 1]


@jit
def solve(work: Array, count: int) -> None:
    """The flows for the resistances of row 7."""
    before = flowed = 0.0
    for k in range(count + 1):
        before, flowed = eliminate(work, k, before, flowed)
    substitute(work, count)


@jit
def answer(
    x: Array, n: Array, fluid: Array, pump: Array, work: Array, dt_s: float, near: bool
) -> None:
    """Responses of all lumps, resistances of all faces, and the flows.

    All in one loop: each face's elimination waits for the one before, and the responses meanwhile
    keep the processor busy.
    """
    count = x.shape[1] - 2
    before = flowed = 0.0
    respond(x, n, fluid, work, 0)
    for k in range(count + 1):
        respond(x, n, fluid, work, k + 1)
        work[7, k] = resistance(x, n, pump, work, k, dt_s, near)
        before, flowed = eliminate(work, k, before, flowed)
    substitute(work, count)


@jit
def respond(x: Array, n: Array, fluid: Array, work: Array, k: int) -> None:
    """Rows 0, 1, 2, 5 and 6: the ``response`` of lump k of bed A, chain, bed B."""
    i = chain_index(k, x.shape[1] - 2)
    work[0, k], work[1, k], work[2, k], work[5, k], work[6, k] = response(x, n, i, fluid)


@jit
def excess(x: Array, n: Array, work: Array) -> float:
    """The largest flow through a face over what it may be there, which goes into row 9."""
    worst = 0.0
    for k in range(x.shape[1] - 1):
        most = largest(x, n, work, k)
        work[9, k] = most
        flow = abs(work[8, k])
        if flow > worst * most:
            worst = flow / max(most, 1e-300)
    return worst


@jit
def bound(x: Array, work: Array) -> None:
    """Raise the resistance of each face whose flow is too large."""
    for k in range(x.shape[1] - 1):
        if abs(work[8, k]) > work[9, k]:
            work[7, k] *= abs(work[8, k]) / (0.9 * work[9, k])


@jit
def largest(x: Array, n: Array, work: Array, k: int) -> float:
    """The flow, in mol, that lump k or k+1 can give through face k, and both can bear."""
    count = x.shape[1] - 2
    i, j = chain_index(k, count), chain_index(k + 1, count)
    giver, heat = (i, work[2, k]) if work[8, k] > 0.0 else (j, work[2, k + 1])
    most = _LARGEST_PART * x[rows.C3, giver] * n[rows.VOLUME, giver]
    smaller = min(
        x[rows.TEMPERATURE, i] * x[rows.CAPACITY, i], x[rows.TEMPERATURE, j] * x[rows.CAPACITY, j]
    )
    return min(most, _LARGEST_CHANGE * smaller / max(abs(heat), 1e-3))


@jit
def move(x: Array, n: Array, volume_m3: float, work: Array) -> float:
    """Apply slip and dispersion; returns what slips through the middle of the chain, mol."""
    count = x.shape[1] - 2
    heat, slope = work[2], work[6]
    into, gain = work[3], work[4]  # mol and J that each lump gains
    into[0] = gain[0] = 0.0
    for k in range(count + 1):
        i, j = chain_index(k, count), chain_index(k + 1, count)
        most = work[9, k]
        moved = min(max(work[8, k], -most), most)
        energy = moved * (heat[k] if moved > 0.0 else heat[k + 1])
        if 0 < k < count:
            mixed = n[rows.DISPERSION, i] * abs(volume_m3) * (x[rows.C3, i] - x[rows.C3, j])
            moved += mixed
            energy += mixed * 0.5 * (slope[k] + slope[k + 1])
        into[k] -= moved
        gain[k] -= energy
        into[k + 1], gain[k + 1] = moved, energy
    for k in range(count + 2):
        i = chain_index(k, count)
        x[rows.C3, i] += into[k] / n[rows.VOLUME, i]
        x[rows.HEAT, i] += gain[k]
    return work[8, count // 2]


@jit
def prepare(
    x: Array, n: Array, fluid: Array, pump: Array, work: Array, dt_s: float, shortest_s: float
) -> float:
    """Work out what slips; ``move`` then moves it.

    Args:
        x: Lumps.
        n: Lump constants.
        fluid: Table of phi.
        pump: Pump constants (for v4 and alpha).
        work: Work space, at least (WORK_ROWS, lumps).
        dt_s: Step that is wanted.
        shortest_s: Where shortening it ends, and conductances are lowered instead.

    Returns:
        The step that this is for, at most ``dt_s``.
    """
    count = x.shape[1] - 2
    near = may_separate(x, pump[rows.V4], pump[rows.ALPHA])
    answer(x, n, fluid, pump, work, dt_s, near)
    worst = excess(x, n, work)
    if worst > 1.0 and dt_s > shortest_s:
        dt_s = max(dt_s / np.ceil(worst), shortest_s)
        for k in range(count + 1):
            work[7, k] = resistance(x, n, pump, work, k, dt_s, near)
        solve(work, count)
        worst = excess(x, n, work)
    for _ in range(_TRIALS):
        if worst <= 1.0:
            break
        bound(x, work)
        solve(work, count)
        worst = excess(x, n, work)
    return dt_s
