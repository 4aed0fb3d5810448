"""Plans that something holds: why it does, in words, and that they go on afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, MsgGenerator, RunEngineInterrupted

from devices.signals.reading import LONG_TEXT
from devices.waiting.watch import Watch
from plans.haloscope.scan import scan
from plans.refrigerator.running import run_cycles
from plans.shared.safety import make_safe, run_haloscope_safely, suspenders
from tests.plans.conftest import Documents


def _hold(RE: RunEngine, instrument: Any) -> None:
    for suspender in suspenders(instrument):
        RE.install_suspender(suspender)


def _when_held(RE: RunEngine, do: Callable[[], None]) -> threading.Thread:
    """Call `do` once the RunEngine has begun to hold its plan; the hold is told by a request."""
    held = threading.Event()
    request = RE.request_suspend

    def noted(*args: Any, **kwargs: Any) -> None:
        request(*args, **kwargs)
        held.set()

    RE.request_suspend = noted

    def wait() -> None:
        if held.wait(30.0):
            do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def _moving(mover: Any, target: float) -> MsgGenerator[None]:
    yield from bps.open_run()
    yield from bps.checkpoint()
    yield from bps.mv(mover, target)
    yield from bps.close_run()


def _started(mover: Any, do: Callable[[], None]) -> None:
    """Call `do`, on a thread of its own, when a move has begun."""
    begun = threading.Event()
    mover.subscribe(lambda **_: begun.set(), event_type=mover.SUB_START, run=False)

    def wait() -> None:
        assert begun.wait(30.0)
        do()

    threading.Thread(target=wait).start()


def test_an_interlock_holds_a_move_which_goes_on_when_it_is_cleared(
    RE: RunEngine, haloscope: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The interlock ends the move too; that must not end the plan that its suspender holds."""
    machine, mover = haloscope.bench.machine, haloscope.noise_source.temperature
    _hold(RE, haloscope)
    haloscope.bench.paused = True

    def warm() -> None:
        machine.fridge.load(0.0, 0.0, 0.05)
        haloscope.bench.paused = False

    def clear() -> None:
        machine.fridge.load(0.0, 0.0, 0.0)
        haloscope.bench.let_pass(36000.0)
        haloscope.interlock.reset.put(1)

    thread = _when_held(RE, clear)
    _started(mover, warm)
    RE(_moving(mover, 0.2))
    thread.join(30.0)
    assert mover.position == pytest.approx(0.2, abs=0.005)
    said = capsys.readouterr().out
    assert "haloscope's interlock: mixing chamber at " in said
    assert "noise source heater cut" in said
    assert "run clear_interlocks(haloscope) within session.unsuspended()" in said


