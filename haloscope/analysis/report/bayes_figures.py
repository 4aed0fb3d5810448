"""The power-measured analysis as its authors draw it (Palken et al. 2020), with the threshold's.

``updates``: sub-aggregated prior updates in colour over frequency and coupling, with the couplings
that both analyses exclude. ``aggregate``: the update and the exclusion of the whole band.
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from haloscope.analysis.pipeline import Result
from haloscope.analysis.report.figures import new_figure
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz
from haloscope.analysis.statistics.powermeasured import PowerMeasured
from instruments.drawing import BLUE, GREY, ORANGE, RED, styled

CAPTIONS = {
    "updates": "Prior updates, sub-aggregated: blue where axions became less probable, red where "
    "more; and what each analysis excludes.",
    "aggregate": "Prior update and share found by the threshold, over the whole band.",
}
#: Updates beyond this, and below its inverse, are drawn alike, as in the paper.
_RANGE = 20.0


@styled
def updates(result: Result) -> Figure:
    """Prior update of each window and coupling, with the limits of both analyses."""
    figure, (axis,) = new_figure(4.2)
    measured = result.bayes
    place_hz, columns, excluded = _with_holes(measured)
    if len(place_hz) > 1:
        mesh = axis.pcolormesh(
            place_hz * 1e-6, measured.couplings, np.clip(columns, 1 / _RANGE, _RANGE),
            cmap="RdBu_r", shading="nearest", norm=LogNorm(1 / _RANGE, _RANGE), rasterized=True,
        )  # fmt: skip
        figure.colorbar(mesh, ax=axis, label="prior update")
    confidence = f"{1 - result.options.confidence:.0%}"
    axis.plot(place_hz * 1e-6, excluded, color=ORANGE, lw=1.2,
              label=f"update falls to {confidence}")  # fmt: skip
    says, nu = result.excluded & result.grand.well_covered, result.frequency_hz
    by_threshold = np.where(says, result.limit.coupling_per_gev / dfsz(nu), np.nan)
    axis.plot(nu * 1e-6, by_threshold, color="k", lw=0.9, label="threshold")
    found = result.standing
    places = np.array([c.frequency_hz for c in found])
    axis.plot(places * 1e-6, [c.coupling_per_gev for c in found] / dfsz(places), "v", color="k",
              ms=5, mfc="none", label=f"candidates ({len(found)})")  # fmt: skip
    axis.set(xlabel="frequency (MHz)", ylabel=r"$|g_{a\gamma\gamma}|$ / DFSZ", yscale="log",
             ylim=(measured.couplings[0], measured.couplings[-1]))  # fmt: skip
    axis.legend(loc="upper right", frameon=True)
    return figure


def _with_holes(measured: PowerMeasured) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Windows with a column of nothing wherever they leave a hole, as over a mode crossing."""
    nu = measured.window_hz
    steps = np.diff(nu)
    at = np.flatnonzero(steps > 1.8 * np.median(steps)) + 1 if len(steps) else np.zeros(0, int)
    between = 0.5 * (nu[at - 1] + nu[at])
    return (
        np.insert(nu, at, between),
        np.insert(measured.window_update, at, np.nan, axis=1),
        np.insert(measured.window_excluded, at, np.nan),
    )


@styled
def aggregate(result: Result) -> Figure:
    """Update over the band against the coupling, and what the threshold's search misses."""
    figure, (axis,) = new_figure()
    measured, odds = result.bayes, 1 - result.options.confidence
    axis.plot(measured.couplings, measured.band_update, color=BLUE, label="prior update")
    axis.plot(measured.couplings, 1 - measured.band_found, color=RED,
              label="missed by the threshold")  # fmt: skip
    axis.axhline(odds, color=GREY, ls="--", lw=0.8)
    for coupling, colour in ((measured.aggregate, BLUE), (measured.threshold, RED)):
        axis.plot(coupling, odds, "o", color=colour, ms=4)
    expected = _around(measured.expected, measured.expected_scatter)
    axis.axvspan(*expected, color=BLUE, alpha=0.15, lw=0, label="update, noise alone")
    axis.set(xlabel=r"$|g_{a\gamma\gamma}|$ / DFSZ", ylabel="", xscale="log", ylim=(0.0, 1.5))
    axis.legend()
    return figure


def _around(value: float, error: float) -> FloatArray:
    return np.array([value - error, value + error])


def all_figures(result: Result) -> dict[str, Figure]:
    """Both by name."""
    return {"updates": updates(result), "aggregate": aggregate(result)}
