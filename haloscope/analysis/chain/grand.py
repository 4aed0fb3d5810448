"""Steps 7 to 9: the grand spectrum, its width xi and its efficiency eps, from the accumulated sums.

Grand bin l co-adds ``line_bins`` coarse bins with the line's weights L_q (Brubaker et al. 2017,
Eqs. 37-40):

    D^g_l     = sum_q (L_q/c)   sum_(fine k in l+q-1) D_k/s_k^2
    (R^g_l)^2 = sum_q (L_q/c)^2 sum_(fine k in l+q-1) 1/s_k^2
    z         = D^g/R^g

Baseline subtraction anticorrelates bins, so that std(z) = xi < 1 and the mean of z for a DFSZ axion
is lowered too; both follow in closed form from module ``response``. With the matched SNR in fine
bins with a known background, SNR_0 = sqrt(sum_k F_k^2/s_k^2), the SNR efficiency is

    eps = (mean of z)/(xi SNR_0),

the letter's ratio of Figures 3c and 3b.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from haloscope.analysis.chain.combine import Accumulator
from haloscope.analysis.chain.selection import fine_edge_hz
from haloscope.analysis.chain.template import ANCHOR_HZ, line_table
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray

_AT_ONCE = 8192  # Grand bins: their lines, bin by bin, are some 5 kB each.


@dataclass(frozen=True)
class Grand:
    """The grand spectrum, one entry per coarse bin that an axion's line could begin in.

    Attributes:
        frequency_hz: Axion frequency of each grand bin (lower edge of its first coarse bin), shape
            (k,), Hz.
        excess: Normalised excess z before division by xi, shape (k,).
        normalised: Excess divided by xi: standard Gaussian without an axion, shape (k,).
        xi: Width of ``excess`` in closed form, shape (k,).
        snr: SNR_0 of a DFSZ axion: matched, known background, before any efficiency, shape (k,).
        efficiency_aligned: Efficiency eps for an axion at the bin's edge, shape (k,).
        efficiency_averaged: The same averaged over half a coarse bin either side, shape (k,).
        joint: Normalised excess of the joint fit of signal and background, shape (k,).
        joint_efficiency: Its SNR relative to SNR_0, shape (k,).
        overlaps: Mean number of spectra per fine bin in the line's window, shape (k,).
    """

    frequency_hz: FloatArray
    excess: FloatArray
    normalised: FloatArray
    xi: FloatArray
    snr: FloatArray
    efficiency_aligned: FloatArray
    efficiency_averaged: FloatArray
    joint: FloatArray
    joint_efficiency: FloatArray
    overlaps: FloatArray

    def __len__(self) -> int:
        return len(self.frequency_hz)

    @property
    def well_covered(self) -> NDArray[np.bool_]:
        """Bins with at least half the typical number of overlapping spectra, shape (k,)."""
        covered: NDArray[np.bool_] = self.overlaps >= 0.5 * np.median(self.overlaps)
        return covered


@dataclass(frozen=True)
class SmootherResponse:
    """xi and eps of a baseline without parameters, one number each for the whole stack."""

    xi: float
    aligned: float
    averaged: float


def grand_spectrum(
    sums: Accumulator,
    *,
    smoother: SmootherResponse | None = None,
    first: int | None = None,
    last: int | None = None,
) -> Grand:
    """The grand spectrum where it is fully covered, all of it or part of it.

    Args:
        sums: The accumulated spectra.
        smoother: The factors xi and eps where the baseline is a smoother.
        first: First grand bin wanted.
        last: End of the grand bins wanted.

    Raises:
        ValueError: No fully covered bin, or a smoother's response is needed and not given.
    """
    options = sums.options
    if not sums.has_response and smoother is None:
        raise ValueError("grand spectrum: the baseline was a smoother, its response must be given")
    bins = _covered_bins(sums, first, last)
    parts = [_of_bins(sums, part, smoother) for part in _runs(bins, sums)]
    whole = parts[0]
    if len(parts) > 1:
        whole = Grand(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Grand)))
    return replace(whole, normalised=whole.excess / _norm(whole.xi, options.normalise))


def _runs(bins: NDArray[np.int64], sums: Accumulator) -> Iterator[NDArray[np.int64]]:
    """The bins in parts of which each lies between two of the template's frequencies."""
    anchor = np.floor(_edges_hz(bins, sums) / ANCHOR_HZ)
    for part in np.split(bins, np.flatnonzero(np.diff(anchor)) + 1):
        for start in range(0, len(part), _AT_ONCE):
            yield part[start : start + _AT_ONCE]


