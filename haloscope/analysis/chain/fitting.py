"""Chi-square fits of many power spectra at once, by Fisher scoring.

The mean of N periodograms is Gamma distributed about the true mean b with relative width 1/sqrt(N).
With the residual r = y/b - 1 and J = d ln b / d theta, the likelihood's score is N J^T r and its
information N J^T J, so

    theta <- theta + (N J^T J + P)^-1 (N J^T r + P (theta_0 - theta)),

with P the weight of a Gaussian prior. At convergence J^T r = 0: the fit is unbiased, unlike the
minimum of sum (r^2) with the model in the denominator, which lies 1/N too high (a full standard
deviation of the grand spectrum at 10 Hz). First on spectra averaged into blocks, then with the
residuals at full resolution; derivatives are needed on blocks only: b is smooth over one.

Every step must lower the objective, else it is damped and tried again (Levenberg-Marquardt). The
objective is the one whose score the steps follow: the Gamma deviance of the block residuals, which
goes on linearly beyond a few standard deviations (Huber's rule), so that a tone in a few bins
neither drives a step nor decides whether it is taken. Directions that the data do not determine (a
pole over a zero in a spectrum without a bump) are left where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from haloscope.analysis.chain.information import information, root_inverse, square
from haloscope.analysis.chain.shapes import Shape
from haloscope.analysis.spectra import FloatArray, IntArray

BLOCK_BINS = 10
_CLIP_SIGMA = 8.0  # Block residuals beyond this are a spike's, not the baseline's.
# The deviance that one more step would gain, in squared standard errors, when a fit has converged:
# a hundredth of a standard error, or on blocks (only a start for the rest) a tenth.
_CONVERGED = 1e-4
_CLOSE = 1e-2
_MOST_DAMPED = 1e6


@dataclass(frozen=True)
class Fit:
    """Result of a batched fit.

    Attributes:
        theta: Parameters, shape (n, p).
        baseline: Fitted mean, shape (n, m), unit of the data.
        scale: Unit of the shape's value, shape (n,).
        converged: Whether one more step would gain less than a hundredth of a standard error, shape
            (n,).
    """

    theta: FloatArray
    baseline: FloatArray
    scale: FloatArray
    converged: NDArray[np.bool_]


@lru_cache(maxsize=64)
def block_size(bins: int) -> int:
    """Largest divisor of ``bins`` up to ``BLOCK_BINS`` that leaves at least 100 blocks (else 1)."""
    return max(
        k for k in range(1, BLOCK_BINS + 1) if bins % k == 0 and (k == 1 or bins // k >= 100)
    )


def blocks(x: FloatArray, size: int) -> FloatArray:
    """Mean over blocks of the last axis."""
    return x if size == 1 else x.reshape(*x.shape[:-1], -1, size).mean(axis=-1)


def fit(
    shape: Shape,
    u: FloatArray,
    y: FloatArray,
    averages: FloatArray,
    *,
    kept: FloatArray | None = None,
    start: FloatArray | None = None,
    scale: FloatArray | None = None,
    coarse_steps: int = 40,
    fine_steps: int = 100,
) -> Fit:
    """Fit ``shape`` to ``y``.

    Args:
        shape: The function, for these n spectra.
        u: Reduced frequency, shape (n, m).
        y: Mean power, shape (n, m).
        averages: Periodograms behind each value, shape (n,).
        kept: Fraction of each bin that survived the spike filter, shape (n, m); None for all.
        start: Parameters to start from, shape (n, p); None to let the shape guess.
        scale: Unit of the shape's value, shape (n,); a median of each spectrum by default.
        coarse_steps: Steps at most on blocks.
        fine_steps: Steps at most on residuals at full resolution; fewer once all fits have
            converged.
    """
    size = block_size(u.shape[1])
    if start is None or scale is None:
        yb = blocks(y if kept is None else patched(y, kept), size)
        scale = np.median(yb, axis=1) if scale is None else scale
        yb = yb / scale[:, None]
    if start is None:
        blocked = _Data.of(blocks(u, size), yb, averages * size, np.ones_like(scale), size=1)
        theta, _ = _descend(shape, _start(shape, blocked), blocked, coarse_steps, _CLOSE)
    else:
        theta = start
    theta, converged = refine(shape, theta, u, y, averages, scale, fine_steps, kept=kept)
    return Fit(theta, shape.value(theta, u) * scale[:, None], scale, converged)


@dataclass(frozen=True)
class _Data:
    """What n functions are fitted to.

    Attributes:
        u: Reduced frequency, shape (n, m).
        y: Mean power, shape (n, m).
        scale: Unit of the function, shape (n,).
        size: Bins in a block.
        ub: Reduced frequency of the blocks, shape (n, blocks).
        weight: Periodograms in a block, of the bins that are left; shape (n, blocks), or (n, 1)
            where all are.
        kept: Fraction left of each bin, shape (n, m); None for all.
        share: The same of each block, shape (n, blocks); None for all.
    """

    u: FloatArray
    y: FloatArray
    scale: FloatArray
    size: int
    ub: FloatArray
    weight: FloatArray
    kept: FloatArray | None = None
    share: FloatArray | None = None

    @classmethod
    def of(
        cls,
        u: FloatArray,
        y: FloatArray,
        averages: FloatArray,
        scale: FloatArray,
        *,
        size: int,
        kept: FloatArray | None = None,
    ) -> _Data:
        """Data with ``averages`` (n,) periodograms behind each bin."""
        share = None if kept is None else blocks(kept, size)
        return cls(
            u, y, scale, size, blocks(u, size), block_weight(averages, size, kept), kept, share
        )

    def rows(self, index: IntArray) -> _Data:
        """Those of part of the functions."""
        if len(index) == len(self.u):
            return self
        return _Data(
            self.u[index],
            self.y[index],
            self.scale[index],
            self.size,
            self.ub[index],
            self.weight[index],
            None if self.kept is None else self.kept[index],
            None if self.share is None else self.share[index],
        )

    def residual(
        self, shape: Shape, theta: FloatArray, value: FloatArray | None = None
    ) -> FloatArray:
        """y/b - 1 averaged over what is left of each block, shape (n, blocks)."""
        if value is None:
            value = shape.value(theta, self.u)
            value *= self.scale[:, None]
        with np.errstate(all="ignore"):  # a trial may leave where the function is positive
            r = self.y / value
        r -= 1
        if self.kept is None:
            return blocks(r, self.size)
        assert self.share is not None
        r *= self.kept
        return blocks(r, self.size) / np.where(self.share > 0, self.share, 1.0)


def _start(shape: Shape, data: _Data) -> FloatArray:
    """The shape's own guess from data without tones, or the flat function where that is better."""
    guess, flat = shape.start(data.ub, _tamed(data)), shape.flat(data.ub)
    limit = np.full((len(data.ub), 1), np.inf)
    better = _objective(shape, guess, data.residual(shape, guess), data.weight, limit)
    worse = _objective(shape, flat, data.residual(shape, flat), data.weight, limit)
    return np.where((better <= worse)[:, None], guess, flat)


