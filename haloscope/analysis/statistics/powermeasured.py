"""The power-measured analysis of a grand spectrum, and what the threshold says of the same band.

Formulas and source: module ``bayes``. Couplings that hold over the band are in units of DFSZ's,
since a model's coupling goes with the frequency; ``PowerMeasured.per_gev`` gives one at the middle
of the band. Averages run over the well covered bins.

A candidate that stands raises the update of its bins, and with them U: of an axion that may be
there nothing is excluded. ``elsewhere`` is the same without the candidates' lines, for the rest of
the band. Where a candidate was vetoed its excess is known to be something else's, and of an axion
behind it the data say nothing: those bins (``silent``) keep their prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.chain.template import line_table, place_response
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.bayes import (
    aggregate_strength,
    excluded_coupling,
    found_share,
    noise_strengths,
    threshold_strength,
    typical,
    update,
)
from haloscope.analysis.statistics.limits import dfsz

_WINDOWS: Final = 100
#: In a window: two lines' widths, so that one line does not decide it alone.
_FEWEST_BINS: Final = 18
_COPIES: Final = 12
_COUPLINGS: Final = 60
#: Couplings drawn: so many times the threshold's, and its so manieth part.
_SPAN: Final = 3.0


@dataclass(frozen=True)
class PowerMeasured:
    """What the measured power says of axions in each bin and over the band.

    ``c`` couplings, ``w`` windows of the band, ``k`` grand bins.

    Attributes:
        frequency_hz: Axion frequency of each grand bin, shape (k,), Hz.
        excluded_per_gev: Coupling above which the bin's own update is below 1 - confidence, shape
            (k,), 1/GeV; NaN where the data say nothing.
        update: Prior update at the coupling ``threshold``, shape (k,).
        middle_hz: Middle of the band, Hz.
        couplings: In units of DFSZ's, rising, shape (c,).
        window_hz: Middle of each window that holds bins, shape (w,), Hz.
        window_update: Mean update of each window, shape (c, w).
        window_excluded: Coupling in units of DFSZ's above which a window's update stays below
            1 - confidence, shape (w,); NaN where that is beyond ``couplings``.
        band_update: U, shape (c,).
        band_found: Share that the threshold's search finds, shape (c,).
        threshold: Coupling in units of DFSZ's that the threshold's search excludes on average over
            the band, whatever it saw.
        aggregate: The same by the power measured, where U falls to 1 - confidence; NaN if it does
            not.
        elsewhere: ``aggregate`` away from candidates that stand.
        expected: ``aggregate`` that noise alone gives, mean of correlated draws.
        expected_scatter: Their standard deviation.
        highest: Highest update at the coupling ``threshold``.
        highest_hz: Where, Hz.
    """

    frequency_hz: FloatArray
    excluded_per_gev: FloatArray
    update: FloatArray
    middle_hz: float
    couplings: FloatArray
    window_hz: FloatArray
    window_update: FloatArray
    window_excluded: FloatArray
    band_update: FloatArray
    band_found: FloatArray
    threshold: float
    aggregate: float
    elsewhere: float
    expected: float
    expected_scatter: float
    highest: float
    highest_hz: float

    def per_gev(self, coupling: float) -> float:
        """A coupling in units of DFSZ's at the middle of the band, 1/GeV."""
        return coupling * float(dfsz(np.array(self.middle_hz)))

    @property
    def speed_up(self) -> float:
        """How much sooner the same coupling is excluded: scan time goes as coupling^-4."""
        return (self.threshold / self.aggregate) ** 4


