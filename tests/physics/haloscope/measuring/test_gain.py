"""The amplifier's gain: one law for all who use it, and its fit against profiles made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haloscope.analysis.chain.rescale import jpa_gain
from haloscope.apparatus.paramp import ParampState
from haloscope.measuring.gain import GainProfile, fit_gain_profile
from haloscope.parametric import peak_gain, power_gain, pump_over_threshold
from tests.physics.analysis.generator import make

X_HZ = np.linspace(-500e3, 500e3, 101)


def _profile(peak_db: float, centre_hz: float, width_hz: float) -> np.ndarray:
    peak = 10 ** (peak_db / 10)
    return 1 + (peak - 1) / (1 + (2 * (X_HZ - centre_hz) / width_hz) ** 2)


@pytest.mark.parametrize(("peak_db", "centre_hz", "width_hz"), [(20, -1e3, 190e3), (12, 4e4, 45e4)])
def test_an_exact_profile_is_recovered_exactly(
    peak_db: float, centre_hz: float, width_hz: float
) -> None:
    gain = _profile(peak_db, centre_hz, width_hz)
    fit = fit_gain_profile(1.1e9 + X_HZ, gain, probe_hz=1.1e9 + 100e3)
    assert fit.peak_gain_db == pytest.approx(peak_db, abs=1e-6)
    assert fit.resonance_hz - 1.1e9 == pytest.approx(centre_hz, abs=0.1)
    assert fit.resonance_mhz == pytest.approx(1100 + centre_hz * 1e-6, abs=1e-9)
    assert fit.bandwidth_hz == pytest.approx(width_hz, abs=0.1)
    assert fit.bandwidth_khz == pytest.approx(width_hz * 1e-3, abs=1e-4)
    at_100_khz = gain[np.argmin(np.abs(X_HZ - 100e3))]
    assert float(fit.gain(1.1e9 + 100e3)) == pytest.approx(at_100_khz, rel=1e-6)
    assert fit.probe_gain_db == pytest.approx(10 * np.log10(at_100_khz), abs=1e-6)


def test_without_a_probe_there_is_no_gain_at_one() -> None:
    fit = fit_gain_profile(1.1e9 + X_HZ, _profile(20, -1e3, 190e3))
    assert np.isnan(fit.probe_gain_db)


def test_uncertainties_cover_the_truth_as_often_as_they_should() -> None:
    rng = np.random.default_rng(5)
    truth = _profile(20, -1e3, 190e3)
    at = int(np.argmin(np.abs(X_HZ - 100e3)))
    peaks, sides = [], []
    for _ in range(200):
        noisy = truth + 0.05 * np.sqrt(truth) * rng.standard_normal(len(X_HZ))
        fit = fit_gain_profile(1.1e9 + X_HZ, noisy)
        peaks.append((fit.peak_gain_db - 20) / fit.peak_gain_db_error)
        beside_hz = 1.1e9 + X_HZ[at]
        sides.append((float(fit.gain(beside_hz)) - truth[at]) / fit.gain_error(beside_hz))
    assert np.std(peaks) == pytest.approx(1.0, abs=0.15)  # three standard errors of 200 pulls
    # Peak and width go against each other, which is left out: a side's error is overstated.
    assert 0.5 < np.std(sides) < 1.15


def test_a_profile_that_is_no_lorentzian_is_told_and_widens_the_errors() -> None:
    rng, truth = np.random.default_rng(6), _profile(20, -1e3, 190e3)
    noise = 0.003 * truth * rng.standard_normal(len(X_HZ))
    ripple = 1 + 0.1 * np.sin(X_HZ / 40e3)
    plain, rippled = (fit_gain_profile(1.1e9 + X_HZ, g + noise) for g in (truth, truth * ripple))
    assert plain.goodness is not None
    assert rippled.goodness is not None
    assert plain.goodness.good
    assert not rippled.goodness.good
    assert rippled.peak_gain_error > 8 * plain.peak_gain_error
    assert abs(rippled.peak_gain - 100) < 3 * rippled.peak_gain_error


def test_no_gain_is_said_in_words() -> None:
    with pytest.raises(ValueError, match="no gain above 1 dB"):
        fit_gain_profile(1.1e9 + X_HZ, np.ones(len(X_HZ)))


def test_the_law_at_its_landmarks() -> None:
    assert float(power_gain(0.0, 100.0, 190e3)) == 100.0
    assert float(power_gain(95e3, 100.0, 190e3)) == pytest.approx(50.5)
    assert power_gain([-95e3, 95e3], 100.0, 190e3) == pytest.approx([50.5, 50.5])
    assert float(power_gain(1e9, 100.0, 190e3)) == pytest.approx(1.0, abs=1e-4)
    assert peak_gain(0.0) == 1.0
    assert peak_gain(9 / 11) == pytest.approx(100.0)  # 20 dB


@given(pump=st.floats(0.0, 0.97))
def test_pump_and_peak_gain_invert_each_other(pump: float) -> None:
    assert pump_over_threshold(peak_gain(pump)) == pytest.approx(pump, abs=1e-12)


def test_apparatus_calibration_and_analysis_have_one_law() -> None:
    law = power_gain(X_HZ, 80.0, 210e3)
    inside = ParampState(1.1e9, 1e6, 1.1e9, 80.0, 210e3, 1.0, oscillating=False)
    assert inside.gain(1.1e9 + X_HZ) == pytest.approx(law, rel=1e-12)
    fitted = GainProfile(80.0, 0.1, 1.1e9, 1.0, 210e3, 1.0)
    assert fitted.gain(1.1e9 + X_HZ) == pytest.approx(law, rel=1e-12)
    spectra = make(np.array([1.1e9, 1.1001e9]), bins=1000)
    one = np.ones(len(spectra))
    spectra = replace(
        spectra,
        jpa_gain_peak_db=10 * np.log10(80.0) * one,
        jpa_resonance_hz=1.1e9 * one,
        jpa_bandwidth_hz=210e3 * one,
    )
    rows = np.tile(1.1e9 + X_HZ, (len(spectra), 1))
    assert jpa_gain(spectra, rows)[0] == pytest.approx(law, rel=1e-12)


@pytest.mark.parametrize("offset_hz", [0.0, 40e3, -95e3, 300e3])
def test_the_error_of_a_gain_has_all_that_it_is_made_of(offset_hz: float) -> None:
    fit = GainProfile(100.0, 1.0, 1.1e9, 2e3, 190e3, 3e3)
    at_hz = 1.1e9 + offset_hz
    errors = {"peak_gain": 1.0, "resonance_hz": 2e3, "bandwidth_hz": 3e3}
    parts = [
        float(replace(fit, **{name: getattr(fit, name) + 1e-3 * error}).gain(at_hz))
        - float(fit.gain(at_hz))
        for name, error in errors.items()
    ]
    assert fit.gain_error(at_hz) == pytest.approx(1e3 * np.linalg.norm(parts), rel=0.01)
