"""Steps 2 and 3 for a whole stack, as functions from one pass to the next.

The spectra go through three times, in pieces that fit the cache: fit and look for spikes in
digitizer bins (10 Hz), fit again and look in fine bins (50 Hz), fit without the spikes. The aligned
average of the filter needs all spectra, hence the passes::

    state = begin(job)
    for merge in rounds(job):
        state = fitted(job, state)
        found = find_spikes(job, state, merge)
        state = without(job, state, found)

A ``Pass`` is never changed; each function returns the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.baseline import Baseline, fit_baseline, shape_of
from haloscope.analysis.chain.selection import Windows, fine_centre_hz
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

CHUNK = 64  # Spectra treated together: 3000 fine bins of them are 1.5 MB.
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
        spectra: The measured stack (n).
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
        """Do ``work`` for every chunk of rows, a few at a time; results in order."""
        n = len(self)
        rows = [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
        workers = self.workers or min(os.cpu_count() or 1, 4)
        if workers == 1 or len(rows) == 1:
            yield from map(work, rows)
            return
        ahead = 2 * workers
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(rows), ahead):
                yield from pool.map(work, rows[start : start + ahead])


@dataclass(frozen=True)
class Pass:
    """The stack between two steps.

    Attributes:
        merged: Mean power of each fine bin without the digitizer bins that were cut, shape (n, m).
        kept: Fraction of each fine bin that is left, shape (n, m); None for all.
        baseline: Of every spectrum; None before the first fit.
        stale: Spectra whose bins have changed since their fit, shape (n,).
        gone: Digitizer bins that were cut, as row * bins + column, ascending, shape (k,).
    """

    merged: FloatArray
    kept: NDArray[np.float32] | None
    baseline: Baseline | None
    stale: NDArray[np.bool_]
    gone: IntArray

    def kept_of(self, rows: slice | IntArray) -> FloatArray | None:
        """Fractions left in these rows; None where nothing was cut."""
        if self.kept is None:
            return None
        part = self.kept[rows]
        return part.astype(np.float64) if (part < 1).any() else None


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
    """The windows merged to fine bins, nothing cut but what is masked, nothing fitted."""
    n = len(job)
    merged = np.empty((n, job.windows.fine_bins))

    def work(rows: slice) -> None:
        merged[rows] = job.windows.merged(rows)

    for _ in job.chunks(work):
        pass
    state = Pass(merged, None, None, np.ones(n, dtype=bool), np.zeros(0, dtype=np.int64))
    if job.windows.masked is None:
        return state
    rows, columns = np.nonzero(job.windows.masked)
    return cut(job, state, rows, columns, 1)


def rounds(job: Job) -> list[int]:
    """Digitizer bins per bin, for each look of the spike filter."""
    return sorted({1, job.windows.merge}) if job.options.filter_spikes else []


def fitted(job: Job, state: Pass) -> Pass:
    """Fit the baselines of the spectra that changed, from where the last fit left them."""
    if not state.stale.any():
        return state

    def work(rows: slice) -> Baseline:
        stale = np.flatnonzero(state.stale[rows]) + rows.start
        if state.baseline is None or stale.size == rows.stop - rows.start:
            return _fit(job, state, rows)
        old = state.baseline.rows(rows)
        return old.updated(stale - rows.start, _fit(job, state, stale)) if stale.size else old

    parts = list(job.chunks(work))
    shape = shape_of(job.spectra, job.options)
    return replace(state, baseline=Baseline.joined(parts, shape), stale=np.zeros_like(state.stale))


def _fit(job: Job, state: Pass, rows: slice | IntArray) -> Baseline:
    start = None if state.baseline is None else state.baseline.theta[rows]
    known = start is not None and start.size and np.isfinite(start).all()
    return fit_baseline(
        job.spectra, job.windows, state.merged[rows], rows, job.options,
        kept=state.kept_of(rows), start=start if known else None,
    )  # fmt: skip


def find_spikes(job: Job, state: Pass, merge: int) -> FoundSpikes:
    """Look for spikes in digitizer bins (``merge`` 1) or fine bins of a fitted pass."""
    aligned = AlignedAverage(job.windows, merge)
    near = job.surroundings(merge)

    def look(rows: slice) -> tuple[slice, FoundBins, NDArray[np.floating]]:
        excess = _excess(job, state, rows, merge)
        sigma = _sigma(job, state, rows, merge)
        single = find_single(excess, sigma, job.options, surroundings=near)
        excess = _limited(excess, single, sigma, job.options)
        excess[_not_described(job, state, rows)] = 0.0
        return rows, single, excess

    found: list[FoundBins] = []
    for rows, single, excess in job.chunks(look):
        found.append(single.shifted(rows.start))
        aligned.add(rows, excess, state.kept_of(rows) if merge > 1 else None)
    average = FoundBins.none()
    if job.options.filter_average and aligned.places() >= _FEWEST_PLACES:
        average = find_average(
            aligned.mean(), job.options, surroundings=near, others=aligned.mean_of_others()
        )
    return FoundSpikes(merge, joined(found), average, aligned)


def _not_described(job: Job, state: Pass, rows: slice) -> NDArray[np.bool_]:
    """Spectra whose baseline is no fit at all: they have no say in what is cut in the others."""
    assert state.baseline is not None
    residual = state.merged[rows] / state.baseline.power[rows] - 1
    limit = _SPREAD * job.spectra.num_averages[rows] ** -0.5 / np.sqrt(job.windows.merge)
    return np.asarray(~(np.median(np.abs(residual), axis=1) < limit))


def _excess(job: Job, state: Pass, rows: slice, merge: int) -> NDArray[np.floating]:
    """y/b - 1; in digitizer bins with the baseline constant over a fine bin (error 3e-4)."""
    assert state.baseline is not None
    baseline = state.baseline.power[rows]
    if merge > 1:
        fine: FloatArray = state.merged[rows] / baseline - 1
        kept = state.kept_of(rows)
        if kept is not None:
            fine[kept <= 0] = 0.0
        return fine
    power = job.windows.power[rows]
    inverse = (1 / baseline).astype(power.dtype)
    blocks = power.reshape(power.shape[0], -1, job.windows.merge) * inverse[:, :, None]
    blocks -= 1
    return blocks.reshape(power.shape)


def _sigma(job: Job, state: Pass, rows: slice, merge: int) -> FloatArray:
    """Standard deviation of the excess: (n, 1), or (n, m) where bins are partly cut."""
    sigma = 1 / np.sqrt(job.spectra.num_averages[rows] * merge)[:, None]
    kept = state.kept_of(rows) if merge > 1 else None
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
    kept = np.ones(state.merged.shape, np.float32) if state.kept is None else state.kept.copy()
    if merge > 1 or job.windows.merge == 1:
        kept[rows, columns] = 0.0
        return replace(state, kept=kept, stale=stale)
    bins = job.windows.power.shape[1]
    gone = np.union1d(state.gone, rows * np.int64(bins) + columns)
    at, left, power = _partly_gone(job.windows, gone)
    count = left.sum(axis=1)
    kept[at] = np.minimum(kept[at], count / np.float32(job.windows.merge))
    merged = state.merged.copy()
    mean = np.where(left, power, 0.0).sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
    merged[at] = np.where(count > 0, mean, merged[at])
    return replace(state, merged=merged, kept=kept, stale=stale, gone=gone)


def _partly_gone(
    windows: Windows, gone: IntArray
) -> tuple[tuple[IntArray, IntArray], NDArray[np.bool_], NDArray[np.floating]]:
    """The k fine bins that hold cut digitizer bins.

    Returns:
        Rows and columns of the fine bins, which of their digitizer bins are left, and the power of
        those, shape (k, merge) both.
    """
    step, fine_bins = windows.merge, windows.fine_bins
    row, column = np.divmod(gone, fine_bins * step)
    fine, of = np.unique(row * fine_bins + column // step, return_inverse=True)
    left = np.ones((fine.size, step), dtype=bool)
    left[of, column % step] = False
    rows, columns = np.divmod(fine, fine_bins)
    power = windows.power[rows[:, None], columns[:, None] * step + np.arange(step)]
    return (rows, columns), left, power


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
