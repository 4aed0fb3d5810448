"""The cold exchanger's heater, fed forward from the phase of the cycle. Compiled.

The load of the cycle comes again with every cycle, so what the loop had to do at a phase says what
to do there next time: repetitive control, or feedback-error learning (Kawato, Furukawa and Suzuki,
Biol. Cybern. 57, 169 (1987); Longman, Int. J. Control 73, 930 (2000)). With f(phase) the part of
the last cycle's power that the closed loop itself gave,

    u = f + a(phase),    a <- a + g S (f - mean f)

once a cycle has ended. a has no mean: that stays with the loop's integral. What a gains at the
phase of that moment the integral loses, so nothing jumps. S is a mean over three neighbours,
weights 1, 2, 1. f is what is left of the power within the heater's limits, so that where the heater
is at a limit a does not wind up. A disturbance at which the closed loop answers with T shrinks by
1 - g T in each cycle: wherever T has no more than 90 degrees of phase, if g is small.

The same phases keep the means of the last whole cycle, of reading and power, for who reads them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.compiled import jit

Array = NDArray[np.float64]

#: Phases of a cycle: 1 s each of the default's 180 s.
PHASES: Final = 180

# Rows, one column per phase.
AHEAD: Final = 0  # a, W
SUM_READING: Final = 1  # of this cycle so far, K
SUM_FEEDBACK: Final = 2  # W
SUM_POWER: Final = 3  # W
SUM_STEPS: Final = 4
LAST_READING: Final = 5  # means of the last whole cycle, K; NaN-free: 0 before the first
LAST_POWER: Final = 6  # W
ROWS: Final = 7

# Settings and what one step leaves to the next.
ON: Final = 0
GAIN: Final = 1
ACTIVE: Final = 2  # 1: a is part of the power now
COUNT: Final = 3  # finished cycles when last looked
WHOLE: Final = 4  # 1: the loop has been closed and fed forward since this cycle began
CYCLES: Final = 5  # whole cycles whose means have been kept
SLOTS: Final = 6


@jit
def position(steps: float, steps_per_cycle: float) -> float:
    """Where in the cycle a step is, in phases, 0 to ``PHASES``; the middle of the step counts."""
    return min(max((steps - 0.5) / steps_per_cycle, 0.0), 1.0) * PHASES


@jit
def ahead(table: Array, at: float) -> float:
    """What is fed forward at a position, linear between the middles of the phases, W."""
    k = int(np.floor(at - 0.5))
    u = at - 0.5 - k
    return table[AHEAD, k % PHASES] * (1.0 - u) + table[AHEAD, (k + 1) % PHASES] * u


@jit
def note(table: Array, at: float, reading_k: float, power_w: float, ahead_w: float) -> None:
    """Add a step to the sums of its phase."""
    k = min(int(at), PHASES - 1)
    table[SUM_READING, k] += reading_k
    table[SUM_FEEDBACK, k] += power_w - ahead_w
    table[SUM_POWER, k] += power_w
    table[SUM_STEPS, k] += 1.0


@jit
def end_cycle(table: Array, slots: Array) -> None:
    """A cycle has ended: keep its means, learn from it, begin anew.

    One in which a phase had no step, as one that was begun in its middle, is left out.
    """
    least = table[SUM_STEPS, 0]
    for k in range(PHASES):
        least = min(least, table[SUM_STEPS, k])
    if least > 0.0:
        for k in range(PHASES):
            table[LAST_READING, k] = table[SUM_READING, k] / table[SUM_STEPS, k]
            table[LAST_POWER, k] = table[SUM_POWER, k] / table[SUM_STEPS, k]
        slots[CYCLES] += 1.0
        if slots[WHOLE] > 0.0:
            learn(table, slots[GAIN])
    for k in range(PHASES):
        for row in range(SUM_READING, SUM_STEPS + 1):
            table[row, k] = 0.0
    slots[WHOLE] = slots[ACTIVE]


@jit
def learn(table: Array, gain: float) -> None:
    """Add to what is fed forward what the loop has done, smoothed, without its mean.

    The sums of what the loop has done become their means.
    """
    done, ahead_w = table[SUM_FEEDBACK], table[AHEAD]
    for k in range(PHASES):
        done[k] /= table[SUM_STEPS, k]
    mean = done.sum() / PHASES
    for k in range(PHASES):
        near = done[k - 1] + 2.0 * done[k] + done[(k + 1) % PHASES] - 4.0 * mean
        ahead_w[k] += gain * 0.25 * near
    mean = ahead_w.sum() / PHASES
    for k in range(PHASES):
        ahead_w[k] -= mean
