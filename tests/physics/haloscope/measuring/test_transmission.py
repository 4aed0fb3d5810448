"""Fits of transmissions: made ones with known leak and noise, and a measured one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from haloscope.measuring.transmission import Transmission, fit_transmission
from tests.physics.haloscope.measuring.traces import (
    LOADED_Q,
    NU0_HZ,
    WIDTH_HZ,
    Line,
    frequencies,
    noise,
    reflected,
    transmitted,
)

FIGURE_23 = Path(__file__).parents[1] / "data" / "npl_mat58_figure23.txt"


def pulls(fit: Transmission) -> np.ndarray:
    """Distance of resonance and loaded Q from the truth in stated errors."""
    return np.array(
        [
            (fit.frequency_hz - NU0_HZ) / fit.frequency_hz_error,
            (fit.loaded_q - LOADED_Q) / fit.loaded_q_error,
        ]
    )


def test_the_leaky_resonator_of_the_npl_is_fitted_as_by_the_npl():
    ghz, re, im = np.loadtxt(FIGURE_23, comments="%", usecols=(0, 1, 2)).T
    fit = fit_transmission(ghz * 1e9, re + 1j * im)
    assert fit.loaded_q == pytest.approx(4760, rel=0.03)
    assert abs(fit.loaded_q - 4760) < 3 * fit.loaded_q_error
    assert abs(fit.frequency_hz - 9.76015571e9) < min(10e3, fit.frequency_hz_error)
    assert fit.goodness.good
    assert fit.goodness.chi2 < 1.5
    assert fit.leak > 100 * 1e-3  # -7 dB
    by_power = fit_transmission(ghz[::-1] * 1e9, np.hypot(re, im)[::-1])
    assert by_power.loaded_q == pytest.approx(fit.loaded_q, rel=1e-6)


@pytest.mark.parametrize("offset_hz", [0.0, 30e3, -50e3])
def test_a_resonance_is_recovered_wherever_it_is_in_the_span(offset_hz):
    nu = frequencies(5.0, 101, offset_hz)
    fit = fit_transmission(nu, Line().through(nu, transmitted(nu)))
    assert fit.frequency_hz == pytest.approx(NU0_HZ, abs=1.0)
    assert fit.loaded_q == pytest.approx(LOADED_Q, rel=1e-5)
    assert fit.peak == pytest.approx(0.09, rel=1e-5)
    assert fit.leak == pytest.approx(0.0, abs=1e-6)
    assert fit.goodness.good


def test_the_stated_errors_are_the_scatter():
    random, nu = np.random.default_rng(3), frequencies(5.0, 101)
    found = np.array(
        [
            pulls(fit_transmission(nu, transmitted(nu) + noise(random, 101, 0.01)))
            for _ in range(300)
        ]
    )
    assert np.std(found, axis=0) == pytest.approx(1.0, abs=0.13)  # three standard errors
    assert np.abs(np.mean(found, axis=0)).max() < 0.2


@pytest.mark.parametrize("leak_db", [-40.0, -25.0, -15.0])
def test_a_leak_moves_nothing_beyond_the_errors_and_is_stated(leak_db):
    random, nu = np.random.default_rng(4), frequencies(8.0, 401)
    size, found = 10 ** (leak_db / 20), []
    for angle in np.linspace(0, 2 * np.pi, 36, endpoint=False):
        line = Line(leak=size * np.exp(1j * angle), delay_s=30e-9)
        fit = fit_transmission(nu, line.through(nu, transmitted(nu)) + noise(random, 401, 3e-4))
        found.append(pulls(fit))
        if abs(np.cos(angle)) < 0.1:
            assert abs(fit.leak) == pytest.approx(size, rel=0.05)
    assert np.sqrt(np.mean(np.square(found), axis=0)).max() < 1.35  # 36 pulls: 3 standard errors


def test_a_leak_that_changes_over_the_span_is_fitted_and_widens_the_errors():
    random, nu = np.random.default_rng(5), frequencies(4.0, 201)
    steady = transmitted(nu) + 0.3j
    drifting = transmitted(nu) + 0.3j * np.exp(-2j * np.pi * 1e-6 * (nu - NU0_HZ))
    fits = [fit_transmission(nu, s + noise(random, 201, 1e-4)) for s in (steady, drifting)]
    assert all(fit.goodness.good for fit in fits)
    assert fits[1].loaded_q == pytest.approx(LOADED_Q, rel=1e-3)
    assert abs(fits[1].loaded_q - LOADED_Q) < 3 * fits[1].loaded_q_error
    assert fits[1].loaded_q_error > 2 * fits[0].loaded_q_error


def test_only_the_neighbourhood_of_a_narrow_resonance_is_fitted():
    random, nu = np.random.default_rng(6), NU0_HZ + np.linspace(-20e6, 20e6, 4001)
    ripple = 0.15 * np.exp(1e-6j * (nu - NU0_HZ))  # crosstalk, with a period of 6 MHz
    fit = fit_transmission(nu, transmitted(nu) + 0.1 + ripple + noise(random, nu.size, 1e-3))
    assert fit.goodness.chi2 < fit.goodness.limit
    assert np.abs(pulls(fit)).max() < 4


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    widths=st.floats(3.0, 20.0),
    points_per_width=st.floats(4.0, 40.0),
    snr=st.floats(30.0, 3000.0),
    place=st.floats(-0.6, 0.6),
    leak_db=st.floats(-60.0, -15.0),
    delay_s=st.floats(-3e-6, 3e-6),
    gain=st.floats(1e-9, 1e9),
    opposite=st.booleans(),
    backwards=st.booleans(),
)
def test_any_line_leaves_the_resonance_where_it_is(
    seed, widths, points_per_width, snr, place, leak_db, delay_s, gain, opposite, backwards
):
    random, points = np.random.default_rng(seed), max(16, int(widths * points_per_width))
    nu = frequencies(widths, points, 0.5 * place * widths * WIDTH_HZ)
    phase, angle = random.uniform(0, 2 * np.pi, 2)
    leak = 10 ** (leak_db / 20) * np.exp(1j * angle)
    line = Line(gain, phase, delay_s, leak=leak, opposite=opposite)
    s = line.through(nu, transmitted(nu)) + noise(random, points, gain / snr)
    if backwards:
        nu, s = nu[::-1], s[::-1]
    try:
        fit = fit_transmission(nu, s)
    except ValueError as refused:
        # So few points over a few widths cannot always be told from noise; nothing else is refused.
        if points >= 32 or "no resonance above the noise" not in str(refused):
            raise
        return
    assert np.abs(pulls(fit)).max() < 6.5
    assert fit.goodness.chi2 < 1 + 2 * (fit.goodness.limit - 1)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), points=st.sampled_from([8, 20, 101, 401, 2001]))
@example(seed=1070514, points=8)
def test_noise_is_no_resonance(seed, points):
    random = np.random.default_rng(seed)
    with pytest.raises(ValueError, match=r"no (single )?resonance"):
        fit_transmission(frequencies(6.0, points), noise(random, points, 1.0))


@pytest.mark.parametrize(("seed", "points"), [(80, 12), (119, 8), (128, 60), (143, 12)])
def test_a_hump_of_the_noise_is_no_resonance(seed, points):
    random = np.random.default_rng([seed, points, 0])
    random.uniform()
    with pytest.raises(ValueError, match="no resonance above the noise"):
        fit_transmission(frequencies(6.0, points), noise(random, points, 1.0))


@pytest.mark.parametrize(("seed", "points"), [(1008, 8), (5187, 8), (2754, 12), (4367, 20)])
def test_few_points_of_noise_are_no_resonance_however_small_the_errors_seem(seed, points):
    random = np.random.default_rng([seed, 7])  # 29 of 8000 traces of 8 points were taken for one
    with pytest.raises(ValueError, match="no resonance"):
        fit_transmission(frequencies(6.0, points), noise(random, points, 1.0))


@pytest.mark.parametrize("level", [1.0, 1j, 1e-30 * (1 + 1j), 1e150])
def test_a_flat_line_is_no_resonance(level):
    with pytest.raises(ValueError, match="no resonance"):
        fit_transmission(frequencies(6.0, 101), np.full(101, level))


def test_a_resonance_outside_the_span_is_none():
    nu = frequencies(5.0, 101, 400e3)
    with pytest.raises(ValueError, match="no resonance"):
        fit_transmission(nu, transmitted(nu))


@pytest.mark.parametrize(("depth", "lean"), [(0.5, 0.0), (0.9, 0.3), (0.3, 1.0)])
def test_a_resonator_beside_the_line_is_refused_by_name(depth, lean):
    random, nu = np.random.default_rng(7), frequencies()
    hanger = 1 - depth * np.exp(1j * lean) * transmitted(nu) + noise(random, nu.size, 2e-3)
    with pytest.raises(ValueError, match=r"a notch of \d+\.\d dB: the resonator is beside"):
        fit_transmission(nu, hanger)


def test_a_reflection_is_refused_by_name():
    random, nu = np.random.default_rng(8), frequencies()
    with pytest.raises(ValueError, match=r"notch of 9\.\d dB.*or its reflection was taken"):
        fit_transmission(nu, reflected(nu, 2.0) + noise(random, nu.size, 2e-3))


def test_a_leak_as_strong_as_the_resonance_is_refused():
    random, nu = np.random.default_rng(8), frequencies()
    with pytest.raises(ValueError, match="stronger than the resonance"):
        fit_transmission(nu, transmitted(nu) + 1.6j + noise(random, nu.size, 2e-3))


def test_two_resonances_are_not_passed_off_as_one():
    random, nu = np.random.default_rng(9), frequencies()
    near, far = (
        transmitted(nu) + 0.8 * transmitted(nu, NU0_HZ + apart * WIDTH_HZ) for apart in (0.5, 1.5)
    )
    fit = fit_transmission(nu, near + noise(random, nu.size, 2e-3))
    assert not fit.goodness.good
    assert fit.goodness.chi2 > fit.goodness.limit
    with pytest.raises(ValueError, match="no single resonance: chi2/dof"):
        fit_transmission(nu, far + noise(random, nu.size, 2e-3))


def test_one_wild_point_is_seen():
    random, nu = np.random.default_rng(10), frequencies()
    s = transmitted(nu) + noise(random, nu.size, 2e-3)
    assert fit_transmission(nu, s).goodness.good
    s[60] += 0.5
    fit = fit_transmission(nu, s)
    assert not fit.goodness.good
    assert np.abs(pulls(fit)).max() < 5
