"""A machine in its periodic state, with all that studies compare: one point of a design study.

Work is the magnets' on the refrigerant. What power supplies and leads waste is not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from amrr.balance import balance
from amrr.controls.cycle import CyclePhase
from amrr.parameters import RefrigeratorParameters
from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused, Unsound
from instruments.ranges import within

__all__ = [
    "COARSE", "FINE", "Effort", "Failure", "FailureError", "Point", "at_load", "at_temperature",
    "running",
]  # fmt: skip

#: A diode that takes more than this conducts, A.
DIODE_A: Final = 1e-3
#: How often a cycle is looked at.
_LOOKS: Final = 180
#: Slope of a first load curve, K/W: 600 uW lift the default machine by 0.5 K.
_FIRST_SLOPE: Final = 700.0
_PROLONGED: Final = "a phase was prolonged: its magnets were not at their waypoints in time"
#: Of a load curve on the way to a temperature; the nearest of them then counts.
_MOST_POINTS: Final = 6


class Failure(StrEnum):
    """Why a machine has no point."""

    NOT_DESCRIBED = "not described"  # outside the limits of parameters
    BLOCKED = "blocked"  # its cycle does not run: a quench, a waypoint that is not reached in time
    NOT_CONVERGED = "not converged"
    UNSOUND = "unsound"  # a number of it is none


class FailureError(Exception):
    """A machine has no point.

    Args:
        kind: Why, as a class.
        message: Why, in words.
    """

    def __init__(self, kind: Failure, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


@dataclass(frozen=True)
class Point:
    """What a periodic state is worth, over one of its cycles.

    Attributes:
        load_w: Heater power on the cold exchanger.
        total_load_w: With the parasitic load and the detectors.
        chx_k: Mean temperature of the cold exchanger.
        lowest_k: Its lowest.
        highest_k: Its highest.
        outlet_k: Mean of what leaves the regenerators towards it, weighted by the flow.
        coldest_outlet_k: The coldest of that.
        blow_mol: Mixture that a blow moves.
        work_j: Of the magnets on the refrigerant, in a cycle.
        rejected_j: Heat to the stage, in a cycle.
        period_s: Of the cycle.
        stage_k: Temperature of the stage.
        diode_a: Largest current of a protection diode.
        warnings: Models that were used outside their range at any time of the cycle, in words.
    """

    load_w: float
    total_load_w: float
    chx_k: float
    lowest_k: float
    highest_k: float
    outlet_k: float
    coldest_outlet_k: float
    blow_mol: float
    work_j: float
    rejected_j: float
    period_s: float
    stage_k: float
    diode_a: float
    warnings: tuple[str, ...] = field(default=())

    @property
    def carnot_fraction(self) -> float:
        """Work of a Carnot machine between cold exchanger and stage, over the magnets' work."""
        ideal_j = self.total_load_w * self.period_s * (self.stage_k / self.chx_k - 1.0)
        return ideal_j / self.work_j if self.work_j > 0.0 else 0.0

    @property
    def objections(self) -> tuple[str, ...]:
        """What speaks against running so: the warnings, and diodes that conduct."""
        if self.diode_a <= DIODE_A:
            return self.warnings
        return (*self.warnings, f"a protection diode takes {self.diode_a:.3f} A")


@dataclass(frozen=True)
class Effort:
    """How far a point is taken.

    Attributes:
        tolerance_k: Of ``amrr.periodic.settle``.
        most_cycles: Of the same.
        near_k: So near to a temperature that is sought the load curve counts as straight.
        hopeless_k: So far above it a machine without a better point is given up.
    """

    tolerance_k: float = 5e-5
    most_cycles: int = 200
    near_k: float = 2e-3
    hopeless_k: float = math.inf


#: What a result is quoted from.
FINE: Final = Effort()
#: What a search does with a thousand machines, most of them bad: good to some microwatts.
COARSE: Final = Effort(tolerance_k=5e-4, most_cycles=40, near_k=1e-2, hopeless_k=0.35)


def running(p: RefrigeratorParameters) -> SimulatedRefrigerator:
    """A machine with its cycle running.

    Raises:
        FailureError: There is no such machine, or its cycle cannot run.
    """
    try:
        machine = SimulatedRefrigerator(p)
    except (ValueError, Refused) as error:
        raise FailureError(Failure.NOT_DESCRIBED, str(error)) from None
    try:
        machine.cycle.run()
    except Refused as error:
        raise FailureError(Failure.BLOCKED, str(error)) from None
    return machine


def at_load(machine: SimulatedRefrigerator, load_w: float, effort: Effort = FINE) -> Point:
    """The periodic state at one heater power; the machine is left in it.

    Args:
        machine: With its cycle running.
        load_w: Heater power.
        effort: How far it is taken.

    Raises:
        FailureError: It has none.
        Refused: The power is out of the heater's range.
    """
    machine.chx_heater.power_setpoint_w = load_w
    try:
        settle(machine, tolerance_k=effort.tolerance_k, most_cycles=effort.most_cycles)
        return _observed(machine)
    except Unsound as error:
        raise FailureError(Failure.UNSOUND, str(error)) from None
    except Refused as error:
        raise FailureError(Failure.BLOCKED, str(error)) from None
    except RuntimeError as error:
        if not _at_start(machine):
            raise FailureError(Failure.BLOCKED, _PROLONGED) from None
        raise FailureError(Failure.NOT_CONVERGED, str(error)) from None


