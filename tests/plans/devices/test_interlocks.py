"""Interlocks and locks as devices and plans meet them, in process: acts, latches, resets."""

from __future__ import annotations

from typing import Any

import pytest
from bluesky import RunEngine

from devices.waiting.status import NotReachedError
from devices.waiting.watch import Watch
from plans.haloscope.steps import planned
from plans.shared.rehearsal import rehearse
from plans.shared.safety import InterlockedError, clear_interlocks, suspenders

TARGETS = planned(start_mhz=1100.0, stop_mhz=1100.05)


@pytest.mark.parametrize(("axis", "target"), [("rod", 36.0), ("antenna", 4.0)])
def test_either_digitizing_or_motion(haloscope: Any, axis: str, target: float) -> None:
    machine, drive = haloscope.bench.machine, getattr(haloscope.bench.machine, axis)
    haloscope.bench.paused = True
    haloscope.daq.trigger()
    getattr(haloscope, axis).user_setpoint.put(target)
    assert not drive.moving
    assert haloscope.ioc.refusal.get() == f"{axis.title()}: no motion while digitizing"
    haloscope.daq.abort.put(1)
    getattr(haloscope, axis).user_setpoint.put(target)
    assert drive.moving
    haloscope.daq.trigger()
    assert not machine.digitizer.busy
    assert haloscope.ioc.refusal.get() == f"Digitizer: no digitizing while moving: {axis}"
    assert haloscope.interlock.active.get() == 0, "locks, not faults"


def test_nothing_that_shapes_the_spectrum_changes_while_digitizing(haloscope: Any) -> None:
    haloscope.bench.paused = True
    haloscope.daq.trigger()
    for signal, value in (
        (haloscope.jpa.flux_current, 1.0),
        (haloscope.jpa.pump_frequency, 2200.0),
        (haloscope.switch.selected, "Open"),
    ):
        before = signal.get()
        signal.put(value)
        assert signal.get() == before != value
        assert "no change while digitizing" in haloscope.ioc.refusal.get()


def _oscillate(haloscope: Any) -> None:
    """Far too much pump power: the amplifier oscillates and the interlock switches the pump off."""
    haloscope.jpa.pump_power.set(-20.0).wait(10.0)
    haloscope.jpa.pump.set("On").wait(10.0)


def test_an_oscillating_amplifier_stays_latched_until_it_is_reset(
    RE: RunEngine, haloscope: Any
) -> None:
    _oscillate(haloscope)
    assert haloscope.jpa.pump.get() == "Off"
    assert haloscope.interlock.active.get() == 1
    assert haloscope.jpa.fault.get() == 1
    assert "parametric oscillation" in RE(clear_interlocks(haloscope)).plan_result
    assert haloscope.interlock.active.get() == 0
    assert haloscope.interlock.reason.get() == ""
    assert haloscope.jpa.fault.get() == 0
    assert RE(clear_interlocks(haloscope)).plan_result == ""


def test_switching_the_pump_on_again_acknowledges_its_fault(haloscope: Any) -> None:
    _oscillate(haloscope)
    haloscope.jpa.pump_power.set(-40.0).wait(10.0)
    haloscope.jpa.pump.set("On").wait(10.0)
    assert haloscope.jpa.pump.get() == "On"
    assert haloscope.interlock.active.get() == 0


def test_a_reason_that_still_stands_is_named(RE: RunEngine, haloscope: Any) -> None:
    _oscillate(haloscope)
    haloscope.bench.machine.quench()
    haloscope.bench.let_pass(5.0)
    with pytest.raises(InterlockedError, match=r"haloscope: .* stands: magnet quenched"):
        RE(clear_interlocks(haloscope))
    assert "oscillation" not in haloscope.interlock.reason.get()
    with pytest.raises(NotReachedError, match=r"jpa_pump refused: .*quench"):
        haloscope.jpa.pump.set("On").wait(10.0)
    haloscope.noise_source.temperature.setpoint.put(0.3)
    assert haloscope.ioc.refusal.get().startswith("NoiseSource: magnet quenched")
    assert haloscope.jpa.pump.get() == "Off"


