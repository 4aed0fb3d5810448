"""Several experiments in one likelihood, per mass, each with its own nuisances.

Experiment e sees in the grand bin nearest to an axion of s times the DFSZ power the normalised
excess

    x_e = s mu_e (1 + c_e n_g + d_e n_e) + noise of unit width,

mu_e its expected excess for s = 1 with every efficiency, before any error is taken off; n_g and n_e
are standard Gaussian. The error budget of an experiment is its own: c_e, of its common terms, is
shared by campaigns of one apparatus (one name), d_e, of what each spectrum measures anew, by none.
With the nuisances profiled out (or marginalised, which gives the same for Gaussians but for a
determinant),

    -2 ln L(s) = (x - s mu)^T C(s)^-1 (x - s mu),   C = 1 + s^2 Sigma,
    Sigma_ef = mu_e mu_f (c_e c_f [one apparatus] + d_e^2 [e = f]).

Two limits come of it, as from one experiment:

- *expected*: z = w.x/|w|, with w = C^-1 mu, is the search's statistic; what is above the threshold
  is a candidate. As many axions as the confidence says are found if their mean is the level of one
  experiment's search: s = level |w| / (w.mu (1 - U)), with U the relative error of w.mu. Of one
  experiment it is that one's own limit, exactly. The errors of several average out as far as they
  are their own.
- *observed*: where the profile likelihood has risen by the square of ndtri(confidence) above its
  minimum, with z no less than 0 (power-constrained), or z + ndtri(confidence) in units of the mean
  less U, whichever is the weaker.

No errors at all, and all data of all experiments, give level/|mu|: ``Combined.statistics``; no
limit is ever below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import left_over

__all__ = ["Combined", "Measured", "combined"]

_STEPS: Final = 40
_MOST: Final = 1e3  # Times the statistical limit: beyond it nothing is excluded.


@dataclass(frozen=True)
class Measured:
    """E experiments at k masses.

    Attributes:
        excess: Normalised excess seen, shape (E, k); 0 where an experiment has no data.
        mean: Mean excess of a DFSZ axion before errors are taken off, shape (E, k); 0 likewise.
        common: Relative error of it that campaigns of one apparatus share, shape (E, k).
        own: That of each alone, shape (E, k).
        apparatus: Name of each, shape (E,).
    """

    excess: FloatArray
    mean: FloatArray
    common: FloatArray
    own: FloatArray
    apparatus: tuple[str, ...]

    def covariance(self) -> FloatArray:
        """Sigma per mass, shape (k, E, E)."""
        names = np.array(self.apparatus)
        same = names[:, None] == names[None, :]
        shared = (self.mean * self.common).T
        alone = (self.mean * self.own).T
        both = shared[:, :, None] * shared[:, None, :] * same
        diagonal = np.eye(len(names)) * (alone**2)[:, :, None]
        return np.asarray(both + diagonal)


@dataclass(frozen=True)
class Combined:
    """What they say together, in units of the DFSZ power, each of shape (k,).

    Attributes:
        z: The statistic; standard Gaussian without an axion.
        strength: Excluded s whatever was seen; infinite where nothing is.
        observed: Excluded s given what was seen.
        statistics: What no error at all would exclude.
        error: Relative error U of the combined mean.
        disagreement: Minimum of -2 ln L: chi-square of as many degrees of freedom as there are
            experiments, less one.
    """

    z: FloatArray
    strength: FloatArray
    observed: FloatArray
    statistics: FloatArray
    error: FloatArray
    disagreement: FloatArray


def combined(given: Measured, level: float, confidence: float) -> Combined:
    """Combine.

    Args:
        given: The experiments.
        level: Mean excess of axions of which ``confidence`` pass the threshold.
        confidence: Of the limits.
    """
    length = np.sqrt(np.sum(given.mean**2, axis=0))
    seen = length > 0
    safe = np.where(seen, length, 1.0)
    statistics = np.where(seen, level / safe, np.inf)
    # Strengths in units of what one sigma of all together is: their squares can be had for the
    # least sensitive, too.
    relative = replace(given, mean=given.mean / safe)
    mean, sigma, unit = relative.mean.T, relative.covariance(), np.full_like(safe, level)
    # Weights are those of an axion at the limit: what is badly known there counts less.
    weights = _solved(unit, sigma, mean)
    norm = np.sqrt(np.sum(weights**2, axis=1))
    norm = np.where(seen, norm, 1.0)
    per_strength = np.where(seen, np.sum(weights * mean, axis=1) / norm, 1.0)
    variance = np.einsum("ke,kef,kf->k", weights, sigma, weights) / norm**2
    error = np.where(seen, np.sqrt(variance) / per_strength, 0.0)
    z = np.where(seen, np.sum(weights * given.excess.T, axis=1) / norm, 0.0)
    left = per_strength * left_over(error)
    quantile = float(ndtri(confidence))
    taken = (np.maximum(z, 0.0) + quantile) / left
    profile, least = _profile(given.excess.T, mean, sigma, quantile, unit, z)
    return Combined(
        z,
        np.where(seen, level / left / safe, np.inf),
        np.where(seen, np.maximum(taken, profile) / safe, np.inf),
        statistics,
        error,
        least,
    )


def _solved(strength: FloatArray, sigma: FloatArray, right: FloatArray) -> FloatArray:
    """C(s)^-1 of a vector per mass: (k,), (k, E, E), (k, E) to (k, E)."""
    c = np.eye(sigma.shape[1]) + strength[:, None, None] ** 2 * sigma
    return np.asarray(np.linalg.solve(c, right[:, :, None])[:, :, 0])


def _rise(strength: FloatArray, x: FloatArray, mean: FloatArray, sigma: FloatArray) -> FloatArray:
    """-2 ln L with the nuisances profiled out, shape (k,)."""
    residual = x - strength[:, None] * mean
    return np.asarray(np.sum(residual * _solved(strength, sigma, residual), axis=1))


def _profile(
    x: FloatArray,
    mean: FloatArray,
    sigma: FloatArray,
    quantile: float,
    unit: FloatArray,
    z: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Upper limit by the profile likelihood, shape (k,), and its minimum for s of either sign.

    Where z is below 0, the excesses are taken as 0: no limit is stronger than that of noise that
    is as expected.
    """
    least_at = _minimum(x, mean, sigma, unit)
    least = _rise(least_at, x, mean, sigma)
    constrained = np.where((z < 0)[:, None] | (least_at < 0)[:, None], 0.0, x)
    start = np.where((z < 0) | (least_at < 0), 0.0, least_at)
    base = _rise(start, constrained, mean, sigma)
    low, high = start, np.full_like(unit, np.nan)
    # The rise levels off where errors leave no limit: brackets are sought on a grid from below.
    for factor in np.geomspace(1e-2, _MOST, _STEPS):
        at = start + factor * unit
        over = _rise(at, constrained, mean, sigma) - base >= quantile**2
        high = np.where(np.isnan(high) & over, at, high)
        low = np.where(np.isnan(high), at, low)
    found = np.isfinite(high)
    low, high = np.where(found, low, 0.0), np.where(found, high, 1.0)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        over = _rise(middle, constrained, mean, sigma) - base >= quantile**2
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.where(found, high, np.inf), least


