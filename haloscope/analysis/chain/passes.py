"""Steps 2 and 3 for a whole stack, as functions from one pass to the next.

The spectra go through three times, in pieces that fit the cache: fit and look for spikes in
digitizer bins (10 Hz), fit again and look in fine bins (50 Hz), fit without the spikes. The aligned
average of the filter needs all spectra, hence the passes::

    state = begin(job)
    for merge in rounds(job):
        state, found = fitted_and_looked(job, state, merge)
        state = without(job, state, found)

A ``Pass`` is never changed; each function returns the next one. It holds which bins were cut and
how the fits ended, nothing of every bin: that is worked out again, block by block, from the power,
which may be on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.blocks import BLOCK, worked
from haloscope.analysis.chain.baseline import Baseline, Fits, baseline_again, fit_baseline, shape_of
from haloscope.analysis.chain.selection import Windows, fine_centre_hz
from haloscope.analysis.chain.shapes import Shape
from haloscope.analysis.chain.spikes import (
    AlignedAverage,
    FoundBins,
    Spike,
    Surroundings,
    find_average,
    find_single,
    grow,
    grow_rows,
    joined,
)
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra

_T = TypeVar("_T")

# The aligned average needs spectra at different frequencies, else it would see an axion.
_FEWEST_PLACES = 5
# Bins in a line, for one bin to be told from it.
_FEWEST_IN_A_LINE = 6
# Median residual, in standard deviations: noise has 0.67.
_SPREAD = 1.0


@dataclass(frozen=True)
class Job:
    """What does not change from pass to pass.

    Attributes:
        spectra: The measured stack (n); its power is not looked at.
        windows: Its windows.
        options: Settings.
        workers: Threads; 0 for one per core, at most four. Results are taken in order, so nothing
            depends on timing.
    """

    spectra: Spectra
    windows: Windows
    options: Options
    workers: int = 0

    def __len__(self) -> int:
        return len(self.spectra)

    @cached_property
    def shape(self) -> Shape | None:
        """The function to fit to all of them; None for a smoother."""
        return shape_of(self.spectra, self.options)

    def shape_of(self, rows: slice | IntArray) -> Shape | None:
        """The function to fit to some of them; None for a smoother."""
        return None if self.shape is None else self.shape.rows(rows)

    def surroundings(self, merge: int) -> Surroundings:
        """What a spike must stand out of, in bins of ``merge`` digitizer bins.

        Near enough that an axion's line, were it one, would fill it too: within a twentieth of the
        line at 1.1 GHz, within two bins where few make a line, nothing where bins are wider.
        """
        options, bin_hz = self.options, self.windows.step_hz * merge
        line_hz = self.windows.fine_hz * options.coarse_merge * options.line_bins
        if not options.narrow_hz or line_hz < _FEWEST_IN_A_LINE * bin_hz:
            return Surroundings(0, 0)
        near_hz = max(options.narrow_hz, line_hz / 20)
        gap = min(options.spike_neighbours, int(line_hz / 20 / bin_hz))
        return Surroundings(gap, max(int(near_hz / bin_hz), 2))

    def chunks(self, work: Callable[[slice], _T]) -> Iterator[_T]:
        """Do ``work`` for every block of rows, a few at a time; results in order."""
        yield from worked(work, len(self), self.workers)


@dataclass(frozen=True)
class Part:
    """Some spectra, fitted.

    Attributes:
        merged: Mean power of each fine bin, shape (n, m).
        kept: Fraction left of it, shape (n, m); None where nothing was cut.
        baseline: Of these spectra.
    """

    merged: FloatArray
    kept: FloatArray | None
    baseline: Baseline


@dataclass(frozen=True)
class Pass:
    """The stack between two steps.

    Attributes:
        fits: How the fit of every spectrum ended; None before the first.
        stale: Spectra whose bins have changed since their fit, shape (n,).
        gone: Digitizer bins that were cut, as row * bins + column, ascending, shape (k,); those
            that are masked are not among them.
        gone_fine: Fine bins that were cut whole, likewise, in fine bins.
        block: What is left and fitted, of a stack of one block not cut since it was looked at;
            of a larger one it is worked out when asked for.
    """

    fits: Fits | None
    stale: NDArray[np.bool_]
    gone: IntArray
    gone_fine: IntArray
    block: Part | None = None


@dataclass(frozen=True)
class FoundSpikes:
    """What one look has found.

    Attributes:
        merge: Digitizer bins per bin looked at.
        single: Bins of single spectra.
        average: Bins of the aligned average; empty where there is none.
        aligned: The aligned average.
    """

    merge: int
    single: FoundBins
    average: FoundBins
    aligned: AlignedAverage


def begin(job: Job) -> Pass:
    """Nothing cut but what is masked, nothing fitted."""
    nothing = np.zeros(0, dtype=np.int64)
    return Pass(None, np.ones(len(job), dtype=bool), nothing, nothing)


def left_of(job: Job, state: Pass, rows: slice | IntArray) -> tuple[FloatArray, FloatArray | None]:
    """What is left of some spectra.

    Returns:
        Mean power of each fine bin without the digitizer bins that were cut, shape (rows, m), and
        the fraction of each that is left, same shape; None where nothing was cut.
    """
    windows, power = job.windows, job.windows.power[rows]
    merged = windows.merged_like(power)
    number = np.arange(*rows.indices(len(job))) if isinstance(rows, slice) else rows
    masked = np.zeros(0, dtype=np.int64)
    if windows.masked is not None:
        masked = np.flatnonzero(windows.masked[rows])
    gone, gone_fine = (
        _numbers_in(state.gone, number, power.shape[1]),
        _numbers_in(state.gone_fine, number, windows.fine_bins),
    )
    if not (masked.size or gone.size or gone_fine.size):
        return merged, None
    kept = np.ones(merged.shape, np.float32)
    if windows.merge == 1:
        gone_fine = np.union1d(gone_fine, np.union1d(gone, masked))
    else:
        _take_out(windows.merge, power, masked, merged, kept)
        _take_out(windows.merge, power, np.union1d(masked, gone), merged, kept)
    kept.reshape(-1)[gone_fine] = 0.0
    return merged, kept.astype(np.float64)


def _numbers_in(cut: IntArray, number: IntArray, bins: int) -> IntArray:
    """Of bins cut in the whole stack those of some rows, numbered within these rows."""
    if not cut.size:
        return cut
    low = np.searchsorted(cut, number * bins)
    count = np.searchsorted(cut, (number + 1) * bins) - low
    row = np.repeat(np.arange(len(number)), count)
    at = np.arange(len(row)) + np.repeat(low - (np.cumsum(count) - count), count)
    return np.asarray(cut[at] + (row - number[row]) * bins)


def _take_out(
    merge: int,
    power: NDArray[np.floating],
    gone: IntArray,
    merged: FloatArray,
    kept: NDArray[np.float32],
) -> None:
    """Take digitizer bins out of fine bins, in place.

    Args:
        merge: Digitizer bins in a fine bin.
        power: Shape (n, bins).
        gone: The bins, as row * bins + column, ascending, shape (k,).
        merged: Mean power of the fine bins, shape (n, m).
        kept: Fraction left of each, shape (n, m).
    """
    if not gone.size:
        return
    fine, of = np.unique(gone // merge, return_inverse=True)
    left = np.ones((fine.size, merge), dtype=bool)
    left[of, gone % merge] = False
    row, column = np.divmod(fine, merged.shape[1])
    of_bins = power[row[:, None], column[:, None] * merge + np.arange(merge)]
    count = left.sum(axis=1)
    mean = np.where(left, of_bins, 0.0).sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
    kept[row, column] = np.minimum(kept[row, column], count / np.float32(merge))
    merged[row, column] = np.where(count > 0, mean, merged[row, column])


def rounds(job: Job) -> list[int]:
    """Digitizer bins per bin, for each look of the spike filter."""
    return sorted({1, job.windows.merge}) if job.options.filter_spikes else []


def fitted(job: Job, state: Pass) -> Pass:
    """Fit the baselines of the spectra that changed, from where the last fit left them."""
    if not state.stale.any():
        return state

    def work(rows: slice) -> tuple[Fits, Part | None]:
        fits, part = _fit(job, state, rows)
        return fits, _held(job, part)

    return _with(state, list(job.chunks(work)))


def _held(job: Job, part: Part | None) -> Part | None:
    """What is known of a block, where it is the only one."""
    return part if len(job) <= BLOCK else None


def _with(state: Pass, ended: list[tuple[Fits, Part | None]]) -> Pass:
    block = ended[0][1] if len(ended) == 1 else None
    fits = Fits.joined([fits for fits, _ in ended])
    return replace(state, fits=fits, stale=np.zeros_like(state.stale), block=block)


def _fit(job: Job, state: Pass, rows: slice, *, wanted: bool = False) -> tuple[Fits, Part | None]:
    """Fit the stale ones of a block.

    Returns:
        How the fits of the block ended, and where it is ``wanted`` all that is known of it.
    """
    stale = np.flatnonzero(state.stale[rows])
    if state.fits is not None and not stale.size and not wanted:
        return state.fits.rows(rows), None
    if state.fits is None or stale.size == rows.stop - rows.start:
        merged, kept = left_of(job, state, rows)
        baseline = _fit_rows(job, state, rows, merged, kept)
        return _ended(job, rows, baseline), Part(merged, kept, baseline)
    if state.block is not None and not stale.size:
        return state.fits, state.block
    fits = state.fits.rows(rows)
    if stale.size:
        some = stale + rows.start
        fresh = _fit_rows(job, state, some, *left_of(job, state, some))
        fits = fits.updated(stale, _ended(job, some, fresh))
    return fits, _part(job, state, rows, fits) if wanted else None


def _part(job: Job, state: Pass, rows: slice | IntArray, fits: Fits) -> Part:
    merged, kept = left_of(job, state, rows)
    shape = job.shape_of(rows)
    baseline = baseline_again(job.windows, merged, rows, job.options, fits, shape=shape, kept=kept)
    return Part(merged, kept, baseline)


def _fit_rows(
    job: Job, state: Pass, rows: slice | IntArray, merged: FloatArray, kept: FloatArray | None
) -> Baseline:
    start = None if state.fits is None else state.fits.theta[rows]
    known = start is not None and start.size and np.isfinite(start).all()
    return fit_baseline(
        job.spectra, job.windows, merged, rows, job.options,
        kept=kept, start=start if known else None, shape=job.shape_of(rows),
    )  # fmt: skip


def _ended(job: Job, rows: slice | IntArray, baseline: Baseline) -> Fits:
    columns = job.windows.three_columns(job.spectra.cavity_frequency_hz, rows)
    return Fits.of(baseline, columns)


def part_of(job: Job, state: Pass, rows: slice | IntArray) -> Part:
    """Some spectra of a fitted pass."""
    assert state.fits is not None
    whole = isinstance(rows, slice) and rows.indices(len(job)) == (0, len(job), 1)
    if whole and state.block is not None:
        return state.block
    return _part(job, state, rows, state.fits.rows(rows))


def find_spikes(job: Job, state: Pass, merge: int) -> FoundSpikes:
    """Look for spikes in digitizer bins (``merge`` 1) or fine bins of a fitted pass."""
    _, found = fitted_and_looked(job, state, merge)
    return found


def fitted_and_looked(job: Job, state: Pass, merge: int) -> tuple[Pass, FoundSpikes]:
    """``fitted``, and ``find_spikes`` while the fits of a block are at hand."""
    aligned = AlignedAverage(job.windows, merge)
    near = job.surroundings(merge)

    def look(rows: slice) -> tuple[slice, tuple[Fits, Part | None], _Found]:
        fits, part = _fit(job, state, rows, wanted=True)
        assert part is not None
        ended = fits, _held(job, part)
        excess = _excess(job, part, rows, merge)
        sigma = _sigma(job, part, rows, merge)
        single = find_single(excess, sigma, job.options, surroundings=near)
        if not job.options.filter_average:
            return rows, ended, _Found(single, None, None)
        excess = _limited(excess, single, sigma, job.options)
        excess[_not_described(job, part, rows)] = 0.0
        return rows, ended, _Found(single, excess, part.kept)

    fitted_blocks: list[tuple[Fits, Part | None]] = []
    found: list[FoundBins] = []
    for rows, ended, here in job.chunks(look):
        fitted_blocks.append(ended)
        found.append(here.single.shifted(rows.start))
        if here.excess is not None:
            aligned.add(rows, here.excess, here.kept if merge > 1 else None)
    average = FoundBins.none()
    if job.options.filter_average and aligned.places() >= _FEWEST_PLACES:
        average = find_average(
            aligned.mean(), job.options, surroundings=near, others=aligned.mean_of_others()
        )
    return _with(state, fitted_blocks), FoundSpikes(merge, joined(found), average, aligned)


@dataclass(frozen=True)
class _Found:
    """Of a block: bins of single spectra, its excess without them, fraction left of fine bins."""

    single: FoundBins
    excess: NDArray[np.floating] | None
    kept: FloatArray | None


def _not_described(job: Job, part: Part, rows: slice) -> NDArray[np.bool_]:
    """Spectra whose baseline is no fit at all: they have no say in what is cut in the others."""
    residual = part.merged / part.baseline.power - 1
    limit = _SPREAD * job.spectra.num_averages[rows] ** -0.5 / np.sqrt(job.windows.merge)
    return np.asarray(~(np.median(np.abs(residual), axis=1) < limit))


def _excess(job: Job, part: Part, rows: slice, merge: int) -> NDArray[np.floating]:
    """y/b - 1; in digitizer bins with the baseline constant over a fine bin (error 3e-4)."""
    baseline = part.baseline.power
    if merge > 1:
        fine: FloatArray = part.merged / baseline - 1
        if part.kept is not None:
            fine[part.kept <= 0] = 0.0
        return fine
    power = job.windows.power[rows]
    inverse = (1 / baseline).astype(power.dtype)
    blocks = power.reshape(power.shape[0], -1, job.windows.merge) * inverse[:, :, None]
    blocks -= 1
    return blocks.reshape(power.shape)


def _sigma(job: Job, part: Part, rows: slice, merge: int) -> FloatArray:
    """Standard deviation of the excess: (n, 1), or (n, m) where bins are partly cut."""
    sigma = 1 / np.sqrt(job.spectra.num_averages[rows] * merge)[:, None]
    kept = part.kept if merge > 1 else None
    return sigma if kept is None else sigma / np.sqrt(np.where(kept > 0, kept, 1.0))


def _limited(
    excess: NDArray[np.floating], found: FoundBins, sigma: FloatArray, options: Options
) -> NDArray[np.floating]:
    """Bring spikes down to the threshold: one spectrum's spike must not cut the bin in all."""
    of_bin = np.broadcast_to(sigma, excess.shape)[found.rows, found.columns]
    excess[found.rows, found.columns] = options.spike_threshold_sigma * of_bin
    return excess


