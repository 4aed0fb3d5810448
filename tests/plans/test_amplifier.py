"""The gain profile's fit and the pump step, against profiles made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from plans.amplifier import fit_gain, pump_step_db


def _profile(x_khz: np.ndarray, peak_db: float, center_khz: float, width_khz: float) -> np.ndarray:
    peak = 10 ** (peak_db / 10)
    return 1 + (peak - 1) / (1 + (2 * (x_khz - center_khz) / width_khz) ** 2)


@pytest.mark.parametrize(("peak_db", "center_khz", "width_khz"), [(20, -1, 190), (12, 40, 450)])
def test_an_exact_profile_is_recovered_exactly(
    peak_db: float, center_khz: float, width_khz: float
) -> None:
    x_khz = np.linspace(-500, 500, 101)
    fit = fit_gain(1100 + x_khz * 1e-3, _profile(x_khz, peak_db, center_khz, width_khz), 1100.0)
    assert fit.peak_gain_db == pytest.approx(peak_db, abs=1e-6)
    assert (fit.resonance_mhz - 1100) * 1e3 == pytest.approx(center_khz, abs=1e-4)
    assert fit.bandwidth_khz == pytest.approx(width_khz, abs=1e-4)
    at_100_khz = _profile(np.array([100.0]), peak_db, center_khz, width_khz)[0]
    assert fit.gain_at(1100.1)[0] == pytest.approx(at_100_khz, rel=1e-6)


def test_uncertainties_cover_the_truth_as_often_as_they_should() -> None:
    rng = np.random.default_rng(5)
    x_khz = np.linspace(-500, 500, 101)
    truth = _profile(x_khz, 20, -1, 190)
    pulls = []
    for _ in range(200):
        noisy = truth + 0.05 * np.sqrt(truth) * rng.standard_normal(len(x_khz))
        fit = fit_gain(1100 + x_khz * 1e-3, noisy, 1100.0)
        pulls.append((fit.peak_gain_db - 20) / fit.peak_gain_db_error)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)  # three standard errors of 200 pulls


def test_the_pump_step_follows_the_degenerate_amplifier() -> None:
    # G0 = ((1 + r) / (1 - r))^2: 12.9 dB at r = 0.6306, 20 dB at r = 9 / 11
    assert pump_step_db(12.9, 20.0) == pytest.approx(10 * np.log10(0.8182 / 0.6306), abs=0.01)
    assert pump_step_db(20.0, 20.0) == 0.0


def test_no_gain_is_said_in_words() -> None:
    with pytest.raises(ValueError, match="no gain above 1 dB"):
        fit_gain(np.linspace(1099, 1101, 51), np.ones(51), 1100.0)
    with pytest.raises(ValueError, match="above 0 dB"):
        pump_step_db(-1.0, 20.0)
