"""The cycle: which supply goes where in which phase, and what happens when it may not.

    phase           s    pump A       pump B       regenerator A             regenerator B
    flow A to B    80    low->high    high->low    hot start->hot end        cold start->cold end
    no flow 1      10    hold         hold         hot end->cold start       cold end->hot start
    flow B to A    80    high->low    low->high    cold start->cold end      hot start->hot end
    no flow 2      10    hold         hold         cold end->hot start       hot end->cold start

Sides A and B are 180 degrees apart. Each ramp starts from where its magnet is and ends on the
waypoint set at that moment, so a waypoint changed during a phase is met in the next phase that
goes there. During flow B^2 of the regenerators may be linear in time, which spreads the
magnetocaloric heat evenly. A run begins with a
preparation: all four magnets ramp to the start of the first phase. A phase that its magnets have
not finished is prolonged until they have, at most by ``PATIENCE_S``; then the cycle is blocked and
says by what.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.compiled import jit
from amrr.parameters import CycleParameters
from instruments import ramp
from instruments.errors import Refused
from instruments.supply import MagnetSupply

Array = NDArray[np.float64]


class CycleState(IntEnum):
    """What the sequencer is doing."""

    STOPPED = 0
    RUNNING = 1
    PAUSED = 2
    RAMPING_DOWN = 3
    ABORTED = 4
    BLOCKED = 5


class Phase(IntEnum):
    """Where in the cycle it is; IDLE also while the magnets are being prepared."""

    IDLE = 0
    FLOW_A_TO_B = 1
    NO_FLOW_1 = 2
    FLOW_B_TO_A = 3
    NO_FLOW_2 = 4


# Slots of the cycle's state.
STATE: Final = 0
PHASE: Final = 1
STEPS: Final = 2  # steps since the phase began
COUNT: Final = 3  # finished cycles
FLOW_S: Final = 4
HOLD_S: Final = 5
WAYPOINTS: Final = 6  # six fields, in the order of WAYPOINT_NAMES
SQUARE: Final = 12
START: Final = 13  # four currents at the start of the phase, A
END: Final = 17  # four currents at its end, A
BLOCKED_BY: Final = 21  # 0 none, 1-4 supply latched, 5-8 supply not at its waypoint
SUM_CHX: Final = 22  # running sum of CHX readings of this cycle, K
MIN_CHX: Final = 23
MAX_CHX: Final = 24
SUM_STEPS: Final = 25
SUM_HEATER: Final = 26  # J
WORK_AT_START: Final = 27  # J
HEAT_AT_START: Final = 28  # J
LAST: Final = 29  # of the last finished cycle: mean, min, max (K), power (W), work (J), heat (J)
STATE_SIZE: Final = 35

WAYPOINT_NAMES: Final = (
    "pump_low_t", "pump_high_t", "regen_cold_start_t", "regen_cold_end_t", "regen_hot_start_t",
    "regen_hot_end_t",
)  # fmt: skip
SUPPLY_NAMES: Final = ("PumpA", "PumpB", "RegenA", "RegenB")
PATIENCE_S: Final = 60.0
TOLERANCE_T: Final = 0.03

# Waypoint (index) that each supply goes to at the end of phases 0 (preparation) to 4.
_GOALS = (
    (0, 1, 4, 2),
    (1, 0, 5, 3),
    (1, 0, 2, 4),
    (0, 1, 3, 5),
    (0, 1, 4, 2),
)


@jit
def begin_phase(x: Array, phase: int, supplies: Array, per_ampere: Array) -> None:
    """Note where the magnets are and where this phase takes them."""
    x[PHASE] = phase
    x[STEPS] = 0.0
    for k in range(4):
        x[START + k] = supplies[k, ramp.OUTPUT]
        x[END + k] = x[WAYPOINTS + _GOALS[phase][k]] / per_ampere[k]


@jit
def begin_cycle(x: Array, work_j: float, heat_j: float) -> None:
    """Reset the sums of a cycle."""
    x[SUM_CHX] = 0.0
    x[MIN_CHX] = 1e9
    x[MAX_CHX] = 0.0
    x[SUM_STEPS] = 0.0
    x[SUM_HEATER] = 0.0
    x[WORK_AT_START] = work_j
    x[HEAT_AT_START] = heat_j


@jit
def finish_cycle(x: Array, work_j: float, heat_j: float, dt_s: float) -> None:
    """Turn the sums into the results of the last cycle."""
    x[COUNT] += 1.0
    steps = max(x[SUM_STEPS], 1.0)
    x[LAST] = x[SUM_CHX] / steps
    x[LAST + 1] = x[MIN_CHX]
    x[LAST + 2] = x[MAX_CHX]
    x[LAST + 3] = x[SUM_HEATER] / (steps * dt_s)
    x[LAST + 4] = work_j - x[WORK_AT_START]
    x[LAST + 5] = heat_j - x[HEAT_AT_START]


@jit
def program_current(x: Array, k: int, fraction: float) -> float:
    """Programmed current of supply ``k`` at a fraction of the phase, A."""
    start, end = x[START + k], x[END + k]
    u = min(max(fraction, 0.0), 1.0)
    flowing = int(x[PHASE]) == 1 or int(x[PHASE]) == 3
    if k >= 2 and flowing and x[SQUARE] > 0.0:
        square = start * abs(start) * (1.0 - u) + end * abs(end) * u
        return math.copysign(math.sqrt(abs(square)), square)
    return start * (1.0 - u) + end * u


@jit
def release(supplies: Array, goal: int) -> None:
    """Take all supplies off the program: state ``goal`` (4 zeroing, 1 hold where they are)."""
    for k in range(4):
        supplies[k, ramp.PROGRAM_ON] = 0.0
        if supplies[k, ramp.STATE] < 5.0:
            supplies[k, ramp.TARGET] = supplies[k, ramp.OUTPUT]
            supplies[k, ramp.STATE] = goal


@jit
def blocked_by(x: Array, supplies: Array, coil_a: Array, per_ampere: Array) -> int:
    """Which supply is latched (1-4) or not at the end of its ramp (5-8); 0 when all is well."""
    for k in range(4):
        if supplies[k, ramp.STATE] >= 5.0:
            return 1 + k
    for k in range(4):
        if abs(coil_a[k] - x[END + k]) * per_ampere[k] > TOLERANCE_T:
            return 5 + k
    return 0


@jit
def prepare(x: Array, supplies: Array, coil_a: Array, per_ampere: Array) -> bool:
    """Preparation: ramp every supply at its own rate to the start; True when all are there."""
    there = True
    for k in range(4):
        supplies[k, ramp.PROGRAM_ON] = 0.0
        supplies[k, ramp.TARGET] = x[END + k]
        supplies[k, ramp.STATE] = 1.0
        there = there and abs(coil_a[k] - x[END + k]) * per_ampere[k] <= 1e-4
    return there


@jit
def advance(
    x: Array,
    supplies: Array,
    coil_a: Array,
    per_ampere: Array,
    ledger: Array,
    chx_reading_k: float,
    heater_w: float,
    dt_s: float,
) -> None:
    """One step of the sequencer: program the supplies for the end of this step."""
    state = int(x[STATE])
    if state == 3:
        idle = True
        for k in range(4):
            idle = idle and (supplies[k, ramp.STATE] == 0.0 or supplies[k, ramp.STATE] >= 5.0)
        if idle:
            x[STATE] = 0.0
        return
    if state != 1:
        return
    culprit = blocked_by(x, supplies, coil_a, per_ampere)
    if 1 <= culprit <= 4:
        x[BLOCKED_BY] = culprit
        x[STATE] = 5.0
        release(supplies, 4)
        return
    work = ledger[0] + ledger[1]
    heat = ledger[2] + ledger[3]
    phase = int(x[PHASE])
    if phase == 0:
        if not prepare(x, supplies, coil_a, per_ampere):
            return
        begin_phase(x, 1, supplies, per_ampere)
        begin_cycle(x, work, heat)
        phase = 1
    flowing = phase == 1 or phase == 3
    duration = x[FLOW_S] if flowing else x[HOLD_S]
    if x[STEPS] * dt_s >= duration - 1e-9:
        if culprit != 0:
            if x[STEPS] * dt_s >= duration + PATIENCE_S:
                x[BLOCKED_BY] = culprit
                x[STATE] = 5.0
                release(supplies, 1)
                return
        else:
            phase = phase % 4 + 1
            begin_phase(x, phase, supplies, per_ampere)
            if phase == 1:
                finish_cycle(x, work, heat, dt_s)
                begin_cycle(x, work, heat)
            duration = x[FLOW_S] if phase == 1 or phase == 3 else x[HOLD_S]
    x[STEPS] += 1.0
    x[SUM_STEPS] += 1.0
    x[SUM_CHX] += chx_reading_k
    x[MIN_CHX] = min(x[MIN_CHX], chx_reading_k)
    x[MAX_CHX] = max(x[MAX_CHX], chx_reading_k)
    x[SUM_HEATER] += heater_w * dt_s
    for k in range(4):
        supplies[k, ramp.PROGRAM] = program_current(x, k, x[STEPS] * dt_s / duration)
        supplies[k, ramp.PROGRAM_ON] = 1.0
        supplies[k, ramp.STATE] = 1.0


class Cycle:
    """The sequencer as the operator sees it.

    Args:
        parameters: Times and waypoints at start-up.
        state: Its part of the machine's state.
        supplies: The four supplies by name.
        supply_rows: Their state, shape (4, ...).
        dt_s: The machine's step.
    """

    def __init__(
        self,
        parameters: CycleParameters,
        state: Array,
        supplies: dict[str, MagnetSupply],
        supply_rows: Array,
        dt_s: float,
    ) -> None:
        self._x = state
        self._supplies = supplies
        self._rows = supply_rows
        self._dt_s = dt_s
        self._x[FLOW_S] = parameters.flow_time_s
        self._x[HOLD_S] = parameters.hold_time_s
        self._x[SQUARE] = float(parameters.square_ramp)
        for k, name in enumerate(WAYPOINT_NAMES):
            self._x[WAYPOINTS + k] = getattr(parameters, name)

    # -- commands ------------------------------------------------------------------------------

    def run(self) -> None:
        """Prepare the magnets and cycle until told otherwise; continues a paused cycle.

        Raises:
            Refused: A supply is latched, or a waypoint is beyond a supply's limit.
        """
        if self.state is CycleState.RUNNING:
            return
        if self.state is CycleState.PAUSED:
            self.resume()
            return
        for name, supply in self._supplies.items():
            if supply.state >= 5:
                raise Refused(f"cycle: {name} is latched ({supply.state.name.lower()}); reset it")
            self._reach(name, supply)
        self._x[BLOCKED_BY] = 0.0
        self._x[STATE] = CycleState.RUNNING
        begin_phase(self._x, 0, self._rows, self._per_ampere())

    def pause(self) -> None:
        """Stand still where the magnets are; raises :class:`Refused` unless running."""
        if self.state is not CycleState.RUNNING:
            raise Refused(f"cycle: cannot pause while {self.state.name.lower()}")
        release(self._rows, 1)
        self._x[STATE] = CycleState.PAUSED

    def resume(self) -> None:
        """Continue a paused cycle; raises :class:`Refused` otherwise."""
        if self.state is not CycleState.PAUSED:
            raise Refused(f"cycle: cannot resume while {self.state.name.lower()}")
        self._x[STATE] = CycleState.RUNNING

    def stop(self) -> None:
        """End safely: all magnets ramp to zero at their ramp rates."""
        release(self._rows, 4)
        self._x[STATE] = CycleState.RAMPING_DOWN
        self._x[PHASE] = Phase.IDLE

    def abort(self) -> None:
        """Stop at once: all magnets hold the current they have. Follow with :meth:`stop`."""
        release(self._rows, 1)
        self._x[STATE] = CycleState.ABORTED
        self._x[PHASE] = Phase.IDLE

    # -- readbacks -----------------------------------------------------------------------------

    @property
    def state(self) -> CycleState:
        """What the sequencer is doing."""
        return CycleState(int(self._x[STATE]))

    @property
    def phase(self) -> Phase:
        """Where in the cycle it is."""
        return Phase(int(self._x[PHASE]))

    @property
    def phase_time_s(self) -> float:
        """Time since the phase began, s."""
        return float(self._x[STEPS] * self._dt_s)

    @property
    def count(self) -> int:
        """Finished cycles."""
        return int(self._x[COUNT])

    @property
    def period_s(self) -> float:
        """Duration of a whole cycle, s."""
        return 2.0 * (self.flow_time_s + self.hold_time_s)

    @property
    def blocked(self) -> str:
        """Why the cycle does not run; empty when nothing forbids it."""
        code = int(self._x[BLOCKED_BY])
        if code == 0:
            return ""
        name = SUPPLY_NAMES[(code - 1) % 4]
        supply = self._supplies[name]
        if code <= 4:
            why = supply.state.name.lower()
            return f"{name} is latched ({why}), coil at {supply.coil_temperature_k:.1f} K"
        goal_t = float(self._x[END + (code - 1) % 4]) * supply.coil.field_per_ampere_t
        return f"{name} is at {supply.field_t:.3f} T, not at its waypoint {goal_t:.3f} T"

    @property
    def mean_chx_temperature_k(self) -> float:
        """Mean CHX reading of the last finished cycle, K; NaN before the first."""
        return self._last(0)

    @property
    def min_chx_temperature_k(self) -> float:
        """Lowest CHX reading of the last finished cycle, K."""
        return self._last(1)

    @property
    def max_chx_temperature_k(self) -> float:
        """Highest CHX reading of the last finished cycle, K."""
        return self._last(2)

    @property
    def cooling_power_w(self) -> float:
        """Mean heater power on the CHX in the last finished cycle.

        W (the parasitic load comes on top).
        """
        return self._last(3)

    @property
    def work_j(self) -> float:
        """Work of all four magnets on the refrigerant in the last finished cycle, J."""
        return self._last(4)

    @property
    def rejected_heat_j(self) -> float:
        """Heat that exchangers and pump beds gave to the stage in the last cycle, J."""
        return self._last(5)

    # -- settings ------------------------------------------------------------------------------

    @property
    def flow_time_s(self) -> float:
        """Duration of a flow phase, s."""
        return float(self._x[FLOW_S])

    @flow_time_s.setter
    def flow_time_s(self, value: float) -> None:
        self._x[FLOW_S] = _within("flow time", value, 5.0, 1000.0, "s")

    @property
    def hold_time_s(self) -> float:
        """Duration of a no-flow phase, s."""
        return float(self._x[HOLD_S])

    @hold_time_s.setter
    def hold_time_s(self, value: float) -> None:
        self._x[HOLD_S] = _within("hold time", value, 1.0, 1000.0, "s")

    @property
    def square_ramp(self) -> bool:
        """True: B^2 of the regenerators is linear in time during flow; False: B is."""
        return bool(self._x[SQUARE] > 0.0)

    @square_ramp.setter
    def square_ramp(self, value: bool) -> None:
        self._x[SQUARE] = float(bool(value))

    def waypoint_t(self, name: str) -> float:
        """One of :data:`WAYPOINT_NAMES`, T."""
        return float(self._x[WAYPOINTS + WAYPOINT_NAMES.index(name)])

    def set_waypoint(self, name: str, field_t: float) -> None:
        """Change a waypoint; raises :class:`Refused` beyond what the supplies can reach."""
        sides = ("PumpA", "PumpB") if name.startswith("pump") else ("RegenA", "RegenB")
        limit = min(
            self._supplies[s].current_limit_a * self._supplies[s].coil.field_per_ampere_t
            for s in sides
        )
        value = _within(name.removesuffix("_t").replace("_", " "), field_t, 0.0, limit, "T")
        self._x[WAYPOINTS + WAYPOINT_NAMES.index(name)] = value

    def _last(self, k: int) -> float:
        return float(self._x[LAST + k]) if self.count else math.nan

    def _per_ampere(self) -> Array:
        return np.array([s.coil.field_per_ampere_t for s in self._supplies.values()])

    def _reach(self, name: str, supply: MagnetSupply) -> None:
        prefix = "pump" if name.startswith("Pump") else "regen"
        for waypoint in WAYPOINT_NAMES:
            field_t = self.waypoint_t(waypoint)
            limit_t = supply.current_limit_a * supply.coil.field_per_ampere_t
            if waypoint.startswith(prefix) and field_t > limit_t:
                raise Refused(
                    f"cycle: {waypoint.removesuffix('_t')} {field_t:g} T is beyond {name}'s limit "
                    f"{limit_t:.3f} T"
                )


def _waypoint(name: str) -> property:
    return property(
        lambda self: self.waypoint_t(name),
        lambda self, value: self.set_waypoint(name, value),
        doc=f"Waypoint {name.removesuffix('_t').replace('_', ' ')}, T.",
    )


for _name in WAYPOINT_NAMES:
    setattr(Cycle, _name, _waypoint(_name))


def _within(what: str, value: float, low: float, high: float, unit: str) -> float:
    number = float(value)
    if not low <= number <= high:
        raise Refused(f"cycle: {what} {number:g} {unit} is outside {low:g} to {high:.4g} {unit}")
    return number
