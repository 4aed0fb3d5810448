"""Residuals on the scale of the axion's line: is the misfit visible where an axion would be?

White residuals hide a baseline that is off by a tenth of their width, if it is off over a whole
line. So residuals are averaged with the line's weights at every place l of the window,

    z_l = sum_q w_q c_(l+q),   c = residuals summed over coarse bins, unit variance,

and chi2 = sum_l z_l^2 is held against what the fit leaves of white noise. A fit that takes up the
part U U^T of the noise leaves the covariance

    C = T - G^T (2 - U^T U) G,   T_ll' = sum_q w_q w_(q+|l-l'|),   G = U^T W,

so the mean of chi2 is tr C and its variance 2 tr C^2. An axion is not a misfit: a strong line of
the axion's shape is fitted together with the baseline and taken out, with the places it touches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d
from scipy.special import gammaincc

from haloscope.analysis.chain.response import TakenUp
from haloscope.analysis.chain.smoothing import cached_matrix
from haloscope.analysis.spectra import FloatArray, IntArray

__all__ = [
    "LineScale",
    "SmootherScale",
    "freedom_taken",
    "line_scale",
    "smoother_scale",
    "tail_probability",
]

_LINE_SIGMA = 4.5  # Places this far up may be axions,
_MOST_LINES = 5
_FAINT_SIGMA = 3.0  # and so may be one this far up
_IMPROBABLE = 1e-4  # if nothing else is wrong: noise alone leaves no chi2 as improbable as this.


#: What a baseline leaves of a line, in coarse bins (C,), by the line's place.
LeftOfLine = Callable[[int], FloatArray]


@dataclass(frozen=True)
class SmootherScale:
    """The same of a Savitzky-Golay filter, the same for all spectra.

    Attributes:
        residual: 1 - H between coarse bins, shape (C, C).
        mean: Mean of z_l^2 at each place, shape (L,).
        variance: Variance of chi2.
        freedom_taken: Degrees of freedom that the filter takes from the residuals.
    """

    residual: FloatArray
    mean: FloatArray
    variance: float
    freedom_taken: float


@dataclass(frozen=True)
class LineScale:
    """chi2 of each spectrum on the scale of the line.

    Attributes:
        chi2: Shape (n,).
        mean: What it is on average if the baseline fits, shape (n,).
        variance: Its variance then, shape (n,).
        lines: Strong lines taken out, shape (n,).
        line_chi2: What they had of the fine bins' chi-square, shape (n,).
    """

    chi2: FloatArray
    mean: FloatArray
    variance: FloatArray
    lines: FloatArray
    line_chi2: FloatArray

    @property
    def probability(self) -> FloatArray:
        """Of a chi2 at least as far out, on its side, shape (n,)."""
        return tail_probability(self.chi2, self.mean, self.variance)

    def rows(self, index: IntArray) -> LineScale:
        """Those of some of the spectra."""
        return LineScale(*(getattr(self, item.name)[index] for item in fields(self)))

    @classmethod
    def together(cls, parts: Sequence[LineScale]) -> LineScale:
        """Those of several lots of spectra."""
        joined = ([getattr(part, item.name) for part in parts] for item in fields(cls))
        return cls(*map(np.concatenate, joined))


def freedom_taken(own: FloatArray) -> FloatArray:
    """Degrees of freedom that fits take from their residuals, 2 tr H - tr H^2, shape (n,).

    Args:
        own: U^T U, shape (n, p, p).
    """
    taken: FloatArray = 2 * np.einsum("npp->n", own) - np.einsum("npq,nqp->n", own, own)
    return taken


def tail_probability(chi2: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Probability of a sum of squares at least as far from its mean, on its side of it.

    A gamma distribution of that mean and variance, which for independent squares is exact. Where
    nothing was summed it is 1.
    """
    known = (mean > 0) & (variance > 0)
    mean, variance = np.where(known, mean, 1.0), np.where(known, variance, 1.0)
    above = gammaincc(mean**2 / variance, np.maximum(chi2, 0.0) / (variance / mean))
    return np.where(known, np.where(chi2 > mean, above, 1 - above), 1.0)


