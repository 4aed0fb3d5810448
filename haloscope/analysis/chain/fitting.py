"""Chi-square fits of many power spectra at once, by Fisher scoring.

The mean of N periodograms is Gamma distributed about the true mean b with relative width 1/sqrt(N).
With the residual r = y/b - 1 and J = d ln b / d theta, the likelihood's score is N J^T r and its
information N J^T J, so

    theta <- theta + (N J^T J + P)^-1 (N J^T r + P (theta_0 - theta)),

with P the weight of a Gaussian prior. At convergence J^T r = 0: the fit is unbiased, unlike the
minimum of sum (r^2) with the model in the denominator, which lies 1/N too high (a full standard
deviation of the grand spectrum at 10 Hz). Steps are damped (Levenberg-Marquardt) until the fit is
close, on spectra averaged into blocks; the last steps use the residuals at full resolution.
Derivatives are needed on blocks only: b is smooth over one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.shapes import Shape
from haloscope.analysis.spectra import FloatArray

BLOCK_BINS = 10
_CONVERGED = 0.01  # Last step, in standard errors.
_CLIP_SIGMA = 8.0  # Block residuals beyond this are a spike's, not the baseline's.


@dataclass(frozen=True)
class Fit:
    """Result of a batched fit.

    Attributes:
        theta: Parameters, shape (n, p).
        baseline: Fitted mean, shape (n, m), unit of the data.
        scale: Unit of the shape's value, shape (n,).
        converged: Whether the last step was below a hundredth of a standard error, shape (n,).
    """

    theta: FloatArray
    baseline: FloatArray
    scale: FloatArray
    converged: NDArray[np.bool_]


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
    coarse_steps: int = 12,
    fine_steps: int = 6,
) -> Fit:
    """Fit ``shape`` to ``y``.

    Args:
        shape: The function, for these n spectra.
        u: Reduced frequency, shape (n, m).
        y: Mean power, shape (n, m).
        averages: Periodograms behind each value, shape (n,).
        kept: Fraction of each bin that survived the spike filter, shape (n, m); None for all.
        start: Parameters to start from, shape (n, p); None to let the shape guess.
        scale: Unit of the shape's value, shape (n,); the mean of each spectrum by default.
        coarse_steps: Damped steps at most, on blocks.
        fine_steps: Full steps at most on residuals at full resolution; fewer once all fits have
            converged.
    """
    scale = y.mean(axis=1) if scale is None else scale
    if start is None or coarse_steps:
        size = block_size(u.shape[1])
        ub, weight = blocks(u, size), averages * size
        clean = y if kept is None else _patched(y, kept)
        yb = blocks(clean, size) / scale[:, None]
        theta = shape.start(ub, yb) if start is None else start
        theta = _damped(shape, theta, ub, yb, weight, coarse_steps)
    else:
        theta = start
    theta, converged = refine(shape, theta, u, y, averages, scale, fine_steps, kept=kept)
    return Fit(theta, shape.value(theta, u) * scale[:, None], scale, converged)


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
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Full steps from parameters that are close.

    Args:
        shape: The function.
        theta: Where to start, shape (n, p).
        u: Reduced frequency, shape (n, m).
        y: Mean power, shape (n, m).
        averages: Periodograms behind each value, shape (n,).
        scale: Unit of the function, shape (n,).
        steps: At most this many.
        kept: Fraction of each bin that survived the spike filter, shape (n, m).
        value: The function at ``theta`` in the unit of the data, if it is known already.

    Returns:
        Parameters, shape (n, p), and which fits have converged, shape (n,).
    """
    size = block_size(u.shape[1])
    ub, weight = blocks(u, size), averages * size
    active = np.ones(len(theta), dtype=bool)
    for _ in range(steps):
        if value is None:
            value = shape.value(theta, u)
            value *= scale[:, None]
        r = y / value
        r -= 1
        if kept is not None:
            r *= kept
        step, error = _step(shape, theta, ub, blocks(r, size), weight)
        # A spectrum that has converged is left alone: its fit must not depend on its company.
        theta = np.where(active[:, None], theta + step, theta)
        active &= np.any(np.abs(step) >= _CONVERGED * error, axis=1)
        if not active.any():
            break
        value = None
    return theta, ~active


