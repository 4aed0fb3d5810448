"""Axions put into measured spectra by software, and whether the analysis finds them again.

A bin of an averaged power spectrum is (S_n + S_a) times a Gamma variate of mean one, so multiplying
the measured power by 1 + S_a/S_n gives exactly what the receiver would have recorded with the axion
there. S_a/S_n = F_j (g/g_DFSZ)^2 / R_ij of module ``rescale``, with the line before the switch
attenuated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from haloscope.analysis.chain.baseline import fit_baseline
from haloscope.analysis.chain.rescale import dfsz_power_w, total_gain
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.spectra import FloatArray, Spectra
from haloscope.analysis.statistics.limits import dfsz
from haloscope.axion import bin_fractions


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
    lorentzian = 1 / (1 + (2 * spectra.loaded_q[:, None] * (frequency - cavity) / cavity) ** 2)
    strength = (coupling_per_gev / float(dfsz(np.array(axion_hz)))) ** 2
    attenuation = 10 ** (-spectra.calibration.line_attenuation_db / 10)
    gain = total_gain(spectra, frequency, noise)
    power = dfsz_power_w(spectra)[:, None] * strength * attenuation * lorentzian * fraction * gain
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


@dataclass(frozen=True)
class Recovery:
    """How one injected axion fared.

    Attributes:
        axion_hz: Injected frequency, Hz.
        coupling_per_gev: Injected coupling, 1/GeV.
        expected: Mean normalised excess that the efficiency predicts.
        probability: Probability that its grand bin passes the threshold.
        observed: Normalised excess of the grand bin nearest to it.
        found: Whether that bin is over the threshold.
        candidate: Whether any candidate lies within a line width of it.
    """

    axion_hz: float
    coupling_per_gev: float
    expected: float
    probability: float
    observed: float
    found: bool
    candidate: bool

    @property
    def pull(self) -> float:
        """Observed minus expected excess, in standard deviations."""
        return self.observed - self.expected


def recovery(result: Result, axion_hz: float, coupling_per_gev: float) -> Recovery:
    """Compare an injection (software, or a sealed one after it was opened) with the analysis.

    The systematic uncertainty of T_n, which weakens the limit, is not applied: the prediction is
    the best estimate.

    Raises:
        ValueError: The axion lies outside the grand spectrum.
    """
    grand, options = result.grand, result.options
    spacing = result.step_hz * options.fine_merge * options.coarse_merge
    at = int(np.argmin(np.abs(grand.frequency_hz - axion_hz)))
    if abs(grand.frequency_hz[at] - axion_hz) > spacing:
        raise ValueError(f"injection: {axion_hz:.0f} Hz is outside the grand spectrum")
    strength = (coupling_per_gev / float(dfsz(np.array(axion_hz)))) ** 2
    best = result.limit.expected_snr[at] / (1 - options.noise_systematic)
    expected = float(strength * best)
    width = spacing * options.line_bins
    near = any(c.low_hz - width <= axion_hz <= c.high_hz + width for c in result.candidates)
    observed = float(grand.normalised[at])
    return Recovery(
        axion_hz,
        coupling_per_gev,
        expected,
        float(ndtr(expected - options.threshold)),
        observed,
        observed > options.threshold,
        near,
    )
