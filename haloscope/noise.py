"""The noise before the digitizer, by the receiver's formulas: one place for all who need it.

Noise temperatures, referred to the amplifier's input. At an amplifier of power gain G with the
idler at another frequency (the letter's Friis formula with the idler written out),

    T_n = T_s(nu) + (1 - 1/G) [T_s(nu_i) + T_x (1 + 1/sqrt G)^2] + T_rest / G,

T_s what comes in, T_x the amplifier's own loss (it acts on the field inside, which exceeds what
comes out by 1 + 1/sqrt G). What comes in from a cavity of coupling beta that reflects T_in and is
at T_int inside is

    T_s = T_in + 4 beta/(1+beta)^2 L (T_int - T_in).

A squeezed-state receiver sends squeezed noise onto the cavity and amplifies the squeezed quadrature
alone (M. Malnou et al., Phys. Rev. X 9, 021023 (2019); K. M. Backes et al., Nature 590, 238
(2021)). Both sidebands of the pump, which stands on the cavity, are reflected alike. Of what is
reflected the share eta 10^(-S/10) + (1 - eta) is left; what the cavity's walls emit is as before:
that is why a squeezed receiver is coupled more strongly. Counted as noise over the signal of one
sideband, the sum of both sidebands' halves of a quantum, T_n without squeezing is h nu/k, the same
as of a phase-preserving amplifier (H. Zheng et al., arXiv:1607.02529): the formula above holds with
T_in times that share.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

__all__ = ["absorbed_share", "emitted_k", "reflected_k", "squeezed_floor", "squeezed_share",
           "system_noise_k"]  # fmt: skip


def absorbed_share(beta: ArrayLike, response: ArrayLike) -> FloatArray:
    """1 - |S11|^2 = 4 beta/(1+beta)^2 L: what a cavity takes of what comes in, and emits instead.

    Args:
        beta: Coupling.
        response: L, the Lorentzian of the loaded cavity, 0 to 1.
    """
    coupling = np.asarray(beta, dtype=np.float64)
    return np.asarray(4 * coupling / (1 + coupling) ** 2 * np.asarray(response))


def emitted_k(
    beta: ArrayLike, response: ArrayLike, incident_k: float, inside_k: float
) -> FloatArray:
    """Noise temperature of what leaves the cavity's antenna, K, in the shape of ``response``."""
    return np.asarray(incident_k + absorbed_share(beta, response) * (inside_k - incident_k))


def reflected_k(
    incident_k: float, vacuum_k: float, squeezing_db: float, transmission: float
) -> float:
    """Noise temperature of the squeezed quadrature of what arrives at the cavity, K.

    Args:
        incident_k: Without squeezing, K.
        vacuum_k: Of what losses add, K.
        squeezing_db: S at the squeezer's output, dB; 0 for none.
        transmission: Of all lines between squeezer and amplifier, eta, 0 to 1.
    """
    left = transmission * 10 ** (-squeezing_db / 10)
    return float(left * incident_k + (1 - transmission) * vacuum_k if squeezing_db else incident_k)


def squeezed_share(squeezing_db: float, transmission: float) -> float:
    """What is left of the vacuum that is reflected, eta 10^(-S/10) + 1 - eta; 1 without a squeezer.

    Args:
        squeezing_db: S at the squeezer's output, dB.
        transmission: Of all lines between squeezer and amplifier, eta, 0 to 1.
    """
    return float(transmission * 10 ** (-squeezing_db / 10) + 1 - transmission)


def squeezed_floor(beta: ArrayLike, reflected_share: float) -> FloatArray:
    """Least T_n on resonance over h nu/k: the quantum limit of a squeezed receiver.

    1 where nothing is squeezed. With perfect squeezing, the cavity's own share, 4 beta/(1+beta)^2.

    Args:
        beta: Coupling.
        reflected_share: As of ``squeezed_share``.
    """
    absorbed = absorbed_share(beta, 1.0)
    return np.asarray(absorbed + (1 - absorbed) * reflected_share)


def system_noise_k(
    signal_k: ArrayLike, idler_k: ArrayLike, gain: ArrayLike, *, excess_k: float, rest_k: float
) -> FloatArray:
    """T_n at the amplifier's input, K.

    Args:
        signal_k: T_s at the frequency.
        idler_k: T_s at its idler.
        gain: G, a ratio; 1 with the pump off.
        excess_k: T_x.
        rest_k: T_rest, of the chain behind.
    """
    ratio = np.asarray(gain, dtype=np.float64)
    own = excess_k * (1 + 1 / np.sqrt(ratio)) ** 2
    signal, idler = (np.asarray(k, dtype=np.float64) for k in (signal_k, idler_k))
    return np.asarray(signal + (1 - 1 / ratio) * (idler + own) + rest_k / ratio)
