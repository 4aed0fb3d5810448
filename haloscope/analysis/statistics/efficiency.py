"""xi and eps of one grand bin by plain linear algebra at full resolution, for any baseline method.

The whole chain is linear in small deviations: a grand bin is omega . (1 - H) x with x the
unit-variance noise of the fine bins, so its width is |(1 - H)^T omega| and its mean for an axion s
is omega . (1 - H) s. For a chi-square fit H is the projection on the fit's derivatives; for a
Savitzky-Golay filter H is the smoothing matrix. The pipeline uses the cheaper sums of module
``response`` for fits; this module is their independent check and the only source for smoothers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haloscope.analysis.chain.baseline import (
    Baseline,
    fit_baseline,
    reduced_frequency,
    response_factor,
)
from haloscope.analysis.chain.grand import SmootherResponse
from haloscope.analysis.chain.rescale import amplitudes
from haloscope.analysis.chain.selection import Windows, fine_edge_hz, select
from haloscope.analysis.chain.smoothing import cached_matrix
from haloscope.analysis.chain.template import LineTable, line_table
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra


@dataclass(frozen=True)
class Efficiency:
    """Closed-form figures of one grand bin.

    Attributes:
        axion_hz: Frequency of the bin, Hz.
        snr: Matched SNR of a DFSZ axion in fine bins with a known background (letter's Figure 3b).
        width: Standard deviation of the excess after subtraction (xi).
        mean_aligned: Mean excess of a DFSZ axion at the bin's edge, before division by xi.
        mean_averaged: The same, averaged over half a coarse bin either side.
        mean_known: Mean excess of the aligned axion with a known background in coarse bins.
    """

    axion_hz: float
    snr: float
    width: float
    mean_aligned: float
    mean_averaged: float
    mean_known: float

    @property
    def aligned(self) -> float:
        """SNR efficiency for an aligned axion."""
        return self.mean_aligned / self.width / self.snr

    @property
    def averaged(self) -> float:
        """SNR efficiency averaged over misalignment."""
        return self.mean_averaged / self.width / self.snr

    @property
    def baseline_only(self) -> float:
        """Part of the aligned efficiency that the baseline subtraction alone is responsible for."""
        return self.mean_aligned / self.width / self.mean_known


@dataclass(frozen=True)
class LinearChain:
    """The chain as vectors for one grand bin, for n spectra.

    v_i = (1 - H_i)^T omega_i with noise, s_i with signals.

    Attributes:
        vectors: v_i / |omega|, shape (n, m): the grand excess is sum(v * x) for unit-variance noise
            x.
        known: omega_i / |omega|, shape (n, m): the same with a known background.
        matched: Matched weights in fine bins, known background, shape (n, m), of unit norm.
        aligned: DFSZ signal s_ij in standard deviations, axion at the edge, shape (n, m).
        averaged: The same averaged over misalignment.
        axion_hz: Frequency of the grand bin, Hz.
    """

    vectors: FloatArray
    known: FloatArray
    matched: FloatArray
    aligned: FloatArray
    averaged: FloatArray
    axion_hz: float

    def efficiency(self) -> Efficiency:
        """xi, eps and their parts."""
        return Efficiency(
            self.axion_hz,
            float((self.matched * self.aligned).sum()),
            float(np.sqrt((self.vectors**2).sum())),
            float((self.vectors * self.aligned).sum()),
            float((self.vectors * self.averaged).sum()),
            float((self.known * self.aligned).sum()),
        )


def linear_chain(spectra: Spectra, options: Options, *, coarse: int | None = None) -> LinearChain:
    """Vectors of one grand bin.

    Args:
        spectra: Those that overlap at the bin (others do no harm).
        options: Settings.
        coarse: Global number of the grand bin; by default the one nearest the middle target.
    """
    windows = select(spectra, options)
    everything = slice(0, len(spectra))
    baseline = fit_baseline(spectra, windows, windows.merged(), everything, options)
    frequency = windows.frequency_hz()
    amplitude = amplitudes(spectra, windows, frequency, baseline.power)
    if coarse is None:
        middle = float(np.sort(spectra.target_frequency_hz)[len(spectra) // 2])
        coarse = int(middle / windows.fine_hz / options.coarse_merge)
    first = coarse * options.coarse_merge
    edge = float(fine_edge_hz(np.array(first), windows.step_hz, windows.merge))
    table = line_table(np.array([edge]), windows.step_hz, options)
    begin = first - options.coarse_merge
    omega = _placed(windows, begin, _fine_weights(table, options)) * amplitude
    aligned = _placed(windows, begin, table.aligned[0]) * amplitude
    averaged = _placed(windows, begin, table.averaged[0]) * amplitude
    inner = _placed(windows, begin, np.pad(table.inner(table.aligned)[0], options.coarse_merge))
    omega /= np.sqrt((omega**2).sum())
    matched = inner * amplitude
    matched /= np.sqrt((matched**2).sum())
    left = _subtracted(omega, spectra, windows, baseline, options)
    return LinearChain(left, omega, matched, aligned, averaged, edge)


def _fine_weights(table: LineTable, options: Options) -> FloatArray:
    weights = np.repeat(table.weights(options.template)[0], options.coarse_merge)
    return np.pad(weights, options.coarse_merge)


def _placed(windows: Windows, begin: int, values: FloatArray) -> FloatArray:
    """Put a table that starts at the global fine bin ``begin`` into every window, (n, m)."""
    out = np.zeros((len(windows.first_fine), windows.fine_bins))
    for row, low in enumerate(windows.first_fine):
        at = np.arange(values.shape[0]) + begin - int(low)
        inside = (at >= 0) & (at < windows.fine_bins)
        out[row, at[inside]] = values[inside]
    return out


def _subtracted(
    omega: FloatArray, spectra: Spectra, windows: Windows, baseline: Baseline, options: Options
) -> FloatArray:
    """(1 - H)^T omega for every spectrum."""
    if baseline.shape is None:
        window = options.savgol_bins(windows.fine_hz)
        # Noise is x b/sqrt(N): the filter acts on x b, so its matrix is scaled by the baseline on
        # both sides.
        matrix = cached_matrix(windows.fine_bins, window, options.savgol_degree)
        return omega - ((omega / baseline.power) @ matrix) * baseline.power
    u = reduced_frequency(windows, slice(0, len(spectra)), options)
    averages = spectra.num_averages * windows.merge
    factor, _ = response_factor(baseline, u, u, averages)
    taken = np.einsum("npm,nm->np", factor, omega)
    return omega - np.einsum("npm,np->nm", factor, taken)


def closed_form(spectra: Spectra, options: Options, *, coarse: int | None = None) -> Efficiency:
    """Efficiency of one grand bin; arguments of ``linear_chain``."""
    return linear_chain(spectra, options, coarse=coarse).efficiency()


def smoother_response(
    spectra: Spectra, options: Options, rows: IntArray | None = None
) -> SmootherResponse:
    """Width and efficiency of a smoother from the spectra in the middle of the stack.

    Args:
        spectra: The stack.
        options: Settings.
        rows: Which of the spectra count, shape (n,); all if not given.
    """
    rows = np.arange(len(spectra)) if rows is None else rows
    target_hz = spectra.target_frequency_hz[rows]
    middle = np.sort(target_hz)[len(rows) // 2]
    # Others do not hold the line and add nothing; without them it takes less time.
    near = np.abs(target_hz - middle) < 0.5 * options.window_hz
    found = closed_form(spectra.subset(rows[near]), options)
    return SmootherResponse(found.width, found.aligned, found.averaged)
