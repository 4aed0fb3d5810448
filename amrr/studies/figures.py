"""Figures of the studies, with matplotlib. Each function returns a figure to be saved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from amrr.studies.answers import Answer, Sensitivity
from amrr.studies.uncertainty import Outcome
from instruments.drawing import BLUE, RED, styled

#: At the low and at the high end of a parameter's range.
_LOW: Final = BLUE
_HIGH: Final = RED
_SHOWN: Final = 18


@styled
def tornado(outcome: Outcome, most: int = _SHOWN) -> Figure:
    """What each parameter does alone, and below it what all of them do together.

    Args:
        outcome: Of a study.
        most: Parameters that are drawn, those that move the temperature most.
    """
    shown = outcome.sensitivities[:most]
    rows = max(len(outcome.bands), 1)
    figure = Figure(figsize=(11.0, 2.2 + 0.27 * len(shown) + 0.3 * rows), layout="constrained")
    ratios = (max(len(shown), 1), 2 * rows)
    axes = figure.subplots(2, 2, sharex="col", squeeze=False, height_ratios=ratios)
    study = outcome.study
    titles = (
        f"temperature at {1e6 * study.load_w:g} µW (K)",
        f"cooling power at {study.chx_k:g} K (µW)",
    )
    for column, (name, scale, title) in enumerate(
        zip(("chx_k", "power_w"), (1.0, 1e6), titles, strict=True)
    ):
        _bars(axes[0, column], shown, outcome.default, name, scale)
        _bands(axes[1, column], outcome, name, scale)
        axes[1, column].set_xlabel(title)
    axes[0, 0].set_yticks(range(len(shown)), [_label(s) for s in shown], fontsize=8)
    axes[0, 1].set_yticks(range(len(shown)), [""] * len(shown))
    axes[1, 0].set_yticks(range(len(outcome.bands)), list(outcome.bands), fontsize=8)
    axes[1, 1].set_yticks(range(len(outcome.bands)), [""] * len(outcome.bands))
    return figure


def _label(s: Sensitivity) -> str:
    return f"{s.name}: {s.range.low:g} to {s.range.high:g}"


def _bars(
    axes: Axes, shown: Sequence[Sensitivity], default: Answer, name: str, scale: float
) -> None:
    middle = scale * getattr(default, name)
    for row, s in enumerate(shown):
        for answer, colour, end in ((s.low, _LOW, "low"), (s.high, _HIGH, "high")):
            value = scale * getattr(answer, name)
            label = f"at its {end} end" if row == 0 else None
            if math.isnan(value):
                axes.annotate(
                    "no periodic state", (middle, row), color=colour, fontsize=7, va="center"
                )
                axes.barh(row, 0.0, left=middle, color=colour, label=label)
            else:
                axes.barh(row, value - middle, left=middle, color=colour, height=0.7, label=label)
    axes.axvline(middle, color="0.2", linewidth=0.8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    if shown:
        axes.legend(loc="lower right")


def _bands(axes: Axes, outcome: Outcome, name: str, scale: float) -> None:
    rng: Any = np.random.default_rng(0)
    for row, band in enumerate(outcome.bands.values()):
        values = scale * band.values(name)
        low, lower, middle, upper, high = scale * band.quantiles(name)
        axes.plot([low, high], [row, row], color="0.3", linewidth=1.5)
        axes.plot([lower, upper], [row, row], color="0.3", linewidth=5.0)
        axes.plot([middle], [row], "|", color="white", markersize=8)
        axes.plot(values, row + 0.3 + 0.1 * rng.random(values.size), ".", color="0.6", markersize=2)
    axes.axvline(scale * getattr(outcome.default, name), color="0.2", linewidth=0.8)
    axes.invert_yaxis()
    axes.margins(y=0.2)
    axes.grid(axis="x", alpha=0.3)
