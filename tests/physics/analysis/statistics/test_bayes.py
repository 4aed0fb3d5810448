"""The power-measured analysis: calibrated, honest of correlated bins, and told beside the limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from haloscope.analysis.budget.propagation import constant_budget
from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.chain.template import line_table
from haloscope.analysis.exchange import bayesian
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.bayes import (
    aggregate_strength,
    aggregate_update,
    correlated_noise,
    excluded_strength,
    found_share,
    noise_strengths,
    threshold_strength,
    typical,
    update,
)
from haloscope.analysis.statistics.decision import Decision, applied, to_rescan
from haloscope.analysis.statistics.limits import dfsz
from haloscope.analysis.statistics.powermeasured import PowerMeasured, power_measured
from haloscope.axion import bin_fractions
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.vetoes.interference import hump

OPTIONS = Options()
AXION_HZ, COARSE_HZ = 1.1e9, 450.0
WEIGHTS = line_table(np.array([AXION_HZ]), 10.0, OPTIONS).weights("aligned")[0]
TAPS = WEIGHTS / np.sqrt(WEIGHTS @ WEIGHTS)
LINES = len(TAPS)


def grand_bins(coarse: FloatArray) -> FloatArray:
    """Normalised grand bins of coarse bins of unit variance: each co-adds those from its own on."""
    return sliding_window_view(coarse, LINES, axis=-1) @ TAPS


def line(place_hz: float, length: int) -> FloatArray:
    """Coarse bins of an axion beginning at ``place_hz`` after the first, of mean one in its bin."""
    edges = AXION_HZ + COARSE_HZ * np.arange(length + 1)
    fractions = bin_fractions(edges, AXION_HZ + place_hz)
    return fractions / (TAPS @ line_in_its_bin())


@cache
def line_in_its_bin() -> FloatArray:
    """The line over the bins of an aligned grand bin, averaged over half a bin either side."""
    edges = AXION_HZ + COARSE_HZ * np.arange(LINES + 1)
    places = COARSE_HZ * ((np.arange(20) + 0.5) / 20 - 0.5)
    return np.mean([bin_fractions(edges - place, AXION_HZ) for place in places], axis=0)


@dataclass(frozen=True)
class Experiments:
    """Bands with an axion in half of them, anywhere: excesses (n, k), and whether it is there."""

    excess: FloatArray
    there: FloatArray


@cache
def experiments(mean: float, bins: int = 300, count: int = 4000) -> Experiments:
    rng = np.random.default_rng(8)
    coarse = rng.normal(size=(count, bins + LINES - 1))
    there = rng.random(count) < 0.5
    for row in np.flatnonzero(there):
        place = COARSE_HZ * (rng.random() * bins - 0.5)
        coarse[row] += mean * line(place, bins + LINES - 1)
    return Experiments(grand_bins(coarse), there)


def test_posterior_probabilities_are_those_with_which_axions_are_there() -> None:
    """Among bands given a probability of p, a share p hold the axion: anywhere, in any bin."""
    for mean in (3.0, 4.5):
        made = experiments(mean)
        updates = update(made.excess, np.ones(made.excess.shape[1]), mean).mean(axis=1)
        posterior = updates / (1 + updates)
        order = np.argsort(posterior)
        for group in np.array_split(order, 8):
            said, true = posterior[group].mean(), made.there[group].mean()
            error = np.sqrt(np.mean(posterior[group] * (1 - posterior[group])) / len(group))
            assert abs(true - said) < 3.5 * error + 0.01, (mean, said)
        assert posterior[order[:500]].max() < 0.4 < 0.7 < posterior[order[-500:]].min()


def test_without_an_axion_updates_average_to_one_although_bins_share_their_noise() -> None:
    made = experiments(3.0)
    empty = made.excess[~made.there]
    updates = update(empty, np.ones(empty.shape[1]), 1.0).mean(axis=1)
    error = updates.std() / np.sqrt(len(updates))
    assert updates.mean() == pytest.approx(1, abs=3.5 * error)
    assert error < 0.005
    # What correlation changes is the scatter: of bins that share nothing it would be less.
    apart = np.sqrt((np.exp(1.0) - 1) / empty.shape[1])
    assert updates.std() > 1.5 * apart


def test_an_axion_that_is_there_is_excluded_by_its_own_bin_in_two_percent_at_most() -> None:
    rng = np.random.default_rng(3)
    missed = []
    for mean in (0.5, 1.0, 2.1, 3.0, 5.0):
        seen = mean + rng.normal(size=100_000)
        missed.append(float(np.mean(excluded_strength(seen, np.ones(seen.shape)) < mean)))
    assert max(missed) == missed[2] == pytest.approx(0.016, abs=0.0015)


def test_the_aggregate_is_where_the_update_stays_below_a_tenth() -> None:
    x = grand_bins(np.random.default_rng(1).normal(size=3000))
    snr = np.linspace(4.0, 7.0, len(x))
    strength = aggregate_strength(x, snr)
    assert aggregate_update(x, snr, strength) == pytest.approx(0.1, rel=1e-6)
    for more in (1.01, 1.2, 2.0, 10.0, 100.0):
        assert aggregate_update(x, snr, more * strength) < 0.1
    stricter = aggregate_strength(x, snr, 0.95)
    assert aggregate_update(x, snr, stricter) == pytest.approx(0.05, rel=1e-6)


def test_a_bump_of_the_update_above_its_first_fall_counts() -> None:
    x, snr = np.zeros(2000), np.full(2000, 5.0)
    quiet = aggregate_strength(x, snr)
    x[100], snr[100] = 9.0, 0.5
    assert aggregate_update(x, snr, 1.2 * quiet) < 0.1  # the others are excluded here
    assert aggregate_strength(x, snr) * 0.5 > 9.0  # and the tenth as sensitive not until there


def test_bins_that_say_nothing_keep_their_prior() -> None:
    x, snr = np.zeros(1000), np.full(1000, 5.0)
    x[:40] = 30.0
    silent = np.arange(1000) < 40
    heard = aggregate_strength(x, snr, silent=silent)
    now = np.where(silent, 1.0, update(x, snr, heard))
    assert now.mean() == pytest.approx(0.1, rel=1e-6)
    assert heard > aggregate_strength(x[~silent], snr[~silent])
    with pytest.raises(ValueError, match=r"10% of the bins say nothing.* excluded with 90%"):
        aggregate_strength(x, snr, silent=np.arange(1000) < 101)
    with pytest.raises(ValueError, match="say nothing"):
        aggregate_strength(np.full(10, np.nan), np.ones(10))


def test_an_excess_out_of_all_proportion_is_no_overflow() -> None:
    x = np.array([1e4, 0.0, -1e4])
    assert np.isfinite(update(x, np.ones(3), 1e4)).all()
    assert np.sqrt(2) < aggregate_strength(x, np.ones(3)) / 1e4 <= 2.001


def test_noise_alone_gives_what_is_said_of_it() -> None:
    """Drawn from correlated bins; independent ones would promise less scatter and more depth."""
    snr = np.full(2000, 5.0)
    drawn = noise_strengths(snr, WEIGHTS, 0.9, 60)
    rng = np.random.default_rng(5)
    seen = np.array([aggregate_strength(grand_bins(rng.normal(size=2008)), snr) for _ in range(60)])
    error = np.hypot(seen.std(), drawn.std()) / np.sqrt(60)
    assert drawn.mean() == pytest.approx(seen.mean(), abs=3.5 * error)
    assert drawn.std() == pytest.approx(seen.std(), rel=0.45)
    assert np.array_equal(noise_strengths(snr, WEIGHTS, 0.9, 3), drawn[:3])


def test_the_noise_drawn_is_shared_by_bins_as_in_a_grand_spectrum() -> None:
    drawn = correlated_noise(200_000, WEIGHTS, 1)
    real = grand_bins(np.random.default_rng(6).normal(size=200_008))
    assert drawn.std() == pytest.approx(1, abs=0.01)
    for apart in (1, 2, 4, 8, 9):
        found, expected = (np.mean(x[apart:] * x[:-apart]) for x in (drawn, real))
        assert found == pytest.approx(expected, abs=0.02)
    assert np.mean(drawn[1:] * drawn[:-1]) > 0.7
    assert np.corrcoef(drawn[:5000], correlated_noise(5000, WEIGHTS, 2))[0, 1] < 0.1


def test_the_threshold_s_share_is_the_limit_s(noise_result: Result) -> None:
    """Of equal bins the aggregate of the threshold is the limit of each."""
    measured = noise_result.bayes
    core = noise_result.grand.overlaps > 14
    each = noise_result.limit.coupling_per_gev[core] / dfsz(noise_result.frequency_hz[core])
    assert measured.threshold == pytest.approx(np.median(each), rel=0.01)
    high = threshold_strength(np.full(9, 5.0), 3.7, 0.9, np.array([0.9, 1.1]))
    assert found_share(np.full(9, 5.0), high, 3.7, np.array([0.9, 1.1])) == pytest.approx(0.9)


def test_few_sensitivities_stand_for_many() -> None:
    snr = np.random.default_rng(2).gamma(9.0, 0.6, 44_123)
    few, places = typical(snr), np.linspace(0.92, 1.05, 5)
    assert len(few) == 500
    assert few.mean() == pytest.approx(snr.mean(), rel=1e-4)
    for strength in (0.3, 1.0, 2.0):
        exact = found_share(snr, strength, 3.718, places)
        assert found_share(few, strength, 3.718, places) == pytest.approx(exact, abs=1e-4)
    assert np.array_equal(typical(snr[:300]), snr[:300])


def test_both_analyses_of_noise_agree_with_what_noise_gives(noise_result: Result) -> None:
    measured = noise_result.bayes
    assert abs(measured.aggregate - measured.expected) < 4 * measured.expected_scatter
    assert measured.aggregate == measured.elsewhere  # no candidate stands
    at = np.searchsorted(measured.couplings, measured.aggregate)
    assert measured.band_update[at - 1] > 0.1 > measured.band_update[at]
    assert np.all(np.diff(measured.band_found) >= 0)
    assert measured.window_update.shape == (len(measured.couplings), len(measured.window_hz))
    # A window's coupling is where its own mean update falls to a tenth.
    column = int(np.argmax(measured.window_excluded))
    nearest = np.searchsorted(measured.couplings, measured.window_excluded[column])
    before, after = measured.window_update[nearest - 1 : nearest + 1, column]
    assert before > 0.1 > after
    at_median = measured.window_excluded[np.isfinite(measured.window_excluded)]
    assert 0.6 * measured.threshold < np.median(at_median) < measured.threshold


def again(result: Result, silent: FloatArray | None = None) -> PowerMeasured:
    """The power-measured analysis of a result with bins that say nothing."""
    return power_measured(
        result.grand, result.limit.expected_snr, result.step_hz, result.options,
        excluded=result.excluded, silent=silent,
    )  # fmt: skip


def test_a_candidate_that_stands_is_not_excluded(with_axion: Result) -> None:
    (found,) = with_axion.candidates
    measured = with_axion.bayes
    own = found.coupling_per_gev / float(dfsz(np.array(found.frequency_hz)))
    assert measured.aggregate > 1.2 * own  # of an axion like this one nothing is excluded
    assert measured.elsewhere < 1.05 * measured.threshold  # and elsewhere as without it
    assert measured.highest > 1e6
    assert abs(measured.highest_hz - found.frequency_hz) < 2 * COARSE_HZ
    at = int(np.argmin(np.abs(with_axion.frequency_hz - found.frequency_hz)))
    assert measured.excluded_per_gev[at] > found.coupling_per_gev
    assert bayesian.numbers(with_axion)["rescans_by_update"] == 1


def test_where_a_candidate_was_vetoed_the_data_say_nothing(with_axion: Result) -> None:
    silent = ~with_axion.excluded
    measured = again(with_axion, silent)
    assert np.array_equal(measured.update[silent], np.ones(silent.sum()))
    assert np.isnan(measured.excluded_per_gev[silent]).all()
    assert measured.elsewhere == with_axion.bayes.elsewhere
    assert measured.elsewhere < measured.aggregate < 1.1 * measured.threshold
    assert measured.highest < 1e6


def test_a_candidate_that_a_veto_takes_keeps_its_prior_in_the_result() -> None:
    result = analyze(hump(0.008, 31))
    (gone,) = result.vetoed
    there = np.abs(result.frequency_hz - gone.frequency_hz) < 2e3
    assert np.array_equal(result.bayes.update[there], np.ones(there.sum()))
    assert result.bayes.highest < 1e6
    assert bayesian.numbers(result)["rescans_by_update"] == 0


def test_a_band_with_too_little_left_excludes_nothing(noise_result: Result) -> None:
    silent = np.arange(len(noise_result.grand)) % 5 == 0
    measured = again(noise_result, silent)
    assert np.isnan(measured.aggregate)
    assert bayesian.words(measured.aggregate, measured) == "nothing excluded"


def sloping(normalised: FloatArray, snr: FloatArray) -> tuple[Grand, FloatArray]:
    """A grand spectrum of which the sensitivity is known."""
    ones = np.ones(len(snr))
    nu = AXION_HZ - 5.0 + COARSE_HZ * np.arange(len(snr))
    return Grand(nu, normalised, normalised, ones, ones, ones, ones, ones, ones, ones), snr


def of(result: Result, normalised: FloatArray, snr: FloatArray) -> Result:
    """A result with other excesses and sensitivity."""
    grand, per_bin = sloping(normalised, snr)
    bound = replace(result.limit, expected_snr=per_bin)
    budget = constant_budget(grand.frequency_hz, 0.075)
    return replace(result, grand=grand, limit=bound, budget=budget)


def test_where_sensitivity_is_the_same_both_rules_are_one(noise_result: Result) -> None:
    flat = of(noise_result, np.zeros(500), np.full(500, 5.4))
    one, other = (applied(flat, Decision(rule)) for rule in ("threshold", "bayes"))
    assert other.levels == pytest.approx(one.levels, rel=1e-9)
    assert other.places == pytest.approx(one.places)
    assert other.found == pytest.approx(0.9, abs=1e-6)


def test_where_it_varies_the_update_finds_as_many_with_fewer_rescans(noise_result: Result) -> None:
    snr = np.concatenate([np.linspace(1.5, 6.0, 600), np.linspace(6.0, 1.5, 600)])
    uneven = of(noise_result, np.zeros(1200), snr)
    by_threshold, by_update = (applied(uneven, Decision(rule)) for rule in ("threshold", "bayes"))
    assert by_update.found == pytest.approx(by_threshold.found, abs=1e-9)
    assert by_update.found == pytest.approx(0.9, abs=1e-6)
    assert by_update.places < 0.75 * by_threshold.places


def test_what_a_rule_costs_and_finds_is_what_simulation_gives(noise_result: Result) -> None:
    snr = np.concatenate([np.linspace(2.0, 6.0, 300), np.linspace(6.0, 3.0, 300)])
    uneven = of(noise_result, np.zeros(600), snr)
    rng = np.random.default_rng(12)
    noise = grand_bins(rng.normal(size=(3000, 608)))
    for rule in ("threshold", "bayes"):
        asked = applied(uneven, Decision(rule, update=30.0) if rule == "bayes" else Decision())
        over = noise > asked.levels
        places = (over[:, 1:] & ~over[:, :-1]).sum(axis=1) + over[:, 0]
        error = places.std() / np.sqrt(len(noise))
        assert asked.places == pytest.approx(places.mean(), abs=4 * error + 0.02 * asked.places)
        strength = (asked.coupling_per_gev / float(dfsz(uneven.frequency_hz.mean()))) ** 2
        found = []
        for _ in range(4000):
            at, off = int(rng.integers(600)), COARSE_HZ * (rng.random() - 0.5)
            there = TAPS @ line(off + COARSE_HZ, LINES + 1)[1:]
            found.append(strength * snr[at] * there + rng.normal() > asked.levels[at])
        error = np.sqrt(asked.found * (1 - asked.found) / len(found))
        assert np.mean(found) == pytest.approx(asked.found, abs=4 * error)


def test_a_rule_s_places_are_those_above_its_levels(noise_result: Result) -> None:
    snr = np.linspace(0.01, 6.0, 800)
    x = np.zeros(800)
    x[[10, 700, 703, 740]] = 6.0, 3.9, 4.2, 3.6
    uneven = of(noise_result, x, snr)
    sought = Decision("bayes", float(dfsz(uneven.frequency_hz.mean())), 100.0)
    # 6 sigma where an axion would leave nothing is no axion of that coupling.
    (place,) = to_rescan(uneven, sought)
    assert place.frequency_hz == uneven.frequency_hz[703]
    assert (place.bins, place.excess) == (2, 4.2)
    assert to_rescan(uneven) == uneven.candidates
    levels = applied(uneven, Decision("bayes", 5e-16, 20.0)).levels
    mean = (5e-16 / float(dfsz(uneven.frequency_hz.mean()))) ** 2 * snr[700]
    assert update(levels[700:701], np.array([mean]), 1.0)[0] == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rule": "coin"}, "'coin', needed one of threshold, bayes"),
        ({"coupling_per_gev": -1e-15}, "coupling_per_gev is -1e-15 1/GeV, must be above 0"),
        ({"update": 0.0}, "update is 0.0, must be above 0"),
        ({"update": float("nan")}, "update is nan, must be above 0"),
    ],
)
def test_an_unusable_rule_is_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Decision(**wrong)  # type: ignore[arg-type]


def test_search_and_rescan_together_update_by_the_product_of_both() -> None:
    """What was believed after the search is the prior of the rescan."""
    nu = 1.1003e9
    search = analyze(make(scan_targets(30, nu - 150e3), seed=7))
    rescan_targets = nu - 30e3 + 10e3 * np.arange(7)
    again = make(rescan_targets, seed=8)
    both = Online(Options(filter_average=False))
    both.add(make(scan_targets(30, nu - 150e3), seed=7))
    both.add(again)
    alone, together = analyze(again), both.result()
    parts = []
    for result in (search, alone, together):
        at = int(np.argmin(np.abs(result.frequency_hz - nu)))
        mean = 0.8 * result.limit.expected_snr[at]
        parts.append(mean * result.normalised[at] - 0.5 * mean**2)
    assert parts[2] == pytest.approx(parts[0] + parts[1], abs=0.35)
