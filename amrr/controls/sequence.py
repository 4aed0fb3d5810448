"""What the cycle sequencer does in one step. Compiled.

The operator's side is :mod:`amrr.controls.cycle`.

It works on the cycle's own slots and on the state arrays of the four supplies
(:mod:`instruments.magnets.ramp`), which it drives through their program inputs.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
def duration_s(x: Array) -> float:
    """Nominal duration of the present phase, s."""
    phase = int(x[PHASE])
    return x[FLOW_S] if phase == 1 or phase == 3 else x[HOLD_S]


@jit
def end_ramp_down(x: Array, supplies: Array) -> None:
    """Stopped, once every supply is at zero or latched."""
    for k in range(4):
        if supplies[k, ramp.STATE] != 0.0 and supplies[k, ramp.STATE] < 5.0:
            return
    x[STATE] = 0.0


@jit
def block(x: Array, supplies: Array, culprit: int, goal: int) -> None:
    """Stop because of a supply, and leave the others zeroing (4) or holding (1)."""
    x[BLOCKED_BY] = culprit
    x[STATE] = 5.0
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
    if culprit != 0:
        if x[STEPS] * dt_s >= duration_s(x) + PATIENCE_S:
            block(x, supplies, culprit, 1)
            return False
        return True
    phase = int(x[PHASE]) % 4 + 1
    begin_phase(x, phase, supplies, per_ampere)
    if phase == 1:
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
    for k in range(4):
        supplies[k, ramp.PROGRAM] = program_current(x, k, fraction)
        supplies[k, ramp.PROGRAM_ON] = 1.0
        supplies[k, ramp.STATE] = 1.0


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
        end_ramp_down(x, supplies)
    if state != 1:
        return
    culprit = blocked_by(x, supplies, coil_a, per_ampere)
    if 1 <= culprit <= 4:
        block(x, supplies, culprit, 4)
        return
    work = ledger[0] + ledger[1]
    heat = ledger[2] + ledger[3]
    if int(x[PHASE]) == 0:
        if not prepare(x, supplies, coil_a, per_ampere):
            return
        begin_phase(x, 1, supplies, per_ampere)
        begin_cycle(x, work, heat)
    over = x[STEPS] * dt_s >= duration_s(x) - 1e-9
    if over and not turn(x, supplies, per_ampere, culprit, work, heat, dt_s):
        return
    drive(x, supplies, chx_reading_k, heater_w, dt_s)
