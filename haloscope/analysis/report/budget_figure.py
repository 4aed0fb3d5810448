"""The error budget as a figure: its terms, and their sum over the band."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from haloscope.analysis.budget.contributions import Origin
from haloscope.analysis.budget.table import budget_rows
from haloscope.analysis.pipeline import Result
from instruments.drawing import BLUE, GREEN, ORANGE, RED, styled

_COLOURS = {
    Origin.MEASURED: BLUE,
    Origin.STATED: GREEN,
    Origin.PARTLY: ORANGE,
    Origin.ASSUMED: RED,
}


@styled
def budget_figure(result: Result) -> Figure:
    """Errors of the expected power: the terms in the median grand bin, the sums in every bin."""
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    rows = [row for row in budget_rows(result.budget) if row.origin]
    place = np.arange(len(rows))[::-1]
    for at, row in zip(place, rows, strict=True):
        colour = _COLOURS[Origin(row.origin)]
        left.barh(at, 100 * row.power, color=colour, alpha=1.0 if row.common else 0.55)
    left.set_yticks(place, [f"{row.words} ({row.origin})" for row in rows], fontsize=7)
    left.set_xlabel("error of the power (%)\npale: each spectrum its own")
    mhz = result.frequency_hz * 1e-6
    sums = {"total": result.budget.total, "common": result.budget.common, "own": result.budget.own}
    for (name, value), colour in zip(sums.items(), ("k", BLUE, GREEN), strict=True):
        right.plot(mhz, 100 * value, ".", ms=2, color=colour, label=name, rasterized=True)
    right.set(xlabel="frequency (MHz)", ylabel="error of the power (%)", ylim=(0, None))
    right.locator_params(axis="x", nbins=4)
    right.legend(markerscale=4)
    return figure
