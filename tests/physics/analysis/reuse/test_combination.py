"""Several experiments together: coverage, no limit stronger than statistics, no data twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from haloscope.analysis.distinct import SameDataError
from haloscope.analysis.exchange import files
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.reuse.combination import Measured, combined, common_grid, covered
from haloscope.analysis.reuse.experiments import Experiment, read_experiment, together
from haloscope.analysis.statistics.limits import dfsz
from tests.physics.analysis.generator import make, scan_targets

CONFIDENCE, LEVEL = 0.9, 5.0
THRESHOLD = LEVEL - ndtri(CONFIDENCE)

CASES = {
    "one": ([1.0], [0.08], [0.01], ("a",)),
    "one that is badly known": ([1.0], [0.4], [0.0], ("a",)),
    "two of their own": ([1.0, 0.7], [0.08, 0.2], [0.01, 0.05], ("a", "b")),
    "two campaigns of one": ([1.0, 0.7], [0.15, 0.15], [0.01, 0.05], ("a", "a")),
    "three, the best one badly known": ([1, 0.5, 2], [0.1, 0, 0.5], [0, 0, 0], ("a", "b", "c")),
}


class Truth:
    """Experiments as ``combined`` models them, drawn many times."""

    def __init__(self, name: str, copies: int, seed: int) -> None:
        mean, common, own, self.apparatus = CASES[name]
        self.rng = np.random.default_rng(seed)
        self.mean, self.common, self.own = (
            np.outer(row, np.ones(copies)) for row in (mean, common, own)
        )

    def measured(self, strength: float) -> Measured:
        shape = self.mean.shape
        shared = {name: self.rng.standard_normal(shape[1]) for name in set(self.apparatus)}
        common = np.array([shared[name] for name in self.apparatus])
        off = 1 + self.common * common + self.own * self.rng.standard_normal(shape)
        x = strength * self.mean * off + self.rng.standard_normal(shape)
        return Measured(x, self.mean, self.common, self.own, self.apparatus)


@pytest.mark.parametrize("name", CASES)
def test_the_claimed_share_is_found_and_not_excluded(name: str) -> None:
    """Of axions at the limit, by drawing the errors of each experiment and the noise."""
    copies = 3000
    truth = Truth(name, copies, seed=11)
    limit = float(combined(truth.measured(0.0), LEVEL, CONFIDENCE).strength[0])
    slack = 3.5 * np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / copies)
    found = combined(truth.measured(limit), LEVEL, CONFIDENCE)
    assert np.mean(found.z > THRESHOLD) > CONFIDENCE - slack
    for strength in (limit, 0.4 * limit):
        seen = combined(truth.measured(strength), LEVEL, CONFIDENCE)
        assert np.mean(seen.observed >= strength) > CONFIDENCE - slack
    noise = combined(truth.measured(0.0), LEVEL, CONFIDENCE)
    assert noise.z.mean() == pytest.approx(0, abs=4 / np.sqrt(copies))
    assert noise.z.std() == pytest.approx(1, abs=4 / np.sqrt(2 * copies))
    freedom = len(truth.mean) - 1
    assert noise.disagreement.mean() == pytest.approx(freedom, abs=5 * np.sqrt(2 * 2 / copies))


def test_coverage_is_not_bought_by_ignoring_errors() -> None:
    """Were the errors not taken off, a badly known experiment would exclude too much."""
    truth = Truth("one that is badly known", 4000, seed=12)
    plain = combined(truth.measured(0.0), LEVEL, CONFIDENCE).statistics[0]
    found = combined(truth.measured(float(plain)), LEVEL, CONFIDENCE)
    assert np.mean(found.z > THRESHOLD) < 0.8


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_limit_is_stronger_than_statistics_allow(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))

    def row(low: float, high: float) -> list[float]:
        return data.draw(st.lists(st.floats(low, high), min_size=count, max_size=count))

    mean, common, own = (np.array(row(*ends))[:, None] for ends in ((0, 5), (0, 3), (0, 3)))
    excess = np.array(row(-6, 9))[:, None] * (mean > 0)
    names = tuple(data.draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count)))
    found = combined(Measured(excess, mean, common, own, names), LEVEL, CONFIDENCE)
    length = float(np.sqrt(np.sum(mean**2)))
    if length == 0:
        assert np.isinf([found.strength[0], found.observed[0], found.statistics[0]]).all()
        return
    assert found.strength[0] >= LEVEL / length * (1 - 1e-9)
    assert found.observed[0] >= ndtri(CONFIDENCE) / length * (1 - 1e-6)
    assert found.statistics[0] == pytest.approx(LEVEL / length)


@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1e6])
def test_what_is_combined_may_be_of_any_sensitivity(scale: float) -> None:
    excess, mean = np.array([[0.5], [-1.0]]), np.array([[1.0], [0.3]])
    errors = np.array([[0.2], [0.1]])
    usual = combined(Measured(excess, mean, errors, errors, ("a", "b")), LEVEL, CONFIDENCE)
    found = combined(Measured(excess, scale * mean, errors, errors, ("a", "b")), LEVEL, CONFIDENCE)
    for name in ("strength", "observed", "statistics"):
        assert getattr(found, name) * scale == pytest.approx(getattr(usual, name), rel=1e-9)
    assert found.z == pytest.approx(usual.z, rel=1e-9)


def test_errors_of_one_apparatus_do_not_average_out() -> None:
    mean, common, zero = np.ones((2, 1)), np.full((2, 1), 0.1), np.zeros((2, 1))
    apart = combined(Measured(zero, mean, common, zero, ("a", "b")), LEVEL, CONFIDENCE)
    one = combined(Measured(zero, mean, common, zero, ("a", "a")), LEVEL, CONFIDENCE)
    assert one.error[0] == pytest.approx(0.1)
    assert apart.error[0] == pytest.approx(0.1 / np.sqrt(2))


def test_bins_of_other_widths_stand_for_the_axions_nearest_to_them() -> None:
    narrow, wide = np.arange(100.0, 200.0, 10.0), np.arange(150.0, 400.0, 25.0)
    grid = common_grid([(wide, 25.0), (narrow, 10.0)])
    assert set(narrow) <= set(grid)
    assert (grid[grid > 200] == wide[wide > 205]).all()
    at = covered(grid, wide, 25.0)
    assert np.all(np.abs(wide[at[at >= 0]] - grid[at >= 0]) <= 12.5 * (1 + 1e-8))
    assert (at[grid < 137.5] == -1).all()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Experiment]:
    """Two campaigns over one band."""
    folder = tmp_path_factory.mktemp("results")
    found = []
    for seed in (21, 22):
        result = analyze(make(scan_targets(20), seed=seed))
        files.save(folder / f"{seed}.h5", result, {"sources": [str(seed)], f"run_{seed}": {}})
        found.append(read_experiment(folder / f"{seed}.h5", name=f"apparatus {seed}"))
    return found


def test_an_experiment_alone_is_its_own_limit(tmp_path: Path, noise_result: Result) -> None:
    files.save(tmp_path / "result.h5", noise_result, {})
    own = read_experiment(tmp_path / "result.h5")
    alone = combined(
        Measured(own.excess[None], own.mean[None], own.common[None], own.own[None], ("a",)),
        own.level, own.confidence,
    )  # fmt: skip
    unit = dfsz(own.frequency_hz)
    limit = noise_result.limit
    np.testing.assert_allclose(unit * np.sqrt(alone.strength), limit.coupling_per_gev, rtol=1e-9)
    taken = unit * np.sqrt(alone.observed)
    assert (taken >= limit.observed_per_gev * (1 - 1e-9)).all()
    assert np.median(taken / limit.observed_per_gev) < 1.01


def test_two_equal_campaigns_go_deeper_by_the_fourth_root_of_two(pair: list[Experiment]) -> None:
    both = together(pair)
    middle = (both.experiments == 2) & both.excluded
    one = np.interp(both.frequency_hz, pair[0].frequency_hz, dfsz(pair[0].frequency_hz) * np.sqrt(
        pair[0].level / (pair[0].mean * (1 - np.hypot(pair[0].common, pair[0].own)))))  # fmt: skip
    ratio = np.median(one[middle] / both.coupling_per_gev[middle])
    # And a little by errors that average out: 1 - U is 0.92 alone, 0.94 together.
    assert 2**0.25 < ratio < 2**0.25 * 1.02
    assert both.result.z[middle].std() == pytest.approx(1, abs=0.2)


def test_the_same_data_are_refused(pair: list[Experiment]) -> None:
    one, other = pair
    with pytest.raises(SameDataError, match="run_21 is in"):
        together([one, replace(one, excess=-one.excess)])
    with pytest.raises(SameDataError, match=r"correlated by 1.00"):
        together([one, replace(one, runs=frozenset())])
    rng = np.random.default_rng(1)
    half = np.sqrt(0.5) * one.excess + np.sqrt(0.5) * rng.standard_normal(len(one.excess))
    with pytest.raises(SameDataError, match=r"correlated by 0\.[67]"):
        together([one, replace(one, excess=half, runs=frozenset())])
    assert together([one, other]).excluded.any()


def test_what_does_not_go_together_is_refused(pair: list[Experiment]) -> None:
    one, other = pair
    with pytest.raises(ValueError, match="1 results, needed two"):
        together([one])
    for change in ({"confidence": 0.95}, {"density_fraction": 0.5}, {"threshold": 3.0}):
        with pytest.raises(ValueError, match=f"one {next(iter(change))} is needed"):
            together([one, replace(other, **change)])  # type: ignore[arg-type]


def test_candidates_of_any_and_of_all_are_gaps(pair: list[Experiment]) -> None:
    one, other = pair
    at = float(one.frequency_hz[len(one.frequency_hz) // 2])
    near = np.abs(together(pair).frequency_hz - at) < 0.5 * one.line_hz
    standing = together([replace(one, standing=((at, at),)), other])
    assert not standing.excluded[near].any()
    vetoed = together([replace(one, vetoed=((at, at),)), other])
    # What was vetoed says nothing, and the other's data alone exclude.
    weaker = vetoed.coupling_per_gev[near] / together(pair).coupling_per_gev[near]
    assert (weaker > 1.15).all()
    raised = [
        replace(each, excess=np.where(np.abs(each.frequency_hz - at) < 100, 3.2, each.excess))
        for each in pair
    ]
    seen = together(raised)
    assert seen.over[np.argmin(np.abs(seen.frequency_hz - at))]
    assert not seen.excluded[near].any()


def test_doubts_of_one_are_doubts_of_all(pair: list[Experiment]) -> None:
    one, other = pair
    doubted = together([replace(one, doubts="NOT TO BE BELIEVED: gain"), other])
    assert doubted.doubts == (f"{one.label}: NOT TO BE BELIEVED: gain",)
