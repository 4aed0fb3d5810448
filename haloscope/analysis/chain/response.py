"""Step 9, per spectrum: what the baseline fit takes from each grand bin, noise and signal.

The fit is linear in small deviations. For unit-variance noise x_ij it leaves (1 - H_i) x_i, H_i =
U_i U_i^T (module ``baseline``). A grand bin l is a weighted sum of x with weights omega_ij =
(L_q/c) a_ij, and an axion of DFSZ coupling is s_ij = F_j a_ij, with F_j the fraction of the line in
fine bin j, L_q the weights in coarse bins of c fine bins. Hence, with c_il = U_i^T omega_i and b_il
= U_i^T s_i,

    variance of the weighted sum:  sum omega^2 - sum_i [2 |c|^2 - c^T (U^T U) c]
    mean of it with an axion:      sum omega s - sum_i c . b

Each bracket is a sum over spectra and is accumulated like the data. U varies over a cavity
linewidth (31 kHz) and is evaluated once per coarse bin (450 Hz); the error of that is 3e-5 of the
correction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haloscope.analysis.chain.baseline import Baseline, response_factor
from haloscope.analysis.chain.selection import Windows, fine_edge_hz
from haloscope.analysis.chain.template import line_table
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray


@dataclass(frozen=True)
class Response:
    """Sums to be taken off, for grand bins starting at ``first_coarse`` (n,), each of shape (n, k).

    Attributes:
        first_coarse: Global number of the first grand bin that each spectrum touches.
        variance_removed: 2 |c|^2 - c^T (U^T U) c.
        aligned_removed: The product c . b for an axion at the lower edge of the grand bin.
        averaged_removed: The product c . b for axions anywhere within half a coarse bin of it.
        joint_removed: |b|^2 for the aligned axion, which the joint fit of signal and background
            needs.
    """

    first_coarse: IntArray
    variance_removed: FloatArray
    aligned_removed: FloatArray
    averaged_removed: FloatArray
    joint_removed: FloatArray

    def rows(self, index: slice | IntArray) -> Response:
        """Those of part of the spectra."""
        return Response(
            self.first_coarse[index],
            self.variance_removed[index],
            self.aligned_removed[index],
            self.averaged_removed[index],
            self.joint_removed[index],
        )


@dataclass(frozen=True)
class TakenUp:
    """The part of the noise that the fits of n spectra take up: H = U U^T.

    Attributes:
        factor: U in the fine bin at the middle of each coarse bin, shape (n, p, C).
        own: U^T U over the fine bins left, shape (n, p, p).
    """

    factor: FloatArray
    own: FloatArray

    def rows(self, index: slice | IntArray) -> TakenUp:
        """That of part of the spectra."""
        return TakenUp(self.factor[index], self.own[index])


def taken_up(
    baseline: Baseline,
    windows: Windows,
    rows: slice | IntArray,
    averages: FloatArray,
    options: Options,
    kept: FloatArray | None = None,
) -> TakenUp:
    """What the fits of the spectra ``rows`` take up, in the coarse bins that they touch.

    Args:
        baseline: Of these rows, fitted.
        windows: Of all spectra.
        rows: Which.
        averages: Periodograms per fine bin, shape (n,).
        options: Settings.
        kept: Fraction left of each fine bin, shape (n, m); None for all.
    """
    merge, half = options.coarse_merge, 0.5 * options.window_hz
    base = windows.first_fine[rows] // merge
    number = (base[:, None] + np.arange(_coarse_bins(windows.fine_bins, merge))) * merge
    centre = fine_edge_hz(number, windows.step_hz, windows.merge) + 0.5 * merge * windows.fine_hz
    target = windows.target_hz[rows, None]
    # A coarse bin that overhangs the window is weighted by the little it holds; stay inside for the
    # derivative.
    at = np.clip((centre - target) / half, -1.0, 1.0)
    u = (windows.frequency_hz(rows) - target) / half
    return TakenUp(*response_factor(baseline, u, at, averages, kept))


def response(
    taken: TakenUp,
    windows: Windows,
    rows: slice | IntArray,
    amplitude: FloatArray,
    options: Options,
) -> Response:
    """What the fit of the spectra ``rows`` takes away.

    Args:
        taken: What it takes up of their noise.
        windows: Of all spectra.
        rows: Which.
        amplitude: As in module ``combine``, shape (n, m); zero where a bin was cut.
        options: Settings.
    """
    merge, lines = options.coarse_merge, options.line_bins
    factor, own = taken.factor, taken.own
    base = windows.first_fine[rows] // merge
    sums = _coarse_sums(amplitude, windows.first_fine[rows] - merge * base, merge)
    projected = np.zeros((*factor.shape[:2], factor.shape[2] + 2 * lines))
    np.multiply(factor, (sums / merge)[:, None, :], out=projected[:, :, lines:-lines])
    table = line_table(windows.target_hz[rows], windows.step_hz, options)
    weights = np.zeros((len(base), lines + 2))
    weights[:, 1:-1] = table.weights(options.template)
    c = _correlate(projected, weights)
    aligned = _correlate(projected, table.coarse(table.aligned))
    averaged = _correlate(projected, table.coarse(table.averaged))
    return Response(
        base - (lines - 1),
        2 * np.einsum("npk,npk->nk", c, c) - np.einsum("npk,npk->nk", c, own @ c),
        np.einsum("npk,npk->nk", c, aligned),
        np.einsum("npk,npk->nk", c, averaged),
        np.einsum("npk,npk->nk", aligned, aligned),
    )


def _coarse_bins(fine_bins: int, merge: int) -> int:
    """Coarse bins that a window may touch, wherever it begins."""
    return (fine_bins + 2 * merge - 2) // merge


def _coarse_sums(values: FloatArray, offset: IntArray, merge: int) -> FloatArray:
    """Sums over coarse bins of rows that begin ``offset`` fine bins into the first one, (n, k)."""
    n, bins = values.shape
    count = _coarse_bins(bins, merge)
    padded = np.zeros((n, count * merge))
    for start in np.unique(offset):
        which = offset == start
        padded[which, start : start + bins] = values[which]
    return padded.reshape(n, count, merge).sum(axis=2)


def _correlate(projected: FloatArray, table: FloatArray) -> FloatArray:
    """sum_q table_q projected[l + q] for every grand bin the spectrum touches; q = -1 ... lines."""
    taps = table.shape[1]
    lines = taps - 2
    length = projected.shape[2] - lines - 1
    out = np.zeros((*projected.shape[:2], length))
    for k in range(taps):
        if table[:, k].any():
            out += table[:, None, k, None] * projected[:, :, k : k + length]
    return out
