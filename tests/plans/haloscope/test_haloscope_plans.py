"""The haloscope's plans: rehearsed, and run on the haloscope simulated in process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from ophyd.utils.errors import LimitError

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.apparatus import apparatus_of, capp12tb
from haloscope.measuring.tolerances import Tolerances
from haloscope.parameters import HaloscopeParameters
from plans.haloscope import calibration, tuning
from plans.haloscope.rescans import rescan
from plans.haloscope.scan import scan
from plans.haloscope.steps import completed, planned
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import PLANS, Y_FACTOR, assert_ran

LETTER = Tolerances.of(capp12tb().operation)


@pytest.mark.parametrize("name", PLANS)
def test_a_rehearsal_moves_nothing(haloscope: Any, name: str) -> None:
    machine = haloscope.bench.machine
    before = machine.time_s, machine.rod.setpoint, machine.digitizer.counter, machine.vna.counter
    estimate = rehearse(PLANS[name](haloscope), haloscope)
    after = machine.time_s, machine.rod.setpoint, machine.digitizer.counter, machine.vna.counter
    assert estimate.messages
    assert before == after


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_runs_in_process(
    RE: RunEngine, haloscope: Any, documents: Documents, name: str
) -> None:
    result = RE(PLANS[name](haloscope))
    assert_ran(name, result, documents)


def test_a_rescan_takes_steps_about_each_candidate(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    plan = rescan(
        haloscope, [1100.02, 1100.03], half_width_khz=10.0, averages=100, calibration=Y_FACTOR
    )
    targets = [1100.01, 1100.02, 1100.03, 1100.04]
    assert RE(plan).plan_result == targets
    [start] = documents.of("start")
    assert start["plan_name"] == "rescan"
    assert start["candidates_mhz"] == [1100.02, 1100.03]
    assert completed(documents, "rescan") == targets
    assert completed(documents, "scan") == []
    assert {event["haloscope_daq_num_averages"] for event in documents.events()} == {100}


def test_the_amplifier_is_set_to_what_the_letter_says(RE: RunEngine, haloscope: Any) -> None:
    found = RE(tuning.set_jpa(haloscope, 1100.0)).plan_result
    assert found.probe_gain_db == pytest.approx(20.0, abs=0.4)
    assert found.resonance_mhz == pytest.approx(1099.9, abs=0.01)
    assert haloscope.jpa.pump.get() == "On"
    assert haloscope.jpa.pump_frequency.get() == pytest.approx(2 * 1099.9)


def test_a_rehearsal_estimates_the_duration_of_a_scan(haloscope: Any, RE: RunEngine) -> None:
    def plan() -> MsgGenerator[Any]:
        return scan(haloscope, start_mhz=1100.0, stop_mhz=1100.04, averages=1000)

    estimate = rehearse(plan(), haloscope)
    assert estimate.events == 5
    begin_s = haloscope.bench.machine.time_s
    RE(plan())
    took_s = haloscope.bench.machine.time_s - begin_s
    assert estimate.duration_s == pytest.approx(took_s, rel=0.1)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (lambda h: tuning.tune_to(h, 2000.0), "frequency_mhz = 2000 MHz"),
        (lambda h: tuning.tune_to(h, 1100.0, tolerance_khz=-1.0), "tolerance_khz = -1 kHz"),
        (lambda h: tuning.set_coupling(h, 3.0), "does not hold"),
        (lambda h: tuning.set_jpa(h, 1100.0, gain_db=50.0), "gain_db = 50 dB"),
        (lambda h: calibration.y_factor(h, 1100.0, temperatures_k=(0.1,)), "at least three"),
        (lambda h: scan(h), "needs frequencies_mhz"),
        (lambda h: scan(h, [1100.0], averages=0), "averages = 0 spectra"),
        (lambda h: scan(h, [1100.0], averages=[1, 2]), "2 averages for 1 targets"),
        (lambda h: scan(h, [1500.0]), "mode map: frequency = "),
        (lambda h: rescan(h, []), "no candidates"),
    ],
)
def test_nonsense_is_refused_before_anything_moves(haloscope: Any, plan: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rehearse(plan(haloscope), haloscope)


def test_what_a_device_cannot_reach_is_refused_before_anything_moves(haloscope: Any) -> None:
    haloscope.rod.low_limit_travel.put(34.0)
    with pytest.raises(LimitError, match=r"rod = .* deg is outside 34 to 60 deg"):
        rehearse(scan(haloscope, [1100.0, 1110.0]), haloscope)
    plan = calibration.y_factor(haloscope, 1100.0, temperatures_k=(0.1, 0.2, 0.5))
    with pytest.raises(LimitError, match=r"noise_source_temperature = 0\.5 K is outside"):
        rehearse(plan, haloscope)


def test_every_step_of_a_scan_fulfils_the_letter(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    plan = scan(haloscope, start_mhz=1099.5, stop_mhz=1100.49, averages=100)
    assert RE(plan).plan_result == planned(start_mhz=1099.5, stop_mhz=1100.49)
    events = documents.events()
    assert len(events) == 100
    machine = haloscope.bench.machine
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
    # The last step against the simulation's truth, which no plan sees.
    [truth_hz] = [nu for nu in machine.cavity_state().resonances_hz() if abs(nu - 1100.49e6) < 5e4]
    assert abs(truth_hz * 1e-6 - events[-1]["haloscope_measured_cavity_frequency"]) < 5e-4
    assert completed(documents) == planned(start_mhz=1099.5, stop_mhz=1100.49)


def test_events_and_start_documents_hold_what_the_analysis_needs(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    RE(scan(haloscope, [1100.0], averages=50, calibration=Y_FACTOR, md={"operator": "test"}))
    [event], [start] = documents.events(), documents.of("start")
    for name in ("cavity_frequency", "loaded_q", "beta", "jpa_gain", "jpa_resonance"):
        assert event[f"haloscope_measured_{name}_error"] > 0
    more = ("daq_num_averages", "daq_acquire_time", "magnet_field", "rod", "sim_time")
    assert {f"haloscope_{name}" for name in more} < set(event)
    assert event["haloscope_magnet_field"] == pytest.approx(12.0, abs=0.01)
    assert start["calibration"] == Y_FACTOR
    assert start["operator"] == "test"
    assert start["seed"] == 11
    assert start["parameters_hash"] == haloscope.bench.machine.parameters.hash()
    assert start["plan_args"]["frequencies_mhz"] == [1100.0]
    [descriptor] = [d for d in documents.of("descriptor") if d["name"] == "primary"]
    assert descriptor["data_keys"]["haloscope_daq_spectrum"]["shape"] == [100_000]
    assert descriptor["data_keys"]["haloscope_daq_spectrum"]["units"] == "W"
    assert descriptor["data_keys"]["haloscope_measured_jpa_bandwidth"]["units"] == "kHz"


def test_a_scan_goes_on_where_the_last_one_was_cut(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    targets = planned(start_mhz=1100.0, stop_mhz=1100.06)

    def fail_at_fourth(h: Any, target: float, averages: int, state: Any) -> MsgGenerator[None]:
        if target == targets[3]:
            raise RuntimeError("cut")
        from plans.haloscope.scan import step

        yield from step(h, target, averages, state)

    with pytest.raises(RuntimeError, match="cut"):
        RE(scan(haloscope, targets, averages=20, per_step=fail_at_fourth))
    assert haloscope.jpa.pump.get() == "Off"  # left safe
    done = completed(documents, "scan")
    assert done == targets[:3]
    assert RE(scan(haloscope, targets, averages=20, done_mhz=done)).plan_result == targets[3:]
    assert completed(documents, "scan") == targets


def test_the_receiver_is_what_the_letter_says(RE: RunEngine, haloscope: Any) -> None:
    found = RE(calibration.calibrate(haloscope, 1100.0)).plan_result
    assert found["receiver_temperature_k"] == pytest.approx(1.2, rel=0.03)
    assert found["receiver_gain_db"] == pytest.approx(104.0, abs=0.1)
    assert found["jpa_noise_temperature_k"] == pytest.approx(0.060, abs=0.005)
    assert 0.3 - 0.05 <= found["line_attenuation_db"] <= 0.5 + 0.05


def test_the_system_noise_is_what_the_letter_says(RE: RunEngine, haloscope: Any) -> None:
    RE(tuning.tune_to(haloscope, 1100.0))
    found = RE(calibration.noise_in_situ(haloscope, 1100.0, Y_FACTOR)).plan_result
    noise = np.array(found["noise_temperature_k"])
    assert noise == pytest.approx([0.130, 0.215, 0.185], rel=0.05)
    ratio = np.array(found["noise_temperature_by_ratio_k"]) / noise
    assert 0.01 <= abs(1 - ratio[1]) <= 0.10  # the letter: 5 to 10 %, depending on the frequency


def test_a_far_cavity_is_found_and_tuned(RE: RunEngine, haloscope: Any) -> None:
    found = RE(tuning.tune_to(haloscope, 1105.3)).plan_result
    assert abs(found.frequency_mhz - 1105.3) < 1e-3


def test_a_wrong_coupling_is_corrected(RE: RunEngine, haloscope: Any) -> None:
    haloscope.antenna.move(6.0, wait=True)
    found = RE(tuning.set_coupling(haloscope, frequency_mhz=1100.0)).plan_result
    assert 1.8 <= found.beta <= 2.2


def test_an_unreachable_gain_is_said_in_words(RE: RunEngine, haloscope: Any) -> None:
    with pytest.raises(tuning.NotTunedError, match=r"wanted 20 \+- 0.02 dB, reached"):
        RE(tuning.set_jpa(haloscope, 1100.0, tolerance_db=0.02, attempts=1))


def test_a_cavity_off_its_calculated_course_is_found(RE: RunEngine) -> None:
    letter = HaloscopeParameters.capp12tb()
    machined = replace(letter, cavity=replace(letter.cavity, frequency_scale=1.004))
    device = Haloscope(
        name="haloscope", parameters=machined, description=capp12tb()
    )  # 4.4 MHz off the map
    found = RE(tuning.tune_to(device, 1101.0)).plan_result
    device.bench.close()
    assert abs(found.frequency_mhz - 1101.0) < 1e-3


def test_a_scan_tells_the_analysis_its_apparatus(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    RE(scan(haloscope, [1100.0], averages=20))
    [start] = documents.of("start")
    told = apparatus_of(start)
    cavity = haloscope.bench.machine.parameters.cavity
    assert told.volume_m3 == cavity.volume_m3
    assert told.assumed == ()
    assert start["apparatus"]["form_factor"] == "mode_map"
    other = apparatus_of({**start, "parameters_hash": "another machine"})
    assert other.assumed != ()


@pytest.mark.parametrize("name", ["haystac", "admx"])
def test_the_noise_in_situ_is_looked_at_inside_any_spectrum(RE: RunEngine, name: str) -> None:
    device = Haloscope(name="haloscope", parameters=HaloscopeParameters.shipped(name), seed=5)
    middle_mhz = device.apparatus.cavity.reference_hz * 1e-6
    try:
        found = RE(calibration.calibrate(device, middle_mhz, in_situ=True)).plan_result
        both = RE(calibration.noise_in_situ(device, middle_mhz, found, averages=2000)).plan_result
    finally:
        device.bench.close()
    noise = np.array(both["noise_temperature_k"])
    assert both["noise_temperature_by_ratio_k"] == pytest.approx(noise, rel=0.1)
    assert found["noise_difference"] < 0.1
