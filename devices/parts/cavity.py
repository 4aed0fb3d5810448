"""The cavity as a positioner in MHz: set a frequency, and the rod moves until it is measured there.

For work by hand and for plans that only know ``mv``. It does the procedure of
``haloscope.measuring.tuning`` on a thread; ``plans.haloscope.tuning`` does the same one as a plan.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from ophyd import Device, OphydObject, Signal
from ophyd.positioner import PositionerBase
from ophyd.status import StatusBase

from devices.parts.base import check_position, wall_timeout
from devices.parts.measured import number
from devices.parts.motion import Axis
from devices.parts.sweeping import (
    Sweeping,
    passive,
    sweep_settings,
    sweeps_of,
    trace_in,
    transmission_in,
)
from devices.signals.settings import Settings, name_within
from devices.signals.values import check_number
from devices.waiting.claims import Claim
from devices.waiting.moves import Move, Mover
from devices.waiting.status import NotReachedError, caller, end_short
from haloscope.measuring.transmission import Transmission
from haloscope.measuring.tuning import Look, MoveRod, Rod, tune

__all__ = ["CavityFrequency"]

#: Simulated seconds that a tuning may take: moves of degrees at 0.01 deg/s, and creep after them.
LONGEST_TUNING_S = 7200.0


class _Tunable(Sweeping, Protocol):
    """What a tuning needs of its instrument."""

    @property
    def rod(self) -> Axis:
        """The motor that tunes the cavity."""

    @property
    def settings(self) -> Settings:
        """What is set for a sweep, all together."""


class GivenUpError(Exception):
    """A tuning is no longer wanted; its thread ends quietly."""


class CavityFrequency(Mover, Device, PositionerBase):
    """A pseudo-positioner over the rod and the network analyzer of its parent.

    A tuning that is stopped, or replaced by another, gives the rod and the analyzer up before the
    next begins.
    """

    #: The frequency asked for last and the one measured last, MHz; NaN before the first tuning.
    setpoint = number("MHz", source="DEVICE")
    readback = number("MHz", "hinted", source="DEVICE")

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.readback.name = self.name
        self._acting = threading.Lock()
        self._tuning: threading.Thread | None = None
        self._tolerance_khz: float | None = None
        #: What one tuning learns serves the next.
        self._rod = Rod()

    @property
    def tolerance_khz(self) -> float:
        """How near the measured resonance must come, kHz; as described unless set."""
        if self._tolerance_khz is not None:
            return self._tolerance_khz
        return self._haloscope.apparatus.operation.tuning_tolerance_hz * 1e-3

    @tolerance_khz.setter
    def tolerance_khz(self, value: float) -> None:
        self._tolerance_khz = value

    @property
    def _haloscope(self) -> _Tunable:
        """Its parent, of which it needs no more."""
        tunable: _Tunable = self.parent
        return tunable

    @property
    def egu(self) -> str:
        """Engineering units."""
        return "MHz"

    @property
    def position(self) -> float | None:
        """The last measured resonance, MHz; None before the first tuning."""
        return self._position

    def locate(self) -> dict[str, float]:
        """The frequency asked for and the one measured last: bluesky's ``Location``."""
        return {"setpoint": self.setpoint.get(), "readback": self.readback.get()}

    def _set_position(self, value: float, **kwargs: Any) -> None:
        self.readback.put(value)
        super()._set_position(value, **kwargs)

    @property
    def target(self) -> Signal:
        """The rod's setpoint: its IOC is the cavity's."""
        return self._haloscope.rod.user_setpoint

    @property
    def reach(self) -> float:
        """``tolerance_khz`` in MHz."""
        return self.tolerance_khz * 1e-3

    def where(self) -> float:
        """The last measured resonance, MHz.

        Raises:
            NotReachedError: There is none yet.
        """
        if self._position is None:
            raise NotReachedError("its resonance has not been measured yet")
        return float(self._position)

    def allowance_s(self, position: float) -> float:
        """Wall seconds for the longest tuning at the present speed."""
        return wall_timeout(self, LONGEST_TUNING_S)

    def check_value(self, pos: Any) -> None:
        """Refuse what the analyzer cannot look at, and what the rod cannot tune to."""
        check_position(self, self._haloscope.vna.center, pos)
        modes = self._haloscope.apparatus.mode_map
        check_number(self.name, pos, self.egu, (modes.lowest_hz / 1e6, modes.highest_hz / 1e6))

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
    def _tools(self) -> tuple[OphydObject, ...]:
        """What a tuning uses and nobody else may use meanwhile."""
        return self._haloscope.rod, self._haloscope.vna

    def _lost(self, move: Move, tool: OphydObject) -> None:
        """Give a tuning up, for somebody else begins something with what it uses."""
        with self._acting:
            if self.slot.take(move) is None:
                return
            self._haloscope.vna.stop(success=True)
        move.end(self.not_reached(move, f"{tool.name} is used for something else", by=caller()))

    def stop(self, *, success: bool = False) -> None:
        """Stop rod and analyzer and give up; the status ends now, not with the sweep."""
        with self._acting:  # what the tuning begins after this sees that it is over
            super().stop(success=success)

    def halt(self, move: Move | None) -> None:
        """Stop rod and analyzer, if a tuning of this session uses them."""
        if move is not None:
            self._haloscope.rod.stop(success=True)
            self._haloscope.vna.stop(success=True)

    def known_causes(self, move: Move, actual: float, why: str) -> list[str]:
        """Nothing but what the tuning itself has met, which is ``why``."""
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

    def _do(self, move: Move, act: Callable[[], StatusBase]) -> None:
        """Begin one action of a tuning that is still wanted, and wait for its end."""
        with self._acting:
            if self.slot.current is not move:
                raise GivenUpError
            status = act()
        status.wait()

    def _close_loop(self, move: Move) -> None:
        """Do what the procedure of tuning says until the resonance is there."""
        apparatus = self._haloscope.apparatus
        procedure = tune(
            move.position * 1e6,
            apparatus.mode_map,
            sweeps_of(self._haloscope),
            self._rod,
            tolerance_hz=self.tolerance_khz * 1e3,
        )
        answer: Any = None
        while True:
            try:
                action = procedure.send(answer)
            except StopIteration:
                return
            if isinstance(action, MoveRod):
                answer = self._approach(move, action.angle_deg)
            else:
                answer = self._look(move, action)

    def _approach(self, move: Move, angle_deg: float) -> float:
        """Bring the rod to an angle; returns how far from there it was sent before, deg."""
        rod, operation = self._haloscope.rod, self._haloscope.apparatus.operation
        sent_deg = float(rod.user_setpoint.get(use_monitor=False))
        for place in self._rod.way(angle_deg, sent_deg, operation.rod_take_up_deg):
            self._do(move, partial(rod.set, place))
        return abs(angle_deg - sent_deg)

    def _look(self, move: Move, look: Look) -> Transmission | None:
        """Sweep, the pump off; returns the resonance, None if there is none."""
        haloscope = self._haloscope
        wanted = passive(haloscope) | sweep_settings(haloscope, look.sweep, look.centre_hz / 1e6)
        values = {name_within(self.parent, signal): value for signal, value in wanted.items()}
        self._do(move, partial(haloscope.settings.set, values))
        self._do(move, haloscope.vna.trigger)
        found = transmission_in(trace_in(haloscope, haloscope.vna.read()))
        if found is not None:
            self._set_position(found.frequency_hz / 1e6)
        return found
