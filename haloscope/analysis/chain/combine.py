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

from haloscope.analysis.chain.response import Response, TakenUp
from haloscope.analysis.distinct import Noises, SameDataError
from haloscope.analysis.options import Options
from haloscope.analysis.ranges import same_number
from haloscope.analysis.spectra import FloatArray, IntArray

_FINE = ("numerator", "density", "overlaps")
_LINE = ("variance_removed", "aligned_removed", "averaged_removed", "joint_removed")
_PIECE_COARSE = 512  # Room comes in pieces of so many coarse bins.


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
        taken: What the fit takes up of the noise; None for a smoother.
    """

    first_fine: IntArray
    excess: FloatArray
    amplitude: FloatArray
    averages: FloatArray
    kept: FloatArray | None
    response: Response | None
    taken: TakenUp | None = None

    def __len__(self) -> int:
        return len(self.first_fine)

    @property
    def pull(self) -> FloatArray:
        """Excess in standard deviations, shape (n, m); zero where a bin was cut entirely."""
        pull = self.excess * np.sqrt(self.averages)[:, None]
        return pull if self.kept is None else pull * np.sqrt(self.kept)

    def rows(self, index: slice | IntArray) -> Reduced:
        """Part of the spectra."""
        return Reduced(
            self.first_fine[index],
            self.excess[index],
            self.amplitude[index],
            self.averages[index],
            None if self.kept is None else self.kept[index],
            None if self.response is None else self.response.rows(index),
            None if self.taken is None else self.taken.rows(index),
        )


class Accumulator:
    """Sums over spectra on the global frequency grid; grows as spectra arrive.

    Attributes:
        step_hz: Digitizer bin width, Hz.
        options: Settings that fix the grid.
        first_coarse: Global number of the first coarse bin held.
        spectra: Number of spectra added.
        fine: Sums per fine bin, one row each for ``numerator``, ``density``, ``overlaps``.
        line: Sums per grand bin (coarse bin that a line could begin in), one row for each of what
            the baseline fit takes away (module ``response``).
    """

    def __init__(self, step_hz: float, options: Options) -> None:
        self.step_hz = step_hz
        self.options = options
        self.first_coarse = 0
        self.spectra = 0
        self.fine = np.zeros((len(_FINE), 0))
        self.line = np.zeros((len(_LINE), 0))
        self._without_response = 0
        self._noise = Noises()

    @property
    def numerator(self) -> FloatArray:
        """Sum of D/s^2 per fine bin."""
        return self.fine[0]

    @property
    def density(self) -> FloatArray:
        """Sum of 1/s^2 per fine bin."""
        return self.fine[1]

    @property
    def overlaps(self) -> FloatArray:
        """Number of spectra per fine bin."""
        return self.fine[2]

    @property
    def variance_removed(self) -> FloatArray:
        """``Response.variance_removed``, summed per grand bin."""
        return self.line[0]

    @property
    def aligned_removed(self) -> FloatArray:
        """``Response.aligned_removed``, summed per grand bin."""
        return self.line[1]

    @property
    def averaged_removed(self) -> FloatArray:
        """``Response.averaged_removed``, summed per grand bin."""
        return self.line[2]

    @property
    def joint_removed(self) -> FloatArray:
        """``Response.joint_removed``, summed per grand bin."""
        return self.line[3]

    @property
    def coarse_bins(self) -> int:
        """Number of coarse bins held."""
        return self.line.shape[1]

    @property
    def has_response(self) -> bool:
        """Whether of every spectrum in the sums it is known what its fit took away."""
        return self._without_response == 0

    def add(self, reduced: Reduced, *, sign: int = 1) -> None:
        """Add spectra; ``sign`` = -1 takes the same ones away again."""
        if not len(reduced):
            return
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
        for row, first in enumerate(reduced.first_fine - merge * self.first_coarse):
            here = self.fine[:, int(first) : int(first) + bins]
            here[0] += sign * signal[row]
            here[1] += sign * weight[row]
            here[2] += sign
        self._add_response(reduced.response, sign)
        self._without_response += sign * len(reduced) * (reduced.response is None)
        self.spectra += sign * len(reduced)
        noise = 1 + reduced.excess, reduced.averages
        if sign > 0:
            self._noise.add(*noise)
        else:
            self._noise.take(*noise)

    def _add_response(self, response: Response | None, sign: int) -> None:
        if response is None:
            return
        parts = np.stack([getattr(response, name) for name in _LINE]) * float(sign)
        for row, first in enumerate(response.first_coarse - self.first_coarse):
            self.line[:, int(first) : int(first) + parts.shape[2]] += parts[:, row]

    def demand_bins(self, step_hz: float) -> None:
        """Refuse bins of another width, Hz, whose numbers are those of other frequencies.

        Raises:
            ValueError: Names both.
        """
        if not same_number(step_hz, self.step_hz):
            raise ValueError(
                f"combine: bins of {step_hz:.6g} Hz to be added to those of {self.step_hz:.6g} Hz"
            )

    def join(self, other: Accumulator) -> None:
        """Add the sums of another accumulator on the same grid.

        Raises:
            ValueError: Bin widths or settings differ.
            SameDataError: Spectra are in both.
        """
        self.demand_bins(other.step_hz)
        if other.options != self.options:
            raise ValueError("combine: accumulators with different options")
        if other.coarse_bins == 0:
            return
        if shared := self._noise.shared(other._noise):
            raise SameDataError(
                f"combine: of {self.spectra} and {other.spectra} spectra {shared} carry the same "
                "noise: the same data twice"
            )
        self._noise.join(other._noise)
        self.reserve(other.first_coarse, other.first_coarse + other.coarse_bins)
        shift = other.first_coarse - self.first_coarse
        merge = self.options.coarse_merge
        self.line[:, shift : shift + other.coarse_bins] += other.line
        self.fine[:, shift * merge : (shift + other.coarse_bins) * merge] += other.fine
        self.spectra += other.spectra
        self._without_response += other._without_response

    def reserve(self, low: int, high: int) -> None:
        """Make room for coarse bins ``low`` up to below ``high``."""
        # In whole pieces: how many are held does not depend on how many spectra came at once.
        low, high = low // _PIECE_COARSE * _PIECE_COARSE, -(-high // _PIECE_COARSE) * _PIECE_COARSE
        if self.coarse_bins == 0:
            self.first_coarse = low
        before = max(0, self.first_coarse - low)
        after = max(0, high - self.first_coarse - self.coarse_bins)
        if before or after:
            self._resize(before, after)

    def _resize(self, before: int, after: int) -> None:
        merge = self.options.coarse_merge
        self.first_coarse -= before
        self.line = np.pad(self.line, ((0, 0), (before, after)))
        self.fine = np.pad(self.fine, ((0, 0), (before * merge, after * merge)))
