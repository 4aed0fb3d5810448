"""A heater controller's PID loop in the Lake Shore form, u = P (e + I integral(e) dt - D dy/dt).

Nothing but the process moves the output. Whatever is changed by hand (a gain, a limit, the mode),
the integral is worked out anew so that the next output is the last one (bumpless transfer). The
derivative is that of the reading y, not of the error, so that a new setpoint does not kick it, and
passes a first-order filter of D / 10. While a limit holds the output the integral stops; it never
stands farther out than the limit asks for (no wind-up). What is known may be fed forward
(``ahead``): it is added to the output, and the limits hold for the sum. K. J. Astrom and T.
Hagglund, "PID Controllers: Theory, Design, and Tuning" (ISA, 1995), has all of this, in chapter 3.

``update`` is a plain function on an array, so that a machine may compile it: there is one
algorithm.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from instruments.errors import Refused
from instruments.ranges import commanded

INTEGRAL: Final = 0  # part of the output that the integral holds
LAST_ERROR: Final = 1
HAS_ERROR: Final = 2
OUTPUT: Final = 3
P_GAIN: Final = 4  # output units per error unit
I_GAIN: Final = 5  # 1/s
D_GAIN: Final = 6  # s
LOW: Final = 7
HIGH: Final = 8
LAST_READING: Final = 9
HAS_READING: Final = 10
SLOPE: Final = 11  # of the reading, filtered, error units per s
HOLD: Final = 12  # what the next update keeps, one of the following
AHEAD: Final = 13  # what was fed forward last, output units
STATE_SIZE: Final = 14

#: The next update goes on; keeps the integral; takes the output over. After one that kept it: goes
#: on whatever is changed, so that a client that changes a gain at every step cannot stop the loop.
GO_ON: Final = 0.0
KEEP: Final = 1.0
TAKE_OVER: Final = 2.0
KEPT: Final = 3.0

#: Derivative time over the time constant of its filter (8 to 20 in the textbook).
FILTER: Final = 10.0


def update(
    x: NDArray[np.float64], error: float, reading: float, dt_s: float, ahead: float = 0.0
) -> float:
    """One step of the loop.

    Args:
        x: State and gains, changed in place.
        error: Setpoint minus reading.
        reading: What the derivative is of; an offset does not matter.
        dt_s: Step, above 0.
        ahead: Fed forward: added to the output.

    Returns:
        The output, within the limits. It stays, and so does the state, where error or reading is
        no number.
    """
    if not math.isfinite(error + reading + ahead):
        return x[OUTPUT]
    filter_s = x[D_GAIN] / FILTER
    slope = 0.0
    if x[HAS_READING] > 0.0:
        slope = (filter_s * x[SLOPE] + reading - x[LAST_READING]) / (filter_s + dt_s)
    proportional = x[P_GAIN] * error
    proper = proportional + ahead
    direct = proper - x[P_GAIN] * x[D_GAIN] * slope
    if x[HOLD] == TAKE_OVER:
        x[INTEGRAL] = min(max(x[OUTPUT], x[LOW]), x[HIGH]) - direct
    integral = x[INTEGRAL]
    if x[HOLD] != KEEP and x[HOLD] != TAKE_OVER:
        integral += proportional * x[I_GAIN] * dt_s
    wanted = direct + integral
    output = min(max(wanted, x[LOW]), x[HIGH])
    # Anti-windup. An error that leads out takes the integral to the limit and no farther; one that
    # leads back starts at the limit. The derivative passes: the integral does not make room for it.
    if wanted > output and error > 0.0:
        x[INTEGRAL] = max(x[INTEGRAL], output - direct)
    elif wanted > output:
        x[INTEGRAL] = min(integral, output - min(proper, direct))
    elif wanted < output and error < 0.0:
        x[INTEGRAL] = min(x[INTEGRAL], output - direct)
    elif wanted < output:
        x[INTEGRAL] = max(integral, output - max(proper, direct))
    else:
        x[INTEGRAL] = integral
    x[HOLD] = KEPT if x[HOLD] == KEEP else GO_ON
    x[LAST_ERROR], x[HAS_ERROR] = error, 1.0
    x[LAST_READING], x[HAS_READING], x[SLOPE] = reading, 1.0, slope
    x[OUTPUT], x[AHEAD] = output, ahead
    return output


def follow(x: NDArray[np.float64], output: float) -> None:
    """Tell a loop that something else sets the output; its next update starts there."""
    x[OUTPUT] = output
    x[HOLD] = TAKE_OVER
    x[HAS_READING] = 0.0
    x[SLOPE] = x[AHEAD] = 0.0


def adopted(saved: NDArray[np.float64]) -> NDArray[np.float64]:
    """A saved state in the present layout, shape (..., STATE_SIZE).

    States of before anything was fed forward end before ``AHEAD``, and those of before there was a
    filtered derivative after ``HIGH``: they go on with the integral that they have, and take the
    slope of the reading from their next two readings.
    """
    saved = np.asarray(saved, dtype=np.float64)
    if saved.ndim == 0 or saved.shape[-1] not in (HIGH + 1, AHEAD):
        return saved
    added = np.zeros((*saved.shape[:-1], STATE_SIZE - saved.shape[-1]))
    return np.concatenate((saved, added), axis=-1)


class Pid:
    """One loop with its gains.

    Args:
        p: Gain, output units per unit of error.
        i: Integral rate, 1/s.
        d: Derivative time, s.
        low: Smallest output.
        high: Largest output.
        name: Used in messages.
        state: Array to keep state and gains in (``STATE_SIZE`` numbers).
    """

    def __init__(
        self,
        p: float,
        i: float,
        d: float,
        low: float,
        high: float,
        *,
        name: str = "PID",
        state: NDArray[np.float64] | None = None,
    ) -> None:
        self.name = name
        self.array = np.zeros(STATE_SIZE) if state is None else state
        self.limits = low, high
        self.p, self.i, self.d = p, i, d

    p = property(lambda self: self._get(P_GAIN), lambda self, v: self._set("P", P_GAIN, v))
    i = property(lambda self: self._get(I_GAIN), lambda self, v: self._set("I", I_GAIN, v))
    d = property(lambda self: self._get(D_GAIN), lambda self, v: self._set("D", D_GAIN, v))

    @property
    def output(self) -> float:
        """The last output."""
        return self._get(OUTPUT)

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest output. An output outside new limits goes to the nearer one.

        Raises:
            Refused: Not finite, or the first above the second.
        """
        return self._get(LOW), self._get(HIGH)

    @limits.setter
    def limits(self, limits: tuple[float, float]) -> None:
        low, high = (float(limit) for limit in limits)
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise Refused(f"{self.name}: output limits {low:g} to {high:g} are no range")
        self._change({LOW: low, HIGH: high})

    def update(self, error: float, dt_s: float, reading: float | None = None) -> float:
        """One step.

        Args:
            error: Setpoint minus reading.
            dt_s: Step, above 0.
            reading: For the derivative; without it the setpoint is taken to stay.

        Returns:
            The output, within the limits.
        """
        return update(self.array, error, -error if reading is None else reading, dt_s)

    def track(self, output: float, error: float | None = None) -> None:
        """Take over from ``output`` without a bump: the next update starts there.

        Args:
            output: What has been put out by hand or by another loop.
            error: Setpoint minus reading at that moment, if known: what it changes by until the
                next update then acts as usual. Without it the next update gives ``output``.
        """
        x = self.array
        follow(x, min(max(float(output), x[LOW]), x[HIGH]))
        if error is not None:
            x[INTEGRAL] = x[OUTPUT] - x[P_GAIN] * error
            x[LAST_ERROR], x[HAS_ERROR], x[HOLD] = error, 1.0, KEEP

    def _get(self, slot: int) -> float:
        return float(self.array[slot])

    def _set(self, letter: str, slot: int, value: float) -> None:
        self._change({slot: commanded(f"{self.name}: {letter}", value, 0.0, math.inf, "")})

    def _change(self, values: dict[int, float]) -> None:
        """Change gains or limits; the output to come stays what it would have been."""
        x = self.array
        changed = {slot: value for slot, value in values.items() if x[slot] != value}
        to_come = self._within(self._direct() + x[INTEGRAL])
        for slot, value in changed.items():
            x[slot] = value
        if not changed or x[HAS_ERROR] == 0.0 or x[HOLD] == TAKE_OVER:
            return
        direct, to_come = self._direct(), self._within(to_come)
        # A limit that holds the output before and after hides what is behind it: leave that alone.
        if self._within(direct + x[INTEGRAL]) != to_come:
            x[INTEGRAL] = to_come - direct
        if x[HOLD] == GO_ON:
            x[HOLD] = KEEP

    def _direct(self) -> float:
        """What the last error, slope and feed-forward make of the output, without the integral."""
        x = self.array
        return float(x[AHEAD] + x[P_GAIN] * (x[LAST_ERROR] - x[D_GAIN] * x[SLOPE]))

    def _within(self, output: float) -> float:
        return min(max(output, self._get(LOW)), self._get(HIGH))
