"""Piezo drives: time, limits, play, scatter, creep, stall, home."""

import json
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


@pytest.mark.parametrize("wrong", [0.0, -1.0, 0.2, math.nan])
def test_speeds_out_of_range_are_refused(wrong):
    rod, _ = drive()
    with pytest.raises(Refused, match="velocity"):
        rod.velocity = wrong
    assert rod.velocity == 0.01


def test_home_goes_to_the_low_switch_and_references_the_encoder_there():
    rod, clock = drive(backlash=0.0, creep_fraction=0.0)
    rod.velocity = 0.1
    assert rod.homed
    rod.home()
    assert not rod.homed
    clock.now_ns = rod.done_ns - 1
    assert not rod.homed
    clock.now_ns = rod.done_ns
    assert rod.homed
    assert rod.at_low_switch
    assert not rod.at_high_switch
    assert rod.position == rod.setpoint == 20.0
    assert rod.load(clock.now_ns) == pytest.approx(20.0)
    rod.move_to(21.0)
    assert rod.homed


def test_a_search_of_the_reference_that_is_stopped_leaves_it_lost():
    rod, clock = ideal()
    rod.home()
    clock.now_ns = to_ns(100.0)
    rod.stop()
    clock.now_ns = to_ns(1e5)
    assert not rod.homed
    assert rod.position == rod.setpoint == pytest.approx(33.0)


def test_a_search_of_the_reference_that_stalls_leaves_it_lost():
    rod, clock = ideal()
    rod.inject_stall()
    rod.home()
    clock.now_ns = rod.done_ns
    assert rod.stalled
    assert not rod.homed
    assert rod.position == 27.0


def test_a_loaded_position_moves_nothing_and_lasts_until_the_next_search():
    rod, clock = ideal()
    rod.load_position(50.0)
    assert (rod.position, rod.setpoint, rod.travel) == (50.0, 50.0, (36.0, 76.0))
    assert not rod.moving
    assert not rod.stalled
    assert rod.load(clock.now_ns) == 34.0
    rod.move_to(50.1)
    clock.now_ns = rod.done_ns
    assert rod.position == rod.setpoint == pytest.approx(50.1)
    assert rod.load(clock.now_ns) == pytest.approx(34.1)
    with pytest.raises(Refused, match="36 to 76 deg"):
        rod.move_to(35.0)
    rod.home()
    clock.now_ns = rod.done_ns - 1
    assert rod.position == pytest.approx(36.0, abs=1e-6)
    clock.now_ns = rod.done_ns
    assert (rod.position, rod.setpoint, rod.travel) == (20.0, 20.0, (20.0, 60.0))
    rod.move_to(21.0)
    clock.now_ns = rod.done_ns
    assert rod.load(clock.now_ns) == pytest.approx(21.0)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 1e300])
def test_a_position_that_is_no_number_is_not_loaded(wrong):
    rod, _ = drive()
    with pytest.raises(Refused, match="rod position"):
        rod.load_position(wrong)
    assert rod.position == 34.0


def test_no_position_is_loaded_while_it_moves():
    rod, _ = drive()
    rod.move_to(35.0)
    with pytest.raises(Refused, match="rod: it moves"):
        rod.load_position(1.0)


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


def restored(state) -> tuple[PiezoDrive, Timeline]:
    other, clock = drive()
    clock.now_ns = to_ns(3.3)
    other.restore(json.loads(json.dumps(state)))
    return other, clock


def test_the_state_is_restored_to_the_bit():
    rod, clock = drive()
    rod.load_position(44.0)
    rod.move_to(44.1)
    clock.now_ns = to_ns(3.3)
    other, _ = restored(rod.state())
    assert other.load(to_ns(9.0)) == rod.load(to_ns(9.0))
    assert (other.position, other.setpoint, other.moving) == (rod.position, 44.1, True)
    assert other.state() == rod.state()


def test_a_search_of_the_reference_goes_on_after_a_restore():
    rod, _ = drive()
    rod.home()
    other, clock = restored(rod.state())
    assert not other.homed
    clock.now_ns = other.done_ns
    assert other.homed


def test_a_snapshot_of_an_older_version_is_read():
    rod, clock = drive()
    rod.move_to(34.1)
    old = rod.state()
    old["move"] = list(old["move"].values())
    del old["shift"], old["found_ns"]
    old["limits"] = [20.0, 60.0]
    other, clock = restored(old)
    rod._timeline.now_ns = clock.now_ns
    assert (other.position, other.homed) == (rod.position, True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", None), ("count", "7"), ("setpoint", math.nan), ("velocity", 1e300),
        ("velocity", 0.0), ("done_ns", math.inf), ("move", []), ("move", {}), ("move", None),
        ("move.end", 61.0), ("move.end", math.nan), ("move.speed", 0.0), ("move.speed", True),
        ("shift", "far"), ("found_ns", []),
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused_and_changes_nothing(key, value):
    rod, _ = drive()
    rod.move_to(34.1)
    before, damaged = rod.state(), rod.state()
    inside, _, name = key.rpartition(".")
    (damaged[inside] if inside else damaged)[name] = value
    with pytest.raises(Refused, match="rod"):
        rod.restore(damaged)
    assert rod.state() == before


def test_a_stop_does_not_let_the_load_jump():
    rod, clock = drive(backlash=0.0, creep_fraction=0.0)
    rod.move_to(34.003)
    clock.now_ns = rod.done_ns
    rod.move_to(34.1)
    clock.now_ns += to_ns(5.0)
    before = rod.load(clock.now_ns)
    rod.stop()
    assert rod.load(clock.now_ns) == pytest.approx(before, abs=1e-12)
    assert rod.load(rod.done_ns) == pytest.approx(before, abs=1e-12)
    assert abs(before - rod.position) > 1e-6  # it was not where the encoder says


def test_creep_follows_the_last_steps_of_a_long_walk():
    rod, clock = drive(scatter=0.0, backlash=0.0)
    rod.move_to(36.0)
    clock.now_ns = rod.done_ns
    owed = rod.load(clock.now_ns) - 36.0
    settled = math.exp(-0.2 / 60.0)  # it has crept while it settled
    assert owed == pytest.approx(-PARAMETERS.creep_fraction * PARAMETERS.creep_range * settled)
