"""Published limits, to hold ours against: the letter's, and that of QUAX.

``data/capp6_limit.txt`` is the digitised Figure 4 of arXiv:2210.10961 from AxionLimits (C. O'Hare,
MIT licence, see docs/licences/AxionLimits.txt): axion mass in eV, coupling in 1/GeV; 1 marks the
edges, and the mode crossing is the one wide step between points. ``data/quax_limit.txt`` likewise
is the limit of arXiv:2304.07505, from the power seen in each bin of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from haloscope.analysis.spectra import FloatArray
from haloscope.axion import frequency_hz

_NOT_EXCLUDED = 1e-10  # 1/GeV: the file writes 1 where nothing is excluded.
_SPIKE = 1.05  # A digitised point this far over the median of its neighbours belongs to a spike.


@dataclass(frozen=True)
class PublishedLimit:
    """The curve, in order of frequency.

    Attributes:
        frequency_hz: Shape (k,), Hz.
        coupling_per_gev: Shape (k,), 1/GeV.
        spike: Whether a point belongs to one of the narrow spikes of the filter or to an edge.
        gap_hz: Lower and upper end of the mode crossing, Hz.
    """

    frequency_hz: FloatArray
    coupling_per_gev: FloatArray
    spike: np.ndarray
    gap_hz: tuple[float, float]


@lru_cache(maxsize=1)
def capp6() -> PublishedLimit:
    """Read the shipped curve."""
    frequency, coupling = _curve("capp6_limit.txt")
    excluded = coupling < _NOT_EXCLUDED
    frequency, coupling = frequency[excluded], coupling[excluded]
    hole = int(np.argmax(np.diff(frequency)))
    median = np.array(
        [np.median(coupling[np.abs(frequency - f) < 250e3]) for f in frequency], dtype=np.float64
    )
    gap = (float(frequency[hole]), float(frequency[hole + 1]))
    return PublishedLimit(frequency, coupling, coupling > _SPIKE * median, gap)


def quax() -> tuple[FloatArray, FloatArray]:
    """Frequency in Hz and coupling in 1/GeV of the limit of QUAX, each of shape (k,)."""
    return _curve("quax_limit.txt")


def _curve(name: str) -> tuple[FloatArray, FloatArray]:
    text = files("haloscope.analysis").joinpath(f"data/{name}").read_text("utf-8")
    mass, coupling = np.loadtxt(text.splitlines(), comments="#").T
    return np.array([frequency_hz(m) for m in mass]), coupling


def ratio_to_published(frequency_hz: FloatArray, coupling_per_gev: FloatArray) -> FloatArray:
    """Our limit over the published one at its points outside spikes, edges and the crossing.

    Args:
        frequency_hz: Ours, ascending, Hz.
        coupling_per_gev: Ours, 1/GeV.

    Returns:
        One ratio per usable published point within our range.
    """
    curve = capp6()
    inside = (curve.frequency_hz > frequency_hz[0]) & (curve.frequency_hz < frequency_hz[-1])
    usable = inside & ~curve.spike
    ours = np.interp(curve.frequency_hz[usable], frequency_hz, coupling_per_gev)
    return np.asarray(ours / curve.coupling_per_gev[usable])
