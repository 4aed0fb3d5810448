"""Exact statistics of averaged spectra, and the slow way that proves them."""

import numpy as np
import pytest
from scipy import stats

from haloscope.apparatus.digitizer import gamma_mean, time_series_spectrum
from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused
from instruments.random import generator

SAMPLES = 20_000_000


@pytest.fixture(scope="module")
def moments() -> dict[str, float]:
    """Of 2e7 draws at N = 5000; benchmarks/studies/haloscope_statistics.py takes 1e8."""
    sums, lagged = np.zeros(5), 0.0
    blocks = SAMPLES // 100_000
    for number in range(blocks):
        x = gamma_mean(generator(3, "test", number), 5000, 100_000) - 1
        square = x * x
        sums += [1.0, x.mean(), square.mean(), (square @ x) / x.size, (square @ square) / x.size]
        lagged += float(x[1:] @ x[:-1]) / (x.size - 1)
    m = sums / blocks
    variance = m[2] - m[1] ** 2
    third = m[3] - 3 * m[1] * m[2] + 2 * m[1] ** 3
    fourth = m[4] - 4 * m[1] * m[3] + 6 * m[1] ** 2 * m[2] - 3 * m[1] ** 4
    return {
        "mean": m[1],
        "variance": variance,
        "skewness": third / variance**1.5,
        "kurtosis": fourth / variance**2 - 3,
        "neighbours": lagged / blocks / variance,
    }


@pytest.mark.parametrize(
    ("name", "exact", "error"),
    [
        ("mean", 0.0, 1 / np.sqrt(5000 * SAMPLES)),
        ("variance", 1 / 5000, np.sqrt(2 / SAMPLES) / 5000),
        ("skewness", 2 / np.sqrt(5000), np.sqrt(6 / SAMPLES)),
        ("kurtosis", 6 / 5000, np.sqrt(24 / SAMPLES)),
        ("neighbours", 0.0, 1 / np.sqrt(SAMPLES)),
    ],
)
def test_moments_are_those_of_the_gamma_distribution(moments, name, exact, error):
    assert abs(moments[name] - exact) < 4 * error


@pytest.mark.parametrize("averages", [1, 7, 999, 1000, 5000])
def test_the_distribution_is_gamma_for_any_number_of_averages(averages):
    x = gamma_mean(generator(5, "test", averages), averages, 400_000)
    assert stats.kstest(x, stats.gamma(averages, scale=1 / averages).cdf).pvalue > 0.01


def test_the_tails_are_those_of_the_gamma_distribution():
    """At N = 1000 a normal approximation would have half as many draws beyond -4 sigma."""
    x = np.concatenate([gamma_mean(generator(6, "tail", k), 1000, 100_000) for k in range(100)])
    exact = stats.gamma(1000, scale=1e-3)
    for limit, expected in (
        (1 - 3.5 / np.sqrt(1000), exact.cdf(1 - 3.5 / np.sqrt(1000))),
        (1 + 3.5 / np.sqrt(1000), exact.sf(1 + 3.5 / np.sqrt(1000))),
    ):
        seen = np.mean(x < limit) if limit < 1 else np.mean(x > limit)
        assert abs(seen - expected) < 4 * np.sqrt(expected / x.size)


def test_merging_five_bins_gives_gamma_of_five_times_the_averages():
    x = gamma_mean(generator(7, "merge"), 5000, 500_000).reshape(-1, 5).mean(axis=1)
    assert stats.kstest(x, stats.gamma(25_000, scale=1 / 25_000).cdf).pvalue > 0.01


def test_the_time_series_gives_the_same_distribution():
    """White noise: every periodogram bin independent and exponential, so the mean of N is Gamma."""
    x = time_series_spectrum(generator(8, "slow"), np.full(20_000, 3.0), 40) / 3.0
    assert stats.kstest(x, stats.gamma(40, scale=1 / 40).cdf).pvalue > 0.01
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) < 4 / np.sqrt(x.size)


def test_the_time_series_and_the_fast_way_agree_on_a_real_spectrum():
    parameters = HaloscopeParameters.from_mapping(
        {"digitizer": {"bins": 20_000, "averages": 30}, "receiver": {"comb_power_k": 0.0}}
    )
    results = []
    for slow in (True, False):
        h = SimulatedHaloscope(parameters, seed=9)
        h.digitizer.time_series = slow
        h.digitizer.acquire()
        while h.busy:
            h.step(h.dt_s)
        results.append(h.digitizer.spectrum_w / h.mean_spectrum_w(1.1e9))
    exact = stats.gamma(30, scale=1 / 30)
    assert stats.kstest(results[0], exact.cdf).pvalue > 0.01
    assert stats.kstest(results[1], exact.cdf).pvalue > 0.01
    assert stats.ks_2samp(*results).pvalue > 0.01


def test_draws_depend_on_their_key_alone():
    first = gamma_mean(generator(1, "a", 5), 5000, 1000)
    gamma_mean(generator(1, "a", 6), 5000, 1000)
    assert np.array_equal(first, gamma_mean(generator(1, "a", 5), 5000, 1000))
    assert not np.array_equal(first, gamma_mean(generator(2, "a", 5), 5000, 1000))


@pytest.mark.parametrize("wrong", [0, -5, 2.5, np.nan, 1e9])
def test_averages_out_of_range_are_refused(wrong):
    h = SimulatedHaloscope(seed=0)
    with pytest.raises(Refused, match="digitizer averages"):
        h.digitizer.averages = wrong
    assert h.digitizer.averages == 5000
