"""A scan's steps: what is refused before, what is corrected on the way, what the events say."""

from __future__ import annotations

import operator
import threading
from dataclasses import replace
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import RunEngineInterrupted
from ophyd.utils.errors import LimitError

from haloscope.analysis.apparatus import capp12tb
from haloscope.measuring.gain import GainProfile
from haloscope.measuring.goodness import Goodness
from haloscope.measuring.tolerances import Tolerances
from plans.haloscope.measure import Coupling, Resonance
from plans.haloscope.scan import scan, step, step_s
from plans.haloscope.setting_up import OtherApparatusError, check, measured_values
from plans.haloscope.tuning import tune_to
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import STEPS

LETTER = Tolerances.of(capp12tb().operation)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("rod", 34.2), ("lo.frequency", 1089.3), ("vna.center", 1100.0), ("daq.num_averages", 77),
        ("jpa.resonance", 1099.9), ("jpa.pump_frequency", 2199.8),
    ],
)  # fmt: skip
def test_every_device_of_a_step_is_asked_before(
    haloscope: Any, monkeypatch: pytest.MonkeyPatch, path: str, value: float
) -> None:
    def refuse(asked: float) -> None:
        raise LimitError(f"{path} = {asked:.1f} is too much")

    monkeypatch.setattr(operator.attrgetter(path)(haloscope), "check_value", refuse)
    with pytest.raises(LimitError, match=f"{path} = {value:.1f} is too much"):
        check(haloscope, 1100.0, 77)


def test_a_coupling_that_is_off_is_corrected_before_the_spectrum(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    RE(tune_to(haloscope, 1100.0))
    haloscope.antenna.set(6.0).wait(60.0)
    RE(scan(haloscope, [1100.0], averages=20))
    [event] = documents.events()
    assert LETTER.beta_low <= event["haloscope_measured_beta"] <= LETTER.beta_high
    detuning_mhz = event["haloscope_measured_cavity_frequency"] - 1100.0
    assert abs(detuning_mhz) <= LETTER.tuning_khz * 1e-3


def test_a_run_ends_when_another_apparatus_is_described(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    """As when an IOC comes back with another parameter file in the middle of a scan."""
    own = haloscope.apparatus
    other = replace(own, name="OTHER", cavity=replace(own.cavity, volume_m3=0.3685))

    def exchanged(device: Any, target_mhz: float, averages: int, state: Any) -> Any:
        yield from step(device, target_mhz, averages, state)
        device._given = other

    with pytest.raises(OtherApparatusError, match=r"describes OTHER .* began with CAPP-12TB \("):
        RE(scan(haloscope, [1100.0, 1100.01], averages=20, per_step=exchanged))
    assert len(documents.events()) == 1
    assert documents.of("stop")[-1]["exit_status"] == "fail"


def _fitted(chi2: float) -> Goodness:
    return Goodness(chi2, 95, 2.5, 0.5, 0.05, 0.001)


def test_numbers_of_the_fits_are_recorded_in_their_units() -> None:
    cavity = Resonance(1100.0001, 2e-6, 35000.0, 40.0, 0.011, 0.001, _fitted(1.1))
    reflected = Resonance(1100.0002, 3e-6, 34000.0, 50.0, 0.022, 0.002, _fitted(1.2))
    coupling = Coupling(2.01, 0.02, 0.03, reflected)
    profile = GainProfile(
        100.0, 1.0, 1.0999e9, 500.0, 190e3, 3e3, probe_hz=1.0999e9, goodness=_fitted(1.3)
    )
    assert measured_values(1100.0, cavity, coupling, profile) == pytest.approx(
        {
            "target_frequency": 1100.0,  # MHz
            "cavity_frequency": 1100.0001,
            "cavity_frequency_error": 2e-6,
            "loaded_q": 35000.0,
            "loaded_q_error": 40.0,
            "beta": 2.01,
            "beta_error": 0.02,
            "beta_systematic": 0.03,
            "transmission_chi2": 1.1,
            "transmission_leak": 0.011,
            "transmission_leak_error": 0.001,
            "reflection_chi2": 1.2,
            "reflection_leak": 0.022,
            "reflection_leak_error": 0.002,
            "jpa_gain": 20.0,  # dB
            "jpa_gain_error": 0.0434294,  # 1 % in dB
            "jpa_gain_peak": 20.0,
            "jpa_gain_peak_error": 0.0434294,
            "jpa_resonance": 1099.9,  # MHz
            "jpa_resonance_error": 500e-6,
            "jpa_bandwidth": 190.0,  # kHz
            "jpa_bandwidth_error": 3.0,
            "jpa_gain_chi2": 1.3,
        },
        rel=1e-5,
    )


@pytest.mark.parametrize("targets", [STEPS, STEPS[::-1]], ids=["upwards", "downwards"])
def test_the_rod_goes_along_with_the_scan(haloscope: Any, targets: list[float]) -> None:
    """So that no step needs a detour to take up the play."""
    messages = rehearse(scan(haloscope, targets), haloscope).messages
    sent = [m.args[0] for m in messages if m.command == "set" and m.obj is haloscope.rod]
    angles = [float(haloscope.apparatus.mode_map.angle_deg(target * 1e6)) for target in targets]
    assert sent[-2:] == pytest.approx(angles[-2:], abs=1e-5)


def test_a_scan_tells_what_is_to_be_taken_and_how_long_it_takes(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    plan = scan(haloscope, STEPS, averages=[500, 1000, 2000], done_mhz=[STEPS[0]])
    RE(tune_to(haloscope, STEPS[1]))
    begin_s = haloscope.bench.machine.time_s
    RE(plan)
    [start] = documents.of("start")
    assert start["plan_args"]["frequencies_mhz"] == STEPS
    assert start["plan_args"]["averages"] == [500, 1000, 2000]
    assert start["plan_args"]["done_mhz"] == [STEPS[0]]
    assert start["num_points"] == len(documents.events()) == 2
    took_s = haloscope.bench.machine.time_s - begin_s
    assert start["expected_duration_s"] == pytest.approx(took_s, rel=0.1)


def test_a_receiver_that_somebody_sets_during_a_pause_is_set_again(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    def pause(message: Any) -> None:
        if message.command == "trigger" and message.obj is haloscope.daq:
            RE.msg_hook = None
            haloscope.bench.paused = True  # the acquisition does not end before the pause
            threading.Thread(target=RE.request_pause).start()

    RE.msg_hook = pause
    with pytest.raises(RunEngineInterrupted):
        RE(scan(haloscope, STEPS[:1], averages=20))
    haloscope.bench.put_as_client("LO:Frequency", 1050.0)
    haloscope.bench.put_as_client("DAQ:NumAverages", 7)
    haloscope.bench.paused = False
    RE.resume()
    [event] = documents.events()
    assert event["haloscope_daq_num_averages"] == 20
    assert event["haloscope_daq_frequency_start"] + 0.5 == pytest.approx(STEPS[0])


def test_the_expected_time_of_a_step_counts_what_the_digitizer_loses() -> None:
    own = capp12tb()
    slow = replace(own, digitizer=replace(own.digitizer, efficiency=0.5))
    assert step_s(slow, 5000) == pytest.approx(1000.0 + own.operation.step_overhead_s)
