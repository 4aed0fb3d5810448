from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import convolve1d
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.chain.template import line_table, place_response
from haloscope.analysis.exchange.published import capp6, ratio_to_published
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.bayes import (
    aggregate_strength,
    aggregate_update,
    excluded_coupling,
    excluded_strength,
    update,
)
from haloscope.analysis.statistics.candidates import (
    expected_clusters,
    find_candidates,
    global_p_value,
    neighbour_correlation,
    upcrossing_probability,
)
from haloscope.analysis.statistics.limits import dfsz, ksvz, level, limit, observed_level
from haloscope.axion import coupling_dfsz, coupling_ksvz


def test_the_threshold_is_the_letter_s() -> None:
    assert Options().threshold == pytest.approx(3.7184, abs=5e-5)
    assert Options(confidence=0.95).threshold == pytest.approx(3.355, abs=5e-4)


def test_models_are_those_of_the_axion_module() -> None:
    nu = np.array([1.09e9, 1.11e9])
    assert dfsz(nu) == pytest.approx([coupling_dfsz(f) for f in nu], rel=1e-12)
    assert ksvz(nu) == pytest.approx([coupling_ksvz(f) for f in nu], rel=1e-12)


def test_the_limit_follows_from_its_parts(noise_result: Result) -> None:
    core = slice(len(noise_result.grand) // 3, 2 * len(noise_result.grand) // 3)
    grand, bound = noise_result.grand, noise_result.limit
    snr = grand.efficiency_averaged * grand.snr * 10 ** (-0.04) * 0.925
    by_hand = dfsz(grand.frequency_hz) * np.sqrt(level(1100, 10.0, Options()) / snr)
    assert bound.coupling_per_gev == pytest.approx(by_hand, rel=1e-12)
    # Note to the letter: 6.41e-16 at Q_L 35000 and C 0.6, and 12 % of the KSVZ density.
    assert bound.coupling_per_gev[core].mean() == pytest.approx(6.41e-16, rel=0.02)
    assert bound.ksvz_density[core].mean() == pytest.approx(0.13, abs=0.005)
    assert bound.mass_ev[0] == pytest.approx(grand.frequency_hz[0] * 4.135667696e-15, rel=1e-9)


def test_the_level_makes_up_for_the_places_of_axions() -> None:
    options = Options()
    relative = place_response(1.1e9, 10.0, options)
    assert relative.mean() == pytest.approx(1)
    assert 0.9 < relative.min() < 0.93
    assert 1.03 < relative.max() < 1.06
    found = ndtr(level(1100, 10.0, options) * relative - options.threshold)
    assert found.mean() == pytest.approx(0.9, abs=1e-9)
    assert 5.0 < level(1100, 10.0, options) < 5.06
    assert level(1100, 10.0, replace(options, efficiency_definition="aligned")) == 5.0


def test_a_better_cavity_gives_a_lower_limit(noise_result: Result) -> None:
    better = replace(noise_result.calibration, line_attenuation_db=0.0)
    taken = noise_result.systematic
    bound = limit(noise_result.grand, better, 10.0, noise_result.options, taken)
    lower = bound.coupling_per_gev
    ratio = lower / noise_result.limit.coupling_per_gev
    assert ratio == pytest.approx(np.full_like(ratio, 10 ** (-0.02)), rel=1e-9)


def test_the_observed_limit_covers_and_never_promises_too_much() -> None:
    rng = np.random.default_rng(0)
    for mean in (0.5, 2.0, 5.0):
        seen = mean + rng.normal(size=40000)
        covered = np.mean(observed_level(seen, Options()) >= mean)
        assert covered >= 0.897
    assert observed_level(np.array([-9.0]), Options())[0] == pytest.approx(ndtri(0.9))


def synthetic(values: np.ndarray) -> Grand:
    k = len(values)
    nu = 1.1e9 - 5.0 + 450.0 * np.arange(k)
    full = np.ones(k)
    return Grand(nu, values, values, full, full, full, full, values, full, full)


def test_bins_within_a_line_are_one_candidate() -> None:
    values = np.zeros(200)
    values[[50, 52, 57]] = 4.0, 6.0, 3.9
    values[66] = 4.5
    found = find_candidates(synthetic(values), np.full(200, 5.0), 10.0, Options())
    assert [c.bins for c in found] == [3, 1]
    assert found[0].frequency_hz == 1.1e9 - 5 + 450 * 52
    assert found[0].coupling_per_gev == pytest.approx(
        coupling_dfsz(found[0].frequency_hz) * np.sqrt(6 / 5)
    )
    assert found[0].global_p < found[1].global_p < 1


def test_global_probability_and_cluster_count_agree_with_simulation() -> None:
    table = line_table(np.array([1.1e9]), 10.0, Options())
    weights = table.weights("aligned")[0]
    noise = np.random.default_rng(1).normal(size=(1500, 1000))
    z = convolve1d(noise, weights[::-1], axis=1) / np.sqrt(weights @ weights)
    rho = neighbour_correlation(synthetic(z[0]), 10.0, Options())
    assert np.mean(z[:, 1:] * z[:, :-1]) == pytest.approx(rho, abs=0.01)
    level = 3.2
    seen = np.mean(z.max(axis=1) > level)
    assert global_p_value(level, 1000, rho) == pytest.approx(seen, abs=0.06)
    crossings = np.sum((z[:, 1:] > level) & (z[:, :-1] <= level)) / 1500
    assert expected_clusters(1000, rho, level) == pytest.approx(crossings, rel=0.1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.83, 0.98])
