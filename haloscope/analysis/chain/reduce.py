"""Steps 2 to 5 for a whole stack: baselines, spikes, excess and amplitudes.

The spectra go through three times, in pieces that fit the cache. The first pass fits every baseline
and looks for spikes in digitizer bins (10 Hz), the second looks again in fine bins (50 Hz), the
third refits without the spikes and yields the excess. The aligned average of the filter needs all
spectra, hence the passes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.baseline import Baseline, fit_baseline, shape_of
from haloscope.analysis.chain.combine import Reduced
from haloscope.analysis.chain.rescale import amplitudes
from haloscope.analysis.chain.response import response
from haloscope.analysis.chain.selection import Windows, fine_centre_hz
from haloscope.analysis.chain.spikes import (
    AlignedAverage,
    FoundBins,
    Spike,
    find_average,
    find_single,
    grow,
    grow_rows,
)
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra

_T = TypeVar("_T")

CHUNK = 64  # Spectra treated together: 3000 fine bins of them are 1.5 MB.
_FEWEST_PLACES = (
    5  # The aligned average needs spectra at different frequencies, else it would see an axion.
)


class Reducer:
    """Turns a stack of windows into ``Reduced`` chunks; keeps the spikes it cut.

    Chunks are shared among threads; their results are taken in order, so nothing depends on timing.

    Args:
        spectra: The measured stack.
        windows: Its windows.
        options: Settings.
        workers: Threads; by default one per core, at most four.

    Attributes:
        spikes: Bins that started a cut; complete after ``chunks`` began.
    """

    def __init__(
        self, spectra: Spectra, windows: Windows, options: Options, *, workers: int | None = None
    ) -> None:
        self.spectra = spectra
        self.windows = windows
        self.options = options
        self.spikes: list[Spike] = []
        self._workers = workers or min(os.cpu_count() or 1, 4)
        self._merged = np.empty((len(spectra), windows.fine_bins))
        self._power = np.empty_like(self._merged)
        self._theta: FloatArray | None = None
        self._scale = np.ones(len(spectra))
        self._converged = np.zeros(len(spectra), dtype=bool)
        self._stale = np.ones(len(spectra), dtype=bool)
        self._kept: NDArray[np.float32] | None = None
        self._lock = Lock()

    def coarse_range(self) -> tuple[int, int]:
        """Global coarse bins that the stack touches, with a line width on each side."""
        merge, lines = self.options.coarse_merge, self.options.line_bins
        first = self.windows.first_fine
        bins = self.windows.fine_bins
        return int(first.min()) // merge - lines, (int(first.max()) + bins) // merge + lines + 2

    def chunks(self) -> Iterator[tuple[slice, Reduced, Baseline]]:
        """Run the passes and yield (rows, reduced spectra, baseline) in order."""
        if not self.options.filter_spikes:
            self._merged[:] = self.windows.merged()
        else:
            for merge in sorted({1, self.windows.merge}):
                self._look_for_spikes(merge)
        yield from self._shared(self._finished)

    def _shared(self, work: Callable[[slice], _T]) -> Iterator[_T]:
        """Do ``work`` for every chunk, a few at a time; results in order."""
        rows = [
            slice(start, min(start + CHUNK, len(self.spectra)))
            for start in range(0, len(self.spectra), CHUNK)
        ]
        if self._workers == 1 or len(rows) == 1:
            yield from map(work, rows)
            return
        ahead = 2 * self._workers
        with ThreadPoolExecutor(self._workers) as pool:
            for start in range(0, len(rows), ahead):
                yield from pool.map(work, rows[start : start + ahead])

    def _finished(self, rows: slice) -> tuple[slice, Reduced, Baseline]:
        baseline = self._fitted(rows)
        return rows, self._reduce(rows, self._kept_of(rows), baseline), baseline

    def _kept_of(self, rows: slice | IntArray) -> FloatArray | None:
        if self._kept is None:
            return None
        part = self._kept[rows]
        return part.astype(np.float64) if (part < 1).any() else None

    def _fitted(self, rows: slice) -> Baseline:
        """Baselines of these rows; only those are fitted whose bins changed since the last time."""
        stale = np.flatnonzero(self._stale[rows]) + rows.start
        if stale.size:
            some: slice | IntArray = rows if stale.size == rows.stop - rows.start else stale
            fresh = self._fit(some)
            self._power[some] = fresh.power
            self._theta_of(fresh)[some] = fresh.theta
            self._scale[some] = fresh.scale
            self._converged[some] = fresh.converged
            self._stale[some] = False
        assert self._theta is not None
        shape = shape_of(self.spectra.subset(rows), self.options)
        return Baseline(
            self._power[rows], self._theta[rows], self._scale[rows], self._converged[rows], shape
        )

    def _theta_of(self, fresh: Baseline) -> FloatArray:
        with self._lock:
            if self._theta is None:
                self._theta = np.full((len(self.spectra), fresh.theta.shape[1]), np.nan)
        return self._theta

    def _fit(self, rows: slice | IntArray) -> Baseline:
        known = None if self._theta is None else self._theta[rows]
        start = known if known is not None and known.size and np.isfinite(known).all() else None
        return fit_baseline(
            self.spectra, self.windows, self._merged[rows], rows, self.options,
            kept=self._kept_of(rows), start=start,
        )  # fmt: skip

    def _look_for_spikes(self, merge: int) -> None:
        """One round of the filter, at digitizer bins (merge 1) or fine bins."""
        aligned = AlignedAverage(self.windows, merge)
        found: list[FoundBins] = []
        near = int(self.options.narrow_hz / (self.windows.step_hz * merge))

        def look(rows: slice) -> tuple[slice, FoundBins, NDArray[np.floating]]:
            if merge == 1:
                self._merged[rows] = self.windows.merged(rows)
            baseline = self._fitted(rows)
            excess = self._excess(rows, baseline, merge)
            sigma = 1 / np.sqrt(self.spectra.num_averages[rows] * merge)
            single = find_single(excess, sigma, self.options, surroundings=near)
            return rows, single, self._limited(excess, single, sigma)

        for rows, single, excess in self._shared(look):
            found.append(_shifted(single, rows.start))
            aligned.add(rows, excess)
        self._apply(found, aligned, merge)

    def _excess(self, rows: slice, baseline: Baseline, merge: int) -> NDArray[np.floating]:
        """y/b - 1; in digitizer bins with the baseline constant over a fine bin (error 3e-4)."""
        if merge > 1:
            fine = self._merged[rows] / baseline.power - 1
            kept = self._kept_of(rows)
            if kept is not None:
                fine[kept <= 0] = 0.0
            return fine
        power = self.windows.power[rows]
        inverse = (1 / baseline.power).astype(power.dtype)
        blocks = power.reshape(power.shape[0], -1, self.windows.merge) * inverse[:, :, None]
        blocks -= 1
        return blocks.reshape(power.shape)

    def _limited(
        self, excess: NDArray[np.floating], found: FoundBins, sigma: FloatArray
    ) -> NDArray[np.floating]:
        """Bring spikes down to the threshold: one spectrum's spike must not cut the bin in all."""
        limit = self.options.spike_threshold_sigma * sigma[found.rows]
        excess[found.rows, found.columns] = limit
        return excess

    def _apply(self, singles: list[FoundBins], aligned: AlignedAverage, merge: int) -> None:
        """Cut what was found, at digitizer bins (merge 1) or fine bins."""
        bins = self.windows.power.shape[1] // merge
        single = FoundBins(
            np.concatenate([f.rows for f in singles]),
            np.concatenate([f.columns for f in singles]),
            np.concatenate([f.significance for f in singles]),
        )
        rows, columns = grow_rows(single, self.options.spike_neighbours, bins)
        self._record(single, merge)
        if self.options.filter_average and aligned.places() >= _FEWEST_PLACES:
            near = int(self.options.narrow_hz / (self.windows.step_hz * merge))
            average = find_average(aligned.mean(), self.options, surroundings=near)
            self._record_average(average, merge)
            more = aligned.rows_of(
                grow(average.columns, self.options.spike_neighbours, aligned.bins), bins
            )
            rows, columns = np.append(rows, more[0]), np.append(columns, more[1])
        if rows.size:
            self._cut_bins(np.stack([rows, columns], axis=1), merge)

    def _cut_bins(self, pairs: NDArray[np.int64], merge: int) -> None:
        """Take bins out of the merged spectra and note which fraction of each fine bin is left."""
        step = self.windows.merge
        if self._kept is None:
            self._kept = np.ones(self._merged.shape, dtype=np.float32)
        self._stale[pairs[:, 0]] = True
        if merge > 1 or step == 1:
            self._kept[pairs[:, 0], pairs[:, 1]] = 0.0
            return
        mask = np.unique(pairs, axis=0)
        touched = np.unique(np.stack([mask[:, 0], mask[:, 1] // step], axis=1), axis=0)
        gone = set(map(tuple, mask.tolist()))
        for row, fine in touched.tolist():
            left = [k for k in range(fine * step, fine * step + step) if (row, k) not in gone]
            self._kept[row, fine] = len(left) / step
            if left:
                self._merged[row, fine] = self.windows.power[row, left].mean(dtype=np.float64)

    def _record(self, found: FoundBins, merge: int) -> None:
        step, fine = self.windows.step_hz, self.windows.merge
        first = self.windows.first_fine[found.rows] * (fine // merge)
        frequency = fine_centre_hz(first + found.columns, step, merge)
        self.spikes += [
            Spike(int(row), float(f), float(s), step * merge)
            for row, f, s in zip(found.rows, frequency, found.significance, strict=True)
        ]

    def _record_average(self, found: FoundBins, merge: int) -> None:
        step = self.windows.step_hz * merge
        self.spikes += [
            Spike(-1, float(step * k), float(s), step)
            for k, s in zip(found.columns, found.significance, strict=True)
        ]

    def _reduce(self, rows: slice, kept: FloatArray | None, baseline: Baseline) -> Reduced:
        part = self.spectra.subset(rows)
        averages = part.num_averages * self.windows.merge
        excess = self._merged[rows] / baseline.power - 1
        if kept is not None:
            excess[kept <= 0] = 0.0
        amplitude = amplitudes(part, self.windows, self.windows.frequency_hz(rows), baseline.power)
        taken = None
        if baseline.shape is not None:
            # Bins that were cut carry neither weight nor signal, and the fit does not see them.
            seen = amplitude if kept is None else amplitude * kept
            taken = response(baseline, self.windows, rows, seen, averages, self.options)
        return Reduced(self.windows.first_fine[rows], excess, amplitude, averages, kept, taken)


def _shifted(found: FoundBins, by: int) -> FoundBins:
    return FoundBins(found.rows + by, found.columns, found.significance)
