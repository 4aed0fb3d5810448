"""Copies that are not where they were: shifted, backwards, cut elsewhere, or mixed into another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.chain.combine import Accumulator, Reduced
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select, trim
from haloscope.analysis.copies import demand_none_elsewhere, demand_none_mixed, landmarks
from haloscope.analysis.distinct import SameDataError
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.update import OnlineUpdate
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.quality.test_distinct import doubled

PLAIN = Options(filter_average=False)


@pytest.fixture(scope="module")
def stack() -> Spectra:
    """Six spectra longer than their windows, labelled as of one run."""
    return _called(make(scan_targets(6), seed=12, bins=24000), "a")


def _called(spectra: Spectra, run: str) -> Spectra:
    return replace(spectra, labels=tuple(f"{run}:{k}" for k in range(len(spectra))))


def _retargeted(spectra: Spectra, by_hz: float) -> Spectra:
    """The same run analysed again about other targets, and kept as its windows alone."""
    return trim(replace(spectra, target_frequency_hz=spectra.target_frequency_hz + by_hz), PLAIN)


def _mislabelled_axis(spectra: Spectra, bins: int) -> Spectra:
    """The windows of a run whose axis begins elsewhere."""
    return trim(
        replace(spectra, frequency_start_hz=spectra.frequency_start_hz + 10.0 * bins), PLAIN
    )


def _other_sideband(spectra: Spectra) -> Spectra:
    """Read from the wrong end."""
    return replace(spectra, power_w=np.ascontiguousarray(spectra.power_w[:, ::-1]))


COPIES: dict[str, Callable[[Spectra], Spectra]] = {
    "other targets": lambda s: _retargeted(s, 370.0),
    "other targets, 20 kHz": lambda s: _retargeted(s, 20e3),
    "axis off by 3 bins": lambda s: _mislabelled_axis(s, 3),
    "axis off by 900 bins": lambda s: _mislabelled_axis(s, 900),
    "backwards": lambda s: _other_sideband(trim(s, PLAIN)),
    "backwards and shifted": lambda s: _other_sideband(_retargeted(s, 2e3)),
    "scaled, bent and shifted": lambda s: replace(
        _retargeted(s, 2e3),
        power_w=_retargeted(s, 2e3).power_w * (3 + np.sin(np.arange(15020) / 4000)),
    ),
    "counts, shifted": lambda s: replace(
        _retargeted(s, 2e3), power_w=np.rint(1e16 * _retargeted(s, 2e3).power_w) * 1e-16
    ),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_run_beside_its_copy_is_refused(stack: Spectra, how: str) -> None:
    own, copy = trim(stack, PLAIN), _called(COPIES[how](stack), "b")
    with pytest.raises(SameDataError, match=r"\(a:\d\) and spectrum \d+ \(b:\d\) carry the same"):
        analyze(doubled(own, copy), PLAIN)


@pytest.mark.parametrize("how", COPIES)
def test_online_leaves_a_copy_out_and_says_of_which(stack: Spectra, how: str) -> None:
    updates: list[OnlineUpdate] = []
    online = Online(PLAIN, publish=updates.append, keep=False)
    own, copy = trim(stack, PLAIN), _called(COPIES[how](stack), "b")
    for row in range(6):
        online.add(own.subset([row]))
    online.add(copy.subset([4]))
    (found,) = updates[-1].findings
    assert "it carries the noise of spectrum 4 (a:4)" in found.words
    assert online.result().spectra == 6
    assert online.result().quality.cut == 1


def test_after_many_spectra_a_copy_of_any_is_still_found() -> None:
    """Landmarks go into a tree by and by: before it, in it, and after it."""
    many = make(scan_targets(140), seed=3)
    online = Online(PLAIN, keep=False)
    for row in range(140):
        assert not online.add(many.subset([row])).findings
    for row in (2, 100, 139):
        power = np.roll(many.power_w[[row]], 11, axis=1)
        (found,) = online.add(replace(many.subset([row]), power_w=power)).findings
        assert f"the noise of spectrum {row}, shifted" in found.words


@pytest.mark.parametrize("parts", [5, 10, 15])
def test_a_mean_of_repeated_spectra_beside_them_is_refused(parts: int) -> None:
    repeats = make(np.full(15, 1.1e9), seed=5)
    mean = repeats.power_w[:parts].mean(axis=0, keepdims=True)
    more = replace(repeats.subset([0]), power_w=mean, num_averages=np.array([5000.0 * parts]))
    named = r"spectrum 15 is made of others of its place \(spectrum 0, spectrum 1, spectrum 2"
    with pytest.raises(SameDataError, match=named):
        analyze(doubled(repeats, more), PLAIN)


def test_a_sum_with_half_as_much_new_in_it_is_refused() -> None:
    repeats = make(np.full(12, 1.1e9), seed=5)
    power = repeats.power_w[:8].sum(axis=0) + repeats.power_w[8:].sum(axis=0)
    new = make(np.full(4, 1.1e9), seed=6).power_w.sum(axis=0)
    more = replace(repeats.subset([0]), power_w=(power + new)[None], num_averages=np.array([8e4]))
    with pytest.raises(SameDataError, match=r"6\d% of its noise is theirs"):
        analyze(doubled(repeats, more), PLAIN)


def test_spectra_of_one_place_that_share_tones_and_a_line_are_their_own() -> None:
    repeats = make(np.full(30, 1.1e9), seed=9, axions={1.10001e9: 3.0})
    comb = np.zeros(15000)
    comb[::25] = 0.2
    power = repeats.power_w * (1 + comb).astype(np.float32)
    demand_none_mixed(power, np.zeros(30), repeats.num_averages, str)
    demand_none_elsewhere(power, repeats.num_averages, str)


def test_of_many_landmarks_no_two_are_alike_by_chance() -> None:
    noise = np.random.default_rng(4).standard_gamma(5000.0, (600, 15000)).astype(np.float32)
    assert len(landmarks(noise)) > 35_000
    demand_none_elsewhere(noise, np.full(600, 5000.0), str)


def test_sums_that_share_a_spectrum_are_not_joined() -> None:
    spectra = make(scan_targets(30), seed=21)
    first, second = (analyze(spectra.subset(part), PLAIN) for part in (slice(0, 20), slice(18, 30)))
    with pytest.raises(SameDataError, match="of 20 and 12 spectra 2 carry the same noise"):
        first.sums.join(second.sums)
    with pytest.raises(SameDataError, match="of 20 and 20 spectra 20 carry"):
        first.sums.join(first.sums)
    assert first.sums.spectra == 20
    rest = analyze(spectra.subset(slice(20, 30)), PLAIN).sums
    first.sums.join(rest)
    assert first.sums.spectra == 30
    with pytest.raises(SameDataError, match="of 30 and 10 spectra 10 carry"):
        first.sums.join(rest)


def test_a_spectrum_that_was_taken_away_may_come_back() -> None:
    spectra = make(scan_targets(12), seed=22)
    taken: list[Reduced] = []
    sums = Accumulator(10.0, PLAIN)
    for _, reduced, _ in reduce_stack(spectra, select(spectra, PLAIN), PLAIN).chunks():
        taken.append(reduced)
        sums.add(reduced)
    other = Accumulator(10.0, PLAIN)
    other.add(taken[0].rows(slice(0, 3)))
    sums.add(taken[0].rows(slice(0, 3)), sign=-1)
    sums.join(other)
    assert sums.spectra == 12


def test_what_is_short_or_has_no_noise_has_no_landmarks() -> None:
    flat = np.ones((3, 1000))
    assert len(landmarks(flat)) == 0
    demand_none_elsewhere(flat, np.full(3, 1e4), str)
    demand_none_elsewhere(np.random.default_rng(0).random((3, 20)), np.full(3, 1.0), str)
    demand_none_mixed(flat, np.zeros(3), np.full(3, 1e4), str)