def _tamed(data: _Data) -> FloatArray:
    """Blocks brought down to what their neighbours allow: a tone must not bend the first guess."""
    yb = data.y
    smooth = median_filter(yb, size=(1, min(15, yb.shape[1] // 4 * 2 + 1)), mode="nearest")
    limit = _CLIP_SIGMA / np.sqrt(data.weight)
    return np.clip(yb, smooth * (1 - limit), smooth * (1 + limit))


def refine(
    shape: Shape,
    theta: FloatArray,
    u: FloatArray,
    y: FloatArray,
    averages: FloatArray,
    scale: FloatArray,
    steps: int,
    *,
    kept: FloatArray | None = None,
    value: FloatArray | None = None,
    size: int | None = None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Steps from parameters that are close, on residuals at full resolution.

    Args:
        shape: The function.
        theta: Where to start, shape (n, p).
        u: Reduced frequency, shape (n, m).
        y: Mean power, shape (n, m).
        averages: Periodograms behind each value, shape (n,).
        scale: Unit of the function, shape (n,).
        steps: At most this many.
        kept: Fraction of each bin that survived the spike filter, shape (n, m).
        value: The function at ``theta`` in the unit of the data, if it is known already, shape (m,)
            or (n, m).
        size: Bins in a block; what ``block_size`` says if not given, 1 for data that are blocks.

    Returns:
        Parameters, shape (n, p), and which fits have converged, shape (n,).
    """
    size = block_size(u.shape[1]) if size is None else size
    data = _Data.of(u, y, averages, scale, size=size, kept=kept)
    return _descend(shape, theta, data, steps, _CONVERGED, value=value)


def _descend(
    shape: Shape,
    theta: FloatArray,
    data: _Data,
    steps: int,
    tolerance: float,
    *,
    value: FloatArray | None = None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Lower the objective step by step; see ``refine``."""
    found = theta.copy()
    converged = np.zeros(len(theta), dtype=bool)
    # Of those that are not done yet:
    active, part, own, now = np.arange(len(theta)), shape, data, theta
    residual, damping = data.residual(shape, theta, value), np.zeros(len(theta))
    for _ in range(steps):
        limit = _clip_limit(residual, own.weight)
        step, gain = _step(part, now, own, residual, limit, damping)
        trial = now + step
        # What would gain nothing is taken unseen: its error is the square of the step.
        near = (gain < tolerance) & (damping == 0)
        # Along the flat bottom of a curved valley full steps promise more than they give; there it
        # is enough that damped ones promise nothing.
        done = near | ((damping > 0) & (gain * (1 + damping) < _CLOSE))
        if done.any():
            converged[active[done]] = True
            found[active[near]] = trial[near]
            left = ~done
            if not left.any():
                return found, converged
            active, now, trial, limit = active[left], now[left], trial[left], limit[left]
            residual, damping = residual[left], damping[left]
            part, own = shape.rows(active), data.rows(active)
        tried = own.residual(part, trial)
        _follow(part, trial, own, tried, limit, np.flatnonzero(damping > 0))
        before = _objective(part, now, residual, own.weight, limit)
        after = _objective(part, trial, tried, own.weight, limit)
        better = after <= before + 1e-9 * np.abs(before)
        now, residual = (
            np.where(better[:, None], trial, now),
            np.where(better[:, None], tried, residual),
        )
        eased = np.where(damping > 1e-5, damping / 30, 0.0)
        damping = np.where(better, eased, np.maximum(damping * 10, 1e-3))
        found[active] = now
        left = damping < _MOST_DAMPED
        if not left.all():
            active, now, residual, damping = active[left], now[left], residual[left], damping[left]
            part, own = shape.rows(active), data.rows(active)
        if not active.size:
            break
    return found, converged


def _follow(
    shape: Shape,
    theta: FloatArray,
    data: _Data,
    residual: FloatArray,
    limit: FloatArray,
    which: IntArray,
) -> None:
    """Fit the linear parameters to the residuals again, in place, of the functions ``which``.

    So they follow the others along a curved valley (variable projection).
    """
    if not which.size:
        return
    part, own, linear = shape.rows(which), data.rows(which), shape.linear
    jacobian = part.log_jacobian(theta[which], own.ub)[:, linear]
    root = root_inverse(square(jacobian, own.weight))
    along = np.einsum("npk,np->nk", root, _score(jacobian, own, residual[which], limit[which]))
    theta[which, linear] += np.einsum("npk,nk->np", root, along)
    residual[which] = own.residual(part, theta[which])


def _score(
    jacobian: FloatArray, data: _Data, residual: FloatArray, limit: FloatArray
) -> FloatArray:
    """Derivative of the likelihood with respect to the parameters, shape (n, p)."""
    inside = np.minimum(np.maximum(residual, -limit), limit)
    pull = np.where(np.isfinite(residual), inside, 0.0) * data.weight
    score: FloatArray = (jacobian @ pull[:, :, None])[:, :, 0]
    return score


def _clip_limit(residual: FloatArray, weight: FloatArray) -> FloatArray:
    """Beyond which a block residual counts as a spike's, shape (n, 1) or (n, blocks).

    In units of the measured spread while that is above the radiometer's: far from the solution all
    residuals are large, and clipping them all would take the slope away. Where none is large, the
    spread is not asked for.
    """
    limit = _CLIP_SIGMA / np.sqrt(np.maximum(weight, 1e-300))
    size = np.abs(residual)
    large = np.flatnonzero(~(size <= limit).all(axis=1))
    if not large.size:
        return limit
    spread = np.zeros((len(residual), 1))
    with np.errstate(invalid="ignore"):
        spread[large, 0] = 1.4826 * np.median(size[large], axis=1)
    return np.fmax(limit, _CLIP_SIGMA * spread)


def patched(y: FloatArray, kept: FloatArray) -> FloatArray:
    """The spectra (n, m) with every bin that was cut entirely replaced by the last one left."""
    gone = kept <= 0
    if not gone.any():
        return y
    column = np.where(gone, 0, np.arange(y.shape[1]))
    np.maximum.accumulate(column, axis=1, out=column)
    return np.take_along_axis(y, column, axis=1)


def block_weight(averages: FloatArray, size: int, kept: FloatArray | None) -> FloatArray:
    """Periodograms in what is left of each block, shape (n, blocks); (n, 1) where all is."""
    whole = averages[:, None] * size
    return whole if kept is None else whole * blocks(kept, size)


def _step(
    shape: Shape,
    theta: FloatArray,
    data: _Data,
    residual: FloatArray,
    limit: FloatArray,
    damping: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """One scoring step (n, p), and by how much it should lower the objective (n,)."""
    jacobian, matrix = information(shape, theta, data.ub, data.weight)
    score = _score(jacobian, data, residual, limit)
    score += shape.prior_weight * (shape.prior_mean - theta)
    root = root_inverse(matrix, damping)
    along = np.einsum("npk,np->nk", root, score)
    return np.einsum("npk,nk->np", root, along), np.einsum("nk,nk->n", along, along)


def _objective(
    shape: Shape, theta: FloatArray, residual: FloatArray, weight: FloatArray, limit: FloatArray
) -> FloatArray:
    """Gamma deviance plus prior, shape (n,); infinite where the function is not positive.

    r - ln(1 + r) per block; its derivative with respect to ln b is -r. Beyond ``limit`` it goes on
    with the slope it has there.
    """
    below = np.maximum(-limit, -0.999)
    inside = np.minimum(np.maximum(residual, below), limit)
    with np.errstate(all="ignore"):
        logarithm = np.log1p(inside)
        core = inside - logarithm
        if not np.array_equal(inside, residual):
            core += inside * (np.log1p(residual) - logarithm)
    total = (core * weight).sum(axis=1)
    total = np.where(np.isfinite(total), total, np.inf)
    prior = (shape.prior_weight * (theta - shape.prior_mean) ** 2).sum(axis=1)
    return 2 * total + prior
