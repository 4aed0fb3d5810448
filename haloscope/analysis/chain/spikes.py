"""Step 3: the filter for narrow spikes, after Brubaker et al., Phys. Rev. D 96, 123008 (2017).

Two cuts, each with three neighbours on both sides: in the average of all spectra aligned in the
intermediate frequency (interference that stays with the digitizer), bins above 4.5 standard
deviations of the measured spread; in each spectrum, bins above 6. Beyond that source, a spike must
also stand out of the mean of its own surroundings: a strong axion (KSVZ: 7 standard deviations of a
50 Hz bin) raises twenty such bins and passes, a tone raises one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray

_SHARED = 0.6  # Part of a spike of the average that must be there without the highest spectrum.


@dataclass(frozen=True)
class Spike:
    """One bin that started a cut.

    Attributes:
        spectrum: Number of the spectrum, or -1 for the aligned average.
        frequency_hz: Radio frequency; for the average, distance from the digitizer's first bin
            (``Spectra.first_bin`` tells where that is in spectra that were cut).
        significance: Excess in standard deviations.
        bin_hz: Bin width at which it was found.
    """

    spectrum: int
    frequency_hz: float
    significance: float
    bin_hz: float


@dataclass(frozen=True)
class Surroundings:
    """Bins beside a spike that it must stand out of.

    Attributes:
        gap: Bins next to it that are passed over on each side.
        width: Bins beyond these that are looked at on each side; 0 for no such demand.
    """

    gap: int
    width: int


@dataclass(frozen=True)
class FoundBins:
    """Bins above a threshold: positions and significances, all of shape (k,)."""

    rows: IntArray
    columns: IntArray
    significance: FloatArray

    @classmethod
    def none(cls) -> FoundBins:
        """No bins."""
        nowhere = np.zeros(0, dtype=np.int64)
        return cls(nowhere, nowhere, np.zeros(0))

    def shifted(self, by: int) -> FoundBins:
        """The same bins of spectra that are counted from ``by``."""
        return FoundBins(self.rows + by, self.columns, self.significance)


def joined(parts: Sequence[FoundBins]) -> FoundBins:
    """All bins of the parts, in order."""
    return FoundBins(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.significance for part in parts]),
    )


def find_single(
    excess: NDArray[np.floating],
    sigma: FloatArray,
    options: Options,
    *,
    surroundings: Surroundings,
) -> FoundBins:
    """Spikes of single spectra.

    Args:
        excess: Normalised excess y/b - 1, shape (n, m).
        sigma: Its standard deviation, shape (n, 1), or (n, m) where it differs from bin to bin.
        options: Threshold.
        surroundings: What a spike must stand out of.
    """
    limit = (options.spike_threshold_sigma * sigma).astype(excess.dtype)
    rows, columns = np.nonzero(excess > limit)
    own = np.broadcast_to(sigma, excess.shape)[rows, columns]
    significance = excess[rows, columns] / own
    if surroundings.width and rows.size:
        local = _beside(excess, rows, columns, surroundings)
        narrow = significance - local / own > options.spike_threshold_sigma
        rows, columns, significance = rows[narrow], columns[narrow], significance[narrow]
    return FoundBins(rows, columns, significance.astype(np.float64))


def find_average(
    mean: FloatArray,
    options: Options,
    *,
    surroundings: Surroundings,
    others: FloatArray | None = None,
) -> FoundBins:
    """Spikes of the aligned average, cut until no more are found; rows are -1.

    Args:
        mean: The average, shape (m,); NaN where there are no data.
        options: Threshold and neighbours.
        surroundings: What a spike must stand out of.
        others: The average without the highest spectrum of each bin, in which most of a spike must
            be seen too; None for no such demand.
    """
    kept = np.isfinite(mean)
    found: list[tuple[int, float]] = []
    for _ in range(20):
        centre = float(np.median(mean[kept]))
        spread = 1.4826 * float(np.median(np.abs(mean[kept] - centre)))
        if not spread > 0:
            break
        limit = options.average_threshold_sigma * spread
        high = np.flatnonzero(kept & (mean - centre > limit))
        if others is not None:
            high = high[others[high] - np.nanmedian(others) > _SHARED * limit]
        if surroundings.width and high.size:
            row = np.where(kept, mean, centre)[None]
            local = _beside(row, np.zeros_like(high), high, surroundings)
            high = high[mean[high] - local > limit]
        if not high.size:
            break
        found += [(int(k), float((mean[k] - centre) / spread)) for k in high]
        kept[grow(high, options.spike_neighbours, len(mean))] = False
    columns = np.array([k for k, _ in found], dtype=np.int64)
    return FoundBins(np.full_like(columns, -1), columns, np.array([s for _, s in found]))


def grow(columns: IntArray, neighbours: int, bins: int) -> IntArray:
    """The bins themselves and their neighbours on both sides, within the spectrum, each once."""
    spread = (columns[:, None] + np.arange(-neighbours, neighbours + 1)).ravel()
    return np.unique(spread[(spread >= 0) & (spread < bins)])


def grow_rows(found: FoundBins, neighbours: int, bins: int) -> tuple[IntArray, IntArray]:
    """As ``grow`` for many spectra: rows and columns of the bins to cut, each pair once."""
    spread = found.columns[:, None] + np.arange(-neighbours, neighbours + 1)
    rows = np.broadcast_to(found.rows[:, None], spread.shape)
    inside = (spread >= 0) & (spread < bins)
    pairs = np.unique(rows[inside] * np.int64(bins) + spread[inside])
    return pairs // bins, pairs % bins


def _beside(
    excess: NDArray[np.floating], rows: IntArray, columns: IntArray, where: Surroundings
) -> FloatArray:
    """Mean excess beside each position."""
    reach = np.arange(where.gap + 1, where.gap + 1 + where.width)
    place = columns[:, None] + np.concatenate([-reach[::-1], reach])
    inside = (place >= 0) & (place < excess.shape[1])
    values = excess[rows[:, None], np.clip(place, 0, excess.shape[1] - 1)]
    total: FloatArray = np.sum(values * inside, axis=1, dtype=np.float64)
    return total / np.maximum(inside.sum(axis=1), 1)


class AlignedAverage:
    """Mean of many spectra aligned in the intermediate frequency (bin of the digitizer).

    Attributes:
        first: Number of the digitizer's bin (or bin of ``merge`` of them) that column 0 is.
        bins: Number of columns.
    """

    def __init__(self, windows: Windows, merge: int) -> None:
        self._windows = windows
        self.first = int(windows.first_digitizer.min()) // merge
        self._offset = windows.first_digitizer // merge - self.first
        width = windows.power.shape[1] // merge
        self.bins = int(self._offset.max()) + width
        self._sum = np.zeros(self.bins)
        self._weight = np.zeros(self.bins)
        self._highest = np.zeros(self.bins)

    def places(self) -> int:
        """Number of different target frequencies, in steps of a kilohertz (a line width)."""
        return len(np.unique(np.rint(self._windows.target_hz / 1e3)))

    def add(
        self, rows: slice, excess: NDArray[np.floating], kept: FloatArray | None = None
    ) -> None:
        """Add the normalised excess of these spectra.

        Args:
            rows: Which they are.
            excess: y/b - 1, shape (n, m).
            kept: Fraction left of each bin, shape (n, m); None for all.
        """
        offset = self._offset[rows]
        width = excess.shape[1]
        weighted = excess if kept is None else excess * kept
        for at in np.unique(offset):
            which = offset == at
            self._sum[at : at + width] += weighted[which].sum(axis=0, dtype=np.float64)
            self._weight[at : at + width] += (
                which.sum() if kept is None else kept[which].sum(axis=0)
            )

    def mean(self) -> FloatArray:
        """Mean excess in units in which every bin has the same noise; NaN without data."""
        with np.errstate(invalid="ignore"):
            return self._sum / np.sqrt(np.where(self._weight > 0, self._weight, np.nan))

    def mean_of_others(self) -> FloatArray:
        """The same without the highest spectrum of each bin.

        What stays with the digitizer is in all spectra; an axion is in one.
        """
        left = self._weight - 1
        with np.errstate(invalid="ignore"):
            return (self._sum - self._highest) / np.sqrt(np.where(left > 0, left, np.nan))

    def rows_of(
        self, columns: NDArray[np.int64], width: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same bins in every spectrum: rows and columns."""
        own = columns[None, :] - self._offset[:, None]
        rows = np.broadcast_to(np.arange(len(self._offset))[:, None], own.shape)
        inside = (own >= 0) & (own < width)
        return rows[inside], own[inside]
