"""Piezo drives: time, limits, play, scatter, creep, stall, home."""

import math

import numpy as np
import pytest

from haloscope.apparatus.motion import DriveParameters, PiezoDrive
from haloscope.apparatus.timeline import Timeline, to_ns
from instruments.errors import Refused

PARAMETERS = DriveParameters(
    "rod", "deg", 20.0, 60.0, 0.01, 0.1, 1e-4, 1e-3, 0.2, 0.01, 0.02, 60.0
)  # fmt: skip


def drive(**changes: float) -> tuple[PiezoDrive, Timeline]:
    clock = Timeline()
    parameters = DriveParameters(**(vars(PARAMETERS) | changes))
    return PiezoDrive(parameters, clock, 1, 34.0), clock


def ideal() -> tuple[PiezoDrive, Timeline]:
    return drive(scatter=0.0, backlash=0.0, creep_fraction=0.0)


def test_a_move_takes_distance_over_speed_and_settling():
    rod, clock = ideal()
    rod.move_to(34.1)
    assert rod.moving
    clock.now_ns = to_ns(5.0)
    assert rod.position == pytest.approx(34.05)
    clock.now_ns = to_ns(10.19)
    assert rod.position == 34.1
    assert rod.moving
    clock.now_ns = to_ns(10.2)
    assert not rod.moving
    assert rod.load(clock.now_ns) == pytest.approx(34.1)


def test_a_step_of_10_khz_takes_about_a_second():
    rod, _ = drive()
    rod.move_to(34.003)
    assert 0.2 < rod.done_ns / 1e9 < 1.0


def test_a_new_target_supersedes_the_old_from_where_it_is():
    rod, clock = ideal()
    rod.move_to(34.1)
    clock.now_ns = to_ns(5.0)
    rod.move_to(34.0)
    clock.now_ns = to_ns(7.5)
    assert rod.position == pytest.approx(34.025)


def test_stop_holds_the_position():
    rod, clock = ideal()
    rod.move_to(34.1)
    clock.now_ns = to_ns(5.0)
    rod.stop()
    clock.now_ns = to_ns(50.0)
    assert not rod.moving
    assert rod.position == rod.setpoint == pytest.approx(34.05)


def test_play_is_taken_up_before_the_rod_follows_back():
    rod, clock = drive(scatter=0.0, creep_fraction=0.0)
    rod.move_to(34.1)
    clock.now_ns = to_ns(20.0)
    there = rod.load(clock.now_ns)
    rod.move_to(34.0995)
    clock.now_ns = to_ns(40.0)
    assert rod.load(clock.now_ns) == there
    rod.move_to(34.09)
    clock.now_ns = to_ns(60.0)
    assert rod.load(clock.now_ns) == pytest.approx(there - 0.01 + 0.001, abs=1e-9)


def test_finished_moves_scatter_by_about_a_step():
    rod, clock = drive(backlash=0.0, creep_fraction=0.0)
    errors = []
    for k in range(300):
        rod.move_to(34.0 + 0.003 * (k + 1))
        clock.now_ns = rod.done_ns
        errors.append(rod.load(clock.now_ns) - rod.setpoint)
    assert np.std(errors) == pytest.approx(1e-4, rel=0.15)
    assert abs(np.mean(errors)) < 2e-5


def test_creep_arrives_with_its_time_constant():
    rod, clock = drive(scatter=0.0, backlash=0.0)
    rod.move_to(34.003)
    clock.now_ns = rod.done_ns
    owed = rod.load(clock.now_ns) - 34.003
    assert owed == pytest.approx(-3e-5, rel=0.03)
    clock.now_ns += to_ns(60.0)
    assert rod.load(clock.now_ns) - 34.003 == pytest.approx(owed / math.e, rel=1e-6)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 19.9, 60.1])
def test_targets_out_of_range_are_refused_and_move_nothing(wrong):
    rod, _ = drive()
    with pytest.raises(Refused, match="rod position"):
        rod.move_to(wrong)
    assert not rod.moving
    assert rod.position == rod.setpoint == 34.0


def test_soft_limits_act_and_stay_inside_the_hard_ones():
    rod, _ = drive()
    rod.high_limit = 40.0
    with pytest.raises(Refused, match="40"):
        rod.move_to(41.0)
    for name, value in (("high_limit", 61.0), ("high_limit", 10.0), ("low_limit", 19.0)):
        with pytest.raises(Refused, match="limit"):
            setattr(rod, name, value)
    assert (rod.low_limit, rod.high_limit) == (20.0, 40.0)


@pytest.mark.parametrize("wrong", [0.0, -1.0, 0.2, math.nan])
def test_speeds_out_of_range_are_refused(wrong):
    rod, _ = drive()
    with pytest.raises(Refused, match="velocity"):
        rod.velocity = wrong
    assert rod.velocity == 0.01


def test_home_goes_to_the_low_switch_and_references_the_encoder():
    rod, clock = drive(backlash=0.0, creep_fraction=0.0)
    rod.velocity = 0.1
    rod.home()
    clock.now_ns = rod.done_ns
    assert rod.at_low_switch
    assert not rod.at_high_switch
    assert rod.position == 20.0
    assert rod.load(clock.now_ns) == pytest.approx(20.0)


def test_a_stalled_move_ends_half_way_and_says_so():
    rod, clock = ideal()
    rod.inject_stall()
    rod.move_to(34.1)
    clock.now_ns = rod.done_ns
    assert rod.stalled
    assert rod.position == pytest.approx(34.05)
    rod.move_to(34.1)
    clock.now_ns = rod.done_ns
    assert not rod.stalled
    assert rod.position == 34.1


def test_the_state_is_restored_to_the_bit():
    rod, clock = drive()
    rod.move_to(34.1)
    clock.now_ns = to_ns(3.3)
    other, _ = drive()
    other._timeline.now_ns = clock.now_ns
    other.restore(rod.state())
    assert other.load(to_ns(9.0)) == rod.load(to_ns(9.0))
    assert (other.position, other.setpoint, other.moving) == (rod.position, 34.1, True)
