"""Who may end a move and how it is told: other clients, this session by hand, the plan itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, MsgGenerator, RunEngineInterrupted
from ophyd.status import MoveStatus

from devices.waiting.status import NotReachedError
from tests.plans.safety.interrupting import Catch, Interruption, duration_s
from tests.plans.safety.test_interruptions import (
    HALOSCOPE,
    THINGS,
    after_s,
    machines,
    moved,
    took_s,
)

__all__ = ["machines", "moved", "took_s"]

CLEANED_UP_BY = {
    "another field": lambda r: bps.mv(r.pump_a.field, 0.05),
    "the other positioner of the coil": lambda r: bps.mv(r.pump_a.current, 0.0),
    "the supply's own ramp to zero": lambda r: bps.abs_set(r.pump_a.control, "Zero", wait=True),
    "a stop": lambda r: bps.stop(r.pump_a.field),
    "the cycle's stop": lambda r: bps.abs_set(r.cycle.run, "Stop", wait=True),
}


@pytest.mark.parametrize("moment", ["begun", "midway", "last step"])
def test_a_move_that_another_client_redirects_fails_and_is_left_to_it(
    RE: RunEngine, moved: Any, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing, instrument, takes_s = moved
    catch = Catch(instrument.bench, f"{instrument.prefix}{thing.channel}", monkeypatch)
    found = Interruption(RE, thing, instrument, catch)
    plan = bps.mv(thing.of(instrument), thing.places[1])

    def redirect() -> None:
        thing.put_by_another(instrument, thing.places[2])

    with pytest.raises(FailedStatus) as failure:
        found.run(plan, redirect, after_s(moment, takes_s))
    asked = f"asked for {thing.places[1]:g} "
    assert asked in str(failure.value.__cause__)
    assert f"its setpoint is {thing.places[2]:g} " in str(failure.value.__cause__)
    instrument.bench.let_pass(3.0 * takes_s)
    found.assert_at(thing.places[2])


@pytest.mark.parametrize("name", ["rod", "antenna"])
def test_a_motor_that_another_client_stops_has_not_arrived(
    RE: RunEngine, haloscope: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing = HALOSCOPE[name]
    thing.of(haloscope).set(thing.places[0]).wait(60.0)
    half_s = 0.5 * duration_s(thing, haloscope)
    catch = Catch(haloscope.bench, f"HALO:{thing.channel}", monkeypatch)
    found = Interruption(RE, thing, haloscope, catch)
    with pytest.raises(FailedStatus) as failure:
        found.run(
            bps.mv(thing.of(haloscope), thing.places[1]),
            lambda: haloscope.bench.put_as_client(f"{name.title()}.STOP", 1),
            half_s,
        )
    place = thing.place(haloscope)
    assert thing.places[0] < place < thing.places[1] - 0.1
    message = str(failure.value.__cause__)
    assert message.startswith(f"haloscope_{name}: asked for {thing.places[1]:g} ")
    assert f"is at {place:.9g} " in message
    assert "stopped or sent there by another client" in message


def test_a_ramp_that_another_client_pauses_waits_until_it_goes_on(haloscope: Any) -> None:
    bench, field = haloscope.bench, haloscope.magnet.field
    bench.paused = True
    status = field.set(11.9)
    bench.put_as_client("Magnet:Command", "Pause")
    bench.let_pass(100.0)
    assert not status.done
    bench.put_as_client("Magnet:Command", "Ramp")
    bench.paused = False
    status.wait(60.0)
    assert field.position == pytest.approx(11.9, abs=0.005)


@pytest.mark.parametrize("way", CLEANED_UP_BY)
def test_a_plan_that_is_aborted_cleans_up_as_it_likes(
    RE: RunEngine, refrigerator: Any, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The move that is under way is ended by the clean-up itself, which must not fail of it."""
    after: list[str] = []

    def clean_up() -> MsgGenerator[None]:
        yield from CLEANED_UP_BY[way](refrigerator)
        yield from bps.mv(refrigerator.chx.heater_power, 10.0)
        after.append(way)

    thing = THINGS["field"]
    catch = Catch(refrigerator.bench, "AMRR:PumpA:Field", monkeypatch)
    found = Interruption(RE, thing, refrigerator, catch)
    with pytest.raises(RunEngineInterrupted):
        found.run(bpp.finalize_wrapper(bps.mv(found.mover, 0.7), clean_up), RE.abort, 2.0)
    assert after == [way]


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (lambda field: field.set(0.05), r"a later set of this session, .*, sends it to 0\.05 T"),
        (lambda field: field.stop(), "stopped"),
        (lambda field: field.parent.control.put("Zero"), "a command of this session ended it"),
    ],
)
def test_a_plans_move_that_is_ended_by_hand_fails_and_says_so(
    RE: RunEngine,
    refrigerator: Any,
    by: Callable[[Any], None],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catch = Catch(refrigerator.bench, "AMRR:PumpA:Field", monkeypatch)
    found = Interruption(RE, THINGS["field"], refrigerator, catch)
    with pytest.raises(FailedStatus) as failure:
        found.run(bps.mv(found.mover, 0.7), lambda: by(found.mover), 2.0)
    cause = failure.value.__cause__
    assert isinstance(cause, NotReachedError)
    assert str(cause).startswith("refrigerator_pump_a_field: asked for 0.7 T, is at ")
    assert re.search(message, str(cause))


def test_a_move_begun_while_the_last_one_ends_is_told_of_its_own_end(haloscope: Any) -> None:
    """A RunEngine that is told moves on at once, on its own thread."""
    rod = haloscope.rod
    moves: list[MoveStatus] = []
    begun = threading.Event()

    def again(_: Any) -> None:
        moves.append(rod.set(35.2))
        begun.set()

    haloscope.bench.paused = True
    first = rod.set(35.1)
    first.add_callback(lambda status: threading.Thread(target=again, args=(status,)).start())
    haloscope.bench.paused = False
    first.wait(20.0)
    assert begun.wait(10.0)
    moves[0].wait(20.0)
    assert rod.position == pytest.approx(35.2, abs=1e-4)


def test_a_move_that_takes_too_long_is_stopped_and_says_so(haloscope: Any) -> None:
    haloscope.bench.paused = True
    status = haloscope.magnet.field.set(11.0, timeout=0.05)
    message = r"magnet_field: asked for 11 T, is at 12 T .*has not ended within"
    with pytest.raises(TimeoutError, match=message):
        status.wait(10.0)
    assert haloscope.magnet.state.get() == "Paused"


def test_a_motor_that_waits_for_its_mode_says_so_when_it_is_too_late(haloscope: Any) -> None:
    haloscope.rod.mode.set("Pause").wait(10.0)
    status = haloscope.rod.set(35.0, timeout=0.5)
    with pytest.raises(TimeoutError, match=r"rod: asked for 35 deg.*its mode \(SPMG\) is Pause"):
        status.wait(10.0)


def test_a_motor_that_does_not_follow_says_so(haloscope: Any) -> None:
    haloscope.bench.machine.rod.inject_stall()
    status = haloscope.rod.set(35.0)
    with pytest.raises(NotReachedError, match=r"rod: asked for 35 deg.*the motor does not follow"):
        status.wait(60.0)


def test_a_motor_that_ends_at_its_switch_says_so(haloscope: Any) -> None:
    haloscope.bench.paused = True
    haloscope.rod.velocity.set(0.1).wait(10.0)
    status = haloscope.rod.set(35.0)
    haloscope.bench.put_as_client("Rod.HOMR", 1)
    haloscope.bench.paused = False
    with pytest.raises(NotReachedError, match=r"is at 20 deg .*at its low limit switch"):
        status.wait(60.0)


def test_a_stop_leaves_alone_what_others_ramp(haloscope: Any, refrigerator: Any) -> None:
    haloscope.bench.paused = True
    haloscope.bench.put_as_client("Magnet:Field", 11.9)
    haloscope.magnet.field.stop()
    assert haloscope.magnet.state.get() == "Ramping"
    refrigerator.cycle.run.set("Run").wait(10.0)
    refrigerator.bench.let_pass(100.0)
    refrigerator.pump_a.field.stop()
    assert refrigerator.pump_a.state.get() != "Paused"
    assert refrigerator.cycle.state.get() == "Running"


def test_a_motor_is_where_it_was_judged_to_be_though_its_monitor_is_late(haloscope: Any) -> None:
    rod = haloscope.rod
    rod.user_readback.unsubscribe_all()
    rod.set(34.5).wait(60.0)
    assert rod.position == pytest.approx(34.5, abs=1e-4)


def test_who_follows_a_move_is_told_when_it_has_arrived_and_only_then(haloscope: Any) -> None:
    field, told = haloscope.magnet.field, []
    field.subscribe(lambda **_: told.append("begun"), event_type=field.SUB_START, run=False)
    field.subscribe(lambda **_: told.append("there"), event_type=field.SUB_DONE, run=False)
    field.set(11.95).wait(60.0)
    assert told == ["begun", "there"]
    haloscope.bench.paused = True
    status = field.set(11.9)
    field.stop(success=True)
    status.wait(10.0)
    assert told == ["begun", "there", "begun"]


def test_a_motor_goes_home(haloscope: Any) -> None:
    haloscope.rod.velocity.set(0.1).wait(10.0)
    haloscope.rod.home("reverse", wait=False).wait(60.0)
    assert haloscope.rod.at_home.get() == 1


def test_a_motor_that_is_stopped_on_its_way_home_is_not_there(haloscope: Any) -> None:
    haloscope.bench.paused = True
    status = haloscope.rod.home("reverse", wait=False)
    haloscope.bench.let_pass(10.0)
    haloscope.bench.put_as_client("Rod.STOP", 1)
    haloscope.bench.paused = False
    with pytest.raises(NotReachedError, match=r"rod: asked to go home, is at .*: it was stopped"):
        status.wait(60.0)


def test_a_stop_that_is_no_failure_ends_the_move_well_where_it_is(moved: Any) -> None:
    """As a RunEngine stops what it has set, when it pauses, suspends and ends."""
    thing, instrument, takes_s = moved
    instrument.bench.paused = True
    status = thing.of(instrument).set(thing.places[1])
    instrument.bench.let_pass(0.5 * takes_s)
    thing.of(instrument).stop(success=True)
    status.wait(10.0)
    place = thing.place(instrument)
    instrument.bench.let_pass(2.0 * takes_s)
    instrument.bench.paused = False
    assert thing.place(instrument) == pytest.approx(place, abs=thing.near)
    assert abs(place - thing.places[1]) > thing.near


@pytest.mark.parametrize("reading", [300.0, float("nan")])
def test_a_thermometer_that_fails_does_not_heat_what_is_halted(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch, reading: float
) -> None:
    mover = haloscope.noise_source.temperature
    haloscope.bench.paused = True
    mover.set(0.2)
    haloscope.bench.let_pass(100.0)
    monkeypatch.setattr(mover.readback, "get", lambda **_: reading)
    mover.stop(success=True)
    assert mover.setpoint.get() <= 0.2


def test_a_status_shows_its_device_by_name_alone(haloscope: Any) -> None:
    told = repr(haloscope.settings.set({}))
    assert re.fullmatch(r"Action\(haloscope_settings, done=\w+, success=\w+\)", told)


def test_a_move_is_written_down_by_its_positioner_alone(haloscope: Any) -> None:
    assert repr(haloscope.rod) == "Axis('HALO:Rod', name='haloscope_rod')"
    written = haloscope.rod.set(haloscope.rod.position)._trace_attributes
    assert written["positioner"] == repr(haloscope.rod)
