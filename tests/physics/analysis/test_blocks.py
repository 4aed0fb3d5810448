"""A stack gone through in blocks: the same results, and nothing of every bin held for all of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from haloscope.analysis import blocks, scratch
from haloscope.analysis.chain.signal import inject
from haloscope.analysis.cuts import Cut
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.generator import make, scan_targets

SPECTRA = 100


@pytest.fixture(scope="module")
def stack() -> Spectra:
    """Spectra with a dead one, tones, a mask on some, windows that begin at different columns."""
    spectra = make(scan_targets(SPECTRA), seed=31, bins=15100)
    power = spectra.power_w.copy()
    power[41] = 0
    power[[3, 79], 9000] *= 2
    power[:, 4000] *= 1 + 4 / np.sqrt(5000)
    mask = np.zeros(power.shape, bool)
    mask[7, 5000:5900] = True
    start = spectra.frequency_start_hz + 10.0 * (7 * np.arange(SPECTRA) % 80 - 40)
    return replace(spectra, power_w=power, masked=mask, frequency_start_hz=start)


@pytest.fixture(scope="module")
def few() -> Spectra:
    """Twice as many as the models of a baseline are held against, and some."""
    return make(scan_targets(140), seed=32)


@pytest.mark.parametrize("baseline", ["letter", "savgol", "auto"])
@pytest.mark.parametrize("block", [7, 10 * SPECTRA])
def test_a_stack_in_blocks_gives_what_it_gives_as_a_whole(
    stack: Spectra, baseline: Any, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(baseline=baseline)
    usual = analyze(stack, options)
    monkeypatch.setattr(blocks, "BLOCK", block)
    other = analyze(stack, options)
    assert usual.quality.findings
    assert other.quality == replace(usual.quality, used=other.quality.used)
    assert np.array_equal(other.quality.used, usual.quality.used)
    assert [test.passed for test in other.tests] == [test.passed for test in usual.tests]
    assert [s[:2] for s in _places(other)] == [s[:2] for s in _places(usual)]
    assert other.options == usual.options
    assert np.abs(other.normalised - usual.normalised).max() < 1e-8
    assert other.limit.coupling_per_gev == pytest.approx(usual.limit.coupling_per_gev, rel=1e-8)
    if baseline != "savgol":  # The ends of a smoothed spectrum are rounded by how many there are.
        assert other.spikes == usual.spikes
        assert np.array_equal(other.normalised, usual.normalised)
        assert np.array_equal(
            other.limit.coupling_per_gev, usual.limit.coupling_per_gev, equal_nan=True
        )


def _places(result: Result) -> list[tuple[int, float, float]]:
    return [(s.spectrum, s.frequency_hz, s.bin_hz) for s in result.spikes]


def test_pieces_are_those_of_their_rows() -> None:
    values = np.arange(60.0).reshape(6, 10)
    first = np.array([0, 3, 1, 1, 4, 2])
    every = np.stack([row[at : at + 5] for row, at in zip(values, first, strict=True)])
    cut = Cut.of(values, first, 5)
    assert np.array_equal(np.asarray(cut), every)
    assert np.array_equal(cut[1:4], every[1:4])
    assert np.array_equal(cut.rows(np.array([5, 2, 3]))[np.array([0, 2])], every[[5, 3]])
    assert cut[np.zeros(0, np.int64)].shape == (0, 5)
    # Where they lie together in the array nothing is copied.
    assert np.shares_memory(cut.rows(np.array([0, 2, 3, 5]))[1:3], values)


def _peak(work: Callable[[], object]) -> int:
    """Most bytes that are allocated on top of what was there."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("fault", ["none", "dead", "other columns"])
def test_a_longer_stack_costs_no_copy_of_it(
    few: Spectra, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 4)
    power = few.power_w.copy()
    if fault == "dead":
        power[40] = 0
    spectra = replace(few, power_w=power)
    if fault == "other columns":
        spectra = replace(
            spectra,
            power_w=np.pad(power, ((0, 0), (0, 90)), constant_values=power.mean()),
            frequency_start_hz=few.frequency_start_hz - 10.0 * (np.arange(len(few)) % 2 * 90),
        )
        for row in range(1, len(few), 2):
            spectra.power_w[row] = np.roll(spectra.power_w[row], 90)
    half = spectra.subset(slice(0, len(few) // 2))
    analyze(spectra)
    more = _peak(lambda: analyze(spectra)) - _peak(lambda: analyze(half))
    # Fingerprints, landmarks and grand bins, some 20 kB; a spectrum is 60 kB.
    assert more < 0.5 * (spectra.power_w.nbytes - half.power_w.nbytes)


def test_one_spectrum_that_is_cut_costs_no_copy_of_the_others(
    few: Spectra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 4)
    power = few.power_w.copy()
    power[40] = 0
    cut = replace(few, power_w=power)
    analyze(few)
    assert analyze(cut).quality.cut == 1
    more = _peak(lambda: analyze(cut)) - _peak(lambda: analyze(few))
    assert more < 0.1 * power.nbytes


def test_spectra_without_their_power_are_all_but_that(stack: Spectra) -> None:
    labelled = replace(stack, labels=tuple(f"a:{k}" for k in range(SPECTRA)))
    for rows in (slice(2, 9), np.array([5, 1]), np.arange(SPECTRA) < 3, slice(None)):
        bare, own = labelled.without_power(rows), labelled.subset(rows)
        assert bare.labels == own.labels
        assert bare.power_w.shape == own.power_w.shape
        assert np.isnan(bare.power_w).all()
        assert not any(bare.power_w.strides)
        for name in Spectra.row_fields():
            assert np.array_equal(getattr(bare, name), getattr(own, name))
    with pytest.raises(IndexError, match="3 truths for 100 spectra"):
        labelled.subset([True, False, True])


@pytest.mark.parametrize("rows", [[], slice(3, 3), np.zeros(SPECTRA, dtype=bool)])
def test_no_spectrum_at_all_is_no_stack(stack: Spectra, rows: Any) -> None:
    for choose in (stack.subset, stack.without_power):
        with pytest.raises(ValueError, match="none of 100 is chosen"):
            choose(rows)


def test_rows_that_are_no_numbers_choose_nothing(stack: Spectra) -> None:
    with pytest.raises(IndexError, match="rows of dtype float64, needed numbers or truths"):
        stack.subset([0.5, 1.0])
    assert stack.subset([-1]).time_s == stack.time_s[-1:]
    with pytest.raises(IndexError, match="out of bounds"):
        stack.subset([SPECTRA])


def test_a_loud_line_costs_no_copy_of_the_spectra_that_do_not_hold_it(
    few: Spectra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its line is taken out of goes to a temporary file, too."""
    monkeypatch.setattr(blocks, "BLOCK", 4)
    monkeypatch.setattr(scratch, "MOST_IN_MEMORY", 5 * 60_000)
    spectra = inject(few, float(few.target_frequency_hz[8]), 1.5e-15)
    half = spectra.subset(slice(0, len(few) // 2))
    found = analyze(spectra)
    assert found.calm is not None
    more = _peak(lambda: analyze(spectra)) - _peak(lambda: analyze(half))
    assert more < 0.5 * (spectra.power_w.nbytes - half.power_w.nbytes)
