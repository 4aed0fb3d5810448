"""The haloscope's devices and plans over Channel Access, and held to their simulated form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bluesky import RunEngine

from devices.haloscope import Haloscope
from devices.simulated.haloscope import Haloscope as SimulatedHaloscope
from devices.waiting.watch import Watch
from haloscope.analysis.apparatus import capp12tb
from haloscope.measuring.tolerances import Tolerances
from plans.haloscope.calibration import calibrate, line_attenuation
from plans.haloscope.scan import scan
from plans.haloscope.steps import planned
from plans.shared.safety import clear_interlocks
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import PLANS, assert_ran
from tests.plans.same import assert_same_signals

LETTER = Tolerances.of(capp12tb().operation)


@pytest.fixture(scope="module")
def simulated() -> Iterator[Any]:
    device = SimulatedHaloscope(name="haloscope")
    yield device
    device.bench.close()


def test_both_forms_have_the_same_signals(device: Haloscope, simulated: Any) -> None:
    assert_same_signals(device, simulated)


def test_a_scan_over_channel_access(engine: RunEngine, device: Haloscope) -> None:
    documents = Documents()
    engine.subscribe(documents)
    plan = scan(device, start_mhz=1100.0, stop_mhz=1100.05, averages=100)
    assert engine(plan).plan_result == planned(start_mhz=1100.0, stop_mhz=1100.05)
    events = documents.events()
    assert len(events) == 6
    for event in events:
        error_khz = 1e3 * (
            event["haloscope_measured_cavity_frequency"]
            - event["haloscope_measured_target_frequency"]
        )
        assert abs(error_khz) < LETTER.tuning_khz
        assert LETTER.beta_low <= event["haloscope_measured_beta"] <= LETTER.beta_high
        assert abs(event["haloscope_measured_jpa_gain"] - 20.0) <= 0.4
        assert event["haloscope_daq_spectrum"].shape == (100_000,)
        center = (
            event["haloscope_daq_frequency_start"]
            + 50_000 * event["haloscope_daq_frequency_step"] * 1e-6
        )
        assert center == pytest.approx(event["haloscope_measured_target_frequency"], abs=1e-5)


def test_a_calibration_over_channel_access(engine: RunEngine, device: Haloscope) -> None:
    found = engine(calibrate(device, 1100.0)).plan_result
    assert found["receiver_temperature_k"] == pytest.approx(1.2, rel=0.03)
    assert found["receiver_gain_db"] == pytest.approx(104.0, abs=0.1)
    assert found["jpa_noise_temperature_k"] == pytest.approx(0.060, abs=0.005)
    assert 0.3 - 0.05 <= found["line_attenuation_db"] <= 0.5 + 0.05


def test_a_latched_interlock_is_cleared_over_channel_access(
    engine: RunEngine, device: Haloscope
) -> None:
    before_dbm = device.jpa.pump_power.get()
    device.jpa.pump_power.set(-20.0).wait(20.0)
    latched = Watch(device.interlock.active, lambda active: active == 1, 20.0)
    device.jpa.pump.put("On")  # it does not stay on
    latched.wait()
    device.jpa.pump_power.set(before_dbm).wait(20.0)
    assert device.interlock.active.get() == 1
    assert "parametric oscillation" in engine(clear_interlocks(device)).plan_result
    assert device.interlock.active.get() == 0
    assert device.interlock.reason.get() == ""


def test_the_analyzer_is_left_as_found_over_channel_access(
    engine: RunEngine, device: Haloscope
) -> None:
    settings = {"path": "Strong", "center": 1101.5, "span": 3.0, "num_points": 77}
    for name, value in settings.items():
        getattr(device.vna, name).set(value).wait(20.0)
    counter = device.vna.counter.get(use_monitor=False)
    engine(line_attenuation(device, 1100.0))
    assert device.vna.counter.get(use_monitor=False) == counter + 2
    left = {name: getattr(device.vna, name).get(use_monitor=False) for name in settings}
    assert left == settings


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_runs_over_channel_access(
    engine: RunEngine, device: Haloscope, name: str
) -> None:
    documents = Documents()
    engine.subscribe(documents)
    result = engine(PLANS[name](device))
    assert_ran(name, result, documents)
