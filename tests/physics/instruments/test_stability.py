"""Stability of a series against what is known of it: noise, a repeating shape, a drift."""

import numpy as np
import pytest

from instruments.stability import allan_deviation, spectrum, stability

RNG = np.random.default_rng(7)
SHAPE = 50e-6 * np.sin(2.0 * np.pi * np.arange(180) / 90.0)


def test_what_repeats_is_told_from_what_does_not() -> None:
    noise = 40e-6 * RNG.standard_normal((200, 180))
    found = stability(0.95 + SHAPE + noise)
    assert found.cycles == 200
    assert found.repeating == pytest.approx(SHAPE.std(), rel=0.02)
    assert found.random == pytest.approx(40e-6, rel=0.02)
    assert found.within_cycle == pytest.approx(np.hypot(SHAPE.std(), 40e-6), rel=0.02)
    assert found.between_cycles == pytest.approx(found.expected_between, rel=0.2)
    assert found.mean == pytest.approx(0.95, abs=1e-6)


def test_noise_alone_does_not_repeat() -> None:
    repeating = [stability(RNG.standard_normal((10, 50))).repeating for _ in range(200)]
    # The square is unbiased, so it is 0 about as often as not.
    assert 0.3 < np.mean(np.array(repeating) == 0.0) < 0.7
    assert np.mean(repeating) < 0.1


def test_a_drift_shows_between_cycles() -> None:
    cycles = 0.95 + 10e-6 * np.arange(20)[:, None] + 1e-6 * RNG.standard_normal((20, 180))
    found = stability(cycles)
    assert found.between_cycles == pytest.approx(10e-6 * np.arange(20).std(ddof=1), rel=0.01)
    assert found.between_cycles > 100 * found.expected_between


def test_the_spectrum_of_white_noise_is_its_variance_over_the_band() -> None:
    sigma, spacing_s = 3e-5, 2.0
    frequency_hz, density = spectrum(sigma * RNG.standard_normal(20000), spacing_s, 500)
    assert density.mean() == pytest.approx(2.0 * sigma**2 * spacing_s, rel=0.05)
    assert frequency_hz[0] == pytest.approx(1.0 / (500 * spacing_s))
    assert frequency_hz[-1] == pytest.approx(0.25)


def test_a_line_of_the_spectrum_is_at_the_cycles_harmonic() -> None:
    frequency_hz, density = spectrum(np.tile(SHAPE, 40), 1.0, 1800)
    assert frequency_hz[density.argmax()] == pytest.approx(1.0 / 90.0)


def test_the_allan_deviation_of_white_noise_falls_as_the_root_of_time() -> None:
    times_s, deviation = allan_deviation(5e-5 * RNG.standard_normal(60000), 1.0)
    assert times_s[:3].tolist() == [1.0, 2.0, 4.0]
    assert deviation[:8] == pytest.approx(5e-5 / np.sqrt(times_s[:8]), rel=0.1)


def test_the_allan_deviation_of_a_drift_grows_with_time() -> None:
    times_s, deviation = allan_deviation(2e-6 * np.arange(1000.0), 1.0)
    assert deviation == pytest.approx(2e-6 * times_s / np.sqrt(2.0), rel=1e-9)


def test_by_the_definition_for_nist_sp_1065s_test_suite() -> None:
    # The suite's 1000 numbers by a prime modulus; its overlapping deviation at 1 s.
    numbers = [1234567890]
    for _ in range(999):
        numbers.append(16807 * numbers[-1] % 2147483647)
    series = np.array(numbers) / 2147483647.0
    assert series.mean() == pytest.approx(4.897745e-1, abs=1e-6)
    sums = np.concatenate(([0.0], np.cumsum(series)))
    times_s, deviation = allan_deviation(series, 1.0)
    assert deviation[0] == pytest.approx(2.922319e-1, rel=1e-6)
    # At 8 s and 128 s by the definition, one start after the other.
    for count in (8, 128):
        means = [(sums[k + count] - sums[k]) / count for k in range(1001 - count)]
        pairs = [(means[k + count] - means[k]) ** 2 for k in range(len(means) - count)]
        at = times_s.tolist().index(float(count))
        assert deviation[at] == pytest.approx(np.sqrt(0.5 * np.mean(pairs)), rel=1e-9)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([1.0, 2.0], "shape"),
        ([[1.0, 2.0]], "two or more"),
        ([[1.0, np.nan]] * 2, r"sample \(0, 1\)"),
    ],
)
def test_what_is_no_set_of_cycles_is_refused(samples: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stability(samples)  # type: ignore[arg-type]


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(ValueError, match="three or more"):
        allan_deviation([1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="not a finite number"):
        allan_deviation([1.0, np.inf, 2.0], 1.0)
    with pytest.raises(ValueError, match="segment"):
        spectrum(np.ones(10), 1.0, 11)
