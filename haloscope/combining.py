"""Several cavities, or cells of one cavity, whose signals are added before the first amplifier.

The axion field is coherent over its de Broglie wavelength, some thousand wavelengths of the signal,
so that the signals of N cavities of one frequency add as amplitudes, their noises as powers. A
lossless combiner gives sqrt(1/N) sum a_i: N times the signal power of one, and the noise of one.
What is lost are differences of phase and of frequency (J. Jeong et al., Astropart. Phys. 97, 33
(2018); of cells of one cavity, Phys. Lett. B 777, 412 (2018) and Phys. Rev. Lett. 125, 221302
(2020)).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx

__all__ = ["combined_power", "detecting_volume_m3", "expected_matching"]


def combined_power(phase_rad: ArrayLike, detuning_widths: ArrayLike | float = 0.0) -> float:
    """Signal power of N cavities over that of one on resonance: at most N.

    |sum_i c_i exp(i phi_i)|^2 / N with c_i = 1/(1 + 2 i d_i), the amplitude of a cavity d_i loaded
    widths off.

    Args:
        phase_rad: Of each signal at the combiner, shape (N,).
        detuning_widths: Resonance of each less the axion's frequency, in loaded widths; one for
            all, or shape (N,).
    """
    phase = np.atleast_1d(np.asarray(phase_rad, dtype=np.float64))
    amplitude = np.exp(1j * phase) / (1 + 2j * np.asarray(detuning_widths, dtype=np.float64))
    return float(np.abs(amplitude.sum()) ** 2 / phase.size)


def expected_matching(cells: int, phase_rms_rad: float, detuning_rms_widths: float = 0.0) -> float:
    """Share of the N-fold power that is left on average, with Gaussian scatter of each cavity.

    v/N + (1 - 1/N) exp(-phi^2) v^2 with v = E[1/(1 + 4 d^2)], which is the mean of |c|^2 and of c:
    what is left of wholly unmatched cavities is the power of one.

    Args:
        cells: N.
        phase_rms_rad: Standard deviation of the phases.
        detuning_rms_widths: Standard deviation of the resonances, in loaded widths.
    """
    left = 1.0
    if detuning_rms_widths > 0:
        scale = 1 / (2 * math.sqrt(2) * detuning_rms_widths)
        left = float(math.sqrt(math.pi) * scale * erfcx(scale))
    return left / cells + (1 - 1 / cells) * math.exp(-(phase_rms_rad**2)) * left**2


def detecting_volume_m3(volume_m3: float, cells: int, matching_loss_db: float) -> float:
    """The volume of one cavity that would give the same signal power.

    Args:
        volume_m3: Of one cell.
        cells: Number of cells whose signals are added.
        matching_loss_db: What phases, frequencies and the combiner lose of N times the power, dB.
    """
    return float(volume_m3 * cells * 10 ** (-matching_loss_db / 10))
