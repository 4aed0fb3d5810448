"""Step 2: the mean noise power of each spectrum, by one of three methods.

``letter``: chi-square fit of the five-parameter function x JPA Lorentzian x quadratic, with the
measured JPA gain as prior; ``pade``: measured JPA gain x polynomial over quadratic (ADMX);
``savgol``: Savitzky-Golay filter of degree 4 over 2001 bins of 10 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.fitting import (
    block_size,
    block_weight,
    blocks,
    fit,
    patched,
)
from haloscope.analysis.chain.information import information, root_inverse
from haloscope.analysis.chain.selection import Windows
from haloscope.analysis.chain.shapes import LetterShape, PadeShape, Shape
from haloscope.analysis.chain.smoothing import savgol
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray, Spectra

_LN10_OVER_10 = np.log(10.0) / 10


@dataclass(frozen=True)
class Baseline:
    """Fitted mean power of part of a stack.

    Attributes:
        power: Mean power in each fine bin, shape (n, fine bins), unit of the input.
        theta: Parameters of the fit, shape (n, p); (n, 0) for the smoother.
        scale: Unit of the function's value, shape (n,).
        converged: Shape (n,).
        shape: The fitted function, or None for the smoother.
    """

    power: FloatArray
    theta: FloatArray
    scale: FloatArray
    converged: NDArray[np.bool_]
    shape: Shape | None

    def at(self, columns: IntArray) -> FloatArray:
        """Mean power in some fine bins of each spectrum, (n, k) of the columns (n, k)."""
        return np.take_along_axis(self.power, columns, axis=1)


@dataclass(frozen=True)
class Fits:
    """What is kept of the fits of n spectra: the baselines can be worked out from it again.

    Attributes:
        theta: Parameters, shape (n, p); (n, 0) for the smoother.
        scale: Unit of the function's value, shape (n,).
        converged: Shape (n,).
        at_three: Mean power at the lower end of the window, the cavity and the upper end, (n, 3).
    """

    theta: FloatArray
    scale: FloatArray
    converged: NDArray[np.bool_]
    at_three: FloatArray

    @classmethod
    def of(cls, baseline: Baseline, columns: IntArray) -> Fits:
        """What is kept of these; ``columns`` are the three fine bins of each, shape (n, 3)."""
        return cls(baseline.theta, baseline.scale, baseline.converged, baseline.at(columns))

    def rows(self, index: slice | IntArray) -> Fits:
        """Those of part of the spectra."""
        return Fits(*(getattr(self, item.name)[index] for item in fields(Fits)))

    def updated(self, index: IntArray, fresh: Fits) -> Fits:
        """The same with the spectra ``index`` replaced by ``fresh``."""
        arrays = {}
        for item in fields(Fits):
            arrays[item.name] = getattr(self, item.name).copy()
            arrays[item.name][index] = getattr(fresh, item.name)
        return Fits(**arrays)

    @classmethod
    def joined(cls, parts: Sequence[Fits]) -> Fits:
        """Those of several parts of a stack."""
        return cls(
            *(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Fits))
        )


def reduced_frequency(windows: Windows, rows: slice | IntArray, options: Options) -> FloatArray:
    """Detuning from the target in units of half the window, shape (rows, fine bins)."""
    detuning = windows.frequency_hz(rows) - windows.target_hz[rows, None]
    return detuning / (0.5 * options.window_hz)


def shape_of(spectra: Spectra, options: Options) -> Shape | None:
    """The function to fit to these spectra, with the measured JPA and cavity as prior and start.

    Raises:
        ValueError: The options leave the model open.
    """
    if options.baseline == "auto":
        raise ValueError("baseline: 'auto' is settled by an analysis of the stack, and was not yet")
    half = 0.5 * options.window_hz
    cavity = (spectra.cavity_frequency_hz - spectra.target_frequency_hz) / half
    width = spectra.cavity_frequency_hz / spectra.loaded_q / half
    jpa = (spectra.jpa_resonance_hz - spectra.target_frequency_hz) / half
    bandwidth = spectra.jpa_bandwidth_hz / half
    loose = options.bump_place_tolerance, options.bump_width_tolerance
    if options.baseline == "letter":
        sigma = _bandwidth_sigma(spectra, options)
        return LetterShape(jpa, np.log(bandwidth), sigma, cavity, width, *loose)
    if options.baseline == "pade":
        excess = 10 ** (spectra.jpa_gain_peak_db / 10) - 1
        return PadeShape(cavity, width, jpa, bandwidth, excess, *loose, options.pade_degree)
    return None


def _bandwidth_sigma(spectra: Spectra, options: Options) -> FloatArray:
    """Prior on ln B that says: the gain at the target agrees with its measurement.

    ln G(target) = ln G_0 - ln(1 + t), so d ln G / d ln B = 2 t/(1 + t), t = (2 (nu_t - f_J)/B)^2.
    """
    t = (
        2 * (spectra.target_frequency_hz - spectra.jpa_resonance_hz) / spectra.jpa_bandwidth_hz
    ) ** 2
    sensitivity = 2 * t / (1 + t)
    measured = spectra.error("jpa_bandwidth_hz") / spectra.jpa_bandwidth_hz
    gain = np.hypot(options.jpa_gain_tolerance_db, spectra.error("jpa_gain_peak_db"))
    return np.hypot(measured, gain * _LN10_OVER_10 / np.maximum(sensitivity, 0.05))


def fit_baseline(
    spectra: Spectra,
    windows: Windows,
    merged: FloatArray,
    rows: slice | IntArray,
    options: Options,
    *,
    kept: FloatArray | None = None,
    start: FloatArray | None = None,
    shape: Shape | None = None,
) -> Baseline:
    """Baseline of the spectra ``rows``.

    Args:
        spectra: The measured stack (all of it).
        windows: Its windows.
        merged: Power in the fine bins of these rows, shape (rows, fine bins).
        rows: Which spectra.
        options: Settings.
        kept: Fraction of each fine bin left by the spike filter, same shape as ``merged``.
        start: Parameters of an earlier fit.
        shape: ``shape_of`` these rows, where that is known.
    """
    shape = shape or shape_of(spectra.without_power(rows), options)
    if shape is None:
        return _smoothed(windows, merged, options, kept)
    u = reduced_frequency(windows, rows, options)
    averages = spectra.num_averages[rows] * windows.merge
    result = fit(shape, u, merged, averages, kept=kept, start=start)
    return Baseline(result.baseline, result.theta, result.scale, result.converged, shape)


def baseline_again(
    windows: Windows,
    merged: FloatArray,
    rows: slice | IntArray,
    options: Options,
    fit: Fits,
    *,
    shape: Shape | None,
    kept: FloatArray | None = None,
) -> Baseline:
    """The baseline of the spectra ``rows`` as it was fitted, from what was kept of the fit.

    Args:
        windows: Of the stack.
        merged: Power in the fine bins of these rows, shape (rows, fine bins); for a smoother.
        rows: Which spectra.
        options: Settings.
        fit: Of these rows.
        shape: ``shape_of`` these rows; None for a smoother.
        kept: Fraction left of each fine bin, same shape as ``merged``; for a smoother.
    """
    if shape is None:
        return _smoothed(windows, merged, options, kept)
    u = reduced_frequency(windows, rows, options)
    power = shape.value(fit.theta, u) * fit.scale[:, None]
    return Baseline(power, fit.theta, fit.scale, fit.converged, shape)


def _smoothed(
    windows: Windows, merged: FloatArray, options: Options, kept: FloatArray | None
) -> Baseline:
    window = options.savgol_room(windows.fine_hz, windows.fine_bins)
    if kept is None or not (kept <= 0).any():
        power = savgol(merged, window, options.savgol_degree)
    else:
        # What was cut is first replaced by its neighbour: a tone must not smear into the smooth.
        data = patched(merged, kept)
        for _ in range(4):
            power = savgol(data, window, options.savgol_degree)
            data = np.where(kept <= 0, power, merged)
    n = merged.shape[0]
    return Baseline(power, np.empty((n, 0)), np.ones(n), np.ones(n, dtype=bool), None)


def response_factor(
    baseline: Baseline,
    u: FloatArray,
    at: FloatArray,
    averages: FloatArray,
    kept: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """How the fit takes up noise: the factor U of H = U U^T, evaluated at other frequencies.

    For unit-variance noise x per fine bin, the fit removes H x with H = J (J^T J + P)^-1 J^T = U
    U^T (J scaled to unit noise). Without a prior H is the projection on the span of J. Bins that
    were cut are in no sum: what is left is taken up the more.

    Args:
        baseline: A fit of n spectra.
        u: Reduced frequency of the fine bins, shape (n, m).
        at: Reduced frequencies where U is wanted, shape (n, k).
        averages: Periodograms per fine bin, shape (n,).
        kept: Fraction left of each fine bin, shape (n, m); None for all.

    Returns:
        U at those frequencies, shape (n, p, k), and U^T U over the bins left, shape (n, p, p).

    Raises:
        ValueError: The baseline is a smoother, which has no parameters.
    """
    if baseline.shape is None:
        raise ValueError("baseline: a Savitzky-Golay filter has no parameters to respond with")
    size = block_size(u.shape[1])
    weight = block_weight(averages, size, kept)
    jacobian, matrix = information(baseline.shape, baseline.theta, blocks(u, size), weight)
    inverse = root_inverse(matrix).transpose(0, 2, 1)
    wanted = baseline.shape.log_jacobian(baseline.theta, at) * np.sqrt(averages)[:, None, None]
    factor = inverse @ wanted
    own = (inverse @ jacobian) * np.sqrt(weight)[:, None]
    return factor, own @ own.transpose(0, 2, 1)
