"""The grand spectrum and the limit of a scan as a figure in a window."""

from __future__ import annotations

from matplotlib import pyplot
from matplotlib.figure import Figure

from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz, ksvz
from instruments.drawing import BLUE, GREEN, RED, styled

__all__ = ["limit_figure"]


@styled
def limit_figure(
    nu: FloatArray, coupling: FloatArray, where: FloatArray, excess: FloatArray
) -> Figure:
    """Draw both; ``show`` it, or save it.

    Args:
        nu: Frequencies of the limit, Hz, shape (k,).
        coupling: What is excluded there, 1/GeV, shape (k,).
        where: Frequencies of the grand bins, Hz, shape (n,).
        excess: Their excess, sigma, shape (n,).
    """
    figure, (top, bottom) = pyplot.subplots(2, 1, sharex=True, layout="constrained")
    top.plot(nu / 1e6, coupling * 1e15, ".", color=BLUE, markersize=2, label="excluded")
    top.plot(nu / 1e6, ksvz(nu) * 1e15, "--", color=RED, label="KSVZ")
    top.plot(nu / 1e6, dfsz(nu) * 1e15, "-.", color=GREEN, label="DFSZ")
    top.set_ylabel(r"$|g_{a\gamma\gamma}|$ ($10^{-15}$/GeV)")
    top.set_ylim(bottom=0.0)
    # Above the axes: wherever the scan is, no curve lies below it.
    top.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
    bottom.plot(where / 1e6, excess, ".", color=BLUE, markersize=2)
    bottom.set_ylabel("excess (sigma)")
    bottom.set_xlabel("axion frequency (MHz)")
    return figure