def test_an_interlock_that_nobody_holds_fails_the_move_with_its_reason(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    mover = haloscope.noise_source.temperature
    haloscope.bench.paused = True

    def warm() -> None:
        haloscope.bench.machine.fridge.load(0.0, 0.0, 0.05)
        haloscope.bench.paused = False

    _started(mover, warm)
    with pytest.raises(FailedStatus, match=r"asked for 0\.2 K, is at .*mixing chamber at \d+ mK"):
        RE(_moving(mover, 0.2))
    assert "mixing chamber" in documents.of("stop")[0]["reason"]


def test_a_quench_tells_what_to_do(
    RE: RunEngine, refrigerator: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    _hold(RE, refrigerator)
    refrigerator.pump_a.current.set(1.0).wait(60.0)
    watches = [
        Watch(signal, lambda active: active == 1, 20.0, aside=True)
        for signal in (refrigerator.interlock.active, refrigerator.pump_a.quench)
    ]
    refrigerator.bench.machine.magnets["PumpA"].quench()
    refrigerator.bench.let_pass(2.0)
    for watch in watches:
        watch.wait()  # the suspenders, which subscribed before, have been told too
    told = [s._get_justification() for s in RE.suspenders if s.tripped]
    assert sorted(told) == [
        "refrigerator's interlock: PumpA quenched; the others ramp to zero. When its cause has "
        "gone, run clear_interlocks(refrigerator) within session.unsuspended() "
        "(docs/how_to/recovery.md)",
        f"refrigerator_pump_a: {refrigerator.pump_a.message.get()}. "
        "Run recover_from_quench(refrigerator) within session.unsuspended() "
        "(docs/how_to/recovery.md)",
    ]
    RE.clear_suspenders()


def test_a_lost_ioc_holds_a_move_which_goes_on_when_it_is_back(
    RE: RunEngine, haloscope: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    mover = haloscope.magnet.field
    _hold(RE, haloscope)
    haloscope.bench.paused = True
    signals = haloscope.ioc.heartbeat, mover.setpoint

    def connection(connected: bool) -> None:
        for signal in signals:
            signal._run_subs(sub_type=signal.SUB_META, connected=connected)

    def back() -> None:
        haloscope.bench.paused = False
        connection(True)

    thread = _when_held(RE, back)
    _started(mover, lambda: connection(False))
    RE(_moving(mover, 11.9))
    thread.join(30.0)
    assert mover.position == pytest.approx(11.9, abs=0.005)
    said = capsys.readouterr().out
    assert "IOC lost: HALO:IOC:HEARTBEAT" in said
    assert LONG_TEXT not in said


@pytest.mark.parametrize("after", [1, 30, 100])
def test_an_aborted_scan_is_made_safe_although_its_acquisition_ends(
    RE: RunEngine, haloscope: Any, after: int
) -> None:
    """Aborted at once, without a pause: what is under way is ended by the clean-up itself."""
    messages = 0

    def count(message: Any) -> None:
        nonlocal messages
        messages += 1
        if messages == after:
            threading.Thread(target=RE.abort).start()

    RE.msg_hook = count
    with pytest.raises(RunEngineInterrupted):
        RE(scan(haloscope, [1100.0, 1100.01, 1100.02], averages=100))
    machine = haloscope.bench.machine
    assert haloscope.jpa.pump.get() == "Off"
    assert not machine.digitizer.busy
    assert not machine.vna.busy


def test_aborting_while_everything_is_under_way_is_made_safe(RE: RunEngine, haloscope: Any) -> None:
    haloscope.settings.set({"vna_num_points": 20001, "vna_bandwidth": 1.0}).wait(20.0)
    haloscope.bench.paused = (
        True  # nothing ends by itself before it is aborted; the sweep not at all
    )
    cleaned: list[str] = []

    def abort() -> None:
        RE.abort()
        haloscope.bench.paused = False

    def plan() -> MsgGenerator[None]:
        yield from bps.trigger(haloscope.vna, group="all")
        yield from bps.abs_set(haloscope.rod, 36.0, group="all")
        yield from bps.abs_set(haloscope.antenna, 4.0, group="all")
        threading.Thread(target=abort).start()
        yield from bps.wait("all")

    def safely() -> MsgGenerator[None]:
        try:
            yield from plan()
        finally:
            yield from make_safe(haloscope)
            yield from bps.mv(haloscope.antenna, 5.2)  # by then the sweep has been told its end
            cleaned.append("safe")

    with pytest.raises(RunEngineInterrupted):
        RE(safely())
    assert cleaned == ["safe"]
    machine = haloscope.bench.machine
    haloscope.bench.let_pass(1.0)  # to settle
    assert not machine.rod.moving
    assert not machine.antenna.moving
    assert not machine.vna.busy


@pytest.mark.parametrize("phases", [False, True])
def test_cycles_that_are_aborted_are_shut_down(
    RE: RunEngine, refrigerator: Any, phases: bool
) -> None:
    """The shutdown ends the cycle that the plan was waiting for."""
    waited_for = refrigerator.cycle, refrigerator.cycle.phase
    triggers = 0

    def abort(message: Any) -> None:
        nonlocal triggers
        triggers += message.command == "trigger" and message.obj in waited_for
        if message.command == "wait" and triggers == 4:
            triggers += 1
            threading.Thread(target=abort_and_release).start()

    def abort_and_release() -> None:
        RE.abort()
        refrigerator.bench.paused = False

    def hold(message: Any) -> None:
        """Let the cycle that is waited for not end before the abort."""
        if message.command == "trigger" and message.obj in waited_for and triggers == 3:
            refrigerator.bench.paused = True
        abort(message)

    RE.msg_hook = hold
    with pytest.raises(RunEngineInterrupted):
        RE(run_cycles(refrigerator, 50, record_phases=phases))
    assert refrigerator.cycle.state.get() == "Stopped"
    assert all(abs(magnet.field.position) < 1e-3 for magnet in refrigerator.magnets.values())


@pytest.mark.parametrize("defer", [False, True])
def test_cycles_that_are_paused_go_on(RE: RunEngine, refrigerator: Any, defer: bool) -> None:
    events = 0

    def pause(name: str, _: Any) -> None:
        nonlocal events
        events += name == "event"
        if name == "event" and events == 2:
            threading.Thread(target=RE.request_pause, args=(defer,)).start()

    RE.subscribe(pause)
    with pytest.raises(RunEngineInterrupted):
        RE(run_cycles(refrigerator, 5, record_phases=False))
    assert RE.resume().plan_result.cycles == 5


def test_a_failed_plan_tells_its_own_error_after_it_was_made_safe(
    RE: RunEngine, haloscope: Any
) -> None:
    haloscope.bench.paused = True

    def plan() -> MsgGenerator[None]:
        yield from bps.trigger(haloscope.daq, group="daq")
        raise RuntimeError("the plan's own")

    with pytest.raises(RuntimeError, match="the plan's own") as raised:
        RE(run_haloscope_safely(plan(), haloscope))
    assert not getattr(raised.value, "__notes__", [])
    assert not haloscope.bench.machine.digitizer.busy


def test_cycles_that_somebody_stops_and_starts_during_a_pause_go_on(
    RE: RunEngine, refrigerator: Any
) -> None:
    """What was waited for before the pause no longer matters after it."""
    triggers = 0

    def pause(message: Any) -> None:
        nonlocal triggers
        triggers += message.command == "trigger" and message.obj is refrigerator.cycle
        if message.command == "wait" and triggers == 2:
            triggers += 1
            refrigerator.bench.paused = True  # this cycle does not end before the pause
            threading.Thread(target=RE.request_pause).start()

    RE.msg_hook = pause
    with pytest.raises(RunEngineInterrupted):
        RE(run_cycles(refrigerator, 4, record_phases=False))
    stopped = Watch(refrigerator.cycle.state, lambda state: state == "Stopped", 60.0)
    refrigerator.bench.put_as_client("Cycle:Run", "Stop")
    refrigerator.bench.paused = False
    stopped.wait()
    refrigerator.bench.put_as_client("Cycle:Run", "Run")
    assert RE.resume().plan_result.cycles == 4
