"""Fits of reflections: made ones with known line, leak and noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haloscope.measuring.reflection import Reflection, fit_reflection
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


def pulls(fit: Reflection, beta: float) -> np.ndarray:
    """Distance of resonance, loaded Q and coupling from the truth in stated errors."""
    return np.array(
        [
            (fit.frequency_hz - NU0_HZ) / fit.frequency_hz_error,
            (fit.loaded_q - LOADED_Q) / fit.loaded_q_error,
            (fit.beta - beta) / fit.beta_error,
        ]
    )


@pytest.mark.parametrize("beta", [0.2, 0.5, 0.95, 1.05, 1.8, 2.0, 2.2, 5.0])
@pytest.mark.parametrize("opposite", [False, True])
def test_the_coupling_is_told_on_either_side_of_one_by_either_sign_of_phase(beta, opposite):
    random, nu = np.random.default_rng(1), frequencies(10.0, 151)
    s = Line(opposite=opposite).through(nu, reflected(nu, beta)) + noise(random, 151, 3e-4)
    fit = fit_reflection(nu, s)
    assert np.abs(pulls(fit, beta)).max() < 5
    assert fit.beta == pytest.approx(beta, rel=0.02)
    assert fit.overcoupled == (beta > 1)
    assert fit.opposite_phase == opposite
    assert fit.unloaded_q == pytest.approx(LOADED_Q * (1 + beta), rel=0.02)
    assert fit.amplitude == pytest.approx(0.3, rel=0.01)
    assert fit.delay_s == pytest.approx(62e-9, abs=20e-9)


@pytest.mark.parametrize("delay_s", [0.0, 1e-6, 20e-6])
def test_of_a_sweep_over_half_a_width_it_is_said_that_it_is_too_short(delay_s):
    """Its ends tell the slope of the resonance and not the line's: other starts are needed."""
    random, nu = np.random.default_rng(8), frequencies(0.5, 101)
    s = Line(delay_s=delay_s).through(nu, reflected(nu, 5.0)) + noise(random, 101, 3e-4)
    with pytest.raises(ValueError, match="no resonance narrower than the span"):
        fit_reflection(nu, s)


@pytest.mark.parametrize("delay_s", [0.0, 62e-9, 2e-6, -1e-6])
def test_any_delay_and_a_bent_phase_are_taken_up(delay_s):
    nu = frequencies(10.0, 301, 20e3)
    line = Line(delay_s=delay_s, bend=0.02)
    fit = fit_reflection(nu, line.through(nu, reflected(nu, 2.0)))
    assert fit.beta == pytest.approx(2.0, rel=1e-6)
    assert fit.delay_s == pytest.approx(delay_s, abs=1e-12)


def test_the_stated_errors_are_the_scatter():
    random, nu = np.random.default_rng(2), frequencies(10.0, 151)
    s = Line().through(nu, reflected(nu, 2.0))
    found = [pulls(fit_reflection(nu, s + noise(random, 151, 1e-3)), 2.0) for _ in range(300)]
    assert np.std(found, axis=0) == pytest.approx(1.0, abs=0.13)  # three standard errors


def test_a_leak_at_right_angles_is_seen_and_moves_nothing():
    random, nu = np.random.default_rng(3), frequencies(8.0, 401)
    line = Line(gain=1.0, delay_s=30e-9, leak=0.1j)
    s = line.through(nu, reflected(nu, 2.0)) + noise(random, 401, 1e-3 / np.sqrt(2))
    fit = fit_reflection(nu, s, isolation_db=20.0)
    assert abs(fit.frequency_hz - NU0_HZ) < 4 * fit.frequency_hz_error < 30
    assert fit.loaded_q == pytest.approx(LOADED_Q, rel=1e-3)
    assert fit.beta == pytest.approx(2.0, rel=0.01)
    assert fit.leak == pytest.approx(0.1, abs=4 * fit.leak_error)
    assert 0 < fit.frequency_hz_systematic < fit.frequency_hz_error
    assert fit.goodness.good
    assert fit.goodness.chi2 < 1.3


