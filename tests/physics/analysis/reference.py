"""The combination written as the papers write it: slow, obvious, one loop per sum.

Brubaker et al., Phys. Rev. D 96, 123008 (2017): rescale each bin, weight by 1/sigma^2, co-add with
the line's weights. It takes baselines as given and shares no code with the analysis but the axion's
line.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from haloscope.analysis.spectra import Spectra
from haloscope.axion import bin_fractions, coupling_dfsz, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K

FINE, COARSE, LINES = 5, 9, 9


def grand_spectrum(
    spectra: Spectra, first_bin: np.ndarray, baselines: np.ndarray
) -> dict[float, tuple[float, float]]:
    """Axion frequency to (normalised excess before xi, matched SNR in fine bins).

    Args:
        spectra: The measured stack.
        first_bin: Digitizer bin at which each window starts; on a multiple of 50 Hz.
        baselines: Mean power per fine bin, (n, fine bins).
    """
    weighted: dict[int, float] = defaultdict(float)
    inverse: dict[int, float] = defaultdict(float)
    for i in range(len(spectra)):
        for j in range(baselines.shape[1]):
            digits = first_bin[i] + FINE * j + np.arange(FINE)
            frequency = spectra.frequency_start_hz[i] + spectra.step_hz * digits.mean()
            power = float(np.mean(spectra.power_w[i, digits], dtype=np.float64))
            excess = power / baselines[i, j] - 1
            sigma = 1 / np.sqrt(spectra.num_averages[i] * FINE)
            ratio = _noise_to_signal(spectra, i, frequency, baselines[i, j])
            number = round((frequency / spectra.step_hz - (FINE - 1) / 2) / FINE)
            weighted[number] += ratio * excess / (ratio * sigma) ** 2
            inverse[number] += 1 / (ratio * sigma) ** 2
    return _coadd(weighted, inverse, spectra.step_hz)


def _noise_to_signal(spectra: Spectra, i: int, frequency: float, baseline: float) -> float:
    """k_B T_n b / (P L): noise power in a fine bin over the whole DFSZ power."""
    cavity = float(spectra.cavity_frequency_hz[i])
    peak = 10 ** (spectra.jpa_gain_peak_db[i] / 10)
    off = 2 * (frequency - spectra.jpa_resonance_hz[i]) / spectra.jpa_bandwidth_hz[i]
    jpa = 1 + (peak - 1) / (1 + off**2)
    assert spectra.calibration.receiver_gain_db is not None
    receiver = 10 ** (spectra.calibration.receiver_gain_db / 10)
    temperature = baseline / (BOLTZMANN_J_PER_K * spectra.step_hz * receiver * jpa)
    at_resonance = signal_power_w(
        coupling_dfsz(cavity), cavity, field_t=spectra.magnet_field_t[i] * spectra.field_ratio,
        volume_m3=spectra.volume_m3, form_factor=spectra.form_factor[i],
        loaded_q=spectra.loaded_q[i], beta=spectra.beta[i],
    )  # fmt: skip
    x = 2 * spectra.loaded_q[i] * (frequency - cavity) / cavity
    noise = BOLTZMANN_J_PER_K * temperature * spectra.step_hz * FINE
    return float(noise * (1 + x**2) / at_resonance)


def _coadd(
    weighted: dict[int, float], inverse: dict[int, float], step_hz: float
) -> dict[float, tuple[float, float]]:
    out = {}
    lowest, highest = min(inverse), max(inverse)
    for start in range(-(-lowest // COARSE), (highest + 1) // COARSE - LINES + 1):
        edge = (start * COARSE * FINE - 0.5) * step_hz
        edges = edge + COARSE * FINE * step_hz * np.arange(LINES + 1)
        line = bin_fractions(edges, edge)
        fine_edges = edge + FINE * step_hz * np.arange(LINES * COARSE + 1)
        fine_line = bin_fractions(fine_edges, edge)
        matched = sum(
            fine_line[k] ** 2 * inverse[start * COARSE + k] for k in range(LINES * COARSE)
        )
        excess = information = 0.0
        for q in range(LINES):
            fine = range((start + q) * COARSE, (start + q + 1) * COARSE)
            d = sum(weighted[k] for k in fine)  # D/sigma^2 of the merged bin
            s = sum(inverse[k] for k in fine)  # 1/sigma^2 of the merged bin
            excess += line[q] / COARSE * d
            information += (line[q] / COARSE) ** 2 * s
        out[edge] = (excess / np.sqrt(information), float(np.sqrt(matched)))
    return out
