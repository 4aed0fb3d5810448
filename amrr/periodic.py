"""The periodic steady state, directly: the fixed point of "one cycle later".

Plain cycling takes about 60 cycles to get there, because heat stored in the beds leaves through
weak links. Anderson's method combines the last few cycles so that the remaining change is least
(D. G. Anderson, J. ACM 12, 547 (1965); Walker and Ni, SIAM J. Numer. Anal. 49, 1715 (2011)).

Temperatures alone are accelerated; the 3He follows cycle by cycle. A blow displaces less than half
of a bed, so 3He passes the loop's middle by mixing only: where it sits changes over hundreds of
cycles (days), while T_CHX falls by about 1 mK per 100 cycles. "Periodic" means: on the scale of
hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amrr.controls.cycle import CyclePhase, CycleState
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Convergence:
    """How the search ended.

    Attributes:
        cycles: Cycles simulated.
        change_k: Largest change of a temperature over the last of them.
        history_k: The same of every cycle.
    """

    cycles: int
    change_k: float
    history_k: tuple[float, ...]


def to_cycle_start(machine: SimulatedRefrigerator) -> None:
    """Advance to the first step of a cycle; raises :class:`Refused` when the cycle does not run."""
    limit = machine.time_s + 20.0 * machine.cycle.period_s
    while (
        machine.cycle.phase is not CyclePhase.FLOW_A_TO_B
        or machine.cycle.phase_time_s > machine.dt_s
    ):
        if machine.cycle.state is not CycleState.RUNNING or machine.time_s > limit:
            why = machine.cycle.blocked or machine.cycle.state.name.lower()
            raise Refused(f"periodic state: the cycle does not run ({why})")
        machine.advance(1)


def guess(machine: SimulatedRefrigerator, cold_k: float) -> None:
    """Set straight temperature profiles from the stage to ``cold_k``: a start for the search."""
    count = (machine.thermal_state().size - 6) // 2
    n = (count - 5) // 2
    vector = machine.thermal_state()
    down = np.linspace(machine.stage.temperature_k, cold_k, n + 2)
    vector[: 2 * n + 3] = np.concatenate((down, down[-2::-1]))
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
        tolerance_k: Largest change of any temperature over a cycle.
        most_cycles: Give up after this many.
        depth: Cycles that are combined.

    Returns:
        How it ended. The thermometers are noiseless during the search.

    Raises:
        Refused: The cycle does not run.
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
    temperatures, fast = _masks(machine)
    states: list[Array] = []
    images: list[Array] = []
    history: list[float] = []
    for _ in range(most_cycles):
        before = machine.thermal_state()
        machine.advance(steps)
        after = machine.thermal_state()
        history.append(float(np.abs(after - before)[temperatures].max()))
        if history[-1] < tolerance_k:
            return Convergence(len(history), history[-1], tuple(history))
        states, images = [*states, before][-depth:], [*images, after][-depth:]
        # The first cycles are far from linear: let the machine cool by itself.
        if len(history) >= 3:
            machine.set_thermal_state(_combine(states, images, temperatures, fast))
    raise RuntimeError(
        f"periodic state: still changing by {history[-1]:.2g} K per cycle after "
        f"{most_cycles} cycles"
    )


def _masks(machine: SimulatedRefrigerator) -> tuple[Mask, Mask]:
    """Which entries are lump temperatures, and which are not 3He densities."""
    size = machine.thermal_state().size
    count = (size - 6) // 2
    index = np.arange(size)
    return index < count, (index < count) | (index >= 2 * count)


def _combine(states: list[Array], images: list[Array], temperatures: Mask, fast: Mask) -> Array:
    """Affine combination of the images whose remaining change is least, near the last image."""
    residuals = np.array([(g - x)[temperatures] for x, g in zip(states, images, strict=True)])
    if len(states) == 1:
        return images[-1]
    differences = (residuals[1:] - residuals[:-1]).T
    gamma, *_ = np.linalg.lstsq(differences, residuals[-1], rcond=1e-8)
    steps = np.array([b - a for a, b in pairwise(images)])
    correction = np.where(fast, -gamma @ steps, 0.0)
    largest = np.abs(correction[temperatures]).max()
    # No single jump beyond 0.15 K: further out the cycle is not linear.
    return images[-1] + correction * min(1.0, 0.15 / max(largest, 1e-12))
