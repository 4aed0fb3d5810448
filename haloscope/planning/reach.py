"""The coupling that a scan will exclude, from the limits of the spectra it has taken so far.

Where a frequency has seen the steps D of all steps A, those to come included, its SNR^2 will still
grow by

    sum_A n L^2 / sum_D n L^2,

n the averages and L the cavity's Lorentzian of each step, and the coupling falls with the fourth
root of that. It is followed at no more places than tell a median, and a step changes the sums only
where it is felt: what one costs does not grow with the scan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from haloscope.lorentzian import lorentzian

FloatArray = NDArray[np.float64]

__all__ = ["Reach"]

#: Frequencies that have less than this share of what they will get say little of what that is.
_ENOUGH: Final = 0.3
#: Places that are followed, evenly from the lowest target to the highest.
_PLACES: Final = 2000
#: So many linewidths from a step it is felt: there L^2 is 1e-4.
_FELT: Final = 5.0
#: A linewidth that has changed by less leaves the sum over the steps to come as it is.
_ALIKE: Final = 0.01
#: Of the distance of two frequencies, and what these round by.
_HALF: Final = 0.5 * (1 + 1e-6)


class Reach:
    """What the steps of one scan, or of the parts of one campaign, have reached and will reach."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float]] = []
        self._targets_hz = self._places_hz = self._coupling = np.zeros(0)
        self._seen = self._coming = np.zeros(0)
        self._left: dict[int, float] = {}
        self._usual = self._width_hz = math.nan

    def plan(self, targets_hz: FloatArray, left: Mapping[int, float]) -> None:
        """Take the steps of a scan.

        Args:
            targets_hz: All of them, Hz, shape (n,).
            left: Averages of those to come by target in whole Hz, NaN where they are not known.
        """
        self._left = dict(left)
        self._width_hz = math.nan  # the sum over the steps to come is made anew
        if np.array_equal(targets_hz, self._targets_hz):
            return
        before_hz, coupling = self._places_hz, self._coupling
        self._targets_hz = targets_hz
        low_hz = float(targets_hz.min(initial=np.inf))
        high_hz = float(targets_hz.max(initial=-np.inf))
        count = _PLACES if high_hz > low_hz else min(targets_hz.size, 1)
        self._places_hz = np.linspace(low_hz, high_hz, count) if count else np.zeros(0)
        self._coupling = np.full(count, np.nan)
        self._seen = _gathered(self._places_hz, *np.array(self._taken).reshape(-1, 3).T)
        known = np.isfinite(coupling)
        self.limit(before_hz[known], coupling[known])

    def step(self, target_hz: int, averages: float, width_hz: float) -> None:
        """Take a step that has been recorded.

        Args:
            target_hz: Of the step, in whole Hz.
            averages: Spectra averaged.
            width_hz: Loaded linewidth there, Hz.
        """
        self._taken.append((target_hz, averages, width_hz))
        self._seen += _gathered(self._places_hz, target_hz, averages, width_hz)
        planned = self._left.pop(target_hz, None)
        if planned is not None and math.isfinite(self._width_hz):
            count = self._usual if math.isnan(planned) else planned
            self._coming -= _gathered(self._places_hz, target_hz, count, self._width_hz)

    def limit(self, frequency_hz: FloatArray, coupling_per_gev: FloatArray) -> None:
        """Take limits at frequencies (k,), Hz and ascending, as they stand after a spectrum."""
        if len(frequency_hz) < 2:
            return
        apart_hz = float(np.diff(frequency_hz).min())
        ends = frequency_hz[[0, -1]] + (-0.5 * apart_hz, 0.5 * apart_hz)
        low, high = np.searchsorted(self._places_hz, ends)
        places = self._places_hz[low:high]
        after = np.clip(np.searchsorted(frequency_hz, places), 1, len(frequency_hz) - 1)
        nearer = places - frequency_hz[after - 1] < frequency_hz[after] - places
        nearest = after - nearer
        # Half of it, as beyond the ends: between bins that are not there nothing is known.
        held = np.abs(frequency_hz[nearest] - places) <= _HALF * apart_hz
        self._coupling[low:high][held] = coupling_per_gev[nearest[held]]

    def coupling_per_gev(self, width_hz: float, usual: float) -> float:
        """Median over the places that say enough; NaN where none does.

        Args:
            width_hz: Loaded linewidth of the steps to come, Hz.
            usual: Their averages where they are not known.
        """
        if not (math.isfinite(width_hz) and np.isfinite(self._coupling).any()):
            return math.nan
        if not abs(width_hz - self._width_hz) <= _ALIKE * width_hz or usual != self._usual:
            self._look_ahead(width_hz, usual)
        whole = self._seen + np.maximum(self._coming, 0.0)
        share = np.divide(self._seen, whole, out=np.ones(len(whole)), where=whole > 0)
        good = (share >= _ENOUGH) & np.isfinite(self._coupling)
        if not good.any():
            return math.nan
        return float(np.median(self._coupling[good] * share[good] ** 0.25))

    def _look_ahead(self, width_hz: float, usual: float) -> None:
        """Make the sum over the steps to come anew."""
        self._width_hz, self._usual = width_hz, usual
        targets_hz = np.array(list(self._left), dtype=np.float64)
        averages = np.array(list(self._left.values()), dtype=np.float64)
        averages[np.isnan(averages)] = usual
        self._coming = _gathered(self._places_hz, targets_hz, averages, width_hz)


def _gathered(
    places_hz: FloatArray, target_hz: ArrayLike, averages: ArrayLike, width_hz: ArrayLike
) -> FloatArray:
    """The sum of n L^2 at places (k,), ascending, over steps: each an array (n,) or a number."""
    steps = np.broadcast_arrays(*(np.atleast_1d(one) for one in (target_hz, averages, width_hz)))
    targets, counts, widths = (np.asarray(one, dtype=np.float64) for one in steps)
    first = np.searchsorted(places_hz, targets - _FELT * widths)
    felt = np.searchsorted(places_hz, targets + _FELT * widths) - first
    step = np.repeat(np.arange(len(targets)), felt)
    # Of the pairs of a step the places follow each other from its first.
    place = np.arange(len(step)) + np.repeat(first - np.cumsum(felt) + felt, felt)
    weight = counts[step] * lorentzian(places_hz[place] - targets[step], widths[step]) ** 2
    return np.bincount(place, weights=weight, minlength=len(places_hz)).astype(np.float64)