def _edges_hz(bins: NDArray[np.int64], sums: Accumulator) -> FloatArray:
    options = sums.options
    return fine_edge_hz(bins * options.coarse_merge, sums.step_hz, options.fine_merge)


@dataclass(frozen=True)
class _Sums:
    """What the fine bins under a line add up to, each of shape (k,).

    With w the line's weights, repeated for the fine bins of a coarse one, F and G its fractions at
    the edge of a bin and averaged over places, and s and D of module ``combine``.

    Attributes:
        root: Square root of sum w^2/s^2: R^g.
        snr: Square root of sum F^2/s^2.
        aligned: Sum w F/s^2.
        averaged: Sum w G/s^2.
        excess: Sum w D/s^2.
        joint: Sum F D/s^2.
    """

    root: FloatArray
    snr: FloatArray
    aligned: FloatArray
    averaged: FloatArray
    excess: FloatArray
    joint: FloatArray


def _sums_of(view: _Lines, edge_hz: FloatArray, sums: Accumulator) -> _Sums:
    """The sums of bins between two frequencies of the template.

    There the line's fractions are (1 - t) of those at the lower one and t of those at the upper
    one, and their products three fixed rows: one product with a matrix gives all of them.
    """
    anchor = int(np.floor(edge_hz[0] / ANCHOR_HZ))
    of_density, of_numerator = _kernels(anchor, sums.step_hz, sums.options)
    t = edge_hz / ANCHOR_HZ - anchor
    shares = np.stack([(1 - t) ** 2, t * (1 - t), t**2])
    root, snr, aligned, averaged = _mixed(of_density, view.fine("density"), shares)
    excess, joint = _mixed(of_numerator, view.fine("numerator"), np.stack([1 - t, t]))
    return _Sums(np.sqrt(root), np.sqrt(snr), aligned, averaged, excess, joint)


def _mixed(kernel: FloatArray, fine: FloatArray, shares: FloatArray) -> FloatArray:
    """Sums over a line's fine bins, (k, m), by a kernel, (p x s, m), in shares (s, k): (p, k)."""
    # A matrix times each line alone: of one product with all, BLAS rounds by how many there are.
    product = np.matmul(kernel, fine[:, :, None])[:, :, 0].T
    return (product.reshape(-1, *shares.shape) * shares).sum(axis=1)


