"""The passes over a stack: what is cut where, and that nothing depends on who looked before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.looking import fitted_and_looked
from haloscope.analysis.chain.passes import Job, begin, cut, fitted, left_of
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select, trim
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.generator import make, scan_targets

TONE_AT = 4000
PLAIN = Options(filter_average=False)


def with_a_tone(spectra: Spectra, row: int | slice, sigma: float) -> Spectra:
    """A tone in one 10 Hz bin of the digitizer, in standard deviations of that bin."""
    power = spectra.power_w.copy()
    power[row, TONE_AT] *= 1 + sigma / np.sqrt(5000)
    return replace(spectra, power_w=power)


def test_a_reduction_can_be_used_twice() -> None:
    spectra = with_a_tone(make(scan_targets(8), seed=4), 3, 60.0)
    reduction = reduce_stack(spectra, select(spectra, PLAIN), PLAIN)
    first, again = ([reduced for _, reduced, _ in reduction.chunks()] for _ in range(2))
    assert len(reduction.spikes) == 1
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.excess, other.excess)


def test_a_step_leaves_the_pass_it_came_from_as_it_was() -> None:
    spectra = make(scan_targets(3), seed=4)
    job = Job(spectra, select(spectra, PLAIN), PLAIN)
    before = fitted(job, begin(job))
    merged, kept = left_of(job, before, slice(None))
    after = cut(job, before, np.array([1]), np.array([7]), 1)
    assert kept is None
    assert left_of(job, before, slice(None))[1] is None
    assert not before.stale.any()
    assert after.stale.tolist() == [False, True, False]
    less, kept = left_of(job, after, slice(None))
    assert kept is not None
    assert kept[1, 1] == np.float32(0.8)
    assert (kept < 1).sum() == 1
    left = job.windows.power[np.array([1])][0, [5, 6, 8, 9]].mean(dtype=np.float64)
    assert less[1, 1] == pytest.approx(left, rel=1e-12)
    assert (less != merged).sum() == 1
    # A second cut remembers the first.
    more = cut(job, after, np.array([1]), np.array([8]), 1)
    _, kept = left_of(job, more, slice(None))
    assert kept is not None
    assert kept[1, 1] == np.float32(0.6)


@pytest.mark.parametrize("trimmed", [False, True])
def test_a_tone_of_the_digitizer_is_found_at_its_distance_from_the_first_bin(trimmed: bool) -> None:
    spectra = with_a_tone(make(scan_targets(30), bins=16000, seed=2), slice(None), 3.0)
    result = analyze(trim(spectra, Options()) if trimmed else spectra, Options())
    average = [s for s in result.spikes if s.spectrum == -1 and s.bin_hz == 10]
    assert [s.frequency_hz for s in average] == [10.0 * TONE_AT]


def test_a_spike_of_one_spectrum_is_not_cut_in_the_others() -> None:
    # 60 standard deviations in one of 40 are 9.5 in the average, were they not brought down.
    spectra = with_a_tone(make(scan_targets(40), seed=5), 11, 60.0)
    reduction = reduce_stack(spectra, select(spectra, Options()), Options())
    assert {s.spectrum for s in reduction.spikes if s.significance > 5} == {11}
    _, kept = left_of(reduction.job, reduction.final, slice(None))
    assert kept is not None
    here = (TONE_AT - 20) // 5, (TONE_AT + 20) // 5
    touched = np.flatnonzero((kept[:, here[0] : here[1]] < 1).any(axis=1))
    assert touched.tolist() == [11]


def test_bins_partly_cut_have_the_noise_of_what_is_left() -> None:
    spectra = make(scan_targets(40), seed=6, dtype=float)
    job = Job(spectra, select(spectra, PLAIN), PLAIN)
    rng = np.random.default_rng(1)
    # Four of five digitizer bins of a fifth of all fine bins.
    fine = np.flatnonzero(rng.random(3000) < 0.2)
    columns = (5 * fine[:, None] + np.arange(4)).ravel()
    rows, columns = (a.ravel() for a in np.meshgrid(np.arange(40), columns, indexing="ij"))
    state = fitted(job, cut(job, begin(job), rows, columns, 1))
    _, found = fitted_and_looked(job, state, 5)
    # 24 000 bins of sqrt(5) the noise: taken for whole ones, 90 pass six standard deviations.
    assert found.single.rows.size == 0
    everywhere = replace(job, options=Options())
    _, found = fitted_and_looked(everywhere, state, 5)
    assert found.average.columns.size == 0


def test_sums_know_again_what_the_fit_took_once_a_smoothed_spectrum_is_gone() -> None:
    fitted_stack, smoothed = make(scan_targets(2), seed=1), make(scan_targets(2), seed=2)
    savgol = replace(PLAIN, baseline="savgol")
    ((_, known, _),) = reduce_stack(fitted_stack, select(fitted_stack, PLAIN), PLAIN).chunks()
    ((_, unknown, _),) = reduce_stack(smoothed, select(smoothed, savgol), savgol).chunks()
    sums = Accumulator(10.0, PLAIN)
    sums.add(known)
    assert sums.has_response
    sums.add(unknown)
    assert not sums.has_response
    sums.add(unknown, sign=-1)
    assert sums.has_response
    assert sums.spectra == 2
