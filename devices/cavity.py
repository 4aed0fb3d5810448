"""The cavity as a positioner in MHz: set a frequency, and the rod moves until it is measured there.

For work by hand and for plans that only know `mv`. The scan's own tuning (`plans.tuning`) does the
same as a plan, with a calculated mode map and uncertainties.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from ophyd import Device
from ophyd.positioner import PositionerBase

from devices.base import check_position, wall_timeout
from devices.claims import Claim
from devices.measured import number
from devices.moves import Move, Mover
from devices.status import NotReachedError, caller, end_short

__all__ = ["CavityFrequency"]

#: Slope of frequency against rod angle to begin with, MHz/deg (assumed: about -3.5 MHz/deg for a
#: 50 mm arm, haloscope note 2.6); two measurements replace it.
FIRST_SLOPE_MHZ_PER_DEG = -3.5
#: The rod comes to every position from this far below, deg: beyond its play.
TAKE_UP_DEG = 0.005
#: Simulated seconds that a tuning may take: moves of degrees at 0.01 deg/s, and creep after them.
LONGEST_TUNING_S = 7200.0
ATTEMPTS = 12


class GivenUpError(Exception):
    """A tuning is no longer wanted; nobody is told."""


class CavityFrequency(Mover, Device, PositionerBase):
    """A pseudo-positioner over the rod and the network analyzer of its parent.

    A tuning that is stopped, or replaced by another, gives the rod and the analyzer up before the
    next begins.

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
        self.readback.name = self.name
        self._acting = threading.Lock()
        self._tuning: threading.Thread | None = None

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

    @property
    def target(self) -> Any:
        """The rod's setpoint: its IOC is the cavity's."""
        return self.parent.rod.user_setpoint

    @property
    def reach(self) -> float:
        """`tolerance_khz` in MHz."""
        return self.tolerance_khz * 1e-3

    def where(self) -> float:
        """The last measured resonance, MHz.

        Raises:
            NotReachedError: there is none yet.
        """
        if self._position is None:
            raise NotReachedError("its resonance has not been measured yet")
        return float(self._position)

    def allowance_s(self, position: float) -> float:
        """Wall seconds for the longest tuning at the present speed."""
        return wall_timeout(self, LONGEST_TUNING_S)

    def check_value(self, pos: Any) -> None:
        """Refuse what the analyzer cannot look at."""
        check_position(self, self.parent.vna.center, pos)

    def begin(self, move: Move) -> None:
        """Tune on a thread of its own; the last tuning ends first."""
        last = self._tuning
        if last is not None and last.is_alive():  # replaced while it was at work
            with self._acting:
                self.halt(move)
        self.setpoint.put(move.position)
        self._tuning = threading.Thread(
            target=self._tune, args=(move, last), name=f"{self.name}-tuning", daemon=True
        )
        claim = Claim(self._tuning, partial(self._lost, move))
        move.status.add_callback(lambda _: claim.give_up())
        claim.lay(self._tools)
        self._tuning.start()

    @property
    def _tools(self) -> tuple[Any, ...]:
        """What a tuning uses and nobody else may use meanwhile."""
        return self.parent.rod, self.parent.vna

    def _lost(self, move: Move, tool: Any) -> None:
        """Give a tuning up, for somebody else begins something with what it uses."""
        with self._acting:
            if self.slot.take(move) is None:
                return
            self.parent.vna.stop(success=True)
        move.end(self.not_reached(move, f"{tool.name} is used for something else", by=caller()))

    def stop(self, *, success: bool = False) -> None:
        """Stop rod and analyzer and give up; the status ends now, not with the sweep."""
        with self._acting:  # what the tuning begins after this sees that it is over
            super().stop(success=success)

    def halt(self, move: Move | None) -> None:
        """Stop rod and analyzer, if a tuning of this session uses them."""
        if move is not None:
            self.parent.rod.stop(success=True)
            self.parent.vna.stop(success=True)

    def hindrances(self, move: Move, actual: float, why: str) -> list[str]:
        """Nothing but what the tuning itself has met, which is `why`."""
        return []

    def _tune(self, move: Move, last: threading.Thread | None) -> None:
        """Close the loop and end the move."""
        if last is not None:
            last.join()  # two threads may not share rod and analyzer
        try:
            self._close_loop(move)
        except GivenUpError:
            return
        except Exception as error:
            if self.slot.current is not move:
                return
            failure = self.not_reached(move, str(error) or repr(error), getattr(error, "by", None))
            end_short(self, failure, *move.statuses)
        else:
            self.judge(move, "")

    def _do(self, move: Move, act: Callable[[], Any]) -> None:
        """Begin one action of a tuning that is still wanted, and wait for its end."""
        with self._acting:
            if self.slot.current is not move:
                raise GivenUpError
            status = act()
        status.wait()

    def _close_loop(self, move: Move) -> None:
        rod, slope = self.parent.rod, FIRST_SLOPE_MHZ_PER_DEG
        before: tuple[float, float] | None = None
        for _ in range(ATTEMPTS):
            found_mhz = self._measure(move)
            self._set_position(found_mhz)
            error_mhz = found_mhz - move.position
            if abs(error_mhz) <= self.reach:
                return
            angle = float(rod.user_setpoint.get(use_monitor=False))
            if before is not None and abs(angle - before[0]) > 0.02:
                measured = (found_mhz - before[1]) / (angle - before[0])
                slope = measured if 0.3 < measured / FIRST_SLOPE_MHZ_PER_DEG < 3.0 else slope
            before = angle, found_mhz
            wanted = angle - error_mhz / slope
            for place in (wanted - TAKE_UP_DEG, wanted):
                self._do(move, partial(rod.set, place))
        raise NotReachedError(f"not within the tolerance after {ATTEMPTS} attempts")

    def _measure(self, move: Move) -> float:
        """Sweep about the position and return the resonance, MHz; widens until it finds one."""
        vna, near_mhz = self.parent.vna, move.position
        self._do(move, partial(self.parent.jpa.pump.set, "Off"))
        self._do(move, partial(self.parent.switch.selected.set, "Cavity"))
        self._do(move, partial(vna.path.set, "Weak"))
        self._do(move, partial(vna.center.set, near_mhz))
        for widening in (1.0, 10.0, 40.0):
            self._do(move, partial(vna.span.set, self.span_mhz * widening))
            self._do(move, partial(vna.num_points.set, int(200 * widening) + 1))
            self._do(move, vna.trigger)
            frequency = np.asarray(vna.frequency.get())
            power = np.asarray(vna.real.get()) ** 2 + np.asarray(vna.imaginary.get()) ** 2
            if power.max() > 10.0 * np.median(power):
                return _peak(frequency, power)
        raise NotReachedError(f"no resonance within 20 MHz of {near_mhz:g} MHz")


def _peak(frequency: np.ndarray, power: np.ndarray) -> float:
    """Centre of the strongest Lorentzian: its inverse is a parabola, fitted over the upper half."""
    top = int(np.argmax(power))
    upper = power > 0.5 * power[top]
    if upper.sum() < 5:
        return float(frequency[top])
    x = frequency[upper] - frequency[top]
    c2, c1, _ = np.polyfit(x, 1.0 / power[upper], 2, w=power[upper])
    return float(frequency[top] - 0.5 * c1 / c2) if c2 > 0 else float(frequency[top])
