"""Tuning the cavity, as a procedure that asks for actions and receives what was measured.

``tune`` is a generator. It yields actions, a move of the rod or a look at the resonance, and is
sent what came of each; how they are done is the driver's matter: a plan's
(``plans.haloscope.tuning``) or a thread's (``devices.parts.cavity``). The rod's angle is never
trusted: a tuning ends with a measured resonance.

    procedure = tune(1.1e9, course, Rod())
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
from haloscope.measuring.sweeps import SEARCH, TRANSMISSION, WATCH, WIDE_SEARCH, Sweep
from haloscope.measuring.transmission import Transmission
from haloscope.measuring.trust import bad_fit, further_sweeps

__all__ = ["ATTEMPTS", "Action", "Look", "MoveRod", "NotTunedError", "Rod", "locate", "tune"]

#: Moves before a tuning gives up.
ATTEMPTS: Final = 8
#: A move beyond this is a far one, deg; of shorter moves one percent of creep is below 1 kHz.
FAR_DEG: Final = 0.03
#: After a far move: looks of a minute each until two agree within this, Hz; at most so many.
STILL_HZ: Final = 300.0
STILL_ATTEMPTS: Final = 12


class NotTunedError(RuntimeError):
    """Tuning did not arrive; the message has what was wanted, what was reached, in units."""


@dataclass
class Rod:
    """What tuning learns of the rod, and from which side it arrives.

    Attributes:
        offset_hz: Measured minus calculated frequency, last time; NaN before the first.
        direction: +1 to arrive upwards in angle, -1 downwards; 0 to take what the first move needs.
    """

    offset_hz: float = math.nan
    direction: int = 0

    def way(self, angle_deg: float, last_deg: float) -> tuple[float, ...]:
        """Angles to go to, one after the other, to arrive at the last of them; takes a direction.

        Args:
            angle_deg: Where to.
            last_deg: Where the rod was sent last.
        """
        loose = self.direction == 0
        if loose:
            self.direction = decisions.arrival(angle_deg, last_deg)
        return decisions.waypoints(
            angle_deg, last_deg, self.direction, decisions.TAKE_UP_DEG, loose=loose
        )


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
    rod: Rod,
    *,
    tolerance_hz: float = 1e3,
    attempts: int = ATTEMPTS,
) -> Procedure:
    """Bring the resonance to a target by moving the rod and looking.

    Args:
        target_hz: Resonance wanted.
        course: The calculated course of the resonance over the rod's angle.
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
    last, stretch = None, 1.0
    if math.isnan(rod.offset_hz):
        last = target_hz, (yield from locate(target_hz, course, rod)).frequency_hz
    reached = "nothing"
    for _ in range(attempts):
        calculated_hz = target_hz - rod.offset_hz
        moved_deg: float = yield MoveRod(float(course.angle_deg(calculated_hz)))
        found: Transmission | None = yield Look(target_hz, TRANSMISSION)
        if found is not None and decisions.tuned(found.frequency_hz, target_hz, tolerance_hz):
            found = yield from _believed(found, target_hz)
        near = found is not None
        if found is None:  # it is not where it was expected
            found = yield from _seen(target_hz, SEARCH, WIDE_SEARCH)
        found = yield from _still(found, moved_deg)
        reached = f"{found.frequency_hz * 1e-6:.6f} MHz"
        here = calculated_hz, found.frequency_hz
        stretch = decisions.stretch(last, here, stretch) if last else stretch
        rod.offset_hz = decisions.next_offset_hz(*here, target_hz, stretch)
        last = here
        if near and decisions.tuned(found.frequency_hz, target_hz, tolerance_hz):
            return found
    raise NotTunedError(
        f"cavity: wanted {target_hz * 1e-6:.6f} MHz within {tolerance_hz * 1e-3:g} kHz, reached "
        f"{reached} after {attempts} moves"
    )


def _believed(found: Transmission, centre_hz: float) -> Procedure:
    """Look on until a fit describes what is seen.

    Raises:
        BadFitError: None does.
    """
    further = further_sweeps(TRANSMISSION)
    why: Goodness | str = found.goodness
    for sweep in further:
        if found.goodness.good:
            return found
        again: Transmission | None = yield Look(centre_hz, sweep)
        found, why = (again, again.goodness) if again else (found, "no resonance")
    if found.goodness.good:
        return found
    raise bad_fit("transmission", centre_hz, further[-1], why)


def locate(near_hz: float, course: Course, rod: Rod) -> Procedure:
    """Go where the calculation says, find the resonance there and learn how far off it is.

    Raises:
        ValueError: The course does not reach there.
        NotTunedError: No resonance is to be seen.
    """
    moved_deg: float = yield MoveRod(float(course.angle_deg(near_hz)))
    found = yield from _seen(near_hz, SEARCH, WIDE_SEARCH)
    found = yield from _still(found, moved_deg)
    rod.offset_hz = found.frequency_hz - near_hz
    return found


def _still(found: Transmission, moved_deg: float) -> Procedure:
    """After a far move, watch the resonance until it stands still.

    The piezo creeps for minutes: the looks are as long as the creep's own time scale.
    """
    for _ in range(STILL_ATTEMPTS if moved_deg > FAR_DEG else 0):
        last_hz = found.frequency_hz
        found = yield from _seen(last_hz, WATCH, SEARCH)
        if abs(found.frequency_hz - last_hz) <= STILL_HZ:
            break
    return found


def _seen(centre_hz: float, *sweeps: Sweep) -> Procedure:
    """Look by each sweep in turn until the resonance is seen."""
    for sweep in sweeps:
        found: Transmission | None = yield Look(centre_hz, sweep)
        if found is not None:
            return found
    half_mhz = 0.5e-6 * max(sweep.span_hz for sweep in sweeps)
    raise NotTunedError(
        f"cavity: no resonance within {half_mhz:g} MHz of {centre_hz * 1e-6:.6f} MHz"
    )
