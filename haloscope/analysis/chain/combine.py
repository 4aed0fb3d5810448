"""Steps 6 and 7: the maximum-likelihood combination of overlapping spectra, spectrum by spectrum.

    D_k = sum_i w_i D_i / sum_i w_i,   w = 1/s^2,   s_k^-2 = sum_i s_i^-2

(Brubaker et al. 2017, Eqs. 28-29). Only the two sums are kept: ``numerator`` sum D/s^2 and
``density`` sum 1/s^2, per fine bin. Merging to coarse bins is adding them up. What the baseline fit
takes away is also a sum over spectra (module ``response``), so one accumulator serves the offline
analysis, the online one (constant cost per spectrum) and the joining of partial results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haloscope.analysis.chain.response import Response
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray

_FINE = ("numerator", "density", "overlaps")
_COARSE = ("variance_removed", "aligned_removed", "averaged_removed", "joint_removed")
_SPARE_COARSE = 512  # Room added when the range grows, in coarse bins.


@dataclass(frozen=True)
class Reduced:
    """Spectra after baseline subtraction and rescaling, ready to be combined.

    Attributes:
        first_fine: Global number of the first fine bin, shape (n,).
        excess: Relative excess y/b - 1 per fine bin, shape (n, m).
        amplitude: a_ij of module ``rescale``, shape (n, m).
        averages: Periodograms per fine bin, shape (n,).
        kept: Fraction of each bin left by the spike filter, shape (n, m), or None for all.
        response: What the baseline fit takes away; None for a smoother.
    """

    first_fine: IntArray
    excess: FloatArray
    amplitude: FloatArray
    averages: FloatArray
    kept: FloatArray | None
    response: Response | None

    @property
    def pull(self) -> FloatArray:
        """Excess in standard deviations, shape (n, m); zero where a bin was cut entirely."""
        pull = self.excess * np.sqrt(self.averages)[:, None]
        return pull if self.kept is None else pull * np.sqrt(self.kept)


class Accumulator:
    """Sums over spectra on the global frequency grid; grows as spectra arrive.

    Attributes:
        step_hz: Digitizer bin width, Hz.
        options: Settings that fix the grid.
        first_coarse: Global number of the first coarse bin held.
        spectra: Number of spectra added.
    """

    def __init__(self, step_hz: float, options: Options) -> None:
        self.step_hz = step_hz
        self.options = options
        self.first_coarse = 0
        self.spectra = 0
        self.has_response = True
        for name in _FINE + _COARSE:
            setattr(self, name, np.zeros(0))

    numerator: FloatArray
    density: FloatArray
    overlaps: FloatArray
    variance_removed: FloatArray
    aligned_removed: FloatArray
    averaged_removed: FloatArray
    joint_removed: FloatArray

    @property
    def coarse_bins(self) -> int:
        """Number of coarse bins held."""
        return len(self.variance_removed)

    def add(self, reduced: Reduced, *, sign: float = 1.0) -> None:
        """Add spectra; ``sign`` = -1 takes the same ones away again."""
        merge, lines = self.options.coarse_merge, self.options.line_bins
        bins = reduced.excess.shape[1]
        low = int(reduced.first_fine.min()) // merge - lines
        high = (int(reduced.first_fine.max()) + bins) // merge + lines + 2
        self.reserve(low, high)
        weight = reduced.amplitude**2
        signal = reduced.amplitude * reduced.excess * np.sqrt(reduced.averages)[:, None]
        if reduced.kept is not None:
            weight = weight * reduced.kept
            signal = signal * reduced.kept
        base = merge * self.first_coarse
        for row, first in enumerate(reduced.first_fine - base):
            here = slice(int(first), int(first) + bins)
            self.numerator[here] += sign * signal[row]
            self.density[here] += sign * weight[row]
            self.overlaps[here] += sign
        self._add_response(reduced.response, sign)
        self.spectra += int(sign) * len(reduced.first_fine)

    def _add_response(self, response: Response | None, sign: float) -> None:
        if response is None:
            self.has_response = False
            return
        for name in _COARSE:
            total, part = getattr(self, name), getattr(response, name)
            for row, first in enumerate(response.first_coarse - self.first_coarse):
                total[int(first) : int(first) + part.shape[1]] += sign * part[row]

    def join(self, other: Accumulator) -> None:
        """Add the sums of another accumulator on the same grid.

        Raises:
            ValueError: Bin widths or settings differ.
        """
        if (other.step_hz, other.options) != (self.step_hz, self.options):
            raise ValueError("combine: accumulators with different bin widths or options")
        if other.coarse_bins == 0:
            return
        self.reserve(other.first_coarse, other.first_coarse + other.coarse_bins)
        shift = other.first_coarse - self.first_coarse
        for names, unit in ((_FINE, self.options.coarse_merge), (_COARSE, 1)):
            for name in names:
                part = getattr(other, name)
                getattr(self, name)[shift * unit : shift * unit + len(part)] += part
        self.spectra += other.spectra
        self.has_response &= other.has_response

    def reserve(self, low: int, high: int) -> None:
        """Make room for coarse bins ``low`` up to below ``high``."""
        if self.coarse_bins == 0:
            self.first_coarse = low
            self._resize(0, high - low)
            return
        before = max(0, self.first_coarse - low)
        after = max(0, high - self.first_coarse - self.coarse_bins)
        if before or after:
            self._resize(before + _SPARE_COARSE * (before > 0), after + _SPARE_COARSE * (after > 0))

    def _resize(self, before: int, after: int) -> None:
        self.first_coarse -= before
        for names, unit in ((_FINE, self.options.coarse_merge), (_COARSE, 1)):
            for name in names:
                padded = np.pad(getattr(self, name), (before * unit, after * unit))
                setattr(self, name, padded)
