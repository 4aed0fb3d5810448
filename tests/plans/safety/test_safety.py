"""Pausing, resuming, aborting, suspending; what stays safe, and that no step is lost or doubled."""

from __future__ import annotations

import threading
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine, SupplementalData
from bluesky.utils import MsgGenerator, RunEngineInterrupted
from ophyd import Signal
from ophyd.status import Status

from plans.haloscope.calibration import noise_in_situ
from plans.haloscope.scan import scan
from plans.haloscope.steps import completed, planned
from plans.haloscope.tuning import tune_to
from plans.shared.baseline import baseline
from plans.shared.safety import (
    NotSafeError,
    SuspendDisconnected,
    left_as_found,
    make_safe,
    run_haloscope_safely,
    suspenders,
)
from plans.shared.suspending import SuspendSilent
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import PLANS, Y_FACTOR

TARGETS = planned(start_mhz=1100.0, stop_mhz=1100.05)


def _after(RE: RunEngine, events: int, action: Any) -> None:
    """Call `action` on a thread of its own once so many events have come."""
    count = 0

    def watch(name: str, _: dict[str, Any]) -> None:
        nonlocal count
        count += name == "event"
        if name == "event" and count == events:
            threading.Thread(target=action).start()

    RE.subscribe(watch)


@pytest.mark.parametrize("defer", [False, True])
def test_a_paused_scan_resumes_without_losing_or_doubling_a_step(
    RE: RunEngine, haloscope: Any, documents: Documents, defer: bool
) -> None:
    _after(RE, 2, lambda: RE.request_pause(defer=defer))
    with pytest.raises(RunEngineInterrupted):
        RE(scan(haloscope, TARGETS, averages=100))
    assert RE.state == "paused"
    RE.resume()
    assert completed(documents) == TARGETS
    assert documents.of("stop")[0]["exit_status"] == "success"


