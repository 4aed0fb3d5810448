"""Figures of the design studies, with matplotlib. Each function returns a figure to be saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.figure import Figure, FigureBase

from amrr.design import space
from amrr.design.conservatism import Comparison
from amrr.design.search import Candidate, Study
from amrr.design.successor import DIPOLES_T, GOAL_K, Scan, Successor
from amrr.design.verification import Verification
from instruments.drawing import styled

_GREY: Final = "0.75"
_COLOURS: Final = "cividis"
_MARKERS: Final = "ovD"


@styled
def front_figure(study: Study, verified: Verification | None = None) -> Figure:
    """The Pareto front, and the variables of the machines on it against their cooling power."""
    figure = Figure(figsize=(12.0, 7.5), layout="constrained")
    sides = figure.add_gridspec(1, 2, width_ratios=(1.0, 1.25))
    _objectives(figure.add_subfigure(sides[0]), study, verified)
    _variables(figure.add_subfigure(sides[1]), study)
    return figure


@styled
def model_figure(found: Sequence[Comparison]) -> Figure:
    """Outlet and T_CHX of the design model against those of the dynamic model."""
    figure = Figure(figsize=(10.0, 5.0), layout="constrained")
    good = [c for c in found if c.answered]
    panels = (
        ("mean outlet of the regenerators", "outlet_k", "design_outlet_k"),
        ("temperature of the cold exchanger", "chx_k", "design_chx_k"),
    )
    swings = sorted({c.swing_t for c in good})
    loads = sorted({c.load_w for c in good})
    for axes, (title, dynamic, design) in zip(figure.subplots(1, 2), panels, strict=True):
        for c in good:
            axes.plot(
                getattr(c, dynamic), getattr(c, design), _MARKERS[loads.index(c.load_w) % 3],
                color=f"C{swings.index(c.swing_t)}", markersize=5,
                fillstyle="full" if c.concentration >= 0.1 else "none",
            )  # fmt: skip
        axes.axline((0.8, 0.8), slope=1.0, color=_GREY, zorder=0)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("dynamic model (K)")
        axes.set_ylabel("design model, Eqs. 1 to 3 (K)")
        axes.grid(alpha=0.3)
        for k, swing in enumerate(swings):
            axes.plot([], [], "s", color=f"C{k}", label=f"swing {swing:g} T")
        for k, load in enumerate(loads):
            axes.plot([], [], _MARKERS[k % 3], color="0.4", label=f"{1e6 * load:g} µW")
    figure.axes[0].legend()
    figure.axes[1].text(
        0.98, 0.03, "above the line: the design model is conservative\nhollow: x < 0.1",
        fontsize=8, ha="right", transform=figure.axes[1].transAxes,
    )  # fmt: skip
    return figure


@styled
def successor_figure(found: Sequence[Successor], which: Scan) -> Figure:
    """Lowest temperature and cooling power of the successor against its internal field."""
    figure = Figure(figsize=(10.0, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for k, molecular_t in enumerate(which.molecular_t):
        of = [s for s in found if s.molecular_t == molecular_t]
        cold = [(s.internal_t, s.lowest.chx_k) for s in of if s.lowest is not None]
        power = [(s.internal_t, 1e6 * s.powered.power_w) for s in of if s.powered.point is not None]
        for axes, points in ((left, cold), (right, power)):
            axes.plot(*np.array(points).reshape(-1, 2).T, "o-", color=f"C{k}", markersize=4,
                      label=f"lambda = {molecular_t:g} T")  # fmt: skip
    left.axhline(GOAL_K, color="0.4", linestyle="--", linewidth=1)
    left.text(which.internal_t[0], GOAL_K + 0.003, "announced", color="0.4", fontsize=8)
    left.set_ylabel("cold exchanger without load (K)")
    right.set_ylabel(f"cooling power at {GOAL_K:g} K (µW)")
    for axes in (left, right):
        axes.axvspan(*which.range_t, color="0.93", zorder=0)
        axes.axvline(DIPOLES_T, color=_GREY, zorder=0)
        axes.set_xlabel("internal field b (T); line: dipoles alone; band: range")
        axes.grid(alpha=0.3)
    right.set_ylim(bottom=0.0)
    left.legend()
    return figure


def _objectives(figure: FigureBase, study: Study, verified: Verification | None) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True)
    front, others = study.front, study.feasible
    power_uw, work_j, carnot = _columns(front)
    all_power, all_work, all_carnot = _columns(others)
    upper.plot(all_power, all_carnot, ".", color=_GREY, markersize=3, label="evaluated")
    drawn = upper.scatter(power_uw, carnot, c=work_j, cmap=_COLOURS, s=18, label="Pareto front")
    lower.plot(all_power, all_work, ".", color=_GREY, markersize=3)
    lower.scatter(power_uw, work_j, c=carnot, cmap="plasma", s=18)
    figure.colorbar(drawn, ax=upper, label="work per cycle (J)")
    if verified is not None:
        for name, machine, marker in (
            ("default", verified.default, "s"), ("best, verified", verified.best, "*"),
        ):  # fmt: skip
            point = machine.points[max(machine.points)]
            at_uw, style = 1e6 * machine.finest_w, {"color": "C3", "markersize": 10}
            upper.plot(at_uw, point.carnot_fraction, marker, label=name, **style)
            lower.plot(at_uw, point.work_j, marker, **style)
    upper.set_ylabel("fraction of Carnot")
    lower.set_ylabel("work per cycle (J)")
    lower.set_xlabel(f"cooling power at {study.options.chx_k:g} K (µW)")
    upper.legend(loc="lower right")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)


def _variables(figure: FigureBase, study: Study) -> None:
    shown = [v for v in space.VARIABLES if v.name != "square_ramp"]
    grid = figure.subplots(5, 2, sharex=True)
    power_uw, _, carnot = _columns(study.front)
    all_power, _, _ = _columns(study.feasible)
    for axes, variable in zip(grid.flat, shown, strict=True):
        scale, unit = variable.scale, variable.shown or variable.unit
        axes.plot(all_power, scale * _values(study.feasible, variable.name), ".", color=_GREY,
                  markersize=2)  # fmt: skip
        axes.scatter(power_uw, scale * _values(study.front, variable.name), c=carnot, s=9,
                     cmap="plasma")  # fmt: skip
        axes.set_ylabel(_label(variable.name, unit), fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    for axes in grid[-1]:
        axes.set_xlabel(f"cooling power at {study.options.chx_k:g} K (µW)", fontsize=8)
    figure.suptitle("colour: fraction of Carnot", fontsize=8)


def _label(name: str, unit: str) -> str:
    text = name.rsplit("_", 1)[0] if unit else name
    return text.replace("_", " ").replace("regen ", "") + (f" ({unit})" if unit else "")


def _columns(candidates: Sequence[Candidate]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power (uW), work (J) and Carnot fraction."""
    rows = np.array([c.objectives for c in candidates]).reshape(-1, 3)
    return -1e6 * rows[:, 0], rows[:, 1], -rows[:, 2]


def _values(candidates: Sequence[Candidate], name: str) -> np.ndarray:
    return np.array([c.values[name] for c in candidates])
