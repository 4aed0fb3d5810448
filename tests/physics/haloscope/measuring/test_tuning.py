"""The procedure of tuning against cavities of another make: it asks, and is told what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pytest

from haloscope import mode_map
from haloscope.measuring.goodness import Goodness
from haloscope.measuring.sweeps import Sweeps, Widths
from haloscope.measuring.transmission import Transmission
from haloscope.measuring.trust import BadFitError
from haloscope.measuring.tuning import Action, Look, MoveRod, NotTunedError, Procedure, Rod
from haloscope.measuring.tuning import locate as located
from haloscope.measuring.tuning import tune as tuned

COURSE = mode_map.capp12tb()
SWEEPS = Sweeps(Widths(1.1e9, 1.1e9 / 35e3, 190e3, -100e3))
SEARCH, WIDE_SEARCH, FINE_SEARCH = SWEEPS.search, SWEEPS.wide_search, SWEEPS.fine_search
TRANSMISSION, WATCH = SWEEPS.transmission, SWEEPS.watch


def tuning(target_hz: float, rod: Rod, tolerance_hz: float = 1e3, **more: int) -> Procedure:
    return tuned(target_hz, COURSE, SWEEPS, rod, tolerance_hz=tolerance_hz, **more)


def locating(near_hz: float, rod: Rod) -> Procedure:
    return located(near_hz, COURSE, SWEEPS, rod, tolerance_hz=1e3)


TAKE_UP_DEG = 0.005
GOOD = Goodness(1.0, 100, 2.5, 0.0, 0.0, 0.001)
TARGET_HZ = 1.1e9
HOME_DEG = float(COURSE.angle_deg(TARGET_HZ)) + 0.02


@dataclass
class Cavity:
    """A cavity that is off the map, stretched, and creeps; it notes what it was asked for."""

    rod: Rod = field(default_factory=Rod)
    offset_hz: float = 0.0
    stretch: float = 1.0
    play_deg: float = 0.001
    creep_hz: float = 0.0
    dark: bool = False
    blind: int = 0  # looks by `TRANSMISSION` that see nothing
    jitter_hz: float = 0.0
    goodness: Goodness = GOOD
    sent_deg: float = HOME_DEG
    crank_deg: float = HOME_DEG
    asked: list[Action] = field(default_factory=list)

    @property
    def frequency_hz(self) -> float:
        calculated = float(COURSE.frequency_hz(self.crank_deg))
        return TARGET_HZ + self.stretch * (calculated - TARGET_HZ) + self._off_hz

    @property
    def _off_hz(self) -> float:
        return self.offset_hz + self.creep_hz + self.jitter_hz

    def run(self, procedure: Procedure) -> Transmission:
        answer: object = None
        while True:
            try:
                action = procedure.send(answer)
            except StopIteration as end:
                found: Transmission = end.value
                return found
            self.asked.append(action)
            answer = self._move(action) if isinstance(action, MoveRod) else self._look(action)

    def _move(self, move: MoveRod) -> float:
        was = self.sent_deg
        for place in self.rod.way(move.angle_deg, self.sent_deg, TAKE_UP_DEG):
            low, high = place - self.play_deg, place + self.play_deg
            self.sent_deg, self.crank_deg = place, min(max(self.crank_deg, low), high)
        return abs(move.angle_deg - was)

    def _look(self, look: Look) -> Transmission | None:
        self.jitter_hz = -self.jitter_hz
        if look.sweep is WATCH:
            self.creep_hz *= math.exp(-1.0)
        seen = abs(self.frequency_hz - look.centre_hz) < 0.5 * look.sweep.span_hz
        if look.sweep is TRANSMISSION and self.blind:
            self.blind, seen = self.blind - 1, False
        if self.dark or not seen:
            return None
        return Transmission(
            self.frequency_hz, 10.0, 35e3, 30.0, 1.0, 0.01, 0.0, 0.0, 0.001, self.goodness
        )

    @property
    def sweeps(self) -> list[object]:
        return [action.sweep for action in self.asked if isinstance(action, Look)]


def test_a_cavity_on_its_course_is_tuned_in_two_moves() -> None:
    cavity = Cavity()
    found = cavity.run(tuning(TARGET_HZ, cavity.rod))
    assert abs(found.frequency_hz - TARGET_HZ) <= 1e3
    assert cavity.sweeps == [SEARCH, TRANSMISSION]


@pytest.mark.parametrize("offset_hz", [-15e6, -2.2e6, 0.3e6, 4.4e6, 15e6])
@pytest.mark.parametrize("stretch", [0.7, 1.0, 1.3])
def test_a_cavity_off_its_course_is_found_and_tuned(offset_hz: float, stretch: float) -> None:
    cavity = Cavity(offset_hz=offset_hz, stretch=stretch)
    found = cavity.run(tuning(TARGET_HZ + 2e6, cavity.rod, tolerance_hz=500.0))
    assert abs(found.frequency_hz - TARGET_HZ - 2e6) <= 500.0
    assert (WIDE_SEARCH in cavity.sweeps) == (abs(offset_hz + (stretch - 1) * 2e6) > 2.5e6)


def test_what_was_learnt_serves_the_next_target() -> None:
    cavity = Cavity(offset_hz=1.7e6)
    cavity.run(tuning(TARGET_HZ, cavity.rod))
    cavity.asked.clear()
    for number in range(1, 6):
        cavity.run(tuning(TARGET_HZ + 10e3 * number, cavity.rod))
    assert cavity.sweeps == [TRANSMISSION] * 5  # one move and one look for each
    assert cavity.rod.offset_hz == pytest.approx(1.7e6, abs=5e3)


def test_a_resonance_that_is_no_longer_where_it_was_is_looked_for_again() -> None:
    cavity = Cavity()
    cavity.run(tuning(TARGET_HZ, cavity.rod))
    cavity.asked.clear()
    cavity.offset_hz += 3e6
    cavity.run(tuning(TARGET_HZ, cavity.rod))
    assert cavity.sweeps[:3] == [TRANSMISSION, SEARCH, WIDE_SEARCH]


def test_after_a_far_move_the_creep_is_waited_for() -> None:
    cavity = Cavity(sent_deg=35.5, crank_deg=35.5, creep_hz=20e3)
    cavity.run(locating(TARGET_HZ, cavity.rod))
    assert cavity.sweeps[0] is SEARCH
    assert 4 <= cavity.sweeps.count(WATCH) <= 12
    assert cavity.creep_hz < 300.0
    near = Cavity(creep_hz=20e3)
    near.sent_deg = near.crank_deg = float(COURSE.angle_deg(TARGET_HZ)) + 0.01
    near.run(locating(TARGET_HZ, near.rod))
    assert WATCH not in near.sweeps


def test_a_cavity_that_shows_no_resonance_is_given_up_in_words() -> None:
    cavity = Cavity(dark=True)
    with pytest.raises(NotTunedError, match=r"no resonance within 20 MHz of 1100\.000000 MHz"):
        cavity.run(tuning(TARGET_HZ, cavity.rod))


def test_a_target_that_is_not_reached_is_said_in_words() -> None:
    cavity = Cavity(jitter_hz=2e3)
    message = r"wanted 1101\.000000 MHz within 0\.5 kHz, reached 110\d\.\d{6} MHz after 8 moves"
    with pytest.raises(NotTunedError, match=message):
        cavity.run(tuning(1.101e9, cavity.rod, tolerance_hz=500.0))
    with pytest.raises(NotTunedError, match="reached nothing after 0 moves"):
        cavity.run(tuning(1.101e9, cavity.rod, attempts=0))


def test_a_target_off_the_map_is_refused_before_anything_moves() -> None:
    cavity = Cavity()
    with pytest.raises(ValueError, match=r"mode map: frequency = 2000 MHz is outside"):
        cavity.run(tuning(2e9, cavity.rod))
    assert not cavity.asked


BAD = Goodness(46.0, 95, 2.5, 0.97, 0.05, 0.001)


@dataclass
class Disturbed(Cavity):
    """A cavity whose looks are not described by a fit: the first so many within the tolerance."""

    for_looks: float = math.inf

    def _look(self, look: Look) -> Transmission | None:
        found = super()._look(look)
        disturbed = found is not None and look.sweep not in (SEARCH, WIDE_SEARCH)
        if disturbed and self.for_looks > 0:
            self.for_looks -= 1
            return replace(found, goodness=BAD)
        return found


def test_a_fit_that_does_not_describe_what_is_seen_is_repeated_and_widened() -> None:
    wider = replace(TRANSMISSION, span_hz=2 * TRANSMISSION.span_hz, points=201)
    for looks, sweeps in ((1, [TRANSMISSION] * 2), (2, [TRANSMISSION, TRANSMISSION, wider])):
        cavity = Disturbed(for_looks=looks)
        found = cavity.run(tuning(TARGET_HZ, cavity.rod))
        assert found.goodness.good
        assert cavity.sweeps == [SEARCH, *sweeps]


def test_what_no_fit_describes_is_refused_in_words() -> None:
    cavity = Disturbed()
    words = (
        r"transmission at 1100\.000000 MHz: no fit describes it, not over 0\.4 MHz either: "
        r"chi2/dof 46 \(limit 2\.5\)"
    )
    with pytest.raises(BadFitError, match=words):
        cavity.run(tuning(TARGET_HZ, cavity.rod))


def test_a_resonance_that_a_search_alone_has_seen_is_looked_at_again() -> None:
    """A search sees to 10 kHz, in spite of what it tells of its fit."""
    cavity = Cavity()
    cavity.run(tuning(TARGET_HZ, cavity.rod))
    cavity.asked.clear()
    cavity.blind = 1
    cavity.run(tuning(TARGET_HZ, cavity.rod))
    assert cavity.sweeps == [TRANSMISSION, SEARCH, TRANSMISSION]
