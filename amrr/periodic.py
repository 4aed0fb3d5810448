"""The periodic steady state, directly: the fixed point of "one cycle later".

Plain cycling takes about 60 cycles to get the temperatures there, because heat stored in the beds
leaves through weak links, and some hundreds for the 3He: a blow displaces less than half of a bed,
so 3He passes the loop's middle by dispersion only. Anderson's method combines the last few cycles
so that the remaining change is least (D. G. Anderson, J. ACM 12, 547 (1965); Walker and Ni, SIAM J.
Numer. Anal. 49, 1715 (2011)). A combination of states holds as much 3He as they do.

What changes little in a cycle may still be far from its end. The search ends when neither the last
cycle nor the correction that the method would make is larger than the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amrr.controls.cycle import CyclePhase, CycleState
from amrr.fluid import helium
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Convergence:
    """How the search ended.

    Attributes:
        cycles: Cycles simulated.
        change_k: Largest change over the last of them: of a temperature, or of the 3He, whose
            filling counts as the temperature of the stage.
        history_k: The same of every cycle.
    """

    cycles: int
    change_k: float
    history_k: tuple[float, ...]


def to_cycle_start(machine: SimulatedRefrigerator) -> None:
    """Advance to the first step of a cycle; raises ``Refused`` when the cycle does not run."""
    limit = machine.time_s + 20.0 * machine.cycle.period_s
    while (
        machine.cycle.phase is not CyclePhase.FLOW_A_TO_B
        or machine.cycle.phase_time_s > machine.dt_s
    ):
        _demand_running(machine)
        if machine.time_s > limit:
            raise Refused("periodic state: the cycle does not come to its next start")
        machine.advance(1)


def _demand_running(machine: SimulatedRefrigerator) -> None:
    if machine.cycle.state is not CycleState.RUNNING:
        why = machine.cycle.blocked or machine.cycle.state.name.lower()
        raise Refused(f"periodic state: the cycle does not run ({why})")


def guess(machine: SimulatedRefrigerator, cold_k: float) -> None:
    """Set straight temperature profiles from the stage to ``cold_k``: a start for the search."""
    at, hot_k = machine.places, machine.stage.temperature_k
    vector = machine.thermal_state()
    count = at.count + 2
    chain = np.full(at.count, cold_k)
    n = machine.parameters.regenerator.nodes
    down = np.linspace(hot_k, cold_k, n + 2)[1:-1]
    chain[at.bed["B"]], chain[at.bed["A"]] = down, down[::-1]
    chain[: at.bed["B"].start] = chain[at.bed["A"].stop :] = hot_k
    vector[: at.count] = vector[count : count + at.count] = chain
    machine.set_thermal_state(vector)


def settle(
    machine: SimulatedRefrigerator,
    *,
    tolerance_k: float = 5e-5,
    most_cycles: int = 80,
    depth: int = 10,
) -> Convergence:
    """Bring a running machine to its periodic steady state.

    Args:
        machine: With its cycle running; changed in place, and left at the start of a cycle.
        tolerance_k: Largest change over a cycle; ``Convergence`` says how 3He counts.
        most_cycles: Give up after this many.
        depth: Cycles that are combined.

    Returns:
        How it ended. The thermometers are noiseless during the search.

    Raises:
        Refused: The cycle does not run, or stops on the way, as after a quench.
        RuntimeError: Not converged within ``most_cycles``.
    """
    machine.set_quiet(True)
    try:
        return _search(machine, tolerance_k, most_cycles, depth)
    finally:
        machine.set_quiet(False)


def _search(
    machine: SimulatedRefrigerator, tolerance_k: float, most_cycles: int, depth: int
) -> Convergence:
    to_cycle_start(machine)
    if machine.chx_temperature_k > 0.8 * machine.stage.temperature_k:
        guess(machine, 0.55 * machine.stage.temperature_k)
    steps = round(machine.cycle.period_s / machine.dt_s)
    kelvin = _kelvin(machine)
    states: list[Array] = []
    images: list[Array] = []
    history: list[float] = []
    for _ in range(most_cycles):
        before = machine.thermal_state()
        machine.advance(steps)
        _demand_running(machine)
        after = machine.thermal_state()
        history.append(float(np.abs((after - before) * kelvin).max()))
        states, images = [*states, before][-depth:], [*images, after][-depth:]
        # The first cycles are far from linear: let the machine cool by itself.
        if len(history) < 3:
            continue
        correction = _correction(states, images, kelvin)
        remaining = float(np.abs(correction * kelvin).max())
        if max(history[-1], _TRUST * remaining) < tolerance_k:
            return Convergence(len(history), history[-1], tuple(history))
        # No single jump beyond 0.15 K: further out the cycle is not linear.
        correction *= min(1.0, 0.15 / max(remaining, 1e-12))
        machine.set_thermal_state(_positive(images[-1], correction))
    raise RuntimeError(
        f"periodic state: still changing by {history[-1]:.2g} K per cycle after "
        f"{most_cycles} cycles"
    )


def _kelvin(machine: SimulatedRefrigerator) -> Array:
    """What makes kelvin of each entry of the thermal state: 3He counts by its part of the filling.

    The coils, the stage and its control loop follow the rest at once and count nothing.
    """
    size = machine.thermal_state().size
    count = (size - 6) // 3
    weights = np.zeros(size)
    weights[: 2 * count] = 1.0
    filling = float(helium.density_3he(machine.parameters.concentration))
    weights[2 * count : 3 * count] = machine.stage.temperature_k / filling
    return weights


def _correction(states: list[Array], images: list[Array], kelvin: Array) -> Array:
    """What to add to the last image, so that the change that remains is least."""
    residuals = np.array([(g - x) * kelvin for x, g in zip(states, images, strict=True)])
    differences = (residuals[1:] - residuals[:-1]).T
    gamma, *_ = np.linalg.lstsq(differences, residuals[-1], rcond=1e-8)
    steps = np.array([b - a for a, b in pairwise(images)])
    return np.asarray(-gamma @ steps)


def _positive(image: Array, correction: Array) -> Array:
    """The image with the largest part of the correction that leaves half of everything positive."""
    falling = (correction < 0.0) & (image > 0.0)
    part = float(np.min(-0.5 * image[falling] / correction[falling], initial=1.0))
    return image + part * correction


#: The correction is mostly noise of the last combination when it is small.
_TRUST = 0.1
