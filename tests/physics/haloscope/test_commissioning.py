"""Everything the letter measures, measured through the instruments and held against the inside."""

import numpy as np
import pytest

from haloscope import commissioning as operator
from haloscope.apparatus.experiment import Haloscope, SwitchPosition
from haloscope.parameters import HaloscopeParameters

TARGET_HZ = 1.1e9


@pytest.fixture(scope="module")
def machine():
    haloscope = Haloscope(seed=11)
    operator.tune(haloscope, TARGET_HZ)
    return haloscope


@pytest.fixture(scope="module")
def chain(machine):
    return operator.y_factor(machine, TARGET_HZ)


@pytest.mark.parametrize("target_hz", [1.0853e9, 1.0931e9, 1.1047e9, 1.1149e9])
def test_resonance_and_loaded_q_anywhere_in_the_range(target_hz):
    haloscope = Haloscope(seed=2)
    found = operator.tune(haloscope, target_hz)
    assert abs(found.frequency_hz - target_hz) < 1e3
    found = operator.transmission(haloscope, found.frequency_hz)
    inside = haloscope.cavity_state()
    true_hz = inside.resonances_hz()[np.argmax(inside.tm_fractions())]
    assert abs(found.frequency_hz - true_hz) < 200
    assert found.loaded_q == pytest.approx(inside.loaded_q, rel=0.01)


@pytest.mark.parametrize("beta", [0.5, 0.9, 1.1, 1.8, 2.2, 4.0])
def test_coupling_with_its_side_from_the_phase(beta):
    haloscope = Haloscope(seed=3)
    found = operator.couple(haloscope, 1.1e9, beta, tolerance=0.03 * beta)
    inside = haloscope.cavity_state()
    assert found.beta == pytest.approx(inside.beta, rel=0.02)
    assert found.overcoupled == (inside.beta > 1)
    assert found.loaded_q == pytest.approx(inside.loaded_q, rel=0.01)
    assert abs(found.frequency_hz - inside.resonances_hz()[1]) < 200


def test_the_reflection_is_the_same_with_the_jpa_far_away():
    """The unpumped JPA bends the phase; the fit takes that up."""
    haloscope = Haloscope(seed=4)
    near = operator.reflection(haloscope, 1.1e9)
    haloscope.jpa.resonance_setpoint_hz = 1.05e9
    far = operator.reflection(haloscope, 1.1e9)
    assert near.beta == pytest.approx(far.beta, rel=0.01)
    assert near.loaded_q == pytest.approx(far.loaded_q, rel=0.005)


def test_the_y_factor_recovers_gain_and_noise_of_the_chain(machine, chain):
    inside_db = 10 * np.log10(machine.receiver.rest_gain(np.array([TARGET_HZ]), machine.time_s)[0])
    assert chain.gain_db == pytest.approx(inside_db, abs=0.05)
    assert chain.gain_db == pytest.approx(104.0, abs=0.1)
    assert chain.temperature_k == pytest.approx(1.2, rel=0.03)


def test_the_y_factor_takes_the_bin_width_of_another_haloscope():
    haloscope = Haloscope(HaloscopeParameters.shipped("haystac"), seed=1)
    kelvins = (0.127, 0.3, 0.5, 0.775)
    found = operator.y_factor(haloscope, 5.75e9, temperatures_k=kelvins, averages=5000)
    inside_db = 10 * np.log10(haloscope.receiver.rest_gain(np.array([5.75e9]), 0.0)[0])
    assert found.gain_db == pytest.approx(inside_db, abs=0.05)
    assert found.temperature_k == pytest.approx(3.0, rel=0.03)
    assert haloscope.switch.position is SwitchPosition.CAVITY


def test_the_power_ratio_recovers_the_noise_of_the_jpa(machine, chain):
    added = operator.jpa_noise(machine, TARGET_HZ, chain)
    assert added.temperature_k == pytest.approx(0.060, abs=0.005)
    assert 0 < added.temperature_k_error < 0.005


def test_the_line_attenuation_from_two_full_reflections(machine):
    loss = operator.line_attenuation(machine, TARGET_HZ)
    inside = machine.receiver.line_attenuation_db(np.array([TARGET_HZ]))[0]
    assert loss.attenuation_db == pytest.approx(inside, abs=0.05)
    assert 0.3 <= loss.attenuation_db <= 0.5


def test_the_jpa_is_brought_to_20_db_at_the_probe_tone(machine):
    machine.switch.position = SwitchPosition.CAVITY
    profile = operator.set_jpa(machine, TARGET_HZ)
    gains = [10 * np.log10(float(profile.gain(TARGET_HZ + d))) for d in (-99e3, 0, 100e3)]
    assert gains[0] == pytest.approx(20, abs=0.4)
    assert gains[1] == pytest.approx(17, abs=0.4)
    assert gains[2] == pytest.approx(14, abs=1.3)
    assert profile.bandwidth_hz == pytest.approx(190e3, rel=0.05)
    inside = machine.conditions().paramp.gain(TARGET_HZ + np.array([-99e3, 0, 100e3]))
    assert gains == pytest.approx(10 * np.log10(inside), abs=0.1)


def test_the_noise_in_situ_is_that_of_the_letter(machine, chain):
    operator.tune(machine, TARGET_HZ)
    offsets, noise = operator.system_noise_k(machine, TARGET_HZ, chain)
    for offset_hz, letter_k in ((-100e3, 0.130), (0.0, 0.215), (100e3, 0.185)):
        near = np.abs(offsets - offset_hz) < 3e3
        assert np.median(noise[near]) == pytest.approx(letter_k, rel=0.05), offset_hz
    profile = operator.gain_profile(machine, TARGET_HZ - 99e3)
    total_db = chain.gain_db + 10 * np.log10(float(profile.gain(TARGET_HZ)))
    assert total_db == pytest.approx(121, abs=0.5)


def test_the_two_noise_methods_differ_by_5_to_10_per_cent(machine, chain):
    """The letter's second method assumes a cold source and so misses what the cavity emits."""
    machine.switch.position = SwitchPosition.CAVITY
    operator.tune(machine, TARGET_HZ)
    profile = operator.set_jpa(machine, TARGET_HZ)
    on = operator.digitize(machine, TARGET_HZ, 5000).band(TARGET_HZ, 5e3)[0]
    machine.jpa.pump_on = False
    off = operator.digitize(machine, TARGET_HZ, 5000).band(TARGET_HZ, 5e3)[0]
    gain = float(profile.gain(TARGET_HZ))
    in_situ = operator.calibration.system_noise_k(
        on, chain.gain_db + 10 * np.log10(gain), bin_width_hz=10.0
    )
    ratio = operator.calibration.noise_by_power_ratio(on, off, gain, 0.0337, chain.temperature_k)
    assert 0.04 < 1 - float(ratio / in_situ) < 0.11


def test_what_cannot_be_reached_is_said():
    haloscope = Haloscope(seed=5)
    with pytest.raises(operator.TuningError, match="wanted 1101000000 Hz, reached"):
        operator.tune(haloscope, 1.101e9, tolerance_hz=1e-6, attempts=2)
