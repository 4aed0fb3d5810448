"""The power-measured Bayesian alternative to a threshold (Palken et al., PRD 101, 123011 (2020)).

An axion of strength s (its power in units of DFSZ) shifts grand bin l by mu = s S_l. Having seen
the normalised excess x, the odds for that axion change by the prior update

    u_l(s) = exp(mu x_l - mu^2/2).

Odds that fall below 1 - confidence count as excluded. Averaged over a band, sub-aggregated updates
give the strength excluded over the whole band; no threshold, no rescan and no power is thrown away.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz


def update(normalised: FloatArray, snr: FloatArray, strength: float) -> FloatArray:
    """Prior update u of each grand bin for an axion of this strength, shape (k,).

    Args:
        normalised: Excess seen, shape (k,).
        snr: Mean excess of a DFSZ axion with every efficiency, shape (k,).
        strength: (g/g_DFSZ)^2.
    """
    mu = strength * snr
    return np.exp(mu * normalised - 0.5 * mu**2)


def aggregate_update(normalised: FloatArray, snr: FloatArray, strength: float) -> float:
    """Mean update over the band: how the odds of an axion anywhere in it changed."""
    return float(np.mean(update(normalised, snr, strength)))


def excluded_strength(
    normalised: FloatArray, snr: FloatArray, confidence: float = 0.90
) -> FloatArray:
    """Strength above which each bin's update is below 1 - confidence, shape (k,).

    mu x - mu^2/2 = ln(1 - confidence) has the root mu = x + sqrt(x^2 - 2 ln(1 - confidence)).
    """
    odds = -2 * np.log(1 - confidence)
    return (normalised + np.sqrt(normalised**2 + odds)) / snr


def excluded_coupling(grand: Grand, snr: FloatArray, confidence: float = 0.90) -> FloatArray:
    """Coupling excluded in each grand bin, shape (k,), 1/GeV."""
    return dfsz(grand.frequency_hz) * np.sqrt(excluded_strength(grand.normalised, snr, confidence))


def aggregate_strength(
    normalised: FloatArray, snr: FloatArray, confidence: float = 0.90, *, highest: float = 1e6
) -> float:
    """Smallest strength beyond which the mean update stays below 1 - confidence.

    Raises:
        ValueError: No strength up to ``highest`` is excluded (the band holds a candidate).
    """
    odds = 1 - confidence

    def excess(log_strength: float) -> float:
        return aggregate_update(normalised, snr, float(np.exp(log_strength))) - odds

    grid = np.linspace(-7.0, np.log(highest), 400)
    over = np.flatnonzero([excess(g) > 0 for g in grid])
    if not over.size:
        return float(np.exp(grid[0]))
    if over[-1] == len(grid) - 1:
        raise ValueError(f"Bayes: no strength up to {highest:g} times DFSZ is excluded")
    root = brentq(excess, grid[over[-1]], grid[over[-1] + 1])
    return float(np.exp(root))
