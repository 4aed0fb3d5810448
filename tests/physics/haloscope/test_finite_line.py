"""A line as wide as the cavity: against quadrature, sampled axions and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from haloscope.axion import line_pdf
from haloscope.constants import EARTH_SPEED_M_PER_S, HALO_RMS_SPEED_M_PER_S, SPEED_OF_LIGHT_M_PER_S
from haloscope.finite_line import (
    best_detuning_hz,
    effective_q,
    line_overlap,
    line_q,
    simple_form_fails,
)

NU_HZ = 1.1e9


def sampled_axions(count: int) -> np.ndarray:
    """Relative excess frequency v^2/2c^2 of axions drawn from the boosted Maxwellian."""
    random = np.random.default_rng(3)
    velocity = random.normal(0.0, HALO_RMS_SPEED_M_PER_S / np.sqrt(3), (count, 3))
    velocity[:, 0] += EARTH_SPEED_M_PER_S
    return (velocity**2).sum(axis=1) / (2 * SPEED_OF_LIGHT_M_PER_S**2)


@pytest.mark.parametrize("loaded_q", [3.5e4, 1e6, 2e7])
@pytest.mark.parametrize("detuning_hz", [-800.0, 340.0, 2000.0])
def test_the_overlap_is_the_integral_of_line_and_lorentzian(
    loaded_q: float, detuning_hz: float
) -> None:
    cavity_hz = NU_HZ + detuning_hz

    def integrand(away_hz: float) -> float:
        response = 1 / (1 + (2 * loaded_q * (away_hz - detuning_hz) / cavity_hz) ** 2)
        return float(line_pdf(NU_HZ + away_hz, NU_HZ)) * response

    width_hz = cavity_hz / loaded_q
    near = [detuning_hz + width_hz * k for k in (-3, -1, -0.3, 0, 0.3, 1, 3)]
    points = sorted({p for p in (*near, 340.0, 1500.0) if 0 < p < 12e3})
    wanted, _ = quad(integrand, 0, 12e3, points=points, limit=500, epsabs=1e-12)
    assert float(line_overlap(NU_HZ, cavity_hz, loaded_q)) == pytest.approx(wanted, rel=2e-5)


@pytest.mark.parametrize("loaded_q", [1e5, 1e6, 3e6])
def test_the_overlap_is_the_mean_response_of_sampled_axions(loaded_q: float) -> None:
    away_hz = NU_HZ * sampled_axions(400_000)
    cavity_hz = NU_HZ + 500.0
    response = 1 / (1 + (2 * loaded_q * (away_hz - 500.0) / cavity_hz) ** 2)
    error = response.std() / np.sqrt(response.size)
    assert float(line_overlap(NU_HZ, cavity_hz, loaded_q)) == pytest.approx(
        response.mean(), abs=4 * error
    )


def test_q_a_is_one_over_the_spread_of_sampled_axions() -> None:
    assert 1 / sampled_axions(400_000).std() == pytest.approx(line_q(), rel=0.01)


def test_a_wide_cavity_keeps_its_q_and_a_narrow_one_saturates() -> None:
    assert effective_q(NU_HZ, 1e4) == pytest.approx(1e4, rel=2e-4)
    peak = np.max(line_pdf(NU_HZ + np.linspace(0, 2000, 20_001), NU_HZ))
    assert effective_q(NU_HZ, 1e10) == pytest.approx(0.5 * np.pi * NU_HZ * peak, rel=1e-3)
    q = np.geomspace(1e4, 1e9, 11)
    assert np.all(np.diff([effective_q(NU_HZ, value) for value in q]) > 0)


def test_a_narrow_cavity_belongs_on_the_peak_and_a_wide_one_on_the_mean() -> None:
    assert best_detuning_hz(NU_HZ, 1e9) == pytest.approx(339.0, abs=3.0)
    assert best_detuning_hz(NU_HZ, 1e4) == pytest.approx(769.8, abs=3.0)


def test_the_warning_comes_where_the_simple_form_is_wrong() -> None:
    assert simple_form_fails(NU_HZ, 3.5e4) == ""
    assert "overstates the power by 45%" in simple_form_fails(NU_HZ, 1e6)


@pytest.mark.parametrize("values", [(0.0, NU_HZ, 1e5), (NU_HZ, -1.0, 1e5), (NU_HZ, NU_HZ, 0.0)])
def test_what_is_not_above_zero_is_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be above"):
        line_overlap(*values)
