"""What a magnet supply does in one step: move its output within its limits, then look at the coil.

Plain functions on an array of numbers, so that a machine with several supplies may compile them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray


class SupplyState(IntEnum):
    """What the supply is doing."""

    AT_ZERO = 0
    RAMPING = 1
    HOLDING = 2
    PAUSED = 3
    ZEROING = 4
    QUENCH = 5
    FAULT = 6


# The states as the arrays hold them.
AT_ZERO: Final = float(SupplyState.AT_ZERO)
RAMPING: Final = float(SupplyState.RAMPING)
HOLDING: Final = float(SupplyState.HOLDING)
ZEROING: Final = float(SupplyState.ZEROING)
QUENCH: Final = float(SupplyState.QUENCH)  # this and what comes after it: latched, output off

# Slots of the state array.
OUTPUT: Final = 0  # supply current, A
TARGET: Final = 1  # A
RATE: Final = 2  # A/s
STATE: Final = 3  # SupplyState
CURRENT_LIMIT: Final = 4  # A
VOLTAGE_LIMIT: Final = 5  # V
VOLTAGE: Final = 6  # at the supply terminals, V
QUENCH_TIME: Final = 7  # how long the bridge has been above its threshold, s
PROGRAM_ON: Final = 8  # 1 while the output follows the program input
PROGRAM: Final = 9  # program input, A
STATE_SIZE: Final = 10

# Slots of the parameter array.
MAX_RATE: Final = 0  # A/s
LEAD_OHM: Final = 1
TOLERANCE: Final = 2  # A
BRIDGE_V: Final = 3
BRIDGE_S: Final = 4


def ramp_output(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    inductance_h: float,
    clamp_v: float,
    dt_s: float,
) -> None:
    """Move the output current for one step, within ramp rate and compliance.

    Args:
        x: Supply state, changed in place.
        p: Supply parameters.
        inductance_h: Coil inductance: the compliance limits the rate to ``(V_limit -/+ I R_lead) /
            L``.
        clamp_v: Forward voltage of the diodes: beyond it they take the current and V rises no
            further.
        dt_s: Step.
    """
    state = x[STATE]
    if state >= QUENCH:
        x[OUTPUT] = 0.0
        return
    goal, rate = x[TARGET], x[RATE]
    if x[PROGRAM_ON] > 0.0 and state == RAMPING:
        goal, rate = x[PROGRAM], p[MAX_RATE]
    elif state == ZEROING:
        goal = 0.0
    elif state != RAMPING:
        return
    limit = x[CURRENT_LIMIT]
    goal = min(max(goal, -limit), limit)
    change = goal - x[OUTPUT]
    direction = 1.0 if change >= 0.0 else -1.0
    headroom_v = x[VOLTAGE_LIMIT] - direction * x[OUTPUT] * p[LEAD_OHM]
    if headroom_v < clamp_v:
        # The lead drop at the end of the step counts, hence the second term.
        rate = min(rate, max(0.0, headroom_v) / (inductance_h + p[LEAD_OHM] * dt_s))
    # The last step lands on the goal itself, whatever rounding the steps before have left.
    if abs(change) <= rate * dt_s * (1.0 + 1e-9):
        x[OUTPUT] = goal
    else:
        x[OUTPUT] += direction * rate * dt_s


def observe(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    coil_a: float,
    coil_v: float,
    resistive_v: float,
    dt_s: float,
) -> None:
    """Terminal voltage, arrival at the target, quench detection, after the coil has moved.

    Args:
        x: Supply state, changed in place.
        p: Supply parameters.
        coil_a: Coil current, A.
        coil_v: Coil voltage, V.
        resistive_v: Voltage across a normal zone, V.
        dt_s: Step.
    """
    x[VOLTAGE] = coil_v + x[OUTPUT] * p[LEAD_OHM]
    # Only a voltage that lasts is a quench: below the threshold the time starts anew.
    x[QUENCH_TIME] = x[QUENCH_TIME] + dt_s if abs(resistive_v) > p[BRIDGE_V] else 0.0
    state = x[STATE]
    if state < QUENCH and x[QUENCH_TIME] > p[BRIDGE_S]:
        x[STATE] = QUENCH
        x[TARGET] = 0.0
        x[PROGRAM_ON] = 0.0
        return
    if x[PROGRAM_ON] > 0.0 or (state != RAMPING and state != ZEROING):
        return
    goal = 0.0 if state == ZEROING else x[TARGET]
    if abs(coil_a - goal) <= p[TOLERANCE] and abs(x[OUTPUT] - goal) <= 1e-12:
        x[STATE] = AT_ZERO if goal == 0.0 else HOLDING