def at_temperature(
    machine: SimulatedRefrigerator,
    chx_k: float,
    *,
    first_w: float = 600e-6,
    effort: Effort = FINE,
) -> tuple[float, Point]:
    """Cooling power at a temperature of the cold exchanger, by the secant method on the load curve.

    Args:
        machine: With its cycle running.
        chx_k: The temperature, as mean of a cycle.
        first_w: Where to begin.
        effort: How far each point is taken, and when the load curve counts as straight.

    Returns:
        The power (W), negative where the machine does not get that cold without any load; and the
        nearest point.

    Raises:
        FailureError: A machine on the way has no periodic state.
        ValueError: The temperature is not between 0.2 and 2 K.
    """
    within("cooling power: temperature", chx_k, 0.2, 2.0, "K")
    points = [at_load(machine, first_w, effort)]
    slope = _FIRST_SLOPE
    while len(points) < _MOST_POINTS and abs(points[-1].chx_k - chx_k) > effort.near_k:
        if points[-1].chx_k - chx_k > effort.hopeless_k:
            break
        goal_w = points[-1].load_w + (chx_k - points[-1].chx_k) / slope
        goal_w = min(max(goal_w, 0.0), machine.chx_heater.highest_w)
        if goal_w == points[-1].load_w:  # at the end of the heater's range
            break
        points.append(at_load(machine, goal_w, effort))
        slope = _slope(points[-2], points[-1], slope)
    nearest = min(points, key=lambda p: abs(p.chx_k - chx_k))
    return nearest.load_w + (chx_k - nearest.chx_k) / slope, nearest


def _slope(a: Point, b: Point, otherwise: float) -> float:
    """Slope of the load curve between two points, K/W; a load never cools."""
    found = (b.chx_k - a.chx_k) / (b.load_w - a.load_w)
    return found if found > 0.0 else otherwise


def _observed(machine: SimulatedRefrigerator) -> Point:
    """Look at one cycle of a machine that is in its periodic state, at the start of a cycle."""
    machine.set_quiet(True)
    try:
        began_s, began = machine.time_s, balance(machine)
        total = round(machine.cycle.period_s / machine.dt_s)
        look = _Looks(machine)
        for steps in _pieces(total):
            machine.advance(steps)
            look.take(steps)
        change = balance(machine) - began
        if not _at_start(machine):
            raise Refused(_PROLONGED)
        period_s = machine.time_s - began_s
        machine.advance(1)  # into the next cycle, which closes the sums of this one
        return look.point(change.load_j, change.work_j, change.rejected_j, period_s)
    finally:
        machine.set_quiet(False)


def _at_start(machine: SimulatedRefrigerator) -> bool:
    """Whether the machine is at the first step of a cycle, where whole cycles leave it."""
    cycle = machine.cycle
    return cycle.phase is CyclePhase.FLOW_A_TO_B and cycle.phase_time_s <= machine.dt_s


def _pieces(total: int) -> list[int]:
    """A cycle's steps, cut into some 180 pieces."""
    size = max(1, total // _LOOKS)
    return [size] * (total // size) + ([total % size] if total % size else [])


class _Looks:
    """What is seen of a cycle at its looks."""

    def __init__(self, machine: SimulatedRefrigerator) -> None:
        self._machine = machine
        self._moved_m3 = self._weighted = self._diode_a = 0.0
        self._coldest_k = np.inf
        self._stage_k: list[float] = []
        self._moles: float = 0.0
        self._warnings: dict[str, str] = {}

    def take(self, steps: int) -> None:
        """Look, after so many steps."""
        m = self._machine
        flow = m.flow_rate_m3_per_s
        outlet_k = float(m.regenerator_temperatures_k("B" if flow > 0.0 else "A")[-1])
        moved = abs(flow) * steps * m.dt_s
        self._moved_m3 += moved
        self._weighted += moved * outlet_k
        self._moles += abs(m.molar_flow_mol_per_s) * steps * m.dt_s
        if moved > 0.0:
            self._coldest_k = min(self._coldest_k, outlet_k)
        self._diode_a = max(self._diode_a, *(abs(c.diode_current_a) for c in m.magnets.values()))
        self._stage_k.append(m.stage.temperature_k)
        for text in m.warnings:
            self._warnings.setdefault(_without_numbers(text), text)

    def point(self, load_j: float, work_j: float, rejected_j: float, period_s: float) -> Point:
        """All of it."""
        m = self._machine
        moved = self._moved_m3
        return Point(
            load_w=m.chx_heater.power_w,
            total_load_w=load_j / period_s,
            chx_k=m.cycle.mean_chx_temperature_k,
            lowest_k=m.cycle.min_chx_temperature_k,
            highest_k=m.cycle.max_chx_temperature_k,
            outlet_k=self._weighted / moved if moved > 0.0 else float(m.chx_temperature_k),
            coldest_outlet_k=float(min(self._coldest_k, m.stage.temperature_k)),
            blow_mol=0.5 * self._moles,
            work_j=work_j,
            rejected_j=rejected_j,
            period_s=period_s,
            stage_k=float(np.mean(self._stage_k)),
            diode_a=self._diode_a,
            warnings=tuple(self._warnings.values()),
        )


def _without_numbers(text: str) -> str:
    """A warning without its numbers: the same model, whatever the temperature of the moment."""
    return "".join(c for c in text if not c.isdigit())
