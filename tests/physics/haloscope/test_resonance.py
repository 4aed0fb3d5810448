"""Fits of S-parameters on traces made from the textbook formulas, with noise of known size."""

import numpy as np
import pytest

from haloscope.measuring.resonance import fit_reflection, fit_transmission

NU0, Q_L = 1.1e9, 35000.0
NOISE = np.random.default_rng(7)


def trace(span_hz: float, points: int, offset_hz: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    nu = NU0 + offset_hz + np.linspace(-span_hz / 2, span_hz / 2, points)
    return nu, (nu - NU0) / NU0


def noise(points: int, sigma: float) -> np.ndarray:
    return sigma * (NOISE.standard_normal(points) + 1j * NOISE.standard_normal(points))


def reflection(x: np.ndarray, beta: float, delay_s: float = 62e-9, bend: float = 0.0) -> np.ndarray:
    circle = 2 * beta / (1 + beta) / (1 + 2j * Q_L * x) - 1
    nu = x * NU0
    return 0.3 * np.exp(1j * (0.7 - 2 * np.pi * delay_s * nu + bend * nu**2)) * circle


@pytest.mark.parametrize("offset_hz", [0.0, 30e3, -50e3])
def test_transmission_recovers_resonance_and_loaded_q(offset_hz):
    nu, x = trace(150e3, 101, offset_hz)
    s = 1e-2 / (1 + 2j * Q_L * x) + noise(101, 5e-5)
    fit = fit_transmission(nu, s)
    assert abs(fit.frequency_hz - NU0) < 5 * fit.frequency_hz_error < 500
    assert abs(fit.loaded_q - Q_L) < 5 * fit.loaded_q_error < 0.05 * Q_L


@pytest.mark.parametrize("beta", [0.2, 0.5, 0.95, 1.05, 1.8, 2.0, 2.2, 5.0])
def test_reflection_recovers_the_coupling_on_either_side_of_one(beta):
    nu, x = trace(300e3, 151)
    fit = fit_reflection(nu, reflection(x, beta) + noise(151, 3e-4))
    assert abs(fit.beta - beta) < 5 * fit.beta_error
    assert fit.beta == pytest.approx(beta, rel=0.02)
    assert fit.overcoupled == (beta > 1)
    assert fit.loaded_q == pytest.approx(Q_L, rel=0.01)
    assert abs(fit.frequency_hz - NU0) < 200
    assert fit.amplitude == pytest.approx(0.3, rel=0.01)


@pytest.mark.parametrize("delay_s", [0.0, 62e-9, 2e-6, -1e-6])
def test_reflection_takes_up_any_delay_and_a_bent_phase(delay_s):
    nu, x = trace(300e3, 301, 20e3)
    fit = fit_reflection(nu, reflection(x, 2.0, delay_s, bend=0.03 / 150e3**2))
    assert fit.beta == pytest.approx(2.0, rel=1e-6)
    assert fit.delay_s == pytest.approx(delay_s, abs=1e-12)


def test_the_stated_uncertainties_are_the_scatter():
    nu, x = trace(300e3, 151)
    fits = [fit_reflection(nu, reflection(x, 2.0) + noise(151, 1e-3)) for _ in range(200)]
    for name in ("beta", "loaded_q", "frequency_hz"):
        scatter = np.std([getattr(fit, name) for fit in fits])
        stated = np.mean([getattr(fit, name + "_error") for fit in fits])
        assert stated == pytest.approx(scatter, rel=0.2), name


def test_the_stated_uncertainties_of_a_transmission_are_the_scatter():
    nu, x = trace(150e3, 101)
    fits = [fit_transmission(nu, 1 / (1 + 2j * Q_L * x) + noise(101, 0.01)) for _ in range(200)]
    for name in ("loaded_q", "frequency_hz"):
        scatter = np.std([getattr(fit, name) for fit in fits])
        stated = np.mean([getattr(fit, name + "_error") for fit in fits])
        assert stated == pytest.approx(scatter, rel=0.25), name


@pytest.mark.parametrize("fit", [fit_transmission, fit_reflection])
def test_data_that_cannot_be_fitted_are_refused(fit):
    nu, x = trace(300e3, 50)
    with pytest.raises(ValueError, match="8 or more"):
        fit(nu[:5], x[:5])
    with pytest.raises(ValueError, match="finite"):
        fit(nu, np.full(50, np.nan))
    with pytest.raises(ValueError, match="zero everywhere"):
        fit(nu, np.zeros(50))


def test_a_trace_with_the_resonance_outside_is_refused():
    nu, x = trace(150e3, 101, 400e3)
    with pytest.raises(ValueError, match="no resonance"):
        fit_transmission(nu, 1 / (1 + 2j * Q_L * x))
