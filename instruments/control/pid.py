"""A heater controller's PID loop in the Lake Shore form, u = P (e + I integral(e) dt + D de/dt).

The output is clamped; the integral stops while the clamp holds it (no wind-up); changing the gains
or closing the loop leaves the output where it was (bumpless), because the integral is kept as
output, not as error. ``update`` is a plain function on an array, so that a machine may compile it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from instruments.errors import Refused

INTEGRAL: Final = 0  # part of the output that the integral holds
LAST_ERROR: Final = 1
HAS_LAST: Final = 2
OUTPUT: Final = 3
P_GAIN: Final = 4  # output units per error unit
I_GAIN: Final = 5  # 1/s
D_GAIN: Final = 6  # s
LOW: Final = 7
HIGH: Final = 8
STATE_SIZE: Final = 9


def update(x: NDArray[np.float64], error: float, dt_s: float) -> float:
    """One step of the loop.

    Args:
        x: State and gains, changed in place.
        error: Setpoint minus reading.
        dt_s: Step.

    Returns:
        The clamped output.
    """
    slope = (error - x[LAST_ERROR]) / dt_s if x[HAS_LAST] > 0.0 else 0.0
    x[LAST_ERROR] = error
    x[HAS_LAST] = 1.0
    integral = x[INTEGRAL] + x[P_GAIN] * x[I_GAIN] * error * dt_s
    wanted = x[P_GAIN] * (error + x[D_GAIN] * slope) + integral
    output = min(max(wanted, x[LOW]), x[HIGH])
    # Anti-windup: integrate only while free, or while the error leads back from the clamp.
    if wanted == output or (wanted > output) != (error > 0.0):
        x[INTEGRAL] = min(max(integral, x[LOW]), x[HIGH])
    x[OUTPUT] = output
    return output


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
        self.array[LOW], self.array[HIGH] = low, high
        self.p, self.i, self.d = p, i, d

    p = property(lambda self: self._get(P_GAIN), lambda self, v: self._set("P", P_GAIN, v))
    i = property(lambda self: self._get(I_GAIN), lambda self, v: self._set("I", I_GAIN, v))
    d = property(lambda self: self._get(D_GAIN), lambda self, v: self._set("D", D_GAIN, v))

    @property
    def output(self) -> float:
        """The last output."""
        return self._get(OUTPUT)

    def update(self, error: float, dt_s: float) -> float:
        """One step with ``error`` = setpoint - reading; returns the clamped output."""
        return update(self.array, error, dt_s)

    def track(self, output: float, error: float = 0.0) -> None:
        """Take over from ``output`` without a bump: the next update starts there."""
        low, high = self._get(LOW), self._get(HIGH)
        self.array[INTEGRAL] = min(max(output - self._get(P_GAIN) * error, low), high)
        self.array[HAS_LAST] = 0.0
        self.array[OUTPUT] = output

    def _get(self, slot: int) -> float:
        return float(self.array[slot])

    def _set(self, letter: str, slot: int, value: float) -> None:
        if not math.isfinite(value) or value < 0.0:
            raise Refused(f"{self.name}: {letter} = {value:g} is not a finite number of 0 or more")
        self.array[slot] = value
