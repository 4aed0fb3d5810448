"""The JPA: gain formula, bandwidth, detuning, saturation, controls."""

import dataclasses
import math

import numpy as np
import pytest

from haloscope.apparatus.paramp import Paramp
from haloscope.apparatus.timeline import Timeline
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused

PARAMETERS = HaloscopeParameters.from_mapping({"jpa": {"drift_hz": 0.0, "pump_drift_db": 0.0}})


def paramp(seed: int = 0) -> Paramp:
    jpa = Paramp(PARAMETERS, Timeline(), seed)
    jpa.pump_on = True
    return jpa


def at_20_db() -> Paramp:
    jpa = paramp()
    resonance = jpa.at(0.0, in_situ=False).resonance_hz
    jpa.pump_frequency_hz = 2 * resonance
    rho2 = 9 / 11  # ((1 + 9/11) / (1 - 9/11))^2 = 100
    jpa.pump_power_dbm = PARAMETERS.jpa.threshold_power_dbm + 10 * math.log10(rho2)
    return jpa


def test_20_db_come_with_190_khz():
    state = at_20_db().at(0.0, in_situ=False)
    assert state.peak_gain == pytest.approx(100, rel=1e-6)
    assert state.bandwidth_hz == pytest.approx(190e3, rel=1e-3)


@pytest.mark.parametrize(("offset_hz", "db"), [(0, 20.0), (100e3, 16.81), (200e3, 12.84)])
def test_the_gain_profile(offset_hz, db):
    state = at_20_db().at(0.0, in_situ=False)
    gain = state.gain(np.array([state.centre_hz + offset_hz]))[0]
    assert 10 * np.log10(gain) == pytest.approx(db, abs=0.01)


def test_gain_times_bandwidth_is_constant_at_high_gain():
    jpa, products = at_20_db(), []
    for power in np.linspace(-31.2, -30.6, 5):
        jpa.pump_power_dbm = float(power)
        state = jpa.at(0.0, in_situ=False)
        products.append(np.sqrt(state.peak_gain) * state.bandwidth_hz)
    assert np.ptp(products) < 0.12 * np.mean(products)


def test_its_reflection_is_delayed_with_and_without_pump():
    """Causality: the phase falls through the resonance."""
    jpa = at_20_db()
    for on in (True, False):
        jpa.pump_on = on
        state = jpa.at(0.0, in_situ=False)
        nu = state.centre_hz + np.linspace(-1e5, 1e5, 201)
        phase = np.unwrap(np.angle(state.reflection(nu)))
        assert np.all(np.diff(phase) < 0)


def test_a_saved_state_holds_the_pump():
    jpa = at_20_db()
    for on in (True, False):
        jpa.pump_on = on
        other = Paramp(PARAMETERS, Timeline(), 0)
        other.restore(jpa.state())
        assert other.pump_on is on
        assert other.state() == jpa.state()
        assert other.at(0.0, in_situ=False) == jpa.at(0.0, in_situ=False)


def test_without_pump_it_reflects_everything_with_a_turn_of_phase():
    jpa = paramp()
    jpa.pump_on = False
    state = jpa.at(0.0, in_situ=False)
    nu = state.resonance_hz + np.linspace(-2e8, 2e8, 4001)
    reflected = state.reflection(nu)
    assert np.abs(reflected) == pytest.approx(1.0)
    turn = np.unwrap(np.angle(reflected))
    assert abs(turn[-1] - turn[0]) == pytest.approx(2 * np.pi, rel=0.01)


def test_detuning_the_resonance_costs_gain():
    jpa = at_20_db()
    jpa.pump_frequency_hz += 2 * 200e3
    assert jpa.at(0.0, in_situ=False).peak_gain < 50


def test_a_strong_tone_compresses_the_gain_by_1_db():
    state = at_20_db().at(0.0, in_situ=False)
    nu = np.array([state.centre_hz])
    compressed = state.gain(nu, state.compression_w)[0]
    assert 10 * np.log10(compressed) == pytest.approx(19.0, abs=0.02)
    assert 10 * np.log10(state.gain(nu, 1e-3 * state.compression_w)[0]) == pytest.approx(
        20, abs=0.01
    )


def test_the_idler_mirrors_at_half_the_pump():
    state = at_20_db().at(0.0, in_situ=False)
    nu = np.array([state.centre_hz + 1e5])
    assert state.mirror(nu)[0] == pytest.approx(state.centre_hz - 1e5)
    assert state.mirror(state.mirror(nu))[0] == pytest.approx(nu[0])


def test_too_much_pump_makes_it_oscillate():
    jpa = at_20_db()
    assert jpa.fault == ""
    jpa.pump_power_dbm = -29.0
    assert "oscillation at -29.00 dBm" in jpa.fault
    assert jpa.at(0.0, in_situ=False).peak_gain < 1e4


def test_the_controllers_table_is_wrong_by_some_15_khz():
    errors = []
    for seed in range(10):
        jpa = Paramp(PARAMETERS, Timeline(), seed)
        for nu in np.linspace(1.085e9, 1.115e9, 50):
            jpa.resonance_setpoint_hz = float(nu)
            errors.append(jpa.at(0.0, in_situ=False).resonance_hz - nu)
    assert np.std(errors) == pytest.approx(15e3, rel=0.2)


def test_current_and_resonance_settings_agree():
    jpa = paramp()
    jpa.resonance_setpoint_hz = 1.0952e9
    current = jpa.flux_current_a
    jpa.flux_current_a = current
    assert jpa.resonance_setpoint_hz == pytest.approx(1.0952e9, abs=10)


def test_flux_tuning_is_periodic():
    jpa = paramp()
    p = PARAMETERS.jpa
    resonances = []
    for current in (100e-6, 100e-6 - p.flux_period_a):
        jpa.flux_current_a = current
        resonances.append(jpa.at(0.0, in_situ=False).resonance_hz)
    assert resonances[0] == pytest.approx(resonances[1])


def test_gain_and_flux_drift_over_hours():
    drifting = Paramp(HaloscopeParameters.capp12tb(), Timeline(), 0)
    drifting.pump_on = True
    states = [drifting.at(t, in_situ=True) for t in np.linspace(0, 4e5, 400)]
    gains_db = 10 * np.log10([state.peak_gain for state in states])
    assert 0.01 < np.std(gains_db) < 0.2
    assert np.std([state.resonance_hz for state in states]) == pytest.approx(3e3, rel=0.5)
    assert dataclasses.replace(states[0]) == drifting.at(0.0, in_situ=True)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("flux_current_a", 1.0),
        ("flux_current_a", math.nan),
        ("resonance_setpoint_hz", 2e9),
        ("resonance_setpoint_hz", math.nan),
        ("pump_frequency_hz", 1.1e9),
        ("pump_power_dbm", 10.0),
        ("pump_power_dbm", -math.inf),
    ],
)
def test_settings_out_of_range_are_refused(name, wrong):
    jpa = paramp()
    before = jpa.state()
    with pytest.raises(Refused, match="JPA"):
        setattr(jpa, name, wrong)
    assert jpa.state() == before