@lru_cache(maxsize=256)
def _kernels(anchor: int, step_hz: float, options: Options) -> tuple[FloatArray, FloatArray]:
    """What fine bins are multiplied by: their density, (4 x 3, m), and numerator, (2 x 2, m)."""
    table = line_table(ANCHOR_HZ * np.array([anchor, anchor + 1]), step_hz, options)
    merge = options.coarse_merge
    weights = np.repeat(table.weights(options.template) / merge, merge, axis=1)
    aligned, averaged = table.inner(table.aligned), table.inner(table.averaged)

    def product(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.stack([x[0] * y[0], x[0] * y[1] + x[1] * y[0], x[1] * y[1]])

    pairs = (weights, weights), (aligned, aligned), (weights, aligned), (weights, averaged)
    density = np.concatenate([product(*pair) for pair in pairs])
    return density, np.concatenate([weights, aligned])


def _of_bins(
    sums: Accumulator, bins: NDArray[np.int64], smoother: SmootherResponse | None
) -> Grand:
    """Some of the grand bins, not normalised yet: each is its own."""
    edge_hz = _edges_hz(bins, sums)
    view = _Lines(sums, bins)
    found = _sums_of(view, edge_hz, sums)
    xi, eps_aligned, eps_averaged = _efficiencies(view, found, smoother)
    information = _joint_information(view, found.snr)
    excess = found.excess / found.root
    return Grand(
        edge_hz,
        excess,
        excess,
        xi,
        found.snr,
        eps_aligned,
        eps_averaged,
        found.joint / np.sqrt(information),
        np.sqrt(information) / found.snr,
        view.coarse("overlaps").sum(axis=1) / (view.merge * sums.options.line_bins),
    )


def _efficiencies(
    view: _Lines, found: _Sums, smoother: SmootherResponse | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """xi, eps aligned and eps averaged of every grand bin."""
    if smoother is not None and not view.has_response:
        xi, aligned, averaged = (
            np.full(len(found.snr), value)
            for value in (smoother.xi, smoother.aligned, smoother.averaged)
        )
        return xi, aligned, averaged
    # Positive but for rounding in bins that the spike filter all but emptied.
    xi = np.sqrt(np.maximum(1 - view.single("variance_removed") / found.root**2, 1e-4))
    scale = found.root * xi * found.snr
    aligned = (found.aligned - view.single("aligned_removed")) / scale
    return xi, aligned, (found.averaged - view.single("averaged_removed")) / scale


def _joint_information(view: _Lines, snr: FloatArray) -> FloatArray:
    """Squared SNR of the joint fit of signal and background; NaN behind a smoother."""
    if not view.has_response:
        return np.full(len(snr), np.nan)
    return np.maximum(snr**2 - view.single("joint_removed"), 1e-4 * snr**2)


def _norm(xi: FloatArray, how: str) -> FloatArray | float:
    if how == "none":
        return 1.0
    return float(xi.mean()) if how == "constant" else xi


def _covered_bins(sums: Accumulator, first: int | None, last: int | None) -> NDArray[np.int64]:
    """Numbers of the grand bins from ``first`` to ``last`` that are fully covered."""
    bins = np.arange(
        sums.first_coarse if first is None else max(first, sums.first_coarse),
        _end(sums) if last is None else min(last, _end(sums)),
    )
    bins = bins[_covered(sums, bins)]
    if not bins.size:
        raise ValueError("grand spectrum: no bin is covered over a whole line width")
    return bins


def _end(sums: Accumulator) -> int:
    return sums.first_coarse + sums.coarse_bins - sums.options.line_bins + 1


def _covered(sums: Accumulator, bins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the whole line lies inside the windows, with data in every coarse bin.

    Args:
        sums: The accumulated spectra.
        bins: Grand bins one after another, shape (k,).
    """
    if not bins.size:
        return np.zeros(0, dtype=bool)
    view = _Lines(sums, bins)
    inside = (view.blocks("overlaps") > 0).all(axis=1)
    used = view.blocks("density").sum(axis=1) > 0
    missing = np.concatenate([[0], np.cumsum(~(inside & used))])
    lines = sums.options.line_bins
    return np.asarray(missing[lines:] == missing[:-lines])


class _Lines:
    """The accumulated sums, seen as one row per grand bin; of the bins about them alone."""

    def __init__(self, sums: Accumulator, bins: NDArray[np.int64]) -> None:
        self._sums = sums
        self.merge, self._lines = sums.options.coarse_merge, sums.options.line_bins
        self.has_response = sums.has_response
        self._at = bins - sums.first_coarse
        low, high = int(self._at[0]), int(self._at[-1])
        self._part = slice(low * self.merge, (high + self._lines) * self.merge)
        whole = high - low + 1 == len(bins)
        self._rows: slice | NDArray[np.int64] = slice(None) if whole else self._at - low

    def blocks(self, name: str) -> FloatArray:
        """Fine bins of each coarse bin under any line, shape (coarse bins, coarse_merge)."""
        part: FloatArray = getattr(self._sums, name)[self._part]
        return part.reshape(-1, self.merge)

    def fine(self, name: str) -> FloatArray:
        """Fine bins under the line, shape (k, line_bins * coarse_merge)."""
        part = getattr(self._sums, name)[self._part]
        view = sliding_window_view(part, self.merge * self._lines)[:: self.merge]
        return np.ascontiguousarray(view[self._rows])

    def coarse(self, name: str) -> FloatArray:
        """Coarse bins under the line, shape (k, line_bins)."""
        view = sliding_window_view(self.blocks(name).sum(axis=1), self._lines)
        return np.asarray(view[self._rows])

    def single(self, name: str) -> FloatArray:
        """Sums kept per grand bin, shape (k,)."""
        total: FloatArray = getattr(self._sums, name)[self._at]
        return total
