"""The heaters an operator sets: the load on the cold heat exchanger, the stage's trim heater.

Closing or opening a loop leaves the heater where it is.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr import kernel
from amrr.controls import repetition
from amrr.parameters import RefrigeratorParameters
from instruments.control.pid import Pid
from instruments.ranges import commanded

Array = NDArray[np.float64]

#: P (W/K), I (1/s) and D (s) of the cold exchanger's loop at start-up. A quarter of the P at which
#: the default plate's loop begins to hunt on the noise of its thermometer. At 0.95 K they leave 5.6
#: mK rms of the cycle's 27 mK; what is left is mostly the no-flow phases, in which the parasitic
#: load warms the plate and no heater can cool.
CHX_GAINS: Final = (0.05, 0.2, 0.0)


#: Part of the closed loop's work that is fed forward in the next cycle, at start-up.
LEARNING: Final = 0.3


class ChxHeater:
    """Heater of the cold heat exchanger: open loop measures power, closed loop holds a temperature.

    Args:
        machine: The machine's miscellaneous state.
        pid_state: State of its control loop.
        phases: What is fed forward at each phase of the cycle (``amrr.controls.repetition``).
        repeating: Settings of that.
        parameters: For the range.
    """

    def __init__(
        self,
        machine: Array,
        pid_state: Array,
        phases: Array,
        repeating: Array,
        parameters: RefrigeratorParameters,
    ) -> None:
        self._m = machine
        self._phases = phases
        self._repeating = repeating
        self._repeating[:] = self.at_rest()
        self.highest_w = parameters.exchangers.highest_heater_w
        self.pid = Pid(*CHX_GAINS, 0.0, self.highest_w, name="CHX", state=pid_state)
        run = parameters.operation
        self.range_k = run.cold_low_k, run.cold_high_k
        self._m[kernel.CHX_SETPOINT] = run.cold_setpoint_k

    @property
    def power_setpoint_w(self) -> float:
        """Power in open loop, W."""
        return float(self._m[kernel.CHX_POWER])

    @power_setpoint_w.setter
    def power_setpoint_w(self, value: float) -> None:
        self._m[kernel.CHX_POWER] = commanded("CHX heater power", value, 0.0, self.highest_w, "W")

    @property
    def power_w(self) -> float:
        """Power now, W."""
        return float(self._m[kernel.CHX_HEATER])

    @property
    def setpoint_k(self) -> float:
        """Temperature in closed loop, K."""
        return float(self._m[kernel.CHX_SETPOINT])

    @setpoint_k.setter
    def setpoint_k(self, value: float) -> None:
        self._m[kernel.CHX_SETPOINT] = commanded("CHX temperature", value, *self.range_k, "K")

    @property
    def closed_loop(self) -> bool:
        """True: the loop sets the power; False: the power setpoint does."""
        return bool(self._m[kernel.CHX_CLOSED] > 0.0)

    @closed_loop.setter
    def closed_loop(self, value: bool) -> None:
        if value and not self.closed_loop:
            self.pid.track(self.power_w)
        elif not value and self.closed_loop:
            self._m[kernel.CHX_POWER] = self._m[kernel.CHX_HEATER]
        self._m[kernel.CHX_CLOSED] = float(bool(value))

    @property
    def feed_forward(self) -> bool:
        """True: the closed loop is fed forward from the cycle's phase, and learns it."""
        return bool(self._repeating[repetition.ON] > 0.0)

    @feed_forward.setter
    def feed_forward(self, value: bool) -> None:
        self._repeating[repetition.ON] = float(bool(value))

    @property
    def learning(self) -> float:
        """Part of what the loop had to do in a cycle that is fed forward in the next, 0 to 1."""
        return float(self._repeating[repetition.GAIN])

    @learning.setter
    def learning(self, value: float) -> None:
        self._repeating[repetition.GAIN] = commanded("CHX learning", value, 0.0, 1.0, "")

    def forget(self) -> None:
        """Begin to learn anew; the heater stays where it is."""
        self._phases[repetition.AHEAD] = 0.0
        self._repeating[repetition.ACTIVE] = 0.0

    @property
    def whole_cycles(self) -> int:
        """Cycles whose phases are known from beginning to end; the last is the one below."""
        return int(self._repeating[repetition.CYCLES])

    @property
    def phase_readings_k(self) -> Array:
        """Means of the reading at each phase of the last whole cycle, K; NaN before the first."""
        return self._last(repetition.LAST_READING)

    @property
    def phase_powers_w(self) -> Array:
        """Means of the power at each phase of the last whole cycle, W; NaN before the first."""
        return self._last(repetition.LAST_POWER)

    @staticmethod
    def at_rest() -> Array:
        """Settings of the feed-forward of a machine that has learnt nothing."""
        slots = np.zeros(repetition.SLOTS)
        slots[repetition.GAIN] = LEARNING
        return slots

    def _last(self, row: int) -> Array:
        if not self.whole_cycles:
            return np.full(repetition.PHASES, np.nan)
        return self._phases[row].copy()


class Stage:
    """The 1.6 K stage and its trim heater.

    Args:
        machine: The machine's miscellaneous state.
        pid_state: State of its control loop.
        parameters: For the range and the setpoint.
    """

    def __init__(
        self, machine: Array, pid_state: Array, parameters: RefrigeratorParameters
    ) -> None:
        self._m = machine
        self.highest_w = parameters.stage.highest_heater_w
        self.range_k = parameters.stage_range_k
        self.pid = Pid(5.0, 0.03, 0.0, 0.0, self.highest_w, name="Stage", state=pid_state)

    @property
    def setpoint_k(self) -> float:
        """Setpoint, K."""
        return float(self._m[kernel.STAGE_SETPOINT])

    @setpoint_k.setter
    def setpoint_k(self, value: float) -> None:
        self._m[kernel.STAGE_SETPOINT] = commanded("stage temperature", value, *self.range_k, "K")

    @property
    def closed_loop(self) -> bool:
        """True: the heater is controlled; False: it is off."""
        return bool(self._m[kernel.STAGE_CLOSED] > 0.0)

    @closed_loop.setter
    def closed_loop(self, value: bool) -> None:
        if value and not self.closed_loop:
            self.pid.track(self.heater_w)
        self._m[kernel.STAGE_CLOSED] = float(bool(value))

    @property
    def heater_w(self) -> float:
        """Heater power, W."""
        return float(self._m[kernel.STAGE_HEATER])

    @property
    def temperature_k(self) -> float:
        """True temperature, K."""
        return float(self._m[kernel.STAGE])