def test_an_aborted_scan_leaves_the_haloscope_safe(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    _after(RE, 2, RE.request_pause)
    with pytest.raises(RunEngineInterrupted):
        RE(scan(haloscope, TARGETS, averages=100))
    RE.abort("test")
    assert documents.of("stop")[0]["exit_status"] == "abort"
    assert haloscope.jpa.pump.get() == "Off"
    assert not haloscope.bench.machine.digitizer.busy
    done = completed(documents)
    assert done == TARGETS[: len(done)]


def test_stopping_a_device_makes_it_safe(haloscope: Any) -> None:
    machine = haloscope.bench.machine
    haloscope.jpa.pump.set("On").wait(10.0)
    haloscope.bench.paused = True  # so that what is started below is still under way
    haloscope.daq.trigger()
    haloscope.magnet.field.set(11.0)
    assert machine.digitizer.busy
    haloscope.stop()
    assert not machine.digitizer.busy
    assert not machine.jpa.pump_on
    assert machine.magnet.state.name == "PAUSED"


def test_stopping_a_device_stops_its_motors_and_its_analyzer(haloscope: Any) -> None:
    machine = haloscope.bench.machine
    haloscope.bench.paused = True
    haloscope.rod.set(36.0)
    haloscope.vna.trigger()
    assert machine.rod.moving
    assert machine.vna.busy
    haloscope.stop()
    assert machine.rod.setpoint != 36.0
    assert not machine.vna.busy


def test_a_lost_ioc_suspends_a_plan_until_it_is_back(RE: RunEngine, documents: Documents) -> None:
    heartbeat = Signal(name="heartbeat", value=0)
    RE.install_suspender(SuspendDisconnected(heartbeat))
    RE.record_interruptions = True

    def connection(connected: bool) -> None:
        heartbeat._run_subs(sub_type=heartbeat.SUB_META, connected=connected)

    interrupted = threading.Event()

    def back(name: str, document: dict[str, Any]) -> None:
        if name == "event" and "interruption" in document["data"] and not interrupted.is_set():
            interrupted.set()
            threading.Thread(target=connection, args=(True,)).start()

    RE.subscribe(back)

    def plan() -> MsgGenerator[None]:
        yield from bps.open_run()
        for number in range(5):
            yield from bps.checkpoint()
            if number == 2:
                threading.Thread(target=connection, args=(False,)).start()
                yield from bps.wait_for([_until(RE, interrupted)])
            yield from bps.create(name="primary")
            yield from bps.read(heartbeat)
            yield from bps.save()
        yield from bps.close_run()

    RE(plan())
    assert interrupted.is_set()
    assert len(documents.events()) == 5


def _until(RE: RunEngine, event: threading.Event) -> Any:
    """A coroutine function that waits for a thread's event."""

    async def wait() -> None:
        await RE.loop.run_in_executor(None, event.wait, 10.0)

    return wait


def test_every_instrument_has_its_suspenders(haloscope: Any, refrigerator: Any) -> None:
    """In process none for an IOC that hangs: time passes for those who wait alone."""
    assert len(suspenders(haloscope)) == 5
    assert len(suspenders(refrigerator)) == 6
    for instrument in (haloscope, refrigerator):
        assert not any(isinstance(one, SuspendSilent) for one in suspenders(instrument))


def test_a_quench_trips_its_suspender(RE: RunEngine, haloscope: Any) -> None:
    for suspender in suspenders(haloscope):
        RE.install_suspender(suspender)
    assert not any(suspender.tripped for suspender in RE.suspenders)
    haloscope.bench.machine.quench()
    haloscope.bench.let_pass(5.0)
    assert haloscope.magnet.quench.get() == 1
    assert any(suspender.tripped for suspender in RE.suspenders)
    RE.clear_suspenders()


def _panel(haloscope: Any) -> dict[str, Any]:
    """All that can be set at analyzer and digitizer."""
    return {
        f"{device.name}_{name}": getattr(device, name).get()
        for device in (haloscope.vna, haloscope.daq)
        for name in device.RESTORED
    }


def _arrange(haloscope: Any) -> dict[str, Any]:
    """An operator's own settings of analyzer and digitizer."""
    haloscope.vna.path.set("Bypass").wait(10.0)
    haloscope.vna.center.set(1101.5).wait(10.0)
    haloscope.vna.num_points.set(333).wait(10.0)
    haloscope.daq.num_averages.set(777).wait(10.0)
    return _panel(haloscope)


RESTORING = {
    **{name: PLANS[name] for name in ("map_modes", "calibrate", "adaptive_scan")},
    "noise_in_situ": lambda h: noise_in_situ(h, 1100.0, Y_FACTOR, averages=200),
}


@pytest.mark.parametrize("name", RESTORING)
def test_a_plan_leaves_analyzer_and_digitizer_as_found(
    RE: RunEngine, haloscope: Any, name: str
) -> None:
    RE(tune_to(haloscope, 1100.0))
    found = _arrange(haloscope)
    counters = haloscope.vna.counter.get(), haloscope.daq.counter.get()
    RE(RESTORING[name](haloscope))
    assert counters != (haloscope.vna.counter.get(), haloscope.daq.counter.get())
    assert _panel(haloscope) == found


def test_a_plan_that_fails_leaves_analyzer_and_digitizer_as_found(
    RE: RunEngine, haloscope: Any
) -> None:
    found = _arrange(haloscope)

    def fail() -> MsgGenerator[None]:
        yield from bps.abs_set(haloscope.vna.center, 1102.0, wait=True)
        yield from bps.trigger(haloscope.daq, wait=False)
        raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        RE(left_as_found(run_haloscope_safely(fail(), haloscope), haloscope))
    assert not haloscope.bench.machine.digitizer.busy
    assert _panel(haloscope) == found


def _deaf(haloscope: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pump's generator does not answer."""

    def fail(*_: Any, **__: Any) -> Status:
        status = Status(timeout=10.0)
        status.set_exception(TimeoutError("no answer"))
        return status

    monkeypatch.setattr(haloscope.jpa.pump, "set", fail)


def test_all_is_made_safe_that_can_be(
    RE: RunEngine, haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deaf(haloscope, monkeypatch)
    haloscope.bench.paused = True
    haloscope.vna.trigger()
    haloscope.rod.set(40.0)
    haloscope.antenna.set(6.0)
    with pytest.raises(NotSafeError, match="haloscope: not pump tone off: no answer"):
        RE(make_safe(haloscope))
    assert not haloscope.bench.machine.vna.busy
    assert haloscope.bench.machine.rod.setpoint != 40.0
    assert haloscope.bench.machine.antenna.setpoint != 6.0


def test_the_plans_own_error_is_told_where_it_could_not_be_made_safe(
    RE: RunEngine, haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deaf(haloscope, monkeypatch)

    def fail() -> MsgGenerator[None]:
        yield from bps.null()
        raise RuntimeError("the plan's own")

    with pytest.raises(RuntimeError, match="the plan's own") as raised:
        RE(run_haloscope_safely(fail(), haloscope))
    assert "not pump tone off" in raised.value.__notes__[0]


def test_what_was_not_put_back_is_put_back_by_the_next_plan(RE: RunEngine, haloscope: Any) -> None:
    found = _arrange(haloscope)
    haloscope.vna.stage()  # and never unstaged: the IOC was gone
    haloscope.vna.center.set(1103.0).wait(10.0)
    RE(PLANS["line_attenuation"](haloscope))
    assert _panel(haloscope) == found


def test_what_was_put_back_once_is_the_operators_again(RE: RunEngine, haloscope: Any) -> None:
    """The next plan begins by putting back what an earlier one could not."""
    RE(PLANS["line_attenuation"](haloscope))
    found = _arrange(haloscope)
    RE(PLANS["line_attenuation"](haloscope))
    assert _panel(haloscope) == found


def test_a_warm_mixing_chamber_holds_a_plan_until_it_is_colder_than_that(haloscope: Any) -> None:
    [warm] = [s for s in suspenders(haloscope) if s._sig is haloscope.fridge.mxc]
    assert [warm._should_suspend(kelvin) for kelvin in (0.09, 0.11)] == [False, True]
    assert [warm._should_resume(kelvin) for kelvin in (0.07, 0.05)] == [False, True]


def test_a_baseline_goes_into_every_run(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    RE.preprocessors.append(SupplementalData(baseline=baseline(haloscope)))
    RE(scan(haloscope, TARGETS[:1], averages=20))
    first, last = documents.events("baseline")
    wanted = {"antenna", "fridge_mxc", "jpa_pump_power"}
    assert {f"haloscope_{name}" for name in wanted} <= set(first)
    assert last["haloscope_rod"] != first["haloscope_rod"]
    assert completed(documents) == TARGETS[:1]


def test_the_refrigerators_baseline_has_its_magnets(refrigerator: Any) -> None:
    names = {name for device in baseline(refrigerator) for name in device.read()}
    wanted = {"pump_a_field", "regen_b_quench", "one_k_stage_temperature", "sim_time"}
    assert {f"refrigerator_{name}" for name in wanted} <= names
