"""Vetoes that look at a candidate's line in all spectra together.

The axion's line is fitted first, strength and place. What is left is held against noise as a whole
(chi-square), and against lines of every width from one fine bin to the whole window, at every
place. The probability of the highest of many is at most their number times its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.spectra import FloatArray, IntArray
from haloscope.analysis.statistics.tails import above_chi_square, above_normal
from haloscope.analysis.vetoes.following import Veto
from haloscope.analysis.vetoes.steps import NotHeldError, Steps, Window

__all__ = ["line_shape", "narrow_line", "width"]

_LEAST = 0.1  # Of a box's variance that the line and its deformations leave.
_NARROW = 0.1  # Of a line: a clock's harmonic, not a hump.
_BELOW = 0.25  # Of a line: an axion's begins sharply, and nothing of it lies below.


@dataclass(frozen=True)
class _Rest:
    """What the axion's line leaves of a window, and what it weighs.

    The line is known but for some deformations d of one standard deviation each, in proportion to
    its strength. With the noise they make the covariance C = 1 + sum d d^T.

    Attributes:
        rest: Pull without the line, shape (k,).
        line: The line of unit strength, shape (k,).
        deformed: The deformations d, shape (q, k).
        inner: (1 + d.d)^-1, shape (q, q).
    """

    rest: FloatArray
    line: FloatArray
    deformed: FloatArray
    inner: FloatArray

    def weighed(self, values: FloatArray) -> FloatArray:
        """C^-1 of values, shape (k,)."""
        return values - (values @ self.deformed.T) @ self.inner @ self.deformed

    @classmethod
    def of(cls, window: Window, near: NDArray[np.bool_]) -> _Rest:
        """Of part of a window; the line is fitted to all of it."""
        strength = float(window.pull @ window.line / (window.line @ window.line))
        deformed = strength * window.loose[:, near]
        own = np.eye(len(deformed)) + deformed @ deformed.T
        inner = np.asarray(np.linalg.inv(own), dtype=np.float64)
        line = window.line[near]
        whole = cls(window.pull[near], line, deformed, inner)
        strength = float(line @ whole.weighed(whole.rest) / (line @ whole.weighed(line)))
        return replace(whole, rest=window.pull[near] - strength * line)


def line_shape(seen: Steps) -> Veto:
    """Is what the axion's line leaves noise?

    Raises:
        NotHeldError: The line has fewer than three bins.
    """
    window = seen.window
    offset = window.centre_hz - seen.place_hz
    near = (offset > -_BELOW * window.line_hz) & (offset < window.line_hz)
    degrees = int(near.sum()) - 2
    if degrees < 1:
        raise NotHeldError(f"{near.sum()} bins in a line")
    left = _Rest.of(window, near)
    value = float(left.rest @ left.weighed(left.rest))
    words = f"not the line of an axion: chi-square {value:.0f} for {degrees}"
    return Veto("line shape", above_chi_square(value, degrees), words)


def width(seen: Steps) -> Veto:
    """Is there a narrower or a wider line on top of the axion's?

    Raises:
        NotHeldError: The line has fewer than three bins.
    """
    found = _highest(seen.window)
    words = (
        f"a line {found.width_hz:.0f} Hz wide at {found.centre_hz * 1e-6:.6f} MHz stands "
        f"{found.sigma:.1f} sigma above the axion's"
    )
    return Veto("width", found.p, words)


def narrow_line(seen: Steps, level: float) -> tuple[float, float] | None:
    """Where a narrow line stands on top of the axion's, lowest and highest frequency, Hz.

    Args:
        seen: The candidate.
        level: Less probable than this by chance.
    """
    try:
        found = _highest(seen.window)
    except NotHeldError:
        return None
    if found.p >= level or found.width_hz > _NARROW * seen.window.line_hz:
        return None
    reach = 0.5 * found.width_hz + 1.01 * found.bin_hz
    return found.centre_hz - reach, found.centre_hz + reach


@dataclass(frozen=True)
class _Highest:
    """The line that stands highest on top of the axion's.

    Attributes:
        sigma: Its significance.
        width_hz: Its width, Hz.
        centre_hz: Its middle, Hz.
        p: Probability, at most, of one as high by chance.
        bin_hz: Width of a bin, Hz.
    """

    sigma: float
    width_hz: float
    centre_hz: float
    p: float
    bin_hz: float


def _highest(window: Window) -> _Highest:
    bins = len(window.centre_hz)
    if bins < 9:
        raise NotHeldError(f"{bins} bins in three lines")
    left = _Rest.of(window, np.ones(bins, dtype=bool))
    bin_hz = float(np.median(np.diff(window.centre_hz)))
    best, wide_best, start, tried, wide = -np.inf, 1, 0, 0, 1
    while wide <= bins // 2:
        starts = np.arange(0, bins - wide + 1, max(wide // 2, 1))
        found = _excess(left, window.skew, starts, wide)
        top = int(np.argmax(found))
        tried += len(starts)
        if found[top] > best:
            best, wide_best, start = float(found[top]), wide, int(starts[top])
        wide *= 2
    centre = float(window.centre_hz[start : start + wide_best].mean())
    p = min(1.0, tried * above_normal(best))
    return _Highest(best, wide_best * bin_hz, centre, p, bin_hz)


def _excess(left: _Rest, skew: FloatArray, starts: IntArray, wide: int) -> FloatArray:
    """Significance of boxes of ``wide`` bins on top of the axion's line, shape of ``starts``."""

    def boxes(values: FloatArray) -> FloatArray:
        total = np.concatenate([[0.0], np.cumsum(values)])
        return total[starts + wide] - total[starts]

    line = left.weighed(left.line)
    deformed = np.stack([boxes(d) for d in left.deformed])
    variance = wide - np.einsum("qs,qr,rs->s", deformed, left.inner, deformed)
    variance = variance - boxes(line) ** 2 / (left.line @ line)
    z = boxes(left.weighed(left.rest)) / np.sqrt(np.maximum(variance, _LEAST * wide))
    # Averages of exponentials have a longer upper tail than the normal one (Cornish and Fisher).
    tail = boxes(skew) / wide**1.5
    return np.asarray(z - tail * (z**2 - 1) / 6)
