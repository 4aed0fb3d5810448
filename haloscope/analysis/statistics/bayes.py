"""The power-measured Bayesian analysis, beside the threshold's (Palken et al., PRD 101, 123011).

An axion of strength s (its power in units of DFSZ, s = (g/g_DFSZ)^2) shifts grand bin l by
mu = s S_l. Having seen the normalised excess x, the probability of that axion changes by the prior
update

    u_l(s) = exp(mu x_l - mu^2/2),

the ratio of the likelihoods with and without it. A grand bin is the matched filter of the line that
begins in it, so that x_l is all that the data say of that axion: the update holds although bins
within a line share their noise, and so does the mean over places,

    U(s) = mean over bins of u_l(s),

by which the probability of an axion anywhere in the band changed. What the correlation changes is
how far U scatters by chance; ``noise_strengths`` draws that from correlated bins. Couplings at
which U stays below 1 - confidence are excluded over the band. U over a hundredth of the band is the
sub-aggregated update that is drawn. No threshold takes part, and no excess is thrown away.

Probabilities here are small beside 1 (axions in this band are one possibility of many), so that the
update of the sum, 1 - P + P U, is left out. ``haloscope.analysis.statistics.powermeasured`` applies
this to a result.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from scipy.optimize import brentq
from scipy.special import ndtr

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz
from instruments.random import generator

#: e^700 is the largest that a number can hold; an update beyond it is of no other meaning.
_LARGEST_LOG: Final = 700.0
#: A bump of U that fits between two steps of strengths rises above the level by chance at most.
_STEP: Final = 0.95
_TYPICAL: Final = 500


def update(normalised: FloatArray, snr: FloatArray, strength: float) -> FloatArray:
    """Prior update u of each grand bin for an axion of this strength, shape (k,).

    Args:
        normalised: Excess seen, shape (k,).
        snr: Mean excess of a DFSZ axion with every efficiency, shape (k,).
        strength: (g/g_DFSZ)^2.
    """
    mu = strength * snr
    return np.exp(np.minimum(mu * (normalised - 0.5 * mu), _LARGEST_LOG))


def aggregate_update(normalised: FloatArray, snr: FloatArray, strength: float) -> float:
    """Mean update over the band: how the probability of an axion anywhere in it changed."""
    return float(np.mean(update(normalised, snr, strength)))


def excluded_strength(
    normalised: FloatArray, snr: FloatArray, confidence: float = 0.90
) -> FloatArray:
    """Strength above which each bin's own update is below 1 - confidence, shape (k,).

    mu x - mu^2/2 = ln(1 - confidence) has the root mu = x + sqrt(x^2 - 2 ln(1 - confidence)). An
    axion that is there is excluded so with 1.6 % probability at most (at mu = 2.1, for 90 %).
    """
    odds = -2 * np.log(1 - confidence)
    return (normalised + np.sqrt(normalised**2 + odds)) / snr


def excluded_coupling(grand: Grand, snr: FloatArray, confidence: float = 0.90) -> FloatArray:
    """Coupling above which each grand bin's own update is below 1 - confidence, shape (k,), 1/GeV.

    Args:
        grand: The grand spectrum.
        snr: Mean excess of a DFSZ axion with every efficiency, shape (k,).
        confidence: 0.9 excludes where the probability fell to a tenth.
    """
    return dfsz(grand.frequency_hz) * np.sqrt(excluded_strength(grand.normalised, snr, confidence))


def aggregate_strength(
    normalised: FloatArray,
    snr: FloatArray,
    confidence: float = 0.90,
    *,
    silent: NDArray[np.bool_] | None = None,
) -> float:
    """Smallest strength beyond which the mean update stays below 1 - confidence.

    Args:
        normalised: Excess seen, shape (k,).
        snr: Mean excess of a DFSZ axion, shape (k,).
        confidence: 0.9 excludes where the probability fell to a tenth.
        silent: Bins of which the data say nothing: their update is one, whatever was seen.

    Raises:
        ValueError: Nothing is excluded: a tenth of the bins or more are silent, or one that holds
            no finite number.
    """
    heard = np.ones(len(snr), dtype=bool) if silent is None else ~silent
    share = float(np.mean(heard))
    left = 1 - confidence - (1 - share)  # what the bins that are heard may add to U
    if not left > 0 or not np.isfinite(normalised[heard]).all():
        raise ValueError(
            f"Bayes: {1 - share:.0%} of the bins say nothing, so that no coupling is excluded with "
            f"{confidence:.0%}"
        )
    x, per_dfsz = normalised[heard], snr[heard]
    # Where each bin alone is below the level, their mean is; beyond it by more than rounding.
    strength = (1 + 1e-6) * float(excluded_strength(x, per_dfsz, 1 - left / share).max())

    def excess(s: float) -> float:
        return share * aggregate_update(x, per_dfsz, s) - left

    # U is one at no strength: the first step from above that is over the level brackets the last
    # crossing.
    while excess(strength * _STEP) < 0:
        strength *= _STEP
    return float(brentq(excess, strength * _STEP, strength, rtol=1e-10))


def typical(snr: FloatArray) -> FloatArray:
    """Fewer sensitivities of the same distribution, shape (up to 500,): means of equal shares."""
    if len(snr) <= _TYPICAL:
        return snr
    count = len(snr) // _TYPICAL * _TYPICAL
    every = np.sort(snr)[np.linspace(0, len(snr) - 1, count).round().astype(int)]
    return np.asarray(every.reshape(_TYPICAL, -1).mean(axis=1))


def found_share(
    snr: FloatArray, strength: float, levels: FloatArray | float, places: FloatArray
) -> float:
    """Share of axions of this strength over ``levels``, averaged over the band and over places.

    Args:
        snr: Mean excess of a DFSZ axion, shape (k,).
        strength: (g/g_DFSZ)^2.
        levels: Excess above which a bin is found, shape (k,) or one for all.
        places: Relative response across a coarse bin (``template.place_response``).
    """
    mu = strength * snr
    return float(np.mean([ndtr(mu * place - levels).mean() for place in places]))


def threshold_strength(
    snr: FloatArray, threshold: float, confidence: float, places: FloatArray
) -> float:
    """Strength of which a search with a threshold finds ``confidence`` on average over the band.

    Args:
        snr: Mean excess of a DFSZ axion, above 0, shape (k,).
        threshold: Excess above which a bin is found.
        confidence: Share to find.
        places: Relative response across a coarse bin (``template.place_response``).
    """

    def missing(log_strength: float) -> float:
        return found_share(snr, float(np.exp(log_strength)), threshold, places) - confidence

    low = high = float(np.log(threshold / np.median(snr)))
    while missing(high) < 0:
        high += 1
    while missing(low) > 0:
        low -= 1
    return float(np.exp(brentq(missing, low, high)))


def noise_strengths(
    snr: FloatArray, weights: FloatArray, confidence: float, copies: int
) -> FloatArray:
    """``aggregate_strength`` of noise alone with the bins' correlation, shape (copies,).

    Args:
        snr: Mean excess of a DFSZ axion, shape (k,).
        weights: Of the coarse bins that a grand bin co-adds, shape (q,).
        confidence: Of the exclusion.
        copies: How many draws. The numbers are the same whenever it is asked for.
    """
    return np.array(
        [
            aggregate_strength(correlated_noise(len(snr), weights, copy), snr, confidence)
            for copy in range(copies)
        ]
    )


def correlated_noise(bins: int, weights: FloatArray, copy: int) -> FloatArray:
    """Grand bins of noise alone, of unit width, that share it as these do, shape (bins,).

    Args:
        bins: How many.
        weights: Of the coarse bins that a grand bin co-adds, shape (q,).
        copy: Which draw.
    """
    taps = weights / np.sqrt(weights @ weights)
    noise = generator(0, "power measured", copy).standard_normal(bins + len(taps))
    return np.asarray(convolve1d(noise, taps, mode="constant")[:bins])
