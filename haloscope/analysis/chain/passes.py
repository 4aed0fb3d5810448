"""Steps 2 and 3 for a whole stack, as functions from one pass to the next.

Here are the fits; module ``looking`` has the spike filter.

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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.blocks import blocks, worked
from haloscope.analysis.chain.baseline import Baseline, Fits, baseline_again, fit_baseline, shape_of
from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.chain.shapes import Shape
from haloscope.analysis.chain.spikes import Surroundings
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra

_T = TypeVar("_T")

# Bins in a line, for one bin to be told from it.
_FEWEST_IN_A_LINE = 6


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
class FittedBlock:
    """A block that was fitted.

    Attributes:
        fits: How the fits ended.
        part: All that is known of it, where it is the only one; else None, lest it be held.
    """

    fits: Fits
    part: Part | None

    @classmethod
    def of(cls, job: Job, fits: Fits, part: Part | None) -> FittedBlock:
        """A block of the spectra of ``job``; ``part`` is what is known of it."""
        return cls(fits, part if len(blocks(len(job))) == 1 else None)


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
        kept: Fraction left of each, shape (n, m); one of all that nothing is taken of.
    """
    fine, of = np.unique(gone // merge, return_inverse=True)
    left = np.ones((fine.size, merge), dtype=bool)
    left[of, gone % merge] = False
    row, column = np.divmod(fine, merged.shape[1])
    of_bins = power[row[:, None], column[:, None] * merge + np.arange(merge)]
    count = left.sum(axis=1)
    mean = np.where(left, of_bins, 0.0).sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
    kept[row, column] = count / np.float32(merge)
    merged[row, column] = np.where(count > 0, mean, merged[row, column])


def fitted(job: Job, state: Pass) -> Pass:
    """Fit the baselines of the spectra that changed, from where the last fit left them."""
    if not state.stale.any():
        return state

    def work(rows: slice) -> FittedBlock:
        return FittedBlock.of(job, *fit_block(job, state, rows))

    return with_fits(state, list(job.chunks(work)))


def with_fits(state: Pass, every: Sequence[FittedBlock]) -> Pass:
    """The pass whose blocks were fitted, in order."""
    return replace(
        state,
        fits=Fits.joined([block.fits for block in every]),
        stale=np.zeros_like(state.stale),
        block=every[0].part if len(every) == 1 else None,
    )


def fit_block(
    job: Job, state: Pass, rows: slice, *, wanted: bool = False
) -> tuple[Fits, Part | None]:
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
        return _fits_of(job, rows, baseline), Part(merged, kept, baseline)
    if state.block is not None and not stale.size:
        return state.fits, state.block
    fits = state.fits.rows(rows)
    if stale.size:
        some = stale + rows.start
        fresh = _fit_rows(job, state, some, *left_of(job, state, some))
        fits = fits.updated(stale, _fits_of(job, some, fresh))
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


def _fits_of(job: Job, rows: slice | IntArray, baseline: Baseline) -> Fits:
    columns = job.windows.three_columns(job.spectra.cavity_frequency_hz, rows)
    return Fits.of(baseline, columns)


def part_of(job: Job, state: Pass, rows: slice | IntArray) -> Part:
    """Some spectra of a fitted pass."""
    assert state.fits is not None
    whole = isinstance(rows, slice) and rows.indices(len(job)) == (0, len(job), 1)
    if whole and state.block is not None:
        return state.block
    return _part(job, state, rows, state.fits.rows(rows))


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
