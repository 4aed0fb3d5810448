"""The limit on dark photons that a limit on axions is, by their polarisation.

A field X of dark photons drives a cavity by the current -chi m^2 X, axions do by g (da/dt) B. At
the same density both give the same power for

    chi = g B / (m |cos theta|)      (natural units, Heaviside and Lorentz's)

with theta the angle between X and the cavity's field: A. Caputo, A. J. Millar, C. A. J. O'Hare and
E. Vitagliano, Phys. Rev. D 104, 095029 (2021), arXiv:2105.04565, and S. Ghosh et al., Phys. Rev. D
104, 092016 (2021). The form factor is that of axions in a field of one direction. What cos^2 theta
is depends on how the dark photons came to be:

- random: another direction in every coherence time; an integration sees the mean, 1/3.
- fixed: one direction everywhere, and nobody knows which. Of axions the limit claims that the
  search finds ``confidence``; the same share of dark photons, all directions alike, is found at

      integral_0^1 dc Phi(M c^2 - T) = confidence,

  M the mean excess of those along the cavity's field and T the threshold. The factor is the level
  of axions over M: 0.014 for 90 %, 0.0038 for 95 %. No rotation of the Earth is counted on, which
  would make small angles rarer: the limit is the weaker for it. (Caputo et al.'s compilation
  AxionLimits takes 0.019, by a likelihood in place of a threshold.)

What is taken for interference is none of a dark photon for sure: dark photons need no field, and
those of fixed polarisation come and go with the day. So no veto makes a limit here, and every
candidate leaves a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr

from haloscope.analysis.chain.template import place_response
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.candidates import excluded
from haloscope.analysis.statistics.limits import anchor_mhz, level
from haloscope.constants import (
    ELECTRON_VOLT_J,
    HBAR_J_S,
    SPEED_OF_LIGHT_M_PER_S,
    VACUUM_PERMEABILITY_H_PER_M,
)

__all__ = ["RANDOM", "DarkPhotons", "Polarisation", "dark_photons", "fixed", "known", "mixing"]

#: Mean of cos^2 theta over all directions.
RANDOM: Final = 1 / 3
_LARGEST: Final = 1e16


@dataclass(frozen=True)
class Polarisation:
    """A factor, and what it is of.

    Attributes:
        cos2: cos^2 theta that a limit may reckon with.
        words: How the polarisation is assumed to be.
    """

    cos2: float
    words: str


@dataclass(frozen=True)
class DarkPhotons:
    """A limit on the kinetic mixing.

    Attributes:
        mass_ev: Shape (k,), eV.
        mixing: Excluded chi, shape (k,).
        excluded: Where it excludes anything: away from every candidate, shape (k,).
        polarisation: Which.
        field_t: Average field over the cavity that the axions' limit was found in, T.
    """

    mass_ev: FloatArray
    mixing: FloatArray
    excluded: NDArray[np.bool_]
    polarisation: Polarisation
    field_t: float


def mixing(
    coupling_per_gev: FloatArray | float, mass_ev: FloatArray | float, field_t: float, cos2: float
) -> FloatArray:
    """Kinetic mixing of dark photons that give as much power as axions of this coupling.

    Args:
        coupling_per_gev: g_agg, 1/GeV.
        mass_ev: Mass of both, eV, of the same shape.
        field_t: Average field over the cavity, T.
        cos2: cos^2 theta.
    """
    ev2 = (
        field_t
        / np.sqrt(VACUUM_PERMEABILITY_H_PER_M)
        * (HBAR_J_S * SPEED_OF_LIGHT_M_PER_S) ** 1.5
        / ELECTRON_VOLT_J**2
    )
    return np.asarray(coupling_per_gev) * 1e-9 * ev2 / (np.asarray(mass_ev) * np.sqrt(cos2))


def random() -> Polarisation:
    """Another direction in every coherence time."""
    return Polarisation(RANDOM, "random polarisation, mean cos^2 = 1/3")


def known(cos2: float) -> Polarisation:
    """As the owners of an experiment work it out for where it stands and when it ran.

    Raises:
        ValueError: It is not above 0 and at most 1.
    """
    if not 0 < cos2 <= 1:
        raise ValueError(f"dark photons: cos^2 is {cos2}, must be above 0 and at most 1")
    return Polarisation(cos2, f"cos^2 = {cos2:.6g} as given")


def fixed(anchor: int, step_hz: float, options: Options) -> Polarisation:
    """One direction that nobody knows, at the threshold and confidence of an analysis.

    Args:
        anchor: Frequency, MHz, which decides the line's width in bins.
        step_hz: Digitizer bin width, Hz.
        options: Of the analysis.
    """
    cos2 = level(anchor, step_hz, options) / _aligned(anchor, step_hz, options)
    share = f"{options.confidence:.6g}"
    return Polarisation(
        cos2,
        f"fixed polarisation of unknown direction, cos^2 = {cos2:.4g}: a share of {share} of all "
        "directions and noises is found",
    )


@lru_cache(maxsize=64)
def _aligned(anchor: int, step_hz: float, options: Options) -> float:
    """Mean excess along the field with which ``options.confidence`` of all directions are found."""
    response = np.ones(1)
    if options.efficiency_definition == "averaged":
        response = place_response(anchor * 1e6, step_hz, options)

    def missing(log_mean: float) -> float:
        mean = float(np.exp(log_mean))
        # The step at small angles is resolved in u = c sqrt(M).
        top = np.sqrt(mean)
        edge = min(top, np.sqrt(options.threshold + 12))

        def found(u: float) -> float:
            return float(ndtr(u * u * response - options.threshold).mean())

        inner, _ = quad(found, 0.0, edge, epsabs=1e-12, epsrel=1e-10, limit=200)
        outer, _ = quad(found, edge, top, epsabs=1e-9, epsrel=1e-10, limit=200)
        return float((inner + outer) / top) - options.confidence

    return float(np.exp(brentq(missing, np.log(options.threshold), np.log(_LARGEST), rtol=1e-12)))


def dark_photons(result: Result, polarisation: Polarisation, field_t: float) -> DarkPhotons:
    """The limit on dark photons that a result is.

    Args:
        result: Of a search for axions.
        polarisation: Which.
        field_t: Average field over the cavity; the highest, if the spectra have several.

    Raises:
        ValueError: There was no field: the axions' limit is none then.
    """
    if not (np.isfinite(field_t) and field_t > 0):
        raise ValueError(f"dark photons: the average field is {field_t} T, must be above 0 T")
    own = result.limit
    merged = result.options.line_bins * result.options.coarse_merge * result.options.fine_merge
    away = excluded(result.frequency_hz, result.candidates, result.step_hz * merged)
    return DarkPhotons(
        own.mass_ev,
        mixing(own.coupling_per_gev, own.mass_ev, field_t, polarisation.cos2),
        away & np.isfinite(own.coupling_per_gev),
        polarisation,
        field_t,
    )


def polarisation_of(word: str, result: Result) -> Polarisation:
    """By the word of a command line: ``random``, ``fixed``, or a number, cos^2 itself.

    Raises:
        ValueError: It is none of them.
    """
    if word == "random":
        return random()
    if word == "fixed":
        return fixed(anchor_mhz(float(result.frequency_hz[0])), result.step_hz, result.options)
    try:
        return known(float(word))
    except ValueError as error:
        raise ValueError(f"{word!r:.40}: random, fixed, or cos^2 from 0 to 1") from error
