"""The budget while spectra arrive: each adds to the grand bins of its own window, once.

What ``propagation`` sums over the spectra of a grand bin is kept here per bin, so that the budget
of some bins costs the same however many spectra have been there.
"""

from __future__ import annotations

import math

import numpy as np

from haloscope.analysis.budget.contributions import Contributions, Origin, either
from haloscope.analysis.budget.propagation import Budget, added_by, of_sums
from haloscope.analysis.chain.selection import fine_edge_hz
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray

__all__ = ["RunningBudget"]

_SPARE = 1024  # Grand bins of room added when the range grows.


class RunningBudget:
    """The sums of the budget on the global grid of grand bins.

    Args:
        step_hz: Digitizer bin width, Hz.
        options: Settings that fix the grid.
    """

    def __init__(self, step_hz: float, options: Options) -> None:
        self._step_hz = step_hz
        self._fine_merge, self._coarse_merge = options.fine_merge, options.coarse_merge
        self._first = 0
        self._origins: dict[str, Origin] = {}
        self._total, self._sums = np.zeros(0), np.zeros((0, 0))
        self._empty = True

    @property
    def _merge(self) -> int:
        return self._fine_merge * self._coarse_merge

    def add(self, rows: Contributions) -> None:
        """Add spectra that are used; a term that one of them lacks counts for none."""
        if self._empty:
            self._origins = {name: rows.origins[name] for name in rows.errors}
            self._empty = False
            self._sums = np.zeros((len(self._origins), 0))
        both = [name for name in self._origins if name in rows.errors]
        if len(both) < len(self._origins):
            self._sums = self._sums[[name in rows.errors for name in self._origins]]
        self._origins = {name: either(self._origins[name], rows.origins[name]) for name in both}
        for row in range(len(rows)):
            self._add(rows, row, tuple(both))

    def of(self, frequency_hz: FloatArray) -> Budget:
        """The budget in some grand bins, shape (k,), Hz, once there was a spectrum."""
        place = (frequency_hz / self._step_hz + 0.5) / self._merge
        number = np.rint(place).astype(np.int64)
        self._reserve(int(number.min()), int(number.max()) + 1)
        at = number - self._first
        return of_sums(frequency_hz, self._total[at], self._sums[:, at], self._origins)

    def _add(self, rows: Contributions, row: int, names: tuple[str, ...]) -> None:
        low_hz, high_hz = rows.low_hz[row], rows.high_hz[row]
        width_hz = self._step_hz * self._merge
        first, last = math.floor(low_hz / width_hz) - 1, math.ceil(high_hz / width_hz) + 2
        nu = self._edge_hz(first, last)
        low, high = np.searchsorted(nu, (low_hz, high_hz)).tolist()
        if low == high:
            return
        self._reserve(first + low, first + high)
        here = slice(first + low - self._first, first + high - self._first)
        weight, parts = added_by(rows, row, nu[low:high], names)
        self._total[here] += weight
        self._sums[:, here] += parts

    def _edge_hz(self, first: int, last: int) -> FloatArray:
        number = np.arange(first, last) * self._coarse_merge
        return fine_edge_hz(number, self._step_hz, self._fine_merge)

    def _reserve(self, first: int, last: int) -> None:
        """Make room for grand bins."""
        if not len(self._total):
            self._first = first
        before = self._first - first
        after = last - self._first - len(self._total)
        if before <= 0 and after <= 0:
            return
        wider = before + _SPARE if before > 0 else 0, after + _SPARE if after > 0 else 0
        self._first -= wider[0]
        self._total = np.pad(self._total, wider)
        self._sums = np.pad(self._sums, ((0, 0), wider))
