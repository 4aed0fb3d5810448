"""The last hour of what the charts show, in memory of a fixed size."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryohalo.page.board import LOST, Board
from cryohalo.page.viewers import FRAME_PERIOD_S

__all__ = ["COLUMNS", "STRIP_S", "Strips", "in_columns"]

#: How far back a strip goes without a history server.
STRIP_S: Final = 3600.0
#: Columns of a chart that is sent: each has a lowest and a highest point.
COLUMNS: Final = 400


class Strips:
    """Samples of the charted variables at every tick.

    Args:
        board: Where the values stand.
        names: Numbers to keep; names that the board has not are left out.
        length: Samples kept of each.
    """

    def __init__(
        self, board: Board, names: Sequence[str], length: int = round(STRIP_S / FRAME_PERIOD_S)
    ) -> None:
        self.names = tuple(name for name in names if name in board.shown)
        self._board = board
        self._times = np.full(length, np.nan)
        self._values = np.full((len(self.names), length), np.nan)
        self._next = 0

    def sample(self) -> None:
        """Keep what is known now; a lost value leaves a gap."""
        column = self._next % self._times.size
        self._times[column] = time.time()
        for row, name in enumerate(self.names):
            shown = self._board.shown[name]
            lost = shown.severity == LOST or shown.value is None
            self._values[row, column] = np.nan if lost else shown.value
        self._next += 1

    def last(self, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times and values of the last ``seconds``, thinned to columns.

        Returns:
            Times (n,), s since the Unix epoch, and values (names, n).
        """
        order = np.arange(max(0, self._next - self._times.size), self._next) % self._times.size
        times = self._times[order]
        first = int(np.searchsorted(times, time.time() - seconds))
        return in_columns(times[first:], self._values[:, order[first:]])


def in_columns(
    times: NDArray[np.float64], values: NDArray[np.float64], columns: int = COLUMNS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value in each of ``columns`` stretches, at one time for all variables.

    Args:
        times: Shape (n,), rising.
        values: Shape (variables, n); NaN where there is none.
        columns: At most so many stretches; each gives two points.
    """
    if times.size <= 2 * columns:
        return times, values
    length = -(-times.size // columns)
    padding = -times.size % length
    padded = np.pad(values, ((0, 0), (0, padding)), constant_values=np.nan)
    table = padded.reshape(values.shape[0], -1, length)
    empty = np.isnan(table)
    low = np.where(empty, np.inf, table).min(axis=2)
    high = np.where(empty, -np.inf, table).max(axis=2)
    pairs = np.stack((low, high), axis=2).reshape(values.shape[0], -1)
    pairs[~np.isfinite(pairs)] = np.nan
    starts = times[::length]
    ends = np.append(starts[1:], times[-1])
    middle = (starts + ends) / 2
    return np.stack((starts, middle), axis=1).ravel(), pairs
