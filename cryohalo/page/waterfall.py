"""The waterfall: what is left of each of the last spectra without its smooth part.

A receiver's gain has a shape a hundred times larger than the noise of a long spectrum. So each
spectrum is divided by its running median and told in units of its own scatter: a line that stays,
or comes and goes, is seen.
"""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from cryohalo.page.board import LOST, Board

__all__ = ["COLUMNS", "HIGHEST", "LOWEST", "ROWS", "Waterfall", "level_of", "residuals"]

ROWS: Final = 120
COLUMNS: Final = 500
#: What the darkest and the brightest colour stand for, sigma.
LOWEST, HIGHEST = -3.0, 9.0
#: Points of a local polynomial, many more than a line has, fewer than the receiver's shape has.
_WINDOW, _ORDER = 101, 4  # and its order
#: Spectra whose mean is what they have in common.
_COMMON: Final = 10
#: What stands out by more than so many sigma does not shape the smooth part.
_CLIP: Final = 3.0
#: A scatter below this is that of the arithmetic; of 10^7 averages over 100 bins it is 3e-5.
_ROUNDING: Final = 1e-8
_SIGMA_PER_MAD: Final = 1.4826
_MOST_LEVELS: Final = 255


def residuals(level: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """A level without its smooth part, in units of the scatter.

    The smooth part is by local polynomials (Savitzky and Golay 1964), fitted a second time without
    what stands out.

    Args:
        level: Logarithm of a spectrum, shape (n,).

    Returns:
        Shape (n,); None for what is too short or has no scatter.
    """
    if level.size < _WINDOW:
        return None
    left = level - savgol_filter(level, _WINDOW, _ORDER)
    sigma = _scatter(left)
    if sigma <= _ROUNDING:
        return None
    calm = level - left + np.clip(left, -_CLIP * sigma, _CLIP * sigma)
    left = level - savgol_filter(calm, _WINDOW, _ORDER)
    return left / _scatter(left)


def level_of(power: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The logarithm of a spectrum; None for what is none (empty, not positive, not finite)."""
    if not power.size or not np.isfinite(power).all() or power.min() <= 0.0:
        return None
    return np.log(power)


def _scatter(values: NDArray[np.float64]) -> float:
    return float(_SIGMA_PER_MAD * np.median(np.abs(values - np.median(values))))


class Waterfall:
    """The last spectra of a board, as rows of bytes.

    Args:
        board: Where the spectra appear.
        name: Variable of the spectrum; a board that has it not makes no rows.

    Attributes:
        count: Spectra taken in so far.
    """

    def __init__(self, board: Board, name: str = "DAQ:Preview_RBV") -> None:
        self.count = 0
        self._shown = board.shown.get(name)
        self._seen_s = 0.0
        self._rows: deque[str] = deque(maxlen=ROWS)
        self._before: deque[NDArray[np.float64]] = deque(maxlen=_COMMON)

    def sample(self) -> None:
        """Take in the newest spectrum, if there is a new one."""
        shown = self._shown
        if shown is None or shown.severity == LOST or shown.time_s == self._seen_s:
            return
        self._seen_s = shown.time_s
        level = level_of(np.atleast_1d(np.asarray(shown.value, dtype=np.float64)))
        if level is None:
            return
        alike = [before for before in self._before if before.size == level.size]
        found = residuals(level - np.mean(alike, axis=0) if alike else level)
        self._before.append(level)
        if found is None:
            return
        edges = np.linspace(0, found.size, min(COLUMNS, found.size) + 1).astype(int)[:-1]
        highest = np.maximum.reduceat(found, edges)
        share = np.clip((highest - LOWEST) / (HIGHEST - LOWEST), 0.0, 1.0)
        self._rows.append(b64encode((_MOST_LEVELS * share).astype(np.uint8).tobytes()).decode())
        self.count += 1

    def since(self, count: int) -> list[str]:
        """Rows after the first ``count``, the oldest first, as far as they are kept."""
        new = min(max(0, self.count - count), len(self._rows))
        return list(self._rows)[len(self._rows) - new :]