@pytest.mark.parametrize(("angle_deg", "beta"), [(0.0, 2.857), (180.0, 1.538)])
def test_a_leak_in_phase_is_stated_as_a_systematic(angle_deg, beta):
    random, nu = np.random.default_rng(4), frequencies(8.0, 401)
    line = Line(delay_s=30e-9, leak=0.1 * np.exp(1j * np.radians(angle_deg)))
    s = line.through(nu, reflected(nu, 2.0)) + noise(random, 401, 2e-4)
    fit = fit_reflection(nu, s, isolation_db=20.0)
    assert fit.beta == pytest.approx(beta, rel=0.01)  # nothing in the trace tells
    assert abs(fit.beta - 2.0) < 2 * fit.beta_error
    assert fit.beta_systematic == pytest.approx(fit.beta_error, rel=0.01)
    assert abs(fit.frequency_hz - NU0_HZ) < 4 * fit.frequency_hz_error < 50
    better = fit_reflection(nu, s, isolation_db=60.0)
    assert better.beta_systematic < 0.02 * fit.beta_systematic


def test_an_isolation_that_the_trace_belies_is_not_believed():
    random, nu = np.random.default_rng(5), frequencies(8.0, 401)
    s = Line(leak=0.1j).through(nu, reflected(nu, 2.0)) + noise(random, 401, 2e-4)
    fits = [fit_reflection(nu, s, isolation_db=db) for db in (60.0, None)]
    for fit in fits:
        assert fit.leak == pytest.approx(0.1, rel=0.05)
        assert fit.beta_systematic == pytest.approx(0.75, rel=0.2)
    clean = Line().through(nu, reflected(nu, 2.0)) + noise(random, 401, 2e-4)
    assert fit_reflection(nu, clean).beta_systematic < 0.01


def test_a_narrow_span_is_bounded_by_what_the_isolation_allows():
    random, nu = np.random.default_rng(6), frequencies(1.6, 201)
    s = Line().through(nu, reflected(nu, 2.0)) + noise(random, 201, 1e-3)
    loose, tight = (fit_reflection(nu, s, isolation_db=db) for db in (None, 60.0))
    assert tight.frequency_hz_error < 0.5 * loose.frequency_hz_error
    assert np.abs(pulls(tight, 2.0)).max() < 4


def test_with_few_points_the_isolation_counts_no_more_than_it_says():
    random, found = np.random.default_rng(13), []
    for _ in range(80):
        nu = frequencies(random.uniform(2.0, 3.5), 12)
        line = Line(1.0, leak=10 ** (-34 / 20) * np.exp(1j * random.uniform(0, 6.28)))
        s = line.through(nu, reflected(nu, 0.4)) + noise(random, 12, 6e-4)
        found.append(pulls(fit_reflection(nu, s, isolation_db=34.0), 0.4))
    assert np.abs(found).max() < 6
    assert np.median(np.abs(found), axis=0)[:2].max() < 0.95  # 0.67, but for few degrees of freedom


def test_a_line_that_ripples_is_described():
    random, nu = np.random.default_rng(7), frequencies(8.0, 401)
    ripple = 1 + 0.02 * np.sin((nu - NU0_HZ) / (2 * WIDTH_HZ) + 0.4)
    s = ripple * Line().through(nu, reflected(nu, 2.0)) + noise(random, 401, 2e-4)
    fit = fit_reflection(nu, s, isolation_db=40.0)
    assert fit.goodness.good
    assert fit.beta == pytest.approx(2.0, rel=0.03)
    cubic = np.exp(0.3j * ((nu - NU0_HZ) / (4 * WIDTH_HZ)) ** 3)
    s = cubic * Line().through(nu, reflected(nu, 2.0)) + noise(random, 401, 2e-4)
    fit = fit_reflection(nu, s, isolation_db=60.0)
    assert fit.goodness.chi2 < 1.3
    assert np.abs(pulls(fit, 2.0)).max() < 4.5


