"""Step 10: candidates over the threshold and their significance.

One axion lifts neighbouring grand bins together, since each co-adds nine coarse bins; bins over the
threshold closer than one line width are one candidate. The probability that noise alone reaches a
level somewhere counts upcrossings of the correlated sequence: p = 1 - exp(-[P(z > u) + (k - 1)
P(z_l < u < z_(l+1))]), exact for small p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, owens_t

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.chain.template import line_table
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz, left_over
from haloscope.axion import mass_ev


@dataclass(frozen=True)
class Candidate:
    """A cluster of grand bins over the threshold.

    Attributes:
        frequency_hz: Of its highest bin, Hz.
        mass_ev: Mass there, eV.
        excess: Normalised excess there.
        bins: Grand bins over the threshold in this cluster.
        low_hz: Lowest of them, Hz.
        high_hz: Highest of them, Hz.
        coupling_per_gev: Coupling that would have this excess as its mean: a best estimate, which
            the systematic does not lower as it does the limit.
        coupling_error_per_gev: Its standard deviation, from the noise and the error budget.
        local_p: Probability of noise to exceed it in this bin.
        global_p: The same anywhere in the search (look-elsewhere).
    """

    frequency_hz: float
    mass_ev: float
    excess: float
    bins: int
    low_hz: float
    high_hz: float
    coupling_per_gev: float
    coupling_error_per_gev: float
    local_p: float
    global_p: float

    @property
    def global_sigma(self) -> float:
        """Significance with the look-elsewhere effect, standard deviations of a Gaussian."""
        return float(-ndtri(self.global_p))

    @property
    def global_words(self) -> str:
        """The same in words: a probability too small for a float is no infinite significance."""
        sigma = self.global_sigma
        return "above 38" if sigma == np.inf else f"{sigma:.1f}"


def find_candidates(
    grand: Grand,
    snr: FloatArray,
    step_hz: float,
    options: Options,
    systematic: FloatArray | None = None,
    *,
    levels: FloatArray | None = None,
) -> list[Candidate]:
    """Clusters above ``options.threshold``, in order of frequency.

    Args:
        grand: The grand spectrum.
        snr: Expected normalised excess of a DFSZ axion with every efficiency and lowered by the
            systematic, shape (k,).
        step_hz: Digitizer bin width, Hz.
        options: Threshold and line width.
        levels: Other levels for each bin, shape (k,).
        systematic: Relative error of the expected power that ``snr`` was lowered by, shape (k,);
            that of T_n by the options if not given.
    """
    over = np.flatnonzero(grand.normalised > (options.threshold if levels is None else levels))
    if not over.size:
        return []
    width = step_hz * options.fine_merge * options.coarse_merge * options.line_bins
    breaks = np.flatnonzero(np.diff(grand.frequency_hz[over]) >= width) + 1
    correlation = neighbour_correlation(grand, step_hz, options)
    taken = np.full(len(grand), options.noise_systematic) if systematic is None else systematic
    best = snr / left_over(taken)
    return [_candidate(grand, best, part, correlation, taken) for part in np.split(over, breaks)]


def _candidate(
    grand: Grand,
    snr: FloatArray,
    part: NDArray[np.int64],
    correlation: float,
    systematic: FloatArray,
) -> Candidate:
    top = int(part[np.argmax(grand.normalised[part])])
    nu, z = float(grand.frequency_hz[top]), float(grand.normalised[top])
    coupling = float(dfsz(np.array(nu)) * np.sqrt(z / snr[top]))
    return Candidate(
        frequency_hz=nu,
        mass_ev=mass_ev(nu),
        excess=z,
        bins=len(part),
        low_hz=float(grand.frequency_hz[part[0]]),
        high_hz=float(grand.frequency_hz[part[-1]]),
        coupling_per_gev=coupling,
        coupling_error_per_gev=0.5 * coupling * float(np.hypot(1 / z, systematic[top])),
        local_p=float(ndtr(-z)),
        global_p=global_p_value(z, len(grand), correlation),
    )


def candidate_at(
    grand: Grand,
    snr: FloatArray,
    part: NDArray[np.int64],
    step_hz: float,
    options: Options,
    systematic: FloatArray,
) -> Candidate:
    """Describe the highest of some grand bins as a candidate, over a threshold or not.

    Args:
        grand: The grand spectrum.
        snr: As for ``find_candidates``.
        part: Numbers of the bins, ascending, at least one.
        step_hz: Digitizer bin width, Hz.
        options: Line width.
        systematic: As for ``find_candidates``.
    """
    correlation = neighbour_correlation(grand, step_hz, options)
    return _candidate(grand, snr / left_over(systematic), part, correlation, systematic)


def excluded(
    frequency_hz: FloatArray, candidates: Sequence[Candidate], line_hz: float
) -> NDArray[np.bool_]:
    """Axion frequencies at which a limit says something, shape of ``frequency_hz``.

    An axion within a line of a candidate may be that candidate: until a rescan has refuted it,
    nothing is excluded there.

    Args:
        frequency_hz: Axion frequencies, shape (k,), Hz.
        candidates: Those that stand.
        line_hz: Width of the line, Hz.
    """
    says = np.ones(len(frequency_hz), dtype=bool)
    for found in candidates:
        low, high = found.low_hz - line_hz, found.high_hz + line_hz
        says &= (frequency_hz <= low) | (frequency_hz >= high)
    return says


def neighbour_correlation(grand: Grand, step_hz: float, options: Options) -> float:
    """Correlation of neighbouring grand bins: the overlap of the shifted line's weights."""
    middle = grand.frequency_hz[len(grand) // 2 : len(grand) // 2 + 1]
    weights = line_table(middle, step_hz, options).weights(options.template)[0]
    return float(weights[1:] @ weights[:-1] / (weights @ weights))


def upcrossing_probability(level: float, correlation: float) -> float:
    """P(z_l < u < z_(l+1)) for two standard Gaussians of this correlation.

    2 T(u, sqrt((1 - rho)/(1 + rho))) with T of D. B. Owen, Ann. Math. Stat. 27, 1075 (1956).
    """
    return float(2 * owens_t(level, np.sqrt((1 - correlation) / (1 + correlation))))


def global_p_value(level: float, bins: int, correlation: float) -> float:
    """Probability that noise exceeds ``level`` in any of ``bins`` neighbouring correlated bins."""
    crossing = upcrossing_probability(level, correlation)
    return float(-np.expm1(-(ndtr(-level) + (bins - 1) * crossing)))


def expected_clusters(bins: int, correlation: float, level: float) -> float:
    """Mean number of clusters over ``level`` that noise alone gives in ``bins`` correlated bins."""
    crossing = upcrossing_probability(level, correlation)
    return float(ndtr(-level) + (bins - 1) * crossing)
