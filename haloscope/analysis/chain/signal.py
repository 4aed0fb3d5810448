"""Axions put into measured spectra by software.

A bin of an averaged power spectrum is (S_n + S_a) times a Gamma variate of mean one, so multiplying
the measured power by 1 + S_a/S_n gives exactly what the receiver would have recorded with the axion
there. S_a/S_n = F_j (g/g_DFSZ)^2 / R_ij of module ``rescale``, with the line before the switch
attenuated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from haloscope.analysis.chain.baseline import fit_baseline
from haloscope.analysis.chain.rescale import dfsz_power_w, total_gain
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.axion import bin_fractions, coupling_dfsz
from haloscope.lorentzian import lorentzian

__all__ = ["inject", "relative_signal"]


def relative_signal(
    spectra: Spectra, axion_hz: float, coupling_per_gev: float, options: Options
) -> tuple[FloatArray, FloatArray]:
    """Signal over noise in every digitizer bin of the selected windows.

    Args:
        spectra: Measured stack (n).
        axion_hz: Axion frequency, Hz.
        coupling_per_gev: Its coupling, 1/GeV.
        options: Window and baseline.

    Returns:
        S_a/S_n, shape (n, bins of the window), and the noise power there, same shape.
    """
    windows = select(spectra, options)
    rows = slice(0, len(spectra))
    baseline = fit_baseline(spectra, windows, windows.merged(), rows, options)
    noise = np.asarray(np.repeat(baseline.power, windows.merge, axis=1), dtype=np.float64)
    first = windows.first_fine * windows.merge
    number = first[:, None] + np.arange(windows.power.shape[1])
    frequency = np.asarray(number * spectra.step_hz, dtype=np.float64)
    fraction = np.zeros_like(noise)
    for row, centre in enumerate(frequency):
        edges = np.append(centre, centre[-1] + spectra.step_hz) - 0.5 * spectra.step_hz
        fraction[row] = bin_fractions(edges, axion_hz)
    cavity = spectra.cavity_frequency_hz[:, None]
    response = lorentzian(frequency - cavity, cavity / spectra.loaded_q[:, None])
    strength = (coupling_per_gev / coupling_dfsz(axion_hz)) ** 2
    passed = spectra.calibration.line_transmission * options.density_fraction
    gain = total_gain(spectra, frequency, noise)
    reaching = dfsz_power_w(spectra) * spectra.relative_transmission
    power = reaching[:, None] * strength * passed * response * fraction * gain
    return power / noise, noise


def inject(
    spectra: Spectra, axion_hz: float, coupling_per_gev: float, options: Options | None = None
) -> Spectra:
    """The stack with an axion in it; only the selected windows are changed."""
    options = options or Options()
    signal, _ = relative_signal(spectra, axion_hz, coupling_per_gev, options)
    offset = select(spectra, options).first_column
    power = spectra.power_w.copy()
    for row, start in enumerate(offset):
        power[row, start : start + signal.shape[1]] *= 1 + signal[row]
    return replace(spectra, power_w=power)
