"""Steps 10 and 11: the 90 % limit on the axion-photon coupling.

A search that takes every grand bin above T = 5 - ndtri(0.9) as a candidate, and finds none to
persist, excludes the coupling whose mean excess is 5 (Brubaker et al. 2017, section VI):

    g90 = g_DFSZ sqrt(5 / (eps a (1 - u) SNR_0)),   a = 10^(-A/10)

(5.02 where eps is an average over the axion's place, see ``level``), with A the attenuation between
cavity and switch and u the relative error of the expected power: that of T_n in the letter, of the
whole error budget here (``options.systematics``). SNR_0 is that of axions that are all of the local
density, or of ``options.density_fraction``. The limit does not depend on the measured excess.
``Limit.observed_per_gev`` is the alternative that does: the coupling above which an excess as low
as the one seen has a probability below 10 %, no less than for an excess of zero (power-constrained,
Cowan et al., arXiv:1105.3166).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.chain.template import place_response
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Calibration, FloatArray
from haloscope.axion import coupling_per_gev, mass_ev
from haloscope.constants import DFSZ_G_GAMMA, KSVZ_G_GAMMA

_MOST_TAKEN = 0.95  # Of the expected power: no error makes the limit infinite.
_HOPELESS = 100.0  # Times the target: such an axion is no axion's.


@dataclass(frozen=True)
class Limit:
    """Exclusion at the confidence of the options, one entry per grand bin.

    Attributes:
        frequency_hz: Axion frequency, shape (k,), Hz.
        mass_ev: Axion mass, shape (k,), eV.
        expected_snr: Mean normalised excess of a DFSZ axion with every efficiency, shape (k,).
        coupling_per_gev: Excluded |g_agg|, shape (k,), 1/GeV; infinite where none is.
        observed_per_gev: The limit from the excess seen, shape (k,), 1/GeV.
        ksvz_density: Excluded share of the local density in KSVZ axions, shape (k,).
        attenuation: Power factor a of the line before the switch.
    """

    frequency_hz: FloatArray
    mass_ev: FloatArray
    expected_snr: FloatArray
    coupling_per_gev: FloatArray
    observed_per_gev: FloatArray
    ksvz_density: FloatArray
    attenuation: float


def dfsz(frequency_hz: FloatArray) -> FloatArray:
    """|g_agg| of DFSZ axions, 1/GeV, shape of ``frequency_hz``."""
    # The coupling is proportional to the mass.
    return np.asarray(frequency_hz) * abs(coupling_per_gev(1e9, DFSZ_G_GAMMA)) / 1e9


def ksvz(frequency_hz: FloatArray) -> FloatArray:
    """|g_agg| of KSVZ axions, 1/GeV, shape of ``frequency_hz``."""
    return np.asarray(frequency_hz) * abs(coupling_per_gev(1e9, KSVZ_G_GAMMA)) / 1e9


@lru_cache(maxsize=64)
def level(anchor_mhz: int, step_hz: float, options: Options) -> float:
    """Mean excess of axions of which ``options.confidence`` pass the threshold.

    The letter takes 5. An axion's excess depends on its place within the coarse bin, by +-7 %, and
    averaging the probability over places takes away half a percent of the axions; a level of 5.02
    gives it back. ``efficiency_definition="aligned"`` keeps 5.

    Args:
        anchor_mhz: Frequency in MHz, which decides the line's width.
        step_hz: Digitizer bin width, Hz.
        options: Threshold, confidence and template.

    Raises:
        ValueError: Axions in unlucky places are lost whatever their strength: the bins are too wide
            for the line.
    """
    if options.efficiency_definition == "aligned":
        return options.target_snr
    relative = place_response(anchor_mhz * 1e6, step_hz, options)

    def missing(mean: float) -> float:
        return float(np.mean(ndtr(mean * relative - options.threshold))) - options.confidence

    highest = 2 * options.target_snr
    while missing(highest) < 0:
        highest *= 2
        if highest > _HOPELESS * options.target_snr:
            bin_hz = step_hz * options.fine_merge * options.coarse_merge
            raise ValueError(
                f"limit: coarse bins of {bin_hz:g} Hz are too wide for the line at {anchor_mhz} "
                "MHz: merge fewer bins, or take more of them for a line"
            )
    lowest = 0.99 * options.target_snr
    while missing(lowest) > 0:  # At 50 % and where places differ much, less than the target does.
        lowest /= 2
    return float(brentq(missing, lowest, highest))


def anchor_mhz(frequency_hz: float) -> int:
    """Frequency to 50 MHz: the level depends on the line's width in bins, and weakly."""
    return max(50 * round(frequency_hz / 50e6), 1)


def left_over(systematic: FloatArray | float) -> FloatArray:
    """What a relative error of the expected power leaves of it, at least a twentieth."""
    return 1 - np.minimum(systematic, _MOST_TAKEN)


def expected_snr(
    grand: Grand,
    calibration: Calibration,
    options: Options,
    systematic: FloatArray | None = None,
) -> FloatArray:
    """Mean normalised excess of a DFSZ axion with every efficiency, shape (k,).

    ``systematic`` is taken off it, shape (k,); that of T_n by the options if not given.
    """
    averaged = options.efficiency_definition == "averaged"
    eps = grand.efficiency_averaged if averaged else grand.efficiency_aligned
    taken = options.noise_systematic if systematic is None else systematic
    reaching = calibration.line_transmission * options.density_fraction
    return eps * grand.snr * reaching * left_over(taken)


def limit(
    grand: Grand,
    calibration: Calibration,
    step_hz: float,
    options: Options,
    systematic: FloatArray | None = None,
) -> Limit:
    """The letter's limit and the observed-power limit for every grand bin.

    Args:
        grand: The grand spectrum.
        calibration: Attenuation before the switch.
        step_hz: Digitizer bin width, Hz.
        options: Threshold and confidence.
        systematic: Relative error of the expected power, shape (k,); that of T_n by the options if
            not given.

    Raises:
        ValueError: The baseline takes up the line everywhere, so that no axion would be seen.
    """
    snr = expected_snr(grand, calibration, options, systematic)
    if not (snr > 0).any():
        raise ValueError(
            f"limit: the baseline takes up the whole line of an axion (efficiency at most "
            f"{float(grand.efficiency_averaged.max()):.3g}): take a wider window than "
            f"{options.window_hz:.6g} Hz, or a simpler baseline than {options.baseline}"
        )
    seen = np.where(snr > 0, snr, 1.0)
    reference = dfsz(grand.frequency_hz)
    needed = level(anchor_mhz(float(grand.frequency_hz[0])), step_hz, options)
    coupling = _finite_or_none(reference * np.sqrt(needed / seen), snr)
    observed = reference * np.sqrt(observed_level(grand.normalised, options) / seen)
    return Limit(
        grand.frequency_hz,
        mass_ev(1.0) * grand.frequency_hz,
        snr,
        coupling,
        _finite_or_none(observed, snr),
        options.density_fraction * (coupling / ksvz(grand.frequency_hz)) ** 2,
        calibration.line_transmission,
    )


def _finite_or_none(coupling: FloatArray, snr: FloatArray) -> FloatArray:
    """Couplings, infinite where an axion leaves no excess."""
    return np.where(snr > 0, coupling, np.inf)


def observed_level(normalised: FloatArray, options: Options) -> FloatArray:
    """Excluded mean excess given the one seen; never below that of an excess of 0."""
    return np.maximum(normalised, 0.0) + ndtri(options.confidence)
