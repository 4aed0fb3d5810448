"""The axion line in fine and coarse bins: the weights of the grand spectrum.

Grand bin l stands for an axion at the lower edge of coarse bin l (``aligned``). A real axion lies
anywhere, and the grand bin nearest to it is off by up to half a coarse bin; ``averaged`` is the
mean line over these places. Bins are integrals of the line (axion.bin_fractions), never samples.
The width of the line is proportional to frequency; tables are exact at multiples of 1 MHz and
interpolated in between (error 1e-6 of a fraction).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, IntArray
from haloscope.axion import bin_fractions

ANCHOR_HZ = 1e6
_PLACES = 45  # Every 10 Hz of a 450 Hz bin: the line begins with a step of slope.


@dataclass(frozen=True)
class LineTable:
    """Fractions of the line per fine bin, for axions at m frequencies.

    Attributes:
        aligned: Axion at the lower edge of the first coarse bin, shape (m, (line_bins + 2) *
            coarse_merge); the table begins one coarse bin below that edge and ends one above the
            last co-added bin.
        averaged: The same, averaged over places within half a coarse bin of that edge.
        merge: Fine bins per coarse bin.
    """

    aligned: FloatArray
    averaged: FloatArray
    merge: int

    def inner(self, fractions: FloatArray) -> FloatArray:
        """The co-added part of a fine table, without the margins."""
        return fractions[:, self.merge : -self.merge]

    def coarse(self, fractions: FloatArray) -> FloatArray:
        """Sums over coarse bins, margins included: (m, line_bins + 2)."""
        return fractions.reshape(fractions.shape[0], -1, self.merge).sum(axis=2)

    def weights(self, template: str) -> FloatArray:
        """Coarse weights of the co-addition, (m, line_bins)."""
        table = self.averaged if template == "averaged" else self.aligned
        return self.coarse(table)[:, 1:-1]


def line_table(axion_hz: FloatArray, step_hz: float, options: Options) -> LineTable:
    """Tables for axions at ``axion_hz`` (m,) in digitizer bins of ``step_hz``."""
    anchor = np.floor(np.asarray(axion_hz) / ANCHOR_HZ).astype(np.int64)
    share = (np.asarray(axion_hz) / ANCHOR_HZ - anchor)[:, None]
    fine_hz = step_hz * options.fine_merge
    lowest, count = int(anchor.min()), int(np.ptp(anchor)) + 2
    if count <= 2:  # all between the same two: rows that broadcast need not be copied
        low: IntArray | int = 0
        high: IntArray | int = 1
        needed = [lowest, lowest + 1]
    else:
        every, place = np.unique(np.concatenate([anchor, anchor + 1]), return_inverse=True)
        needed, low, high = every.tolist(), place[: len(anchor)], place[len(anchor) :]
    tables = [_anchor(k, fine_hz, options.coarse_merge, options.line_bins) for k in needed]
    aligned, averaged = (np.stack(both) for both in zip(*tables, strict=True))
    return LineTable(
        (1 - share) * aligned[low] + share * aligned[high],
        (1 - share) * averaged[low] + share * averaged[high],
        options.coarse_merge,
    )


def place_response(axion_hz: float, step_hz: float, options: Options) -> FloatArray:
    """Mean excess of one grand bin for axions across half a coarse bin either side, relative.

    Args:
        axion_hz: Frequency, Hz; the nearest multiple of 1 MHz is taken.
        step_hz: Digitizer bin width, Hz.
        options: Merging and template.

    Returns:
        Response at evenly spaced places, of mean one.
    """
    anchor = round(axion_hz / ANCHOR_HZ) * ANCHOR_HZ
    coarse_hz = step_hz * options.fine_merge * options.coarse_merge
    weights = line_table(np.array([anchor]), step_hz, options).weights(options.template)[0]
    edges = anchor + coarse_hz * np.arange(options.line_bins + 1)
    offsets = ((np.arange(_PLACES) + 0.5) / _PLACES - 0.5) * coarse_hz
    response = np.array([weights @ bin_fractions(edges - offset, anchor) for offset in offsets])
    return response / response.mean()


@lru_cache(maxsize=4096)
def _anchor(number: int, fine_hz: float, merge: int, lines: int) -> tuple[FloatArray, FloatArray]:
    axion_hz = number * ANCHOR_HZ
    edges = axion_hz + fine_hz * (np.arange((lines + 2) * merge + 1) - merge)
    aligned = bin_fractions(edges, axion_hz)
    offsets = ((np.arange(_PLACES) + 0.5) / _PLACES - 0.5) * merge * fine_hz
    averaged = np.mean([bin_fractions(edges - offset, axion_hz) for offset in offsets], axis=0)
    return aligned, averaged