@pytest.mark.parametrize("level", [0.0, 2.0, 3.7])
def test_the_probability_to_cross_is_the_bivariate_gaussian_s(level: float, rho: float) -> None:
    both = multivariate_normal(mean=[0.0, 0.0], cov=[[1.0, rho], [rho, 1.0]])
    expected = ndtr(level) - both.cdf(np.array([level, level]))
    assert upcrossing_probability(level, rho) == pytest.approx(expected, abs=1e-8, rel=1e-4)


def test_the_global_probability_falls_smoothly_to_any_height() -> None:
    levels = np.linspace(5.5, 20, 146)
    logs = np.log([global_p_value(float(level), 45_000, 0.83) for level in levels])
    assert np.all(np.diff(logs) < 0)
    assert np.abs(np.diff(logs, 3)).max() < 2e-4  # no step anywhere


def test_prior_updates_average_to_one_without_an_axion() -> None:
    x = np.random.default_rng(2).normal(size=200_000)
    assert aggregate_update(x, np.full(x.shape, 2.0), 0.5) == pytest.approx(1, abs=0.02)
    excluded = excluded_strength(x[:5], np.full(5, 2.0))
    for value, snr, strength in zip(x[:5], np.full(5, 2.0), excluded, strict=True):
        assert update(value, snr, strength) == pytest.approx(0.1, rel=1e-9)


def test_the_aggregate_excludes_more_than_the_threshold_does(noise_result: Result) -> None:
    snr = noise_result.limit.expected_snr
    strength = aggregate_strength(noise_result.normalised, snr)
    assert aggregate_update(noise_result.normalised, snr, strength) == pytest.approx(0.1, rel=1e-6)
    core = noise_result.grand.overlaps > 14
    by_threshold = np.median((5 / snr)[core])
    within = aggregate_strength(noise_result.normalised[core], snr[core])
    assert within < by_threshold
    coupling = excluded_coupling(noise_result.grand, snr)
    assert np.median(coupling) < np.median(noise_result.limit.coupling_per_gev)


def test_the_published_curve_is_read_with_its_gap_and_spikes() -> None:
    curve = capp6()
    assert curve.coupling_per_gev[~curve.spike].mean() == pytest.approx(6.2e-16, rel=0.005)
    assert curve.gap_hz[1] - curve.gap_hz[0] == pytest.approx(375e3, abs=1e3)
    assert 5 < curve.spike.sum() < 40
    same = ratio_to_published(curve.frequency_hz, curve.coupling_per_gev)
    assert np.abs(same - 1).max() < 0.02  # points of one mass are averaged