def test_a_warm_mixing_chamber_cuts_the_noise_source_until_it_is_cold(
    RE: RunEngine, haloscope: Any
) -> None:
    haloscope.bench.paused = True
    heating = haloscope.noise_source.temperature.set(0.4)
    haloscope.bench.machine.fridge.load(0.0, 0.0, 0.05)
    haloscope.bench.paused = False
    with pytest.raises(NotReachedError, match=r"asked for 0\.4 K.*mixing chamber at \d+ mK"):
        heating.wait(20.0)
    assert haloscope.noise_source.temperature.setpoint.get() == pytest.approx(0.025)
    with pytest.raises(InterlockedError, match=r"mixing chamber at \d+ mK"):
        RE(clear_interlocks(haloscope))
    haloscope.bench.machine.fridge.load(0.0, 0.0, 0.0)
    haloscope.bench.let_pass(36000.0)
    assert haloscope.interlock.active.get() == 1  # latched
    assert "mixing chamber" in RE(clear_interlocks(haloscope)).plan_result
    assert haloscope.interlock.active.get() == 0


def test_a_reset_asks_for_reasons_that_went_while_time_stood_still(
    RE: RunEngine, haloscope: Any
) -> None:
    haloscope.bench.paused = True
    haloscope.bench.machine.fridge.load(0.0, 0.0, 0.05)
    haloscope.bench.let_pass(600.0)
    assert haloscope.interlock.active.get() == 1
    haloscope.bench.machine.fridge.load(0.0, 0.0, 0.0)
    haloscope.bench.machine.step(36000.0)  # cold again, and nothing has looked
    now_s = haloscope.sim.time.get()
    assert "mixing chamber" in RE(clear_interlocks(haloscope)).plan_result
    assert haloscope.interlock.active.get() == 0
    assert haloscope.sim.time.get() == now_s


def test_little_helium_stops_the_refrigerator_and_holds_its_cycle(
    RE: RunEngine, refrigerator: Any
) -> None:
    for suspender in suspenders(refrigerator):
        RE.install_suspender(suspender)
    told = Watch(refrigerator.interlock.active, lambda active: active == 1, 20.0, aside=True)
    bath = refrigerator.bench.machine.bath
    refrigerator.cycle.run.set("Run").wait(10.0)
    bath.losing = True
    refrigerator.bench.let_pass(1130.0)
    bath.losing = False
    told.wait()  # the suspenders, which subscribed before, have been told too
    assert refrigerator.cycle.state.get() == "Ramping down"
    assert refrigerator.interlock.active.get() == 1
    tripped = {suspender._sig.name for suspender in RE.suspenders if suspender.tripped}
    assert tripped == {"refrigerator_interlock_active"}
    RE.clear_suspenders()
    with pytest.raises(InterlockedError, match=r"refrigerator: .* stands: helium at [\d.]+ %"):
        RE(clear_interlocks(refrigerator))
    refrigerator.bench.let_pass(600.0)
    refrigerator.cycle.run.put("Run")
    assert refrigerator.cycle.state.get() == "Stopped"
    assert refrigerator.ioc.refusal.get().startswith("Cycle: helium at ")


def test_a_quench_ramps_the_other_magnets_down_and_holds_them(
    RE: RunEngine, refrigerator: Any
) -> None:
    for magnet in (refrigerator.pump_a, refrigerator.pump_b):
        magnet.current.set(1.0).wait(20.0)
    refrigerator.bench.machine.magnets["PumpA"].quench()
    refrigerator.bench.let_pass(2.0)
    assert refrigerator.pump_b.state.get() == "Zeroing"
    assert refrigerator.interlock.active.get() == 1
    for signal in (refrigerator.pump_b.field.setpoint, refrigerator.pump_b.current.setpoint):
        signal.put(0.5)
        assert refrigerator.ioc.refusal.get().startswith("PumpB: PumpA quenched")
    refrigerator.pump_b.control.put("Ramp")
    assert refrigerator.pump_b.state.get() == "Zeroing"
    with pytest.raises(InterlockedError, match="PumpA quenched; the others ramp to zero"):
        RE(clear_interlocks(refrigerator))


def test_an_interlock_goes_with_its_reason(RE: RunEngine, refrigerator: Any) -> None:
    refrigerator.pump_a.current.set(1.0).wait(20.0)
    refrigerator.bench.paused = True
    refrigerator.bench.machine.magnets["PumpA"].quench()
    refrigerator.bench.let_pass(5.0)
    refrigerator.bench.machine.step(1500.0)  # cold again, and nothing has looked
    refrigerator.bench.machine.supplies["PumpA"].reset_quench()
    assert "PumpA quenched" in RE(clear_interlocks(refrigerator)).plan_result
    assert refrigerator.interlock.active.get() == 0


def test_a_rehearsed_reset_resets_nothing(haloscope: Any) -> None:
    _oscillate(haloscope)
    assert rehearse(clear_interlocks(haloscope), haloscope).messages
    assert haloscope.interlock.active.get() == 1
