"""The median of values that come one by one, without looking at all of them again."""

from __future__ import annotations

import math
from bisect import insort

import numpy as np

from haloscope.analysis.ranges import FloatArray

__all__ = ["Steady"]


class Steady:
    """Values of spectra that came, of which what is steady is the median."""

    def __init__(self) -> None:
        self._sorted: list[float] = []
        self._unknown = 0

    def __len__(self) -> int:
        return len(self._sorted) + self._unknown

    def copy(self) -> Steady:
        """Another one with the same values."""
        other = Steady()
        other._sorted, other._unknown = self._sorted.copy(), self._unknown
        return other

    def add(self, values: FloatArray) -> None:
        """Keep more values, shape (k,)."""
        for value in values.tolist():
            if math.isnan(value):
                self._unknown += 1
            else:
                insort(self._sorted, value)

    def median_with(self, values: FloatArray) -> float:
        """Median of all kept and of these, shape (k,), which are not kept; one or more in all.

        Not a number where one of them is not.
        """
        if self._unknown or np.isnan(values).any():
            return math.nan
        count, more = len(self._sorted) + len(values), len(values)
        low, high = (count - 1) // 2, count // 2
        # What k more values move is at most k places away.
        first = max(low - more, 0)
        near = sorted(self._sorted[first : high + 1] + values.tolist())
        return float((near[low - first] + near[high - first]) / 2)
