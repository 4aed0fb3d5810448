"""The cavity as a positioner: whatever interrupts its tuning, rod and analyzer are given up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from bluesky import RunEngine
from bluesky.suspenders import SuspendBoolHigh
from bluesky.utils import FailedStatus, MsgGenerator, RunEngineInterrupted
from ophyd import Signal
from ophyd.utils.errors import LimitError

from devices.simulated.haloscope import Haloscope
from devices.waiting.status import NotReachedError
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.tuning import Rod, tune_to
from tests.plans.safety.interrupting import PATIENCE_S, Catch

TARGET, HOME = 1100.3, 1100.0
#: Puts of a tuning: what it is caught in.
MOMENTS = {
    "setting up": "VNA:Center",
    "sweeping": "VNA:Acquire",
    "moving": "Rod.VAL",
}


@pytest.fixture(params=MOMENTS)
def catch(request: pytest.FixtureRequest, haloscope: Any, monkeypatch: pytest.MonkeyPatch) -> Catch:
    """Catches the next tuning, which goes to the target."""
    haloscope.cavity.set(HOME).wait(PATIENCE_S)
    return Catch(haloscope.bench, f"HALO:{MOMENTS[request.param]}", monkeypatch)


def _when_caught(catch: Catch, act: Callable[[], Any]) -> threading.Thread:
    """Act once the tuning is caught, and let time pass again."""

    def wait() -> None:
        if catch.caught.wait(PATIENCE_S):
            act()
            catch.release()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def _plan(cavity: Any) -> MsgGenerator[None]:
    yield from bps.open_run()
    yield from bps.checkpoint()
    yield from bps.mv(cavity, TARGET)
    yield from bps.close_run()


def _assert_at_rest(haloscope: Any, frequency_mhz: float) -> None:
    """Tuned there, and no earlier tuning moves anything any more."""
    assert haloscope.cavity.position == pytest.approx(frequency_mhz, abs=1e-3)
    for thread in threading.enumerate():
        if thread.name == "haloscope_cavity-tuning":
            thread.join(10.0)
            assert not thread.is_alive()
    place = haloscope.rod.position
    haloscope.bench.let_pass(100.0)
    assert haloscope.rod.position == place
    assert not haloscope.bench.machine.vna.busy


def test_a_tuning_that_is_paused_goes_on(RE: RunEngine, haloscope: Any, catch: Catch) -> None:
    thread = _when_caught(catch, RE.request_pause)
    with pytest.raises(RunEngineInterrupted):
        RE(_plan(haloscope.cavity))
    thread.join(PATIENCE_S)
    haloscope.bench.let_pass(100.0)
    assert not haloscope.bench.machine.rod.moving
    assert not haloscope.bench.machine.vna.busy
    RE.resume()
    _assert_at_rest(haloscope, TARGET)


def test_a_tuning_that_is_suspended_recovers_and_goes_on(
    RE: RunEngine, haloscope: Any, catch: Catch
) -> None:
    trouble = Signal(name="trouble", value=0)

    def recover() -> MsgGenerator[None]:
        yield from bps.mv(haloscope.cavity, 1100.1)
        trouble.put(0)

    RE.install_suspender(SuspendBoolHigh(trouble, pre_plan=recover))
    _when_caught(catch, lambda: trouble.put(1))
    RE(_plan(haloscope.cavity))
    _assert_at_rest(haloscope, TARGET)


@pytest.mark.parametrize("way", ["cavity", "rod", "analyzer", "stop of the rod", "stop of all"])
def test_a_tuning_that_is_aborted_is_cleaned_up_by_the_plan(
    RE: RunEngine, haloscope: Any, catch: Catch, way: str
) -> None:
    after: list[str] = []

    def clean_up() -> MsgGenerator[None]:
        if way == "cavity":
            yield from bps.mv(haloscope.cavity, HOME)
        elif way == "rod":
            yield from bps.mv(haloscope.rod, 34.6)
        elif way == "analyzer":
            yield from bps.stop(haloscope.vna)
            yield from bps.abs_set(haloscope.vna.center, 1101.0, wait=True)
            yield from bps.trigger(haloscope.vna, wait=True)
        else:
            yield from bps.stop(haloscope.rod if way == "stop of the rod" else haloscope)
        place = haloscope.rod.position
        yield from bps.mv(haloscope.antenna, 5.5)
        assert haloscope.rod.position == place or way == "analyzer"
        after.append(way)

    _when_caught(catch, RE.abort)
    with pytest.raises(RunEngineInterrupted):
        RE(bpp.finalize_wrapper(_plan(haloscope.cavity), clean_up))
    assert after == [way]
    haloscope.cavity.stop(success=True)
    haloscope.cavity.set(HOME).wait(PATIENCE_S)
    _assert_at_rest(haloscope, HOME)


def test_a_tuning_whose_rod_is_stopped_by_another_client_fails_and_says_so(
    RE: RunEngine, haloscope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    haloscope.cavity.set(HOME).wait(PATIENCE_S)
    catch = Catch(haloscope.bench, "HALO:Rod.VAL", monkeypatch)
    _when_caught(catch, lambda: haloscope.bench.put_as_client("Rod.STOP", 1))
    message = (
        r"haloscope_cavity: asked for 1100\.3 MHz, is at .*haloscope_rod: asked for .* deg, is at"
        r" .*stopped or sent there by another client"
    )
    with pytest.raises(FailedStatus, match=message):
        RE(_plan(haloscope.cavity))


def test_tunings_that_follow_each_other_at_once_end_with_the_last(
    RE: RunEngine, haloscope: Any
) -> None:
    def plan() -> MsgGenerator[None]:
        for number, frequency in enumerate((1100.1, 1100.2, 1100.3)):
            yield from bps.abs_set(haloscope.cavity, frequency, group=str(number))
        for number in range(3):
            yield from bps.wait(str(number))

    RE(plan())
    _assert_at_rest(haloscope, 1100.3)


def _tuned(machine: Any) -> tuple[float, float, int]:
    """Where the rod is, where the antenna sees the resonance, and how often it was looked at."""
    return machine.rod.position, machine.cavity_state().resonances_hz()[0], machine.vna.counter


@pytest.mark.parametrize("scale", [1.0, 1.004, 0.997])
def test_the_positioner_and_the_plan_take_the_same_decisions(RE: RunEngine, scale: float) -> None:
    """On the letter's machine, and on cavities 4.4 and 3.3 MHz off its calculated course."""
    letter = HaloscopeParameters.capp12tb()
    parameters = replace(letter, cavity=replace(letter.cavity, frequency_scale=scale))
    ends = []
    for by_plan in (True, False):
        rod = Rod()
        haloscope = Haloscope(
            name="haloscope", parameters=parameters, seed=3, description=describe(letter)
        )
        try:
            for target_mhz in (TARGET, TARGET - 0.5):
                if by_plan:
                    RE(tune_to(haloscope, target_mhz, rod=rod))
                else:
                    haloscope.cavity.set(target_mhz).wait(PATIENCE_S)
                    assert haloscope.cavity.position == pytest.approx(target_mhz, abs=1e-3)
            ends.append(_tuned(haloscope.bench.machine))
        finally:
            haloscope.bench.close()
    assert ends[0] == ends[1]


def test_a_frequency_that_the_rod_cannot_tune_to_is_refused(haloscope: Any) -> None:
    with pytest.raises(LimitError, match=r"cavity = 1500 MHz is outside 930\.\d+ to 1207\.\d+ MHz"):
        haloscope.cavity.set(1500.0)


@pytest.mark.parametrize("tool", ["vna", "rod"])
def test_a_tuning_whose_tools_are_set_by_hand_is_given_up(haloscope: Any, tool: str) -> None:
    """Without a stop before it: a setting of the analyzer, the speed of the rod."""
    haloscope.bench.paused = True
    status = haloscope.cavity.set(TARGET)
    setting = haloscope.vna.power if tool == "vna" else haloscope.rod.velocity
    setting.set(setting.get())
    with pytest.raises(NotReachedError, match=f"haloscope_{tool} is used for something else"):
        status.wait(10.0)
    haloscope.bench.paused = False