def line_scale(
    pull: FloatArray,
    kept: FloatArray | None,
    response: TakenUp | SmootherScale,
    weights: FloatArray,
    merge: int,
) -> LineScale:
    """chi2 of residuals on the scale of the line.

    Args:
        pull: Residuals in standard deviations, zero where a bin was cut, shape (n, m).
        kept: Fraction left of each fine bin, shape (n, m); None for all.
        response: What the baseline takes up.
        weights: Of the line in coarse bins, shape (lines,).
        merge: Fine bins per coarse bin.
    """
    weights = weights / np.sqrt(weights @ weights)
    coarse = _coarse(pull, merge) / np.sqrt(merge)
    z = _placed_sums(coarse, weights)
    share = None if kept is None else _coarse((kept > 0).astype(np.float64), merge) / merge
    if isinstance(response, SmootherScale):
        mean, variance = _smoothed(response, share, weights, len(z))
    else:
        response = _of_coarse_bins(response, coarse.shape[1], merge, share)
        mean, variance = _expected(response, share, weights)
    places = _Places(coarse, z, mean, variance, weights)
    strong: NDArray[np.bool_] = np.any(z > _LINE_SIGMA, axis=1)
    faint = ~strong & (z > _FAINT_SIGMA).any(axis=1)
    if faint.any():
        faint &= places.scale().probability < _IMPROBABLE
    for row in np.flatnonzero(strong | faint).tolist():
        left = _left_of_line(response, row, share, weights)
        if strong[row]:
            places.take_out(row, left, _LINE_SIGMA, _MOST_LINES)
        else:
            places.take_out(row, left, _FAINT_SIGMA, 1)
    return places.scale()


class _Places:
    """Residuals on the scale of the line, from which lines are taken out one by one."""

    def __init__(
        self,
        coarse: FloatArray,
        z: FloatArray,
        mean: FloatArray,
        variance: FloatArray,
        weights: FloatArray,
    ) -> None:
        self._coarse, self._z, self._mean, self._variance = coarse, z, mean, variance
        self._weights = weights
        self._seen = np.ones(z.shape, dtype=bool)
        self._lines, self._line_chi2 = np.zeros(len(z)), np.zeros(len(z))

    def scale(self) -> LineScale:
        """Sums over the places that no line touches."""
        seen = self._seen
        return LineScale(
            (self._z**2 * seen).sum(axis=1),
            (self._mean * seen).sum(axis=1),
            self._variance * seen.mean(axis=1),
            self._lines,
            self._line_chi2,
        )

    def take_out(self, row: int, left: LeftOfLine, above: float, most: int) -> None:
        """Take out the strong lines of one spectrum.

        Args:
            row: Which.
            left: Gives what the baseline leaves of a line at a place, shape (C,).
            above: A line is what is this many standard deviations up.
            most: Lines at most.
        """
        reach, z, seen = len(self._weights), self._z[row], self._seen[row]
        coarse = self._coarse[row].copy()
        while self._lines[row] < most and np.max(z, where=seen, initial=-np.inf) > above:
            top = int(np.argmax(np.where(seen, z, -np.inf)))
            shape = left(top)
            information = float(self._weights @ shape[top : top + reach])
            amplitude = float(z[top]) / max(information, 0.05)
            coarse -= amplitude * shape
            z[:] = _placed_sums(coarse, self._weights)
            seen[max(top - reach + 1, 0) : top + reach] = False
            self._line_chi2[row] += amplitude**2 * information
            self._lines[row] += 1


def _coarse(values: FloatArray, merge: int) -> FloatArray:
    """Sums over whole coarse bins from the start of the window, (n, m) to (n, C)."""
    count = values.shape[1] // merge
    return values[:, : count * merge].reshape(len(values), count, merge).sum(axis=2)


def _placed_sums(values: FloatArray, weights: FloatArray) -> FloatArray:
    """sum_q w_q values[..., l + q] at every place l where the line is inside."""
    before, after = (len(weights) - 1) // 2, len(weights) // 2
    # Centred on the middle of the line; what overhangs the window is left out.
    summed = correlate1d(
        values, weights, axis=-1, mode="constant", origin=before - len(weights) // 2
    )
    return np.asarray(summed[..., before : values.shape[-1] - after])


