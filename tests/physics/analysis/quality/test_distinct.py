"""The same data twice: refused under every name, scale, precision and cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from haloscope.analysis import distinct
from haloscope.analysis.chain.selection import select, trim
from haloscope.analysis.distinct import (
    SameDataError,
    alike_above,
    demand_own_noise,
    fingerprints,
)
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra, concatenate
from tests.physics.analysis.generator import make, scan_targets

PLAIN = Options(filter_average=False)


@pytest.fixture(scope="module")
def stack() -> Spectra:
    return make(scan_targets(8), seed=12, bins=16000)


def labelled(spectra: Spectra, run: str) -> Spectra:
    return replace(spectra, labels=tuple(f"{run}:{k}" for k in range(len(spectra))))


def doubled(a: Spectra, b: Spectra) -> Spectra:
    """Two stacks as somebody would make one of them by hand."""
    rows = {n: np.concatenate([getattr(a, n), getattr(b, n)]) for n in Spectra.row_fields()}
    return replace(
        a, power_w=np.concatenate([a.power_w, b.power_w]), labels=(*a.labels, *b.labels), **rows
    )


@pytest.mark.parametrize("join", [concatenate, lambda parts: analyze(doubled(*parts), PLAIN)])
def test_a_stack_with_itself_is_refused_naming_both(
    stack: Spectra, join: Callable[[list[Spectra]], object]
) -> None:
    with pytest.raises(SameDataError, match=r"spectrum 0 and spectrum 8 carry .* \(7 more pairs"):
        join([stack, stack])
    named = labelled(stack, "a")
    with pytest.raises(SameDataError, match="spectra 0 and 8 are both labelled 'a:0'"):
        join([named, named])
    with pytest.raises(SameDataError, match=r"spectrum 0 \(a:0\) and spectrum 8 \(b:0\) carry"):
        join([named, labelled(stack, "b")])


def test_equal_labels_of_different_data_are_refused(stack: Spectra) -> None:
    other = make(scan_targets(8), seed=13, bins=16000)
    with pytest.raises(SameDataError, match="both labelled 'a:0'"):
        concatenate([labelled(stack, "a"), labelled(other, "a")])
    assert len(concatenate([labelled(stack, "a"), labelled(other, "b")])) == 16


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda p: p * np.float32(3.7), id="scaled"),
        pytest.param(lambda p: p.astype(np.float64) * (1 + 1e-5), id="another precision"),
        pytest.param(lambda p: p * (1 + 0.1 * np.sin(np.arange(16000) / 3000)), id="bent"),
        pytest.param(lambda p: np.rint(p * 1e4 / p.mean()), id="counts"),
    ],
)
def test_one_step_doubled_is_found_whatever_was_done_to_it(
    stack: Spectra, changed: Callable[[np.ndarray], np.ndarray]
) -> None:
    copy = stack.subset([5])
    spoiled = doubled(stack, replace(copy, power_w=changed(copy.power_w)))
    with pytest.raises(SameDataError, match="spectrum 5 and spectrum 8 carry the same noise"):
        analyze(spoiled, PLAIN)


def test_a_spectrum_that_was_not_read_again_is_found(stack: Spectra) -> None:
    """The digitizer stood still: the next step's frequencies over the last step's powers."""
    power = stack.power_w.copy()
    power[4] = power[3]
    with pytest.raises(SameDataError, match="spectrum 3 and spectrum 4 carry"):
        analyze(replace(stack, power_w=power), PLAIN)


def test_a_copy_that_was_cut_differently_is_found(stack: Spectra) -> None:
    small = trim(stack.subset([2]), Options())
    moved = replace(stack, power_w=stack.power_w[:, 485:15505],
                    frequency_start_hz=stack.frequency_start_hz + 4850.0)  # fmt: skip
    assert small.power_w.shape == (1, 15020)
    with pytest.raises(SameDataError, match="spectrum 2 and spectrum 8 carry"):
        analyze(doubled(moved, small), PLAIN)


def test_averages_that_went_on_are_half_the_same(stack: Spectra) -> None:
    """A second spectrum that still holds the first one's periodograms."""
    again = make(scan_targets(8), seed=14, bins=16000)
    both = 0.5 * (stack.power_w[[1]] + again.power_w[[1]])
    more = replace(again.subset([1]), power_w=both, num_averages=np.array([10_000.0]))
    with pytest.raises(SameDataError, match=r"spectrum 1 and spectrum 8 .* \(correlation 0\.[67]"):
        analyze(doubled(stack, more), PLAIN)