def _patched(y: FloatArray, kept: FloatArray) -> FloatArray:
    """The spectrum with every bin that was cut entirely replaced by the last one left."""
    gone = kept <= 0
    if not gone.any():
        return y
    column = np.where(gone, 0, np.arange(y.shape[1]))
    np.maximum.accumulate(column, axis=1, out=column)
    return np.take_along_axis(y, column, axis=1)


def information(
    shape: Shape, theta: FloatArray, ub: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Derivatives J (n, p, blocks) and N J^T J + P (n, p, p)."""
    jacobian = shape.log_jacobian(theta, ub)
    matrix = (jacobian @ jacobian.transpose(0, 2, 1)) * weight[:, None, None]
    diagonal = np.arange(theta.shape[1])
    matrix[:, diagonal, diagonal] += shape.prior_weight
    return jacobian, matrix


def _step(
    shape: Shape,
    theta: FloatArray,
    ub: FloatArray,
    residual: FloatArray,
    weight: FloatArray,
    damping: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """One scoring step and the standard errors of the parameters, each (n, p)."""
    jacobian, matrix = information(shape, theta, ub, weight)
    limit = _CLIP_SIGMA / np.sqrt(weight)[:, None]
    score = (jacobian @ np.clip(residual, -limit, limit)[:, :, None])[:, :, 0] * weight[:, None]
    score += shape.prior_weight * (shape.prior_mean - theta)
    # Scaling to a unit diagonal keeps the solution accurate when parameters nearly trade against
    # each other.
    unit = np.sqrt(np.einsum("nii->ni", matrix))
    matrix = matrix / (unit[:, :, None] * unit[:, None, :])
    diagonal = np.arange(theta.shape[1])
    extra = 1e-11 if damping is None else damping[:, None]
    matrix[:, diagonal, diagonal] += extra
    inverse = np.linalg.inv(matrix)
    step = (inverse @ (score / unit)[:, :, None])[:, :, 0] / unit
    error = np.sqrt(np.abs(np.einsum("nii->ni", inverse))) / unit
    return step, error


def _deviance(
    shape: Shape, theta: FloatArray, ub: FloatArray, yb: FloatArray, weight: FloatArray
) -> FloatArray:
    """Gamma deviance plus prior, shape (n,); infinite where the function is not positive."""
    with np.errstate(all="ignore"):
        ratio = yb / shape.value(theta, ub)
        core = np.where(ratio > 0, ratio - 1 - np.log(ratio), np.inf).sum(axis=1)
    core = np.where(np.isfinite(core), core, np.inf)
    prior = (shape.prior_weight * (theta - shape.prior_mean) ** 2).sum(axis=1)
    return 2 * weight * core + prior


def _damped(
    shape: Shape, theta: FloatArray, ub: FloatArray, yb: FloatArray, weight: FloatArray, steps: int
) -> FloatArray:
    damping = np.full(len(theta), 1e-3)
    best = _deviance(shape, theta, ub, yb, weight)
    active = np.ones(len(theta), dtype=bool)
    for _ in range(steps):
        residual = yb / shape.value(theta, ub) - 1
        step, error = _step(shape, theta, ub, residual, weight, damping)
        trial = theta + step
        deviance = _deviance(shape, trial, ub, yb, weight)
        better = active & (deviance <= best + 1e-9 * np.abs(best))
        theta = np.where(better[:, None], trial, theta)
        best = np.where(better, deviance, best)
        damping = np.where(better, damping / 30, np.minimum(damping * 10, 1e3))
        active &= ~(better & np.all(np.abs(step) < 0.1 * error, axis=1))
        if not active.any():
            break
    return theta
