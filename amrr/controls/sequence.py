"""What the cycle sequencer does in one step. Compiled.

The operator's side is ``amrr.controls.cycle``.

It works on the cycle's own slots and on the state arrays of the four supplies
(``instruments.magnets.ramp``), which it drives through their program inputs.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.circuit.rows import HEAT_BEDS, HEAT_HHX, WORK_PUMP, WORK_REGENERATOR
from amrr.compiled import jit
from instruments.magnets import ramp

Array = NDArray[np.float64]


class CycleState(IntEnum):
    """What the sequencer is doing."""

    STOPPED = 0
    RUNNING = 1
    PAUSED = 2
    RAMPING_DOWN = 3
    ABORTED = 4
    BLOCKED = 5


class CyclePhase(IntEnum):
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
BLOCKED_BY: Final = 21  # nothing, a latched supply, or one not at its waypoint
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

_LOW, _HIGH, _COLD_START, _COLD_END, _HOT_START, _HOT_END = range(len(WAYPOINT_NAMES))
# Waypoint that each supply, in the order of SUPPLY_NAMES, goes to by the end of each phase.
_GOALS = (
    (_LOW, _HIGH, _HOT_START, _COLD_START),  # IDLE: preparation
    (_HIGH, _LOW, _HOT_END, _COLD_END),  # FLOW_A_TO_B
    (_HIGH, _LOW, _COLD_START, _HOT_START),  # NO_FLOW_1
    (_LOW, _HIGH, _COLD_END, _HOT_END),  # FLOW_B_TO_A
    (_LOW, _HIGH, _HOT_START, _COLD_START),  # NO_FLOW_2
)
SUPPLIES: Final = len(SUPPLY_NAMES)
_FIRST_REGENERATOR: Final = SUPPLY_NAMES.index("RegenA")

# States and phases as the arrays hold them.
_STOPPED: Final = float(CycleState.STOPPED)
_RUNNING: Final = float(CycleState.RUNNING)
_RAMPING_DOWN: Final = float(CycleState.RAMPING_DOWN)
_BLOCKED: Final = float(CycleState.BLOCKED)
_IDLE: Final = int(CyclePhase.IDLE)
_FLOW_1: Final = int(CyclePhase.FLOW_A_TO_B)
_FLOW_2: Final = int(CyclePhase.FLOW_B_TO_A)
_PHASES: Final = len(CyclePhase) - 1

# What blocks a cycle: nothing, a latched supply, a supply that is not at its waypoint.
BY_NOTHING: Final = 0
BY_LATCHED: Final = 1
BY_LATE: Final = BY_LATCHED + SUPPLIES


@jit
def begin_phase(x: Array, phase: int, supplies: Array, per_ampere: Array) -> None:
    """Note where the magnets are and where this phase takes them."""
    x[PHASE] = phase
    x[STEPS] = 0.0
    for k in range(SUPPLIES):
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
def flows(x: Array) -> bool:
    """Whether the present phase is one of flow."""
    phase = int(x[PHASE])
    return phase in (_FLOW_1, _FLOW_2)


@jit
def program_current(x: Array, k: int, fraction: float) -> float:
    """Programmed current of supply ``k`` at a fraction of the phase, A."""
    start, end = x[START + k], x[END + k]
    u = min(max(fraction, 0.0), 1.0)
    if k >= _FIRST_REGENERATOR and flows(x) and x[SQUARE] > 0.0:
        square = start * abs(start) * (1.0 - u) + end * abs(end) * u
        return math.copysign(math.sqrt(abs(square)), square)
    return start * (1.0 - u) + end * u


@jit
def release(supplies: Array, goal: float) -> None:
    """Take all supplies off the program: to ``ramp.ZEROING``, or to hold where they are.

    To hold is ``ramp.RAMPING`` to where they stand: the coil may still lag behind its diodes.
    """
    for k in range(SUPPLIES):
        supplies[k, ramp.PROGRAM_ON] = 0.0
        if supplies[k, ramp.STATE] < ramp.QUENCH:
            supplies[k, ramp.TARGET] = supplies[k, ramp.OUTPUT]
            supplies[k, ramp.STATE] = goal


@jit
def blocked_by(x: Array, supplies: Array, coil_a: Array, per_ampere: Array) -> int:
    """Which supply is latched, or not at the end of its ramp; ``BY_NOTHING`` when all is well."""
    for k in range(SUPPLIES):
        if supplies[k, ramp.STATE] >= ramp.QUENCH:
            return BY_LATCHED + k
    for k in range(SUPPLIES):
        if abs(coil_a[k] - x[END + k]) * per_ampere[k] > TOLERANCE_T:
            return BY_LATE + k
    return BY_NOTHING


@jit
def prepare(x: Array, supplies: Array, coil_a: Array, per_ampere: Array) -> bool:
    """Preparation: ramp every supply at its own rate to the start; True when all are there."""
    there = True
    for k in range(SUPPLIES):
        supplies[k, ramp.PROGRAM_ON] = 0.0
        supplies[k, ramp.TARGET] = x[END + k]
        supplies[k, ramp.STATE] = ramp.RAMPING
        there = there and abs(coil_a[k] - x[END + k]) * per_ampere[k] <= 1e-4
    return there


@jit
def duration_s(x: Array) -> float:
    """Nominal duration of the present phase, s."""
    return x[FLOW_S] if flows(x) else x[HOLD_S]


@jit
def period_s(x: Array) -> float:
    """Nominal duration of a cycle, s."""
    return 2.0 * (x[FLOW_S] + x[HOLD_S])


@jit
def runs(x: Array) -> bool:
    """Whether cycles are under way: not stopped, paused or still preparing the magnets."""
    return x[STATE] == _RUNNING and int(x[PHASE]) != _IDLE


@jit
def end_ramp_down(x: Array, supplies: Array) -> None:
    """Stopped, once every supply is at zero or latched."""
    for k in range(SUPPLIES):
        if supplies[k, ramp.STATE] != ramp.AT_ZERO and supplies[k, ramp.STATE] < ramp.QUENCH:
            return
    x[STATE] = _STOPPED


@jit
def block(x: Array, supplies: Array, culprit: int, goal: float) -> None:
    """Stop because of a supply, and leave the others as ``release`` does."""
    x[BLOCKED_BY] = culprit
    x[STATE] = _BLOCKED
    release(supplies, goal)


@jit
def turn(
    x: Array,
    supplies: Array,
    per_ampere: Array,
    culprit: int,
    work_j: float,
    heat_j: float,
    dt_s: float,
) -> bool:
    """The phase's time is over: begin the next, or wait for a late magnet; False when blocked."""
    if culprit != BY_NOTHING:
        if x[STEPS] * dt_s >= duration_s(x) + PATIENCE_S:
            block(x, supplies, culprit, ramp.RAMPING)
            return False
        return True
    phase = int(x[PHASE]) % _PHASES + 1
    begin_phase(x, phase, supplies, per_ampere)
    if phase == _FLOW_1:
        finish_cycle(x, work_j, heat_j, dt_s)
        begin_cycle(x, work_j, heat_j)
    return True