def _left(share: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of the noise left at each place, (n, C) to (n, L); one to the bit where nothing is cut.

    Else a spectrum would round otherwise beside another one of which a bin was cut.
    """
    left = _placed_sums(share, weights**2)
    left[(share == 1).all(axis=1)] = 1.0
    return left


def _overlap(weights: FloatArray) -> FloatArray:
    """T along a row: correlation of places 0, 1, ... apart."""
    full = np.correlate(weights, weights, mode="full")
    return full[len(weights) - 1 :]


def _of_coarse_bins(response: TakenUp, bins: int, merge: int, share: FloatArray | None) -> TakenUp:
    """U of sums over what is left of coarse bins, in standard deviations of a whole one."""
    factor = response.factor[:, :, :bins] * np.sqrt(merge)
    return TakenUp(factor if share is None else factor * share[:, None], response.own)


def _smoothed(
    response: SmootherScale, share: FloatArray | None, weights: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    mean = np.tile(response.mean, (count, 1))
    variance = np.full(count, response.variance)
    if share is None:
        return mean, variance
    left = _left(share, weights)
    return mean * left, variance * (left**2).mean(axis=1)


def _expected(
    response: TakenUp, share: FloatArray | None, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean of z^2 at each place, shape (n, L), and variance of chi2, shape (n,)."""
    g = _placed_sums(response.factor, weights)
    kernel = 2 * np.eye(g.shape[1]) - response.own
    taken = (g * (kernel @ g)).sum(axis=1)
    rho = _overlap(weights)
    places = g.shape[2]
    lags = np.arange(len(rho))
    pairs = np.where(lags == 0, places, 2 * np.maximum(places - lags, 0))
    left = np.ones((1, 1)) if share is None else _left(share, weights)
    square = (pairs * rho**2).sum() * (left**2).mean(axis=1)
    inner = kernel @ (g @ g.transpose(0, 2, 1))
    spread = correlate1d(g, np.concatenate([rho[:0:-1], rho]), axis=2, mode="constant")
    cross = np.einsum("npq,npq->n", kernel, g @ spread.transpose(0, 2, 1))
    variance = 2 * (square - 2 * cross + np.einsum("npq,nqp->n", inner, inner))
    return np.maximum(left - taken, 0.0), np.maximum(variance, 0.02 * square)


def _left_of_line(
    response: TakenUp | SmootherScale, row: int, share: FloatArray | None, weights: FloatArray
) -> LeftOfLine:
    """What 1 - H leaves of a line in the coarse bins of one spectrum, by the line's place.

    H is of few functions of the bins: a matrix between all of them, 400 MB for a window of 7000,
    is never made.
    """
    reach = len(weights)
    if isinstance(response, SmootherScale):
        residual = response.residual
        return lambda top: residual[:, top : top + reach] @ weights
    factor = response.factor[row]
    whole = np.ones(factor.shape[1]) if share is None else share[row]

    def left(top: int) -> FloatArray:
        at = slice(top, top + reach)
        shape = -factor.T @ (factor[:, at] @ weights)
        shape[at] += whole[at] * weights
        return shape

    return left


@lru_cache(maxsize=8)
def _smoother(
    bins: int, window: int, degree: int, merge: int, weights: tuple[float, ...]
) -> SmootherScale:
    matrix = cached_matrix(bins, window, degree)
    left = -_coarse(matrix.T, merge).T
    count = left.shape[0]
    number = np.arange(count * merge)
    left[number // merge, number] += 1
    left /= np.sqrt(merge)
    unit = np.array(weights) / np.sqrt(np.sum(np.square(weights)))
    placed = _placed_sums(left.T, unit).T
    covariance = placed @ placed.T
    residual = _coarse(left, merge) / np.sqrt(merge)
    freedom = 2 * np.trace(matrix) - float((matrix**2).sum())
    return SmootherScale(
        residual, np.diagonal(covariance), 2 * float((covariance**2).sum()), float(freedom)
    )


def smoother_scale(
    bins: int, window: int, degree: int, merge: int, weights: FloatArray
) -> SmootherScale:
    """What a Savitzky-Golay filter leaves of white noise on the scale of the line.

    Args:
        bins: Fine bins of a spectrum.
        window: Of the filter, fine bins.
        degree: Of its polynomial.
        merge: Fine bins per coarse bin.
        weights: Of the line in coarse bins, shape (lines,).
    """
    return _smoother(bins, window, degree, merge, tuple(weights.tolist()))