def _minimum(x: FloatArray, mean: FloatArray, sigma: FloatArray, unit: FloatArray) -> FloatArray:
    """The s of least -2 ln L: iterated least squares with C at the last one, shape (k,)."""
    at = np.zeros(len(x))
    candidates = [at]
    for _ in range(_STEPS):
        weights = _solved(at, sigma, mean)
        scale = np.sum(weights * mean, axis=1)
        step = np.sum(weights * x, axis=1) / np.where(scale > 0, scale, 1.0)
        at = np.clip(0.5 * (at + step), -_MOST * unit, _MOST * unit)
        candidates.append(at)
    values = np.array([_rise(one, x, mean, sigma) for one in candidates])
    return np.asarray(np.array(candidates)[values.argmin(axis=0), np.arange(len(x))])


def covered(frequency_hz: FloatArray, own_hz: FloatArray, width_hz: float) -> NDArray[np.int64]:
    """Number of the grand bin nearest to each axion frequency; -1 where none is in reach.

    Args:
        frequency_hz: Of axions, shape (k,), Hz.
        own_hz: Of an experiment's grand bins, ascending, Hz.
        width_hz: Width of its coarse bins, Hz: an axion further off than half of it is no bin's.
    """
    at = np.searchsorted(own_hz, frequency_hz).clip(1, max(len(own_hz) - 1, 1))
    below = np.clip(at - 1, 0, len(own_hz) - 1)
    at = np.clip(at, 0, len(own_hz) - 1)
    nearer = np.abs(own_hz[below] - frequency_hz) <= np.abs(own_hz[at] - frequency_hz)
    best = np.where(nearer, below, at)
    reach = 0.5 * width_hz * (1 + 1e-9)
    return np.where(np.abs(own_hz[best] - frequency_hz) <= reach, best, -1)


def common_grid(bins: Sequence[tuple[FloatArray, float]]) -> FloatArray:
    """Axion frequencies of all: those of the narrowest bins, and of others where these have none.

    Args:
        bins: Frequencies of the grand bins of each experiment, and the width of its coarse bins.
    """
    grid = np.empty(0)
    taken: list[tuple[FloatArray, float]] = []
    for own, width in sorted(bins, key=lambda one: one[1]):
        new = np.ones(len(own), dtype=bool)
        for theirs, reach in taken:
            new &= covered(own, theirs, 2 * reach) < 0
        grid = np.concatenate([grid, own[new]])
        taken.append((own, width))
    return np.sort(grid)
