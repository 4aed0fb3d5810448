"""The best machine of a study against the default one, at the resolution that is converged.

Both are taken to the temperature of the study with 40 and with 80 lumps along a bed and the default
step; and the best is cycled plainly, without the search for the periodic state, from straight
temperature profiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from amrr.design import space
from amrr.design.points import FINE, Point, at_temperature, running
from amrr.parameters import RefrigeratorParameters
from amrr.periodic import guess, to_cycle_start
from amrr.solids.garnet import paramagnet

#: Lumps along a bed.
RESOLUTIONS: Final = (40, 80)
#: Cycles of plain cycling: evenly spread 3He takes some hundreds to get to its periodic state.
PLAIN_CYCLES: Final = 400
#: What resolutions may differ by; what a coarse and hasty search may be off by; plain cycling.
AGREEMENT: Final = 0.01
SEARCH_AGREEMENT: Final = 0.05
PLAIN_K: Final = 2e-3


@dataclass(frozen=True)
class Verified:
    """One machine at several resolutions.

    Attributes:
        parameters: The machine.
        power_w: Cooling power at the study's temperature, by lumps along a bed.
        points: The periodic states, by the same.
    """

    parameters: RefrigeratorParameters
    power_w: dict[int, float]
    points: dict[int, Point]

    @property
    def finest_w(self) -> float:
        """Cooling power with the most lumps."""
        return self.power_w[max(self.power_w)]


@dataclass(frozen=True)
class Verification:
    """The best machine and the default.

    Attributes:
        chx_k: Temperature at which the cooling power counts.
        default: The machine of ``amrr.parameters``.
        best: That of the study.
        plain_k: Mean of the cold exchanger in the last of ``PLAIN_CYCLES`` plain cycles of the best
            at its cooling power: ``chx_k``, if the search for the periodic state tells the truth.
    """

    chx_k: float
    default: Verified
    best: Verified
    plain_k: float


def verify(
    values: dict[str, float],
    base: RefrigeratorParameters,
    chx_k: float,
    note: Callable[[str], None] = lambda _: None,
    resolutions: tuple[int, ...] = RESOLUTIONS,
    plain_cycles: int = PLAIN_CYCLES,
) -> Verification:
    """Take the machine of these values, and the base, to the converged resolution.

    Args:
        values: Of the study's variables.
        base: What was varied.
        chx_k: Temperature at which the cooling power counts.
        note: Told in words what is done.
        resolutions: Lumps along a bed.
        plain_cycles: Of the plain cycling.

    Raises:
        FailureError: One of them has no periodic state.
    """
    best_p = space.machine(values, base)
    default = _verified(base, chx_k, resolutions, lambda text: note(f"default machine, {text}"))
    best = _verified(best_p, chx_k, resolutions, lambda text: note(f"best machine, {text}"))
    note(f"best machine, {plain_cycles} plain cycles")
    nodes = min(resolutions)
    coarse = space.coarse(best_p, nodes, base.dt_s)
    plain_k = plain_cycling(coarse, best.power_w[nodes], plain_cycles)
    return Verification(chx_k, default, best, plain_k)


def doubts(found: Verification, searched_w: float) -> tuple[str, ...]:
    """What of a search is not confirmed, in words; empty where all is.

    Args:
        found: The verification.
        searched_w: Cooling power of the best machine as the search had it.
    """
    powers = found.best.power_w
    finest, coarsest = powers[max(powers)], powers[min(powers)]
    said: list[str] = []
    if abs(coarsest / finest - 1.0) > AGREEMENT:
        said.append(
            f"the best machine lifts {1e6 * coarsest:.1f} uW with {min(powers)} lumps and "
            f"{1e6 * finest:.1f} uW with {max(powers)}: not within {AGREEMENT:.0%}"
        )
    if abs(searched_w / finest - 1.0) > SEARCH_AGREEMENT:
        said.append(
            f"the search has {1e6 * searched_w:.1f} uW where it lifts {1e6 * finest:.1f} uW: "
            f"not within {SEARCH_AGREEMENT:.0%}"
        )
    if abs(found.plain_k - found.chx_k) > PLAIN_K:
        said.append(
            f"plain cycling ends at {found.plain_k:.4f} K, not within {1e3 * PLAIN_K:g} mK of "
            f"{found.chx_k:g} K"
        )
    said += found.best.points[max(powers)].objections
    return tuple(said)


def _verified(
    p: RefrigeratorParameters,
    chx_k: float,
    resolutions: tuple[int, ...],
    note: Callable[[str], None],
) -> Verified:
    powers, points = {}, {}
    for nodes in resolutions:
        note(f"{nodes} lumps along a bed")
        machine = running(space.coarse(p, nodes, p.dt_s))
        powers[nodes], points[nodes] = at_temperature(machine, chx_k, effort=FINE)
    return Verified(p, powers, points)


def plain_cycling(p: RefrigeratorParameters, load_w: float, cycles: int) -> float:
    """Mean temperature of the cold exchanger in the last of so many cycles, K.

    The machine starts from straight temperature profiles and evenly spread 3He.
    """
    machine = running(p)
    machine.set_quiet(True)
    machine.chx_heater.power_setpoint_w = load_w
    to_cycle_start(machine)
    guess(machine, 0.55 * machine.stage.temperature_k)
    machine.advance(cycles * round(machine.cycle.period_s / machine.dt_s) + 1)
    return machine.cycle.mean_chx_temperature_k


@dataclass(frozen=True)
class Hardware:
    """What a machine is made of, for a comparison at equal mass.

    Attributes:
        diameter_mm: Inner diameter of a regenerator.
        garnet_g: Refrigerant in both regenerators.
        turns: Of a regenerator's magnet.
        wire_km: Its wire.
        step_v: Largest voltage across it in a step between the blows.
    """

    diameter_mm: float
    garnet_g: float
    turns: int
    wire_km: float
    step_v: float


def hardware(p: RefrigeratorParameters) -> Hardware:
    """What a machine is made of."""
    coil, c = p.regenerator_magnet.solenoid, p.cycle
    step_t = max(
        abs(c.regen_hot_start_t - c.regen_cold_end_t), abs(c.regen_hot_end_t - c.regen_cold_start_t)
    )
    solid_m3 = 2.0 * (1.0 - p.regenerator.porosity) * p.regenerator.volume_m3
    rate_a_per_s = step_t / coil.centre_t_per_a / c.hold_time_s if c.hold_time_s else math.inf
    return Hardware(
        diameter_mm=1e3 * p.regenerator.inner_diameter_m,
        garnet_g=1e3 * paramagnet(p.refrigerant).density_kg_per_m3 * solid_m3,
        turns=coil.turns,
        wire_km=1e-3 * coil.wire_length_m,
        step_v=coil.inductance_h * rate_a_per_s,
    )
