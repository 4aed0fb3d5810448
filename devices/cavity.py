"""The cavity as a positioner in MHz: set a frequency, and the rod moves until it is measured there.

For work by hand and for plans that only know `mv`. The scan's own tuning (`plans.tuning`) does the
same as a plan, with a calculated mode map and uncertainties.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from ophyd import Device
from ophyd.positioner import PositionerBase

from devices.base import check_limits, wall_timeout
from devices.measured import number

__all__ = ["CavityBusyError", "CavityFrequency"]

#: Slope of frequency against rod angle to begin with, MHz/deg (assumed: about -3.5 MHz/deg for a
#: 50 mm arm, haloscope note 2.6); two measurements replace it.
FIRST_SLOPE_MHZ_PER_DEG = -3.5
#: The rod comes to every position from this far below, deg: beyond its play.
TAKE_UP_DEG = 0.005
#: Simulated seconds that a tuning may take: moves of degrees at 0.01 deg/s, and creep after them.
LONGEST_TUNING_S = 7200.0
ATTEMPTS = 12
#: Wall seconds that a stopped tuning gets to leave the analyzer before a new one is refused
#: (assumed: short, for a RunEngine waits meanwhile).
STOPPED_S = 5.0


class CavityBusyError(RuntimeError):
    """The cavity is still being tuned to another frequency; stop it first."""


class CavityFrequency(Device, PositionerBase):
    """A pseudo-positioner over the rod and the network analyzer of its parent.

    Attributes:
        tolerance_khz: how near the measured resonance must come.
        span_mhz: span of the sweep in which the resonance is looked for.
    """

    #: The frequency asked for last and the one measured last, MHz; NaN before the first tuning.
    setpoint = number("MHz", source="DEVICE")
    readback = number("MHz", "hinted", source="DEVICE")

    tolerance_khz = 1.0
    span_mhz = 1.0

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self._wanted = threading.Event()
        self._tuning: threading.Thread | None = None
        self.readback.name = self.name

    @property
    def egu(self) -> str:
        """Engineering units."""
        return "MHz"

    @property
    def position(self) -> float | None:
        """The last measured resonance, MHz; None before the first tuning."""
        return self._position

    def locate(self) -> dict[str, float]:
        """The frequency asked for and the one measured last: bluesky's `Location`."""
        return {"setpoint": self.setpoint.get(), "readback": self.readback.get()}

    def _set_position(self, value: float, **kwargs: Any) -> None:
        self.readback.put(value)
        super()._set_position(value, **kwargs)

    def check_value(self, pos: float) -> None:
        """Refuse what the analyzer cannot look at."""
        check_limits(self, self.parent.vna.center, pos)

    def set(self, new_position: float, *, timeout: float | None = None, **_: Any) -> Any:
        """Tune; the status ends when the resonance is measured within the tolerance.

        Raises:
            CavityBusyError: a tuning is under way and goes on; or one that was stopped has not yet
                ended, as it does with what rod and analyzer are doing.
        """
        self.check_value(new_position)
        self._wait_for_the_last()
        limit_s = wall_timeout(self, LONGEST_TUNING_S) if timeout is None else timeout
        status = super().move(new_position, timeout=limit_s)
        self._wanted.set()
        self.setpoint.put(float(new_position))
        self._tuning = threading.Thread(
            target=self._tune,
            args=(float(new_position), limit_s),
            name=f"{self.name}-tuning",
            daemon=True,
        )
        self._tuning.start()
        return status

    def _wait_for_the_last(self) -> None:
        """Let a stopped tuning end: two threads may not share rod and analyzer."""
        thread = self._tuning
        if thread is None or not thread.is_alive():
            return
        if not self._wanted.is_set():
            thread.join(STOPPED_S)
        if thread.is_alive():
            raise CavityBusyError(
                f"{self.name}: still being tuned to {self.setpoint.get():g} MHz; stop it first"
            )

    def stop(self, *, success: bool = False) -> None:
        """Stop rod and analyzer and give up; the status ends now, not with the sweep."""
        if self._wanted.is_set():
            self._wanted.clear()
            self.parent.rod.stop(success=True)
            self.parent.vna.stop()
        PositionerBase.stop(self, success=success)

    def _tune(self, target_mhz: float, limit_s: float) -> None:
        """Close the loop; ends the status of `set`."""
        try:
            reached = self._close_loop(target_mhz, limit_s)
        except Exception:
            self.log.exception("%s: tuning to %g MHz failed", self.name, target_mhz)
            reached = False
        self._wanted.clear()
        self._done_moving(success=reached)

    def _close_loop(self, target_mhz: float, limit_s: float) -> bool:
        rod, slope = self.parent.rod, FIRST_SLOPE_MHZ_PER_DEG
        before: tuple[float, float] | None = None
        for _ in range(ATTEMPTS):
            if not self._wanted.is_set():
                return False
            found_mhz = self.measure(target_mhz, limit_s)
            self._set_position(found_mhz)
            error_mhz = found_mhz - target_mhz
            if abs(error_mhz) <= self.tolerance_khz * 1e-3:
                return True
            angle = float(rod.user_setpoint.get(use_monitor=False))
            if before is not None and abs(angle - before[0]) > 0.02:
                measured = (found_mhz - before[1]) / (angle - before[0])
                slope = measured if 0.3 < measured / FIRST_SLOPE_MHZ_PER_DEG < 3.0 else slope
            before = angle, found_mhz
            wanted = angle - error_mhz / slope
            rod.move(wanted - TAKE_UP_DEG, wait=True, timeout=limit_s)
            rod.move(wanted, wait=True, timeout=limit_s)
        return False

    def measure(self, near_mhz: float, limit_s: float) -> float:
        """Sweep about a frequency and return the resonance, MHz; widens until it finds one."""
        vna = self.parent.vna
        self.parent.jpa.pump.set("Off").wait(limit_s)
        self.parent.switch.selected.set("Cavity").wait(limit_s)
        vna.path.set("Weak").wait(limit_s)
        vna.center.set(near_mhz).wait(limit_s)
        for widening in (1.0, 10.0, 40.0):
            vna.span.set(self.span_mhz * widening).wait(limit_s)
            vna.num_points.set(int(200 * widening) + 1).wait(limit_s)
            vna.trigger().wait(limit_s)
            frequency = np.asarray(vna.frequency.get())
            power = np.asarray(vna.real.get()) ** 2 + np.asarray(vna.imaginary.get()) ** 2
            if power.max() > 10.0 * np.median(power):
                return _peak(frequency, power)
        raise RuntimeError(f"{self.name}: no resonance within 20 MHz of {near_mhz:g} MHz")


def _peak(frequency: np.ndarray, power: np.ndarray) -> float:
    """Centre of the strongest Lorentzian: its inverse is a parabola, fitted over the upper half."""
    top = int(np.argmax(power))
    upper = power > 0.5 * power[top]
    if upper.sum() < 5:
        return float(frequency[top])
    x = frequency[upper] - frequency[top]
    c2, c1, _ = np.polyfit(x, 1.0 / power[upper], 2, w=power[upper])
    return float(frequency[top] - 0.5 * c1 / c2) if c2 > 0 else float(frequency[top])