def power_measured(
    grand: Grand,
    snr: FloatArray,
    step_hz: float,
    options: Options,
    *,
    excluded: NDArray[np.bool_],
    silent: NDArray[np.bool_] | None = None,
) -> PowerMeasured:
    """Apply the framework to a grand spectrum.

    Args:
        grand: The grand spectrum.
        snr: Expected normalised excess of a DFSZ axion with every efficiency, shape (k,).
        step_hz: Digitizer bin width, Hz.
        options: Confidence, threshold and template.
        excluded: Where no candidate stands, shape (k,).
        silent: Where a candidate was vetoed, shape (k,).
    """
    mute = np.zeros(len(grand), dtype=bool) if silent is None else silent
    core = sensitive(grand, snr)
    nu, x, heard = grand.frequency_hz, grand.normalised, ~mute
    places = band_places(grand, step_hz, options)
    few = typical(snr[core])
    target = threshold_strength(few, options.threshold, options.confidence, places)
    now = np.where(heard, update(x, snr, target), 1.0)
    own = np.where(heard, excluded_coupling(grand, snr, options.confidence), np.nan)
    couplings = np.sqrt(target) * np.geomspace(1 / _SPAN, _SPAN, _COUPLINGS)
    windows = _windows(nu[core])
    mean_update, counts = _by_window(x[core], snr[core], mute[core], couplings, windows)
    noise = noise_strengths(snr[core], _weights(grand, step_hz, options), options.confidence,
                            _COPIES)  # fmt: skip
    noise = np.sqrt(noise)
    top = int(np.argmax(now))
    away = core & excluded & heard
    return PowerMeasured(
        frequency_hz=nu,
        excluded_per_gev=own,
        update=now,
        middle_hz=float(nu[core].mean()),
        couplings=couplings,
        window_hz=np.bincount(windows, nu[core])[counts > 0] / counts[counts > 0],
        window_update=mean_update,
        window_excluded=_last_crossings(couplings, mean_update, 1 - options.confidence),
        band_update=mean_update @ counts[counts > 0] / counts.sum(),
        band_found=np.array([found_share(few, g**2, options.threshold, places) for g in couplings]),
        threshold=float(np.sqrt(target)),
        aggregate=_aggregate(x[core], snr[core], options.confidence, mute[core]),
        elsewhere=_aggregate(x[away], snr[away], options.confidence, None),
        expected=float(noise.mean()),
        expected_scatter=float(noise.std(ddof=1)),
        highest=float(now[top]),
        highest_hz=float(nu[top]),
    )


def sensitive(grand: Grand, snr: FloatArray) -> NDArray[np.bool_]:
    """Bins that count as the band: well covered, and an axion would leave power there."""
    return grand.well_covered & (snr > 0)


def band_places(grand: Grand, step_hz: float, options: Options) -> FloatArray:
    """Response across a coarse bin in the middle of the band; ones for aligned axions."""
    if options.efficiency_definition == "aligned":
        return np.ones(1)
    return place_response(float(grand.frequency_hz[len(grand) // 2]), step_hz, options)


def _weights(grand: Grand, step_hz: float, options: Options) -> FloatArray:
    middle = grand.frequency_hz[len(grand) // 2 : len(grand) // 2 + 1]
    return line_table(middle, step_hz, options).weights(options.template)[0]


def _aggregate(
    x: FloatArray, snr: FloatArray, confidence: float, mute: NDArray[np.bool_] | None
) -> float:
    """Coupling excluded over these bins, in units of DFSZ's; NaN if none is."""
    if not len(x):
        return float("nan")
    try:
        return float(np.sqrt(aggregate_strength(x, snr, confidence, silent=mute)))
    except ValueError:
        return float("nan")


def _windows(frequency_hz: FloatArray) -> NDArray[np.int64]:
    """Number of the window of each bin: of equal widths over the band."""
    count = min(_WINDOWS, max(len(frequency_hz) // _FEWEST_BINS, 1))
    edges = np.linspace(frequency_hz[0], frequency_hz[-1], count + 1)[1:-1]
    return np.searchsorted(edges, frequency_hz, side="right")


def _by_window(
    x: FloatArray,
    snr: FloatArray,
    mute: NDArray[np.bool_],
    couplings: FloatArray,
    windows: NDArray[np.int64],
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Mean update (c, w) of the windows that hold bins, and bins in each window."""
    counts = np.bincount(windows)
    filled = counts > 0
    rows = [
        np.bincount(windows, np.where(mute, 1.0, update(x, snr, g**2)))[filled] for g in couplings
    ]
    return np.array(rows) / counts[filled], counts


def _last_crossings(couplings: FloatArray, updates: FloatArray, odds: float) -> FloatArray:
    """Coupling of each column beyond which its update stays below ``odds``; NaN beyond all."""
    over = updates >= odds
    found = np.full(updates.shape[1], np.nan)
    for column in range(updates.shape[1]):
        last = int(np.flatnonzero(over[:, column]).max(initial=0))
        if last + 1 == len(couplings):
            continue
        high, low = np.log(np.maximum(updates[last : last + 2, column], 1e-300))
        share = np.clip((high - np.log(odds)) / (high - low), 0.0, 1.0)
        found[column] = couplings[last] * (couplings[last + 1] / couplings[last]) ** share
    return found
