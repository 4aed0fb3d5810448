"""Steps 2 to 5 for a whole stack: baselines, spikes, excess and amplitudes.

The spectra go through three times, in pieces that fit the cache. The first pass fits every baseline
and looks for spikes in digitizer bins (10 Hz), the second looks again in fine bins (50 Hz), the
third refits without the spikes and yields the excess. The aligned average of the filter needs all
spectra, hence the passes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.baseline import Baseline, fit_baseline
from haloscope.analysis.combine import Reduced
from haloscope.analysis.options import Options
from haloscope.analysis.rescale import amplitudes
from haloscope.analysis.response import response
from haloscope.analysis.selection import Windows, fine_centre_hz
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.analysis.spikes import FoundBins, Spike, find_average, find_single, grow, grow_rows

CHUNK = 64  # Spectra treated together: 3000 fine bins of them are 1.5 MB.
_FEWEST_PLACES = (
    5  # The aligned average needs spectra at different frequencies, else it would see an axion.
)


class Reducer:
    """Turns a stack of windows into ``Reduced`` chunks; keeps the spikes it cut.

    Attributes:
        spikes: Bins that started a cut; complete after ``chunks`` began.
    """

    def __init__(self, spectra: Spectra, windows: Windows, options: Options) -> None:
        self.spectra = spectra
        self.windows = windows
        self.options = options
        self.spikes: list[Spike] = []
        self._merged = np.empty((len(spectra), windows.fine_bins))
        self._theta: list[FloatArray] = []
        self._cut = np.zeros((0, 2), dtype=np.int64)
        self._kept: NDArray[np.float32] | None = None

    def coarse_range(self) -> tuple[int, int]:
        """Global coarse bins that the stack touches, with a line width on each side."""
        merge, lines = self.options.coarse_merge, self.options.line_bins
        first = self.windows.first_fine
        bins = self.windows.fine_bins
        return int(first.min()) // merge - lines, (int(first.max()) + bins) // merge + lines + 2

    def chunks(self) -> Iterator[tuple[slice, Reduced, Baseline]]:
        """Run the passes and yield (rows, reduced spectra, baseline) in order."""
        self._first_pass()
        if self.options.filter_spikes and self.windows.merge > 1:
            self._second_pass()
        for number, rows in enumerate(self._rows()):
            kept = None if self._kept is None else self._kept_of(rows)
            baseline = self._fit(rows, kept, number)
            yield rows, self._reduce(rows, kept, baseline), baseline

    def _rows(self) -> Iterator[slice]:
        for start in range(0, len(self.spectra), CHUNK):
            yield slice(start, min(start + CHUNK, len(self.spectra)))

    def _kept_of(self, rows: slice) -> FloatArray | None:
        assert self._kept is not None
        part = self._kept[rows]
        return part.astype(np.float64) if (part < 1).any() else None

    def _fit(self, rows: slice, kept: FloatArray | None, number: int) -> Baseline:
        start = self._theta[number] if number < len(self._theta) else None
        if start is not None and start.shape[1] == 0:
            start = None
        merged = self._merged[rows]
        return fit_baseline(
            self.spectra, self.windows, merged, rows, self.options, kept=kept, start=start
        )

    def _first_pass(self) -> None:
        aligned = _AlignedAverage(self.windows, 1)
        found: list[FoundBins] = []
        for number, rows in enumerate(self._rows()):
            self._merged[rows] = self.windows.merged(rows)
            if not self.options.filter_spikes:
                continue
            baseline = self._fit(rows, None, number)
            self._theta.append(baseline.theta)
            excess = self._digitizer_excess(rows, baseline)
            sigma = 1 / np.sqrt(self.spectra.num_averages[rows])
            single = find_single(excess, sigma, self.options, surroundings=self.options.narrow_bins)
            found.append(_shifted(single, rows.start))
            aligned.add(rows, self._limited(excess, single, sigma))
        if self.options.filter_spikes:
            self._apply(found, aligned, 1)

    def _digitizer_excess(self, rows: slice, baseline: Baseline) -> NDArray[np.float32]:
        """y/b - 1 in digitizer bins, the baseline constant over a fine bin (error 3e-4)."""
        power = self.windows.power[rows]
        inverse = (1 / baseline.power).astype(power.dtype)
        blocks = power.reshape(power.shape[0], -1, self.windows.merge) * inverse[:, :, None]
        blocks -= 1
        return blocks.reshape(power.shape)

    def _second_pass(self) -> None:
        merge = self.windows.merge
        aligned = _AlignedAverage(self.windows, merge)
        found: list[FoundBins] = []
        for number, rows in enumerate(self._rows()):
            kept = None if self._kept is None else self._kept_of(rows)
            baseline = self._fit(rows, kept, number)
            self._theta[number] = baseline.theta
            excess = self._merged[rows] / baseline.power - 1
            if kept is not None:
                excess[kept <= 0] = 0.0
            sigma = 1 / np.sqrt(self.spectra.num_averages[rows] * merge)
            near = self.options.narrow_bins // merge
            single = find_single(excess, sigma, self.options, surroundings=near)
            found.append(_shifted(single, rows.start))
            aligned.add(rows, self._limited(excess, single, sigma))
        self._apply(found, aligned, merge)

    def _limited(
        self, excess: NDArray[np.floating], found: FoundBins, sigma: FloatArray
    ) -> NDArray[np.floating]:
        """Bring spikes down to the threshold: one spectrum's spike must not cut the bin in all."""
        limit = self.options.spike_threshold_sigma * sigma[found.rows]
        excess[found.rows, found.columns] = limit
        return excess

    def _apply(self, singles: list[FoundBins], aligned: _AlignedAverage, merge: int) -> None:
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
            near = self.options.narrow_bins // merge
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


class _AlignedAverage:
    """Mean of many spectra aligned in the intermediate frequency (bin of the digitizer)."""

    def __init__(self, windows: Windows, merge: int) -> None:
        self._windows = windows
        self._offset = (
            windows.first_digitizer // merge - int(windows.first_digitizer.min()) // merge
        )
        width = windows.power.shape[1] // merge
        self.bins = int(self._offset.max()) + width
        self._sum = np.zeros(self.bins)
        self._count = np.zeros(self.bins)

    def places(self) -> int:
        """Number of different target frequencies, in steps of a kilohertz (a line width)."""
        return len(np.unique(np.rint(self._windows.target_hz / 1e3)))

    def add(self, rows: slice, excess: NDArray[np.floating]) -> None:
        """Add the normalised excess of these spectra."""
        offset = self._offset[rows]
        width = excess.shape[1]
        for at in np.unique(offset):
            which = offset == at
            self._sum[at : at + width] += excess[which].sum(axis=0, dtype=np.float64)
            self._count[at : at + width] += which.sum()

    def mean(self) -> FloatArray:
        """Mean excess in units in which every bin has the same noise; NaN without data."""
        with np.errstate(invalid="ignore"):
            return self._sum / np.sqrt(np.where(self._count > 0, self._count, np.nan))

    def rows_of(
        self, columns: NDArray[np.int64], width: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same bins in every spectrum: rows and columns."""
        own = columns[None, :] - self._offset[:, None]
        rows = np.broadcast_to(np.arange(len(self._offset))[:, None], own.shape)
        inside = (own >= 0) & (own < width)
        return rows[inside], own[inside]


def _shifted(found: FoundBins, by: int) -> FoundBins:
    return FoundBins(found.rows + by, found.columns, found.significance)
