"""Tuning the cavity, as a procedure that asks for actions and receives what was measured.

``tune`` is a generator. It yields actions, a move of the rod or a look at the resonance, and is
sent what came of each; how they are done is the driver's matter: a plan's
(``plans.haloscope.tuning``) or a thread's (``devices.parts.cavity``). The rod's angle is never
trusted: a tuning ends with a measured resonance.

    procedure = tune(target_hz, course, sweeps, Rod(), tolerance_hz=tolerance_hz)
    action = next(procedure)
    while True:
        action = procedure.send(do(action))  # until StopIteration, whose value is the resonance
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

from haloscope.measuring import decisions
from haloscope.measuring.decisions import Course
from haloscope.measuring.goodness import Goodness
from haloscope.measuring.sweeps import Sweep, Sweeps, tiles
from haloscope.measuring.transmission import Transmission
from haloscope.measuring.trust import bad_fit, further_sweeps

__all__ = ["ATTEMPTS", "Action", "Look", "MoveRod", "NotTunedError", "Rod", "locate", "tune"]

#: Moves before a tuning gives up.
ATTEMPTS: Final = 8
#: After a far move (of a shorter one, one percent of creep is within the tolerance): looks of a
#: minute each until two agree within this share of the tolerance; at most so many.
STILL: Final = 0.3
STILL_ATTEMPTS: Final = 12
#: A move by more tolerances than this is a far one: the hundredth part of it that creeps matters.
FAR_TOLERANCES: Final = 100.0
#: A width is known if its relative error is below this.
_KNOWN: Final = 0.1
#: The slope of a calculated course is taken over this much to both sides, deg.
_BESIDE_DEG: Final = 0.01


class NotTunedError(RuntimeError):
    """Tuning did not arrive; the message has what was wanted, what was reached, in units."""


@dataclass
class Rod:
    """What tuning learns of the rod, and from which side it arrives.

    Attributes:
        offset_hz: Measured minus calculated frequency, last time; NaN before the first.
        direction: +1 to arrive upwards in angle, -1 downwards; 0 to take what the first move needs.
        line_hz: Full width of the resonance, last time; NaN before the first.
    """

    offset_hz: float = math.nan
    direction: int = 0
    line_hz: float = math.nan

    def way(self, angle_deg: float, last_deg: float, take_up_deg: float) -> tuple[float, ...]:
        """Angles to go to, one after the other, to arrive at the last of them; takes a direction.

        Args:
            angle_deg: Where to.
            last_deg: Where the rod was sent last.
            take_up_deg: This much too far it goes first where it would arrive from the other side:
                more than any play of its crank.
        """
        loose = self.direction == 0
        if loose:
            self.direction = decisions.arrival(angle_deg, last_deg)
        return decisions.waypoints(angle_deg, last_deg, self.direction, take_up_deg, loose=loose)


@dataclass(frozen=True)
class MoveRod:
    """Bring the rod to an angle by its ``Rod.way``.

    The answer: how far from there it was sent before, deg.
    """

    angle_deg: float


@dataclass(frozen=True)
class Look:
    """Sweep about a frequency, the pump off.

    The answer: the resonance, None if there is none in the sweep.
    """

    centre_hz: float
    sweep: Sweep


Action = MoveRod | Look
Procedure = Generator[Action, Any, Transmission]


def tune(
    target_hz: float,
    course: Course,
    sweeps: Sweeps,
    rod: Rod,
    *,
    tolerance_hz: float,
    attempts: int = ATTEMPTS,
) -> Procedure:
    """Bring the resonance to a target by moving the rod and looking.

    Args:
        target_hz: Resonance wanted.
        course: The calculated course of the resonance over the rod's angle.
        sweeps: For the widths that are expected; what ``rod`` has learnt of the line counts more.
        rod: What earlier tunings learnt; updated.
        tolerance_hz: Greatest distance of the measured resonance from the target.
        attempts: Moves before giving up.

    Returns:
        The last look, within the tolerance.

    Raises:
        ValueError: The course does not reach the target.
        NotTunedError: Not there after all attempts, or there is no resonance to be seen.
        BadFitError: It is there, but no fit describes it.
    """
    look = _Looking(course, sweeps, rod, tolerance_hz)
    last, stretch = None, 1.0
    if math.isnan(rod.offset_hz):
        last = target_hz, (yield from look.locate(target_hz)).frequency_hz
    reached = "nothing"
    for _ in range(attempts):
        calculated_hz = target_hz - rod.offset_hz
        moved_deg: float = yield MoveRod(float(course.angle_deg(calculated_hz)))
        found: Transmission | None = yield Look(target_hz, look.sweeps.transmission)
        if found is not None and decisions.tuned(found.frequency_hz, target_hz, tolerance_hz):
            found = yield from look.believed(found, target_hz)
        near = found is not None
        if found is None:  # it is not where it was expected
            found = yield from look.searched(target_hz)
        look.learn(found)
        found = yield from look.still(found, calculated_hz, moved_deg)
        reached = f"{found.frequency_hz * 1e-6:.6f} MHz"
        here = calculated_hz, found.frequency_hz
        stretch = decisions.stretch(last, here, tolerance_hz, stretch) if last else stretch
        rod.offset_hz = decisions.next_offset_hz(*here, target_hz, stretch)
        last = here
        if near and decisions.tuned(found.frequency_hz, target_hz, tolerance_hz):
            return found
    raise NotTunedError(
        f"cavity: wanted {target_hz * 1e-6:.6f} MHz within {tolerance_hz * 1e-3:g} kHz, reached "
        f"{reached} after {attempts} moves"
    )


def locate(
    near_hz: float, course: Course, sweeps: Sweeps, rod: Rod, *, tolerance_hz: float
) -> Procedure:
    """Go where the calculation says, find the resonance there and learn how far off it is.

    Args:
        near_hz: Calculated frequency.
        course: The calculated course.
        sweeps: For the widths that are expected.
        rod: What earlier tunings learnt; updated.
        tolerance_hz: Of later tunings: well within it the rod must stand still.

    Raises:
        ValueError: The course does not reach there.
        NotTunedError: No resonance is to be seen.
    """
    return (yield from _Looking(course, sweeps, rod, tolerance_hz).locate(near_hz))


@dataclass
class _Looking:
    """How the resonance is looked for and looked at."""

    course: Course
    expected: Sweeps
    rod: Rod
    tolerance_hz: float

    @property
    def sweeps(self) -> Sweeps:
        """For the line as measured last."""
        return self.expected.measured(line_hz=self.rod.line_hz)

    def learn(self, found: Transmission) -> None:
        """Take a resonance's width, if it is known."""
        if found.goodness.good and found.loaded_q_error < _KNOWN * found.loaded_q:
            self.rod.line_hz = found.frequency_hz / found.loaded_q

    def locate(self, near_hz: float) -> Procedure:
        """As ``locate`` of the module."""
        moved_deg: float = yield MoveRod(float(self.course.angle_deg(near_hz)))
        found = yield from self.searched(near_hz)
        self.learn(found)
        found = yield from self.still(found, near_hz, moved_deg)
        self.rod.offset_hz = found.frequency_hz - near_hz
        return found

    def believed(self, found: Transmission, centre_hz: float) -> Procedure:
        """Look on until a fit describes what is seen.

        Raises:
            BadFitError: None does.
        """
        further = further_sweeps(self.sweeps.transmission)
        why: Goodness | str = found.goodness
        for sweep in further:
            if found.goodness.good:
                return found
            again: Transmission | None = yield Look(centre_hz, sweep)
            found, why = (again, again.goodness) if again else (found, "no resonance")
        if found.goodness.good:
            return found
        raise bad_fit("transmission", centre_hz, further[-1], why)

    def still(self, found: Transmission, calculated_hz: float, moved_deg: float) -> Procedure:
        """After a far move, watch the resonance until it stands still.

        The piezo creeps for minutes: the looks are as long as the creep's own time scale.
        """
        far = self._tuned_hz(calculated_hz, moved_deg) > FAR_TOLERANCES * self.tolerance_hz
        for _ in range(STILL_ATTEMPTS if far else 0):
            last_hz = found.frequency_hz
            found = yield from self._seen(last_hz, self.sweeps.watch, self.sweeps.search)
            if abs(found.frequency_hz - last_hz) <= STILL * self.tolerance_hz:
                break
        return found

    def searched(self, centre_hz: float) -> Procedure:
        """Look where it should be, then wider, then more finely than the line asks for."""
        sweeps = self.sweeps
        return (
            yield from self._seen(centre_hz, sweeps.search, sweeps.wide_search, sweeps.fine_search)
        )

    def _seen(self, centre_hz: float, *sweeps: Sweep) -> Procedure:
        """Look by each sweep in turn until the resonance is seen."""
        for wanted in sweeps:
            for middle_hz, sweep in tiles(wanted, centre_hz, self.expected.analyzer):
                found: Transmission | None = yield Look(middle_hz, sweep)
                if found is not None:
                    return found
        half_mhz = 0.5e-6 * max(sweep.span_hz for sweep in sweeps)
        raise NotTunedError(
            f"cavity: no resonance within {half_mhz:g} MHz of {centre_hz * 1e-6:.6f} MHz"
        )

    def _tuned_hz(self, calculated_hz: float, moved_deg: float) -> float:
        """How far a move tunes, by the calculation's slope where it ended."""
        angle_deg = float(self.course.angle_deg(calculated_hz))
        low, high = (
            float(self.course.frequency_hz(angle_deg + side))
            for side in (-_BESIDE_DEG, _BESIDE_DEG)
        )
        return abs(high - low) / (2 * _BESIDE_DEG) * moved_deg
