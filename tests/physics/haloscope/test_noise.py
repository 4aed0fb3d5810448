"""The receiver's noise: squeezing against closed forms and published scan rates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from haloscope.noise import (
    absorbed_share,
    emitted_k,
    reflected_k,
    squeezed_floor,
    squeezed_share,
    system_noise_k,
)

VACUUM_K = 0.5  # of any one unit: half a quantum


def scan_rate(beta: float, squeezing_db: float, transmission: float = 1.0) -> float:
    """int (signal / noise)^2 over the detuning, in unloaded widths, by these formulas."""

    def squared(x: float) -> float:
        response = 1 / (1 + (2 * x / (1 + beta)) ** 2)
        arriving = reflected_k(VACUUM_K, VACUUM_K, squeezing_db, transmission)
        sideband = emitted_k(beta, response, arriving, VACUUM_K)
        noise = system_noise_k(sideband, sideband, 1e12, excess_k=0.0, rest_k=0.0)
        return float((absorbed_share(beta, response) / noise) ** 2)

    return 2 * quad(squared, 0, np.inf, limit=200)[0]


def closed_form(beta: float, squeezing_db: float) -> float:
    """The same in closed form, lossless: 4 pi beta^2 G^(-1/2) [4 beta + G (beta - 1)^2]^(-3/2)."""
    g = 10 ** (-squeezing_db / 10)
    # With y = 2 x the integrand is (4 beta)^2 / (4 beta + G (beta - 1)^2 + G y^2)^2.
    return 4 * np.pi * beta**2 / np.sqrt(g) / (4 * beta + g * (beta - 1) ** 2) ** 1.5


def best(squeezing_db: float, transmission: float = 1.0) -> tuple[float, float]:
    """The largest rate, and the coupling of it."""
    found = minimize_scalar(
        lambda x: -scan_rate(np.exp(x), squeezing_db, transmission),
        bounds=(-1, 5), method="bounded",
    )  # fmt: skip
    return -found.fun, float(np.exp(found.x))


@pytest.mark.parametrize("squeezing_db", [0.0, 4.0, 10.0])
@pytest.mark.parametrize("beta", [1.0, 2.0, 7.1])
def test_the_scan_rate_is_that_of_the_closed_form(beta: float, squeezing_db: float) -> None:
    assert scan_rate(beta, squeezing_db) == pytest.approx(closed_form(beta, squeezing_db), rel=1e-6)


def test_without_squeezing_a_coupling_of_two_scans_fastest() -> None:
    """R ~ beta^2 / (1 + beta)^3: B. M. Brubaker et al., Phys. Rev. D 96, 123008 (2017)."""
    assert best(0.0)[1] == pytest.approx(2.0, abs=0.01)


def test_four_and_a_half_decibels_off_resonance_are_malnous_gain() -> None:
    """M. Malnou et al., Phys. Rev. X 9, 021023 (2019): 2.12 +- 0.08 (abstract).

    The 4.5 dB off resonance are from the text, by memory. Loss before or behind the cavity makes
    the same noise off resonance.
    """
    left = 10**-0.45
    for squeezing_db in (4.5, 6.0, 20.0):
        transmission = (1 - left) / (1 - 10 ** (-squeezing_db / 10))
        gain, beta = np.array(best(squeezing_db, transmission)) / (best(0.0)[0], 1.0)
        assert gain == pytest.approx(2.12, abs=0.08)
        assert 4 < beta < 6


def test_four_decibels_nearly_double_the_rate() -> None:
    """K. M. Backes et al., Nature 590, 238 (2021): "we double the search rate"; 1.9 in the text."""
    assert 1.85 < best(4.0)[0] / best(0.0)[0] < 2.05


def test_losses_leave_nothing_of_much_squeezing() -> None:
    """At most 1/(1 - eta) of the vacuum is gone, whatever the squeezer does."""
    assert reflected_k(VACUUM_K, VACUUM_K, 60.0, 0.7) == pytest.approx(0.3 * VACUUM_K, rel=1e-5)
    assert best(30.0, 0.7)[0] < 1.02 * best(60.0, 0.7)[0]


def test_the_floor_is_the_noise_of_a_perfect_receiver() -> None:
    for beta, squeezing_db, transmission in ((2.0, 0.0, 1.0), (2.0, 4.0, 0.9), (7.1, 10.0, 0.8)):
        arriving = reflected_k(VACUUM_K, VACUUM_K, squeezing_db, transmission)
        sideband = emitted_k(beta, 1.0, arriving, VACUUM_K)
        noise = system_noise_k(sideband, sideband, 1e12, excess_k=0.0, rest_k=0.0)
        share = squeezed_share(squeezing_db, transmission)
        assert squeezed_floor(beta, share) == pytest.approx(float(noise))
    assert squeezed_floor(2.0, squeezed_share(0.0, 1.0)) == 1.0


def test_noise_behind_an_amplifier_without_gain_is_all_there_is() -> None:
    assert system_noise_k(0.03, 9.9, 1.0, excess_k=9.9, rest_k=1.2) == pytest.approx(1.23)
