"""Everything the letter measures, measured by the plans in process and held against the inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.parameters import HaloscopeParameters
from plans.haloscope import calibration, measure
from plans.haloscope.tuning import Amplifier, NotTunedError, set_coupling, set_jpa, tune_to

MHZ, HZ = 1100.0, 1.1e9
PROBE_HZ = HZ - 99e3

Run = Callable[[MsgGenerator[Any]], Any]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs a plan and returns what it returns."""
    engine: RunEngine = make_run_engine()
    yield lambda plan: engine(plan).plan_result
    close_run_engine(engine)


@pytest.fixture
def another() -> Iterator[Callable[..., Any]]:
    """Makes haloscopes that are closed after the test."""
    made: list[Any] = []

    def make(**kwargs: Any) -> Any:
        made.append(Haloscope(name="haloscope", **kwargs))
        return made[-1]

    yield make
    for device in made:
        device.bench.close()


@pytest.fixture(scope="module")
def device(run: Run) -> Iterator[Any]:
    """A tuned haloscope."""
    haloscope = Haloscope(name="haloscope", seed=11)
    run(tune_to(haloscope, MHZ))
    yield haloscope
    haloscope.bench.close()


@pytest.fixture(scope="module")
def machine(device: Any) -> Any:
    """Its truth."""
    return device.bench.machine


@pytest.fixture(scope="module")
def chain(run: Run, device: Any) -> dict[str, float]:
    """The receiver without the JPA, as measured."""
    found: dict[str, float] = run(calibration.y_factor(device, MHZ, averages=500))
    return found


@pytest.mark.parametrize("target_mhz", [1085.3, 1093.1, 1104.7, 1114.9])
def test_resonance_and_loaded_q_anywhere_in_the_range(
    run: Run, another: Callable[..., Any], target_mhz: float
) -> None:
    haloscope = another(seed=2)
    found = run(tune_to(haloscope, target_mhz))
    assert abs(found.frequency_mhz - target_mhz) < 1e-3
    found = run(measure.transmission(haloscope, found.frequency_mhz))
    inside = haloscope.bench.machine.cavity_state()
    true_hz = inside.resonances_hz()[np.argmax(inside.tm_fractions())]
    assert abs(1e6 * found.frequency_mhz - true_hz) < 200
    assert found.loaded_q == pytest.approx(inside.loaded_q, rel=0.01)


@pytest.mark.parametrize("beta", [0.5, 0.9, 1.1, 1.8, 2.2, 4.0])
def test_coupling_with_its_side_from_the_phase(
    run: Run, another: Callable[..., Any], beta: float
) -> None:
    haloscope = another(seed=3)
    low, high = 0.97 * beta, 1.03 * beta
    found = run(set_coupling(haloscope, beta, low=low, high=high, frequency_mhz=MHZ))
    inside = haloscope.bench.machine.cavity_state()
    assert low <= found.beta <= high
    assert found.beta == pytest.approx(inside.beta, rel=0.02)
    assert (found.beta > 1) == (inside.beta > 1) == (beta > 1)
    assert found.resonance.loaded_q == pytest.approx(inside.loaded_q, rel=0.01)
    assert abs(1e6 * found.resonance.frequency_mhz - inside.resonances_hz()[1]) < 200


def test_the_reflection_is_the_same_with_the_jpa_far_away(
    run: Run, another: Callable[..., Any]
) -> None:
    """The unpumped JPA bends the phase; the fit takes that up."""
    haloscope = another(seed=4)
    near = run(measure.reflection(haloscope, MHZ))
    run(measure.configure({haloscope.jpa.resonance: 1050.0}))
    far = run(measure.reflection(haloscope, MHZ))
    assert near.beta == pytest.approx(far.beta, rel=0.01)
    assert near.resonance.loaded_q == pytest.approx(far.resonance.loaded_q, rel=0.005)


def test_the_y_factor_recovers_gain_and_noise_of_the_chain(
    machine: Any, chain: dict[str, float]
) -> None:
    inside_db = 10 * np.log10(machine.receiver.rest_gain(np.array([HZ]), machine.time_s)[0])
    assert chain["receiver_gain_db"] == pytest.approx(inside_db, abs=0.05)
    assert chain["receiver_gain_db"] == pytest.approx(104.0, abs=0.1)
    assert chain["receiver_temperature_k"] == pytest.approx(1.2, rel=0.03)


def test_the_y_factor_takes_the_bin_width_of_another_haloscope(
    run: Run, another: Callable[..., Any]
) -> None:
    haloscope = another(parameters=HaloscopeParameters.shipped("haystac"), seed=1)
    kelvins = (0.127, 0.3, 0.5, 0.775)
    plan = calibration.y_factor(haloscope, 5750.0, temperatures_k=kelvins, averages=5000)
    found = run(plan)
    machine = haloscope.bench.machine
    inside_db = 10 * np.log10(machine.receiver.rest_gain(np.array([5.75e9]), 0.0)[0])
    assert found["receiver_gain_db"] == pytest.approx(inside_db, abs=0.05)
    assert found["receiver_temperature_k"] == pytest.approx(3.0, rel=0.03)
    assert machine.noise_source.setpoint_k == kelvins[0]  # cools again
    assert haloscope.interlock.reason.get() == ""  # 127 mK is not warm for this machine