def test_spectra_of_one_place_and_a_forest_of_tones_are_not_one_spectrum() -> None:
    spectra = make(np.full(12, 1.1e9), seed=3)
    comb = np.zeros(15000)
    comb[::25] = 0.2  # 14 standard deviations, fixed in the digitizer
    power = spectra.power_w * (1 + comb).astype(np.float32)
    replace(spectra, power_w=power).demand_distinct()


@pytest.mark.parametrize("bins", [60, 200, 1000])
def test_by_chance_no_two_noises_are_alike(bins: int) -> None:
    noise = np.random.default_rng(5).standard_gamma(5000.0, (600, bins)) / 5000
    marks, noisy = fingerprints(noise, np.full(600, 5000.0))
    assert noisy.all()
    alike = np.abs(marks @ marks.T - np.eye(600)).max()
    assert alike < alike_above(bins - 2)
    # Of 180 000 pairs the highest lies at 4.6 standard errors.
    assert alike == pytest.approx(4.6 * np.sqrt(1.94 / bins), rel=0.25)


def test_among_many_the_same_copies_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many spectra shorter vectors are compared first."""
    rng, averages = np.random.default_rng(6), np.full(400, 5000.0)
    noise = rng.standard_gamma(5000.0, (400, 1024)) / 5000
    for row, share in ((90, 1.0), (91, 0.8), (92, 0.6), (93, 0.55), (94, 0.45)):
        mixed = share * (noise[row - 80] - 1) + np.sqrt(1 - share**2) * (noise[row] - 1)
        noise[row] = 3 * (1 + mixed)
    noise[300, :700] = noise[200, :700]
    noise[301] = 2 * noise[300]
    told = []
    for few in (1000, 10):
        monkeypatch.setattr(distinct, "_FEW", few)
        with pytest.raises(SameDataError) as refused:
            demand_own_noise(noise, averages, str)
        told.append(str(refused.value))
    assert told[0] == told[1]
    assert "10 and 90 carry the same noise (correlation 1.00)" in told[0]
    assert "(6 more pairs likewise)" in told[0]


@pytest.mark.parametrize("bins", [66, 100, 300, 700, 1024])
def test_by_chance_hardly_a_pair_is_looked_at_twice(
    bins: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of short spectra half of the pairs would be alike by shorter vectors."""
    monkeypatch.setattr(distinct, "_FEW", 10)
    looked_at, products = 0, distinct._products

    def counted(
        marks: NDArray[np.float32], one: NDArray[np.int64], other: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        nonlocal looked_at
        looked_at += len(one)
        return products(marks, one, other)

    monkeypatch.setattr(distinct, "_products", counted)
    noise = np.random.default_rng(bins).standard_gamma(5000.0, (300, bins)) / 5000
    demand_own_noise(noise, np.full(300, 5000.0), str)
    assert looked_at < 0.01 * 300 * 299 / 2


def test_what_has_no_noise_is_one_only_if_it_is_equal() -> None:
    silent = make(scan_targets(3), noise=False, dtype=float)
    silent.demand_distinct(select(silent, Options()).power)
    with pytest.raises(SameDataError, match="spectrum 1 and spectrum 3"):
        concatenate([silent, silent.subset([1])])


@pytest.mark.parametrize(
    "field", ["calibration", "volume_m3", "field_ratio", "errors", "step_hz", "masked", "labels",
              "power_w", *Spectra.row_fields()],
)  # fmt: skip
def test_a_fingerprint_changes_with_every_field(stack: Spectra, field: str) -> None:
    changed = {
        "calibration": replace(stack.calibration, line_attenuation_db=0.5),
        "errors": {"beta": np.full(8, 0.1)},
        "labels": tuple("abcdefgh"),
        "masked": np.arange(16000) % 7 == 0 * np.ones((8, 1)),
        "volume_m3": 0.03,
        "field_ratio": 0.8,
        "step_hz": 10.001,
    }
    value = changed.get(field)
    if value is None:
        now = getattr(stack, field)
        value = now * (1 - 1e-6) + (not np.any(now))
    assert replace(stack, **{field: value}).fingerprint() != stack.fingerprint()
    assert replace(stack).fingerprint() == stack.fingerprint()