def test_a_phase_whose_slope_the_ends_do_not_tell():
    random, nu = np.random.default_rng(8), frequencies(1.5, 101)
    for delay_s in (0.0, 1e-6, -2e-6):
        s = Line(delay_s=delay_s).through(nu, reflected(nu, 3.0)) + noise(random, 101, 1e-4)
        fit = fit_reflection(nu, s, isolation_db=60.0)
        assert np.abs(pulls(fit, 3.0)).max() < 5
        assert fit.goodness.chi2 < fit.goodness.limit


def test_a_trace_that_leaves_the_side_of_the_coupling_open_is_refused():
    random, nu, left_open = np.random.default_rng(9), frequencies(1.2, 101), 0
    for _ in range(12):
        s = Line().through(nu, reflected(nu, 2.0)) + noise(random, 101, 0.05)
        try:
            fit = fit_reflection(nu, s, isolation_db=60.0)
        except ValueError as refused:
            if "widen the span" not in str(refused):
                continue  # no resonance, by chance
            left_open += 1
            fit = fit_reflection(nu, s, isolation_db=60.0, opposite_phase=False)
            other = fit_reflection(nu, s, isolation_db=60.0, opposite_phase=True)
            assert other.opposite_phase
            assert not other.overcoupled
        assert fit.overcoupled
        assert not fit.opposite_phase
    assert left_open >= 3


def some(random: np.random.Generator, *, weak: bool) -> tuple[float, float, float, float, Line]:
    """Widths, points per width, coupling, signal to noise and line of a trace hard to begin on."""
    delay_s = random.uniform(-2e-7, 2e-7) * (1 if weak else 10)
    line = Line(1.0, random.uniform(0, 6.28), delay_s, opposite=bool(random.integers(2)))
    if weak:  # a shallow circle somewhere in a wide span
        return *random.uniform([10, 10, 0.1, 15], [20, 20, 0.2, 30]), line
    return *random.uniform([2, 15, 1, 100], [4, 40, 10, 1000]), line


@pytest.mark.parametrize("weak", [False, True])
def test_circles_that_are_hard_to_begin_on_are_found(weak):
    random = np.random.default_rng(1)
    for _ in range(60):
        widths, per_width, beta, snr, line = some(random, weak=weak)
        points, place = int(widths * per_width), random.uniform(-0.7, 0.7)
        nu = frequencies(widths, points, 0.5 * place * widths * WIDTH_HZ)
        s = line.through(nu, reflected(nu, beta)) + noise(random, points, 1 / snr)
        fit = fit_reflection(nu, s, isolation_db=60.0)
        assert fit.opposite_phase == line.opposite
        assert np.abs(pulls(fit, beta)).max() < 6


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    widths=st.floats(3.0, 20.0),
    points_per_width=st.floats(5.0, 40.0),
    beta=st.floats(0.1, 8.0),
    snr=st.floats(100.0, 3000.0),
    place=st.floats(-0.6, 0.6),
    leak_db=st.floats(-60.0, -20.0),
    delay_s=st.floats(-2e-6, 2e-6),
    gain=st.floats(1e-9, 1e9),
    opposite=st.booleans(),
    backwards=st.booleans(),
)
def test_any_line_leaves_resonance_and_coupling_what_they_are(
    seed, widths, points_per_width, beta, snr, place, leak_db, delay_s, gain, opposite, backwards
):
    random, points = np.random.default_rng(seed), max(24, int(widths * points_per_width))
    nu = frequencies(widths, points, 0.5 * place * widths * WIDTH_HZ)
    phase, angle = random.uniform(0, 2 * np.pi, 2)
    leak = 10 ** (leak_db / 20) * np.exp(1j * angle)
    line = Line(gain, phase, delay_s, leak=leak, opposite=opposite)
    s = line.through(nu, reflected(nu, beta)) + noise(random, points, gain / snr)
    if backwards:
        nu, s = nu[::-1], s[::-1]
    fit = fit_reflection(nu, s, isolation_db=-leak_db)
    assert fit.opposite_phase == opposite
    assert np.abs(pulls(fit, beta)).max() < 6.5
    assert fit.goodness.chi2 < 1 + 2 * (fit.goodness.limit - 1)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    points=st.sampled_from([8, 20, 101, 401]),
    level=st.sampled_from([0.0, 30.0]),
)
def test_noise_and_a_line_alone_are_no_resonance(seed, points, level):
    random, nu = np.random.default_rng(seed), frequencies(6.0, points)
    line = Line(gain=level, delay_s=random.uniform(-1e-6, 1e-6))
    with pytest.raises(ValueError, match=r"no .*resonance|circle's diameter"):
        fit_reflection(nu, line.through(nu, np.ones(points)) + noise(random, points, 1.0))


