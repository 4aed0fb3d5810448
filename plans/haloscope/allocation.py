"""How long to integrate at each step of an adaptive scan: the figure of merit and the programme.

Figure of merit: simulated seconds of integration until the expected limit is at or below a target
coupling g* at every frequency of the band. A limit g90 means an expected SNR of 5 for that coupling
(haloscope note 3, item 11), SNR goes as g^2, and SNR^2 of overlapping spectra adds: so at each
frequency

    sum over steps of n_i w_i(f)  >=  SNR*(f)^2,      SNR* = 5 (g_DFSZ / g*)^2,

with n_i the averages at step i and w_i the SNR^2 for DFSZ that one average brings. What w is, the
online analysis measures at every step. The least sum of n_i is a linear programme, solved by
HiGHS through scipy; with what is known so far on the right-hand side it is solved again at every
step for the steps to come.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

__all__ = ["Ledger", "allocate"]

Array = NDArray[np.float64]

#: Cells of frequency to either side of a step's target that its spectrum can reach.
REACH = 15


@dataclass
class Ledger:
    """SNR^2 gathered so far and what a step brings, in cells of frequency.

    Args:
        low_mhz: Lower edge of the band.
        high_mhz: Upper edge of the band.
        window_khz: Span of a spectrum that counts.

    Attributes:
        gathered: SNR^2 in each cell (C,): the least of the grand bins in it.
        profile: SNR^2 that one average brings, by cells from the target (2 REACH + 1,).
    """

    low_mhz: float
    high_mhz: float
    window_khz: float
    gathered: Array = field(init=False)
    profile: Array = field(init=False)

    def __post_init__(self) -> None:
        count = int(np.ceil((self.high_mhz - self.low_mhz) * 1e3 / self.cell_khz - 1e-6))
        if count < 1:
            raise ValueError(f"band {self.low_mhz} to {self.high_mhz} MHz is empty")
        self.gathered = np.zeros(count)
        self.profile = np.zeros(2 * REACH + 1)

    @property
    def cell_khz(self) -> float:
        """Width of a cell."""
        return self.window_khz / (2 * REACH)

    @property
    def cells_mhz(self) -> Array:
        """Middle of each cell (C,), MHz."""
        count = np.arange(len(self.gathered), dtype=np.float64)
        return self.low_mhz + (count + 0.5) * self.cell_khz * 1e-3

    def update(self, frequency_mhz: Array, snr: Array, target_mhz: float, averages: float) -> None:
        """Take what the online analysis says after a step.

        Args:
            frequency_mhz: Of the grand bins the step touched (K,).
            snr: Expected SNR there now (K,).
            target_mhz: Of the step.
            averages: Of the step.
        """
        before = self.gathered.copy()
        cell = np.floor((frequency_mhz - self.low_mhz) * 1e3 / self.cell_khz).astype(int)
        for index in np.unique(cell[(cell >= 0) & (cell < len(before))]):
            self.gathered[index] = max(before[index], float(np.min(snr[cell == index])) ** 2)
        self._learn(self.gathered - before, target_mhz, averages)

    def _learn(self, gained: Array, target_mhz: float, averages: float) -> None:
        offset = (
            np.rint((self.cells_mhz - target_mhz) * 1e3 / self.cell_khz - 0.5).astype(int) + REACH
        )
        inside = (offset >= 0) & (offset < len(self.profile)) & (gained > 0)
        fresh = gained[inside] / averages
        old = self.profile[offset[inside]]
        # Half old, half new: follows the noise along the band, smooths what one step says.
        self.profile[offset[inside]] = np.where(old > 0, 0.5 * (old + fresh), fresh)

    def weights(self, targets_mhz: Array) -> csr_matrix:
        """SNR^2 per average in each cell (C,) from each target (T,), a sparse (C, T)."""
        offset = np.rint(
            (self.cells_mhz[:, None] - targets_mhz[None, :]) * 1e3 / self.cell_khz - 0.5
        ).astype(int)
        inside = np.abs(offset) <= REACH
        values = np.where(inside, self.profile[np.clip(offset + REACH, 0, 2 * REACH)], 0.0)
        return csr_matrix(values)


def allocate(
    ledger: Ledger, targets_mhz: Array, wanted: Array, *, least: float, most: float
) -> Array:
    """Averages for the steps to come (T,) that fill every cell with the least sum.

    Args:
        ledger: What is gathered and what a step brings.
        targets_mhz: The steps to come (T,).
        wanted: SNR^2 wanted in each cell (C,).
        least: Smallest number of averages of a step.
        most: largest.

    A cell that cannot be filled within ``most`` is filled as far as it goes.
    """
    weights = ledger.weights(targets_mhz)
    missing = np.maximum(wanted - ledger.gathered, 0.0)
    possible = np.asarray(weights.sum(axis=1)).ravel() * most
    needed = np.minimum(missing, 0.999 * possible)
    scale = float(needed.max(initial=0.0))
    if scale <= 0.0:
        return np.full(len(targets_mhz), least)
    rows = needed > 1e-9 * scale
    answer = linprog(
        np.ones(len(targets_mhz)),
        A_ub=-weights[rows] / scale,
        b_ub=-needed[rows] / scale,
        bounds=(least, most),
        method="highs",
    )
    if answer.x is None:
        raise RuntimeError(f"no allocation found: {answer.message}")
    return np.asarray(answer.x, dtype=np.float64)