@jit
def drive(x: Array, supplies: Array, chx_reading_k: float, heater_w: float, dt_s: float) -> None:
    """Count the step, add it to the cycle's sums, and program the supplies for its end."""
    x[STEPS] += 1.0
    x[SUM_STEPS] += 1.0
    x[SUM_CHX] += chx_reading_k
    x[MIN_CHX] = min(x[MIN_CHX], chx_reading_k)
    x[MAX_CHX] = max(x[MAX_CHX], chx_reading_k)
    x[SUM_HEATER] += heater_w * dt_s
    fraction = x[STEPS] * dt_s / duration_s(x)
    for k in range(SUPPLIES):
        supplies[k, ramp.PROGRAM] = program_current(x, k, fraction)
        supplies[k, ramp.PROGRAM_ON] = 1.0
        supplies[k, ramp.STATE] = ramp.RAMPING


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
    if x[STATE] == _RAMPING_DOWN:
        end_ramp_down(x, supplies)
    if x[STATE] != _RUNNING:
        return
    culprit = blocked_by(x, supplies, coil_a, per_ampere)
    if BY_LATCHED <= culprit < BY_LATE:
        block(x, supplies, culprit, ramp.ZEROING)
        return
    work = ledger[WORK_PUMP] + ledger[WORK_REGENERATOR]
    heat = ledger[HEAT_HHX] + ledger[HEAT_BEDS]
    if int(x[PHASE]) == _IDLE:
        if not prepare(x, supplies, coil_a, per_ampere):
            return
        begin_phase(x, _FLOW_1, supplies, per_ampere)
        begin_cycle(x, work, heat)
    over = x[STEPS] * dt_s >= duration_s(x) - 1e-9
    if over and not turn(x, supplies, per_ampere, culprit, work, heat, dt_s):
        return
    drive(x, supplies, chx_reading_k, heater_w, dt_s)
