"""The decisions of tuning, one by one: against drives with play, and machines off their tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloscope.measuring import decisions
from haloscope.measuring.tuning import Rod
from haloscope.parameters import HaloscopeParameters
from haloscope.parametric import peak_gain, pump_over_threshold

CAPP = HaloscopeParameters.capp12tb()
TAKE_UP_DEG = CAPP.operation.rod_take_up_deg


class Drive:
    """A drive whose crank follows it only beyond its play."""

    def __init__(self, play: float) -> None:
        self.play, self.sent, self.crank = play, 0.0, 0.0

    def go(self, place: float) -> None:
        self.sent = place
        self.crank = min(max(self.crank, place - self.play), place + self.play)


# The letter's offsets -----------------------------------------------------------------------------


def test_the_offsets_of_the_letter() -> None:
    assert decisions.jpa_resonance_hz(1.1e9, CAPP.operation) == 1.1e9 - 100e3
    assert decisions.probe_hz(1.1e9, CAPP.operation) == 1.1e9 - 99e3
    assert decisions.local_oscillator_hz(1.1e9, CAPP.receiver) == 1.1e9 - 10.7e6


# The rod ------------------------------------------------------------------------------------------


@given(
    goals=st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=6),
    direction=st.sampled_from([-1, 1]),
    play=st.floats(0.0, 0.9 * TAKE_UP_DEG / 2),
)
def test_a_drive_with_play_arrives_from_the_same_side_at_every_goal(
    goals: list[float], direction: int, play: float
) -> None:
    drive, rod = Drive(play), Rod()
    drive.crank = play  # it came from anywhere
    for number, goal in enumerate(goals):
        way = rod.way(goal, drive.sent, TAKE_UP_DEG) if number else decisions.waypoints(
            goal, drive.sent, direction, TAKE_UP_DEG, loose=True
        )  # fmt: skip
        rod.direction = direction
        for place in way:
            drive.go(place)
        assert drive.sent == goal
        if number == 0 or goal != goals[number - 1]:
            assert drive.crank == pytest.approx(goal - direction * play, abs=1e-12)


def test_only_a_move_against_the_direction_makes_a_detour() -> None:
    assert decisions.waypoints(1.0, 0.0, 1, 0.1) == (1.0,)
    assert decisions.waypoints(-1.0, 0.0, 1, 0.1) == (-1.1, -1.0)
    assert decisions.waypoints(-1.0, 0.0, -1, 0.1) == (-1.0,)
    assert decisions.waypoints(1.0, 0.0, -1, 0.1) == (1.1, 1.0)
    assert decisions.waypoints(0.0, 0.0, 1, 0.1) == (0.0,)
    assert decisions.waypoints(0.0, 0.0, 1, 0.1, loose=True) == (-0.1, 0.0)


@pytest.mark.parametrize(("goal", "direction"), [(1.0, 1), (0.0, 1), (-1.0, -1)])
def test_the_first_move_chooses_the_side_and_takes_the_play_up(goal: float, direction: int) -> None:
    rod = Rod()
    way = rod.way(goal, 0.0, TAKE_UP_DEG)
    assert rod.direction == direction
    assert way == (goal - direction * TAKE_UP_DEG, goal)


@given(
    offset_hz=st.floats(-5e6, 5e6),
    target_hz=st.floats(1.09e9, 1.11e9),
    rate=st.floats(0.4, 2.5),
)
def test_two_looks_tell_where_a_stretched_cavity_has_the_target(
    offset_hz: float, target_hz: float, rate: float
) -> None:
    def cavity_hz(calculated_hz: float) -> float:
        return 1.1e9 + offset_hz + rate * (calculated_hz - 1.1e9)

    before, now = (1.098e9, cavity_hz(1.098e9)), (1.1013e9, cavity_hz(1.1013e9))
    found = decisions.stretch(before, now, 1e3)
    assert found == pytest.approx(rate, rel=1e-6)
    expected = decisions.next_offset_hz(*now, target_hz, found)
    assert cavity_hz(target_hz - expected) == pytest.approx(target_hz, abs=1.0)


@given(calculated_hz=st.floats(1.09e9, 1.11e9), found_hz=st.floats(1.09e9, 1.11e9))
def test_one_look_tells_the_offset(calculated_hz: float, found_hz: float) -> None:
    expected = decisions.next_offset_hz(calculated_hz, found_hz, 1.1e9)
    assert expected == pytest.approx(found_hz - calculated_hz, abs=1e-5)


@pytest.mark.parametrize(
    "now", [(1.1e9 + 99e3, 1.1e9 + 30e3), (1.101e9, 1.0999e9), (1.11e9, 1.2e9)]
)
def test_looks_that_are_near_each_other_or_tell_nonsense_tell_nothing(
    now: tuple[float, float],
) -> None:
    assert decisions.stretch((1.1e9, 1.1e9), now, 1e3) == 1.0
    assert decisions.stretch((1.1e9, 1.1e9), now, 1e3, 0.8) == 0.8


def test_tuned_is_within_the_tolerance_on_both_sides() -> None:
    assert decisions.tuned(1.1e9 + 1e3, 1.1e9, 1e3)
    assert decisions.tuned(1.1e9 - 1e3, 1.1e9, 1e3)
    assert not decisions.tuned(1.1e9 + 1001, 1.1e9, 1e3)
    assert not decisions.tuned(math.nan, 1.1e9, 1e3)


# The antenna --------------------------------------------------------------------------------------


@given(beta=st.floats(0.05, 20.0), wanted=st.floats(0.05, 20.0))
def test_on_an_antenna_as_assumed_one_move_is_enough(beta: float, wanted: float) -> None:
    depth = decisions.next_depth_mm(5.0, beta, wanted, 1.2)
    there = beta * math.exp((depth - 5.0) / 1.2)
    assert there == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("scale_mm", [0.6, 0.8, 1.0, 1.5, 2.0])
def test_on_an_antenna_of_another_depth_moves_add_up(scale_mm: float) -> None:
    depth, beta, moves = 5.0, 0.5, 0
    while not decisions.coupled(beta, 1.8, 2.2):
        deeper = decisions.next_depth_mm(depth, beta, 2.0, 1.0)
        beta *= math.exp((deeper - depth) / scale_mm)
        depth, moves = deeper, moves + 1
        assert moves <= 8
    assert not decisions.coupled(math.nan, 1.8, 2.2)


# The pump -----------------------------------------------------------------------------------------


@given(gain_db=st.floats(1.0, 30.0), wanted_db=st.floats(3.0, 30.0))
def test_one_stride_reaches_any_gain_on_the_amplifier_of_the_law(
    gain_db: float, wanted_db: float
) -> None:
    before = pump_over_threshold(10 ** (gain_db / 10))
    after = before * 10 ** (decisions.pump_step_db(gain_db, wanted_db) / 10)
    assert 10 * math.log10(peak_gain(after)) == pytest.approx(wanted_db, abs=1e-6)
    assert after < 1  # never beyond the threshold of oscillation


def test_the_pump_step_follows_the_degenerate_amplifier() -> None:
    # G0 = ((1 + r) / (1 - r))^2: 12.9 dB at r = 0.6306, 20 dB at r = 9 / 11
    step_db = decisions.pump_step_db(12.9, 20.0)
    assert step_db == pytest.approx(10 * math.log10(0.8182 / 0.6306), abs=0.01)
    assert decisions.pump_step_db(20.0, 20.0) == 0.0


@pytest.mark.parametrize("gain_db", [-1.0, 0.0, math.nan])
def test_no_gain_is_said_in_words(gain_db: float) -> None:
    with pytest.raises(ValueError, match="above 0 dB"):
        decisions.pump_step_db(gain_db, 20.0)


def test_a_gain_in_the_middle_of_its_tolerance_is_left_alone() -> None:
    assert decisions.next_pump_dbm(-31.0, 20.09, 20.0, 0.4) == -31.0
    trimmed = decisions.next_pump_dbm(-31.0, 20.3, 20.0, 0.4)
    assert trimmed < -31.0  # good enough, and trimmed all the same
    assert decisions.amplified(20.3, 20.0, 0.4)
    assert not decisions.amplified(20.5, 20.0, 0.4)
    assert decisions.next_pump_dbm(-31.0, 19.0, 20.0) > -31.0