@pytest.mark.parametrize(
    ("seed", "points"),
    [(65, 12), (70, 12), (91, 8), (103, 8), (107, 12), (10, 200), (25, 200), (34, 60)],
)
def test_a_line_that_looks_like_a_circle_is_none(seed, points):
    random, nu = np.random.default_rng([seed, points, 30]), frequencies(6.0, points)
    line = Line(gain=30.0, delay_s=random.uniform(-1e-6, 1e-6))
    with pytest.raises(ValueError, match="no resonance above the noise"):
        fit_reflection(nu, line.through(nu, np.ones(points)) + noise(random, points, 1.0))


@pytest.mark.parametrize("level", [1j, 1 + 1e-9j, 1e-30 * (1 + 1j), 1e150j])
def test_a_flat_line_is_no_resonance(level):
    with pytest.raises(ValueError, match="no resonance"):
        fit_reflection(frequencies(6.0, 101), np.full(101, level))


def test_what_is_no_reflection_is_refused_by_name():
    random, nu = np.random.default_rng(10), frequencies()
    with pytest.raises(ValueError, match="resonance"):
        fit_reflection(nu, transmitted(nu) + noise(random, nu.size, 2e-3))
    with pytest.raises(ValueError, match=r"diameter is 2\.1.*leak past the circulator"):
        fit_reflection(nu, reflected(nu, 10.0) + 0.14 + noise(random, nu.size, 2e-3))
    hanger = 1 - 0.5 * np.exp(0.8j) * transmitted(nu) + noise(random, nu.size, 2e-3)
    with pytest.raises(ValueError, match=r"leans by .*beside the line"):
        fit_reflection(nu, hanger)
    with pytest.raises(ValueError, match="the trace is real"):
        fit_reflection(nu, np.abs(reflected(nu, 2.0)))
    with pytest.raises(ValueError, match="isolation of -20 dB"):
        fit_reflection(nu, reflected(nu, 2.0), isolation_db=-20)


@pytest.mark.parametrize(("widths", "points", "why"), [(0.9, 101, "narrower"), (60.0, 41, "wide")])
def test_a_span_that_cannot_tell_is_refused(widths, points, why):
    random, nu = np.random.default_rng(11), frequencies(widths, points)
    s = Line().through(nu, reflected(nu, 0.5)) + noise(random, points, 1e-3)
    with pytest.raises(ValueError, match=f"no resonance.* {why}"):
        fit_reflection(nu, s, isolation_db=60.0)


@pytest.mark.parametrize("apart", [1.0, 2.0])
def test_two_resonances_are_not_passed_off_as_one(apart):
    random, nu = np.random.default_rng(12), frequencies()
    both = reflected(nu, 2.0) + 0.8 * transmitted(nu, NU0_HZ + apart * WIDTH_HZ)
    fit = fit_reflection(nu, both + noise(random, nu.size, 2e-3))
    assert not fit.goodness.good
    assert fit.goodness.chi2 > fit.goodness.limit