def test_the_power_ratio_recovers_the_noise_of_the_jpa(
    run: Run, device: Any, chain: dict[str, float]
) -> None:
    added = run(calibration.jpa_noise(device, MHZ, chain, averages=2000))
    assert added["jpa_noise_temperature_k"] == pytest.approx(0.060, abs=0.005)
    assert 0 < added["jpa_noise_temperature_k_error"] < 0.005


def test_the_line_attenuation_from_two_full_reflections(
    run: Run, device: Any, machine: Any
) -> None:
    loss = run(calibration.line_attenuation(device, MHZ))["line_attenuation_db"]
    inside = machine.receiver.line_attenuation_db(np.array([HZ]))[0]
    assert loss == pytest.approx(inside, abs=0.05)
    assert 0.3 <= loss <= 0.5


def test_the_jpa_is_brought_to_20_db_at_the_probe_tone(run: Run, device: Any, machine: Any) -> None:
    profile = run(set_jpa(device, MHZ))
    at_hz = HZ + np.array([-99e3, 0, 100e3])
    gains = 10 * np.log10(profile.gain(at_hz))
    assert profile.probe_hz == pytest.approx(PROBE_HZ)
    assert profile.probe_gain_db == pytest.approx(gains[0])
    assert gains[0] == pytest.approx(20, abs=0.4)
    assert gains[1] == pytest.approx(17, abs=0.4)
    assert gains[2] == pytest.approx(14, abs=1.3)
    assert profile.bandwidth_hz == pytest.approx(190e3, rel=0.05)
    inside = machine.conditions().paramp.gain(at_hz)
    assert gains == pytest.approx(10 * np.log10(inside), abs=0.1)


def test_the_noise_in_situ_is_that_of_the_letter(
    run: Run, device: Any, chain: dict[str, float]
) -> None:
    run(tune_to(device, MHZ))
    found = run(calibration.noise_in_situ(device, MHZ, chain, averages=5000))
    assert found["noise_temperature_k"] == pytest.approx([0.130, 0.215, 0.185], rel=0.05)
    profile = run(set_jpa(device, MHZ))
    total_db = chain["receiver_gain_db"] + 10 * np.log10(float(profile.gain(HZ)))
    assert total_db == pytest.approx(121, abs=0.5)


def test_the_two_noise_methods_differ_by_5_to_10_per_cent(
    run: Run, device: Any, chain: dict[str, float]
) -> None:
    """The letter's second method assumes a cold source and so misses what the cavity emits."""
    run(tune_to(device, MHZ))
    found = run(calibration.noise_in_situ(device, MHZ, chain, averages=5000))
    ratio = found["noise_temperature_by_ratio_k"][1] / found["noise_temperature_k"][1]
    assert 0.04 < 1 - ratio < 0.11


def test_what_cannot_be_reached_is_said(run: Run, another: Callable[..., Any]) -> None:
    haloscope = another(seed=5)
    with pytest.raises(NotTunedError, match=r"wanted 1101\.000000 MHz within 0\.05 kHz, reached"):
        run(tune_to(haloscope, 1101.0, tolerance_khz=0.05, attempts=2))


def test_the_gain_is_looked_at_about_the_target(run: Run, device: Any) -> None:
    """So that it is known where the spectrum is, and the reference sweep serves the next target."""
    run(set_jpa(device, MHZ))
    assert device.vna.center.get() == pytest.approx(MHZ)
    assert device.vna.span.get() == pytest.approx(measure.sweeps_of(device).gain.span_hz / 1e6)


def test_a_noisy_receiver_is_held_against_a_longer_reference(
    run: Run, another: Callable[..., Any]
) -> None:
    """Without pump its noise exceeds what the amplifier lets through: no fit would be good."""
    parameters = HaloscopeParameters.from_mapping({"receiver": {"rest_noise_k": 15.0}})
    haloscope = another(parameters=parameters, seed=3)
    amplifier = Amplifier()
    profile = run(set_jpa(haloscope, MHZ, source="Noise source", amplifier=amplifier))
    assert profile.goodness.good
    assert profile.probe_gain_db == pytest.approx(20, abs=0.4)
    assert amplifier.patience > 1


def test_a_hot_noise_source_is_there_within_a_share_of_its_temperature(
    another: Callable[..., Any],
) -> None:
    """Thermometers scatter by a share of what they read: 5 mK is nothing at 2 K."""
    hot = {"noise_source": {"highest_k": 3.0}, "cryostat": {"cooling_power_w": 1.0}}
    haloscope = another(parameters=HaloscopeParameters.from_mapping(hot), seed=3)
    for kelvin in (2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7):
        haloscope.noise_source.temperature.set(kelvin).wait(60.0)
    assert haloscope.noise_source.temperature.position == pytest.approx(2.7, rel=0.01)
