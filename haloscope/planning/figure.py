"""A forecast as a figure."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from haloscope.axion import coupling_dfsz, coupling_ksvz
from haloscope.planning.forecast import Forecast
from haloscope.planning.tables import duration
from instruments.drawing import BLUE, GREY, RED, styled

__all__ = ["figure"]


@styled
def figure(found: Forecast) -> Figure:
    """The sensitivity curve, with the models."""
    drawing = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = drawing.subplots()
    curve = found.curve
    mhz = curve.frequency_hz * 1e-6
    axes.semilogy(mhz, curve.coupling_per_gev, color=BLUE, label="forecast")
    for name, model, dashes in (("KSVZ", coupling_ksvz, "--"), ("DFSZ", coupling_dfsz, "-.")):
        per_hz = model(1e9) / 1e9
        axes.semilogy(mhz, per_hz * curve.frequency_hz, dashes, color=GREY, lw=1, label=name)
    if found.request.target is not None:
        ends = np.array([found.request.low_hz, found.request.high_hz])
        wanted = [found.request.target.at(float(nu)) for nu in ends]
        axes.semilogy(ends * 1e-6, wanted, ":", color=RED, label="target")
    axes.set(xlabel="frequency (MHz)", ylabel=r"$|g_{a\gamma\gamma}|$ excluded (GeV$^{-1}$)")
    axes.set_title(
        f"{found.name}: {found.steps} steps of {found.integration_s:.4g} s, "
        f"{duration(found.total_s)} in all"
    )
    axes.legend(loc="best")
    return drawing