def without(job: Job, state: Pass, found: FoundSpikes) -> Pass:
    """The pass without the bins that were found and their neighbours."""
    if not found.single.rows.size and not found.average.columns.size:
        return state
    neighbours = job.options.spike_neighbours
    bins = job.windows.power.shape[1] // found.merge
    rows, columns = grow_rows(found.single, neighbours, bins)
    if found.average.columns.size:
        more = found.aligned.rows_of(
            grow(found.average.columns, neighbours, found.aligned.bins), bins
        )
        rows, columns = np.append(rows, more[0]), np.append(columns, more[1])
    return cut(job, state, rows, columns, found.merge)


def cut(job: Job, state: Pass, rows: IntArray, columns: IntArray, merge: int) -> Pass:
    """Take bins out, and note which fraction of each fine bin is left.

    Args:
        job: What does not change.
        state: The pass to take them from.
        rows: Spectrum of each bin, shape (k,).
        columns: Its number in the window, in bins of ``merge`` digitizer bins, shape (k,).
        merge: 1 for digitizer bins, or the fine bin's.
    """
    if not rows.size:
        return state
    stale = state.stale.copy()
    stale[rows] = True
    bins = job.windows.power.shape[1] // merge
    numbers = rows * np.int64(bins) + columns
    if merge > 1 or job.windows.merge == 1:
        gone_fine = np.union1d(state.gone_fine, numbers)
        return replace(state, stale=stale, block=None, gone_fine=gone_fine)
    return replace(state, stale=stale, block=None, gone=np.union1d(state.gone, numbers))


def spikes_of(job: Job, found: FoundSpikes) -> tuple[Spike, ...]:
    """What was found, with frequencies."""
    step, fine = job.windows.step_hz, job.windows.merge
    first = job.windows.first_fine[found.single.rows] * (fine // found.merge)
    frequency = fine_centre_hz(first + found.single.columns, step, found.merge)
    single = zip(found.single.rows, frequency, found.single.significance, strict=True)
    place = fine_centre_hz(found.aligned.first + found.average.columns, step, found.merge)
    average = zip(place, found.average.significance, strict=True)
    width = step * found.merge
    return (
        *(Spike(int(row), float(f), float(s), width) for row, f, s in single),
        *(Spike(-1, float(f), float(s), width) for f, s in average),
    )
