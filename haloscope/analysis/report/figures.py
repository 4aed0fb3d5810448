"""The letter's Figures 3, 4 and 5, and the checks behind them, with matplotlib.

Every function takes a result and returns a ``Figure`` of its own (no global state, no display), to
be saved in any format.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from haloscope.analysis.exchange.published import capp6
from haloscope.analysis.pipeline import Result
from haloscope.analysis.quality.residuals import HISTOGRAM_EDGES, Residuals
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz, ksvz
from haloscope.constants import ELECTRON_VOLT_J, LOCAL_DENSITY_GEV_PER_CM3, PLANCK_J_S
from instruments.drawing import BLUE, GREEN, GREY, RED, styled

_UEV_PER_GHZ = PLANCK_J_S * 1e9 / ELECTRON_VOLT_J * 1e6
#: Points of fewer bins than these are drawn large enough to be seen one by one.
_FEW_BINS = 5000


def new_figure(height: float = 3.6, panels: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of the report with its panels."""
    figure = Figure(figsize=(7.0, height), layout="constrained")
    return figure, [figure.add_subplot(1, panels, k + 1) for k in range(panels)]


def _with_gaps(x: FloatArray, y: FloatArray, gap: float) -> tuple[FloatArray, FloatArray]:
    """Break a line where the frequencies jump, as over the mode crossing."""
    at = np.flatnonzero(np.diff(x) > gap) + 1
    return np.insert(x, at, np.nan), np.insert(y, at, np.nan)


def _mass_uev(mhz: ArrayLike) -> FloatArray:
    return np.asarray(mhz, dtype=np.float64) * (1e-3 * _UEV_PER_GHZ)


def _mhz(mass_uev: ArrayLike) -> FloatArray:
    return np.asarray(mass_uev, dtype=np.float64) / (1e-3 * _UEV_PER_GHZ)


def _legend_below(axis: Axes) -> None:
    """Wherever it is put inside, some scan's points or curve run through it."""
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)


def _mass_axis(axis: Axes) -> None:
    top = axis.secondary_xaxis("top", functions=(_mass_uev, _mhz))
    top.set_xlabel("axion mass (µeV)")
    axis.tick_params(top=False)


@styled
def spectrum(result: Result) -> Figure:
    """Normalised grand spectrum against frequency, with the threshold and the candidates."""
    figure, (axis,) = new_figure()
    mhz = result.frequency_hz * 1e-6
    few = len(mhz) < _FEW_BINS
    axis.plot(mhz, result.normalised, "." if few else ",", ms=3, mew=0, color=BLUE, rasterized=True)
    axis.axhline(result.options.threshold, color=RED, lw=0.9, label="threshold")
    for found, mark, colour, name in ((result.standing, "v", RED, "candidates"),
                                      (result.vetoed, "x", GREY, "vetoed")):  # fmt: skip
        if found:
            axis.plot([c.frequency_hz * 1e-6 for c in found], [c.excess for c in found], mark,
                      color=colour, ms=5, mfc="none", label=f"{name} ({len(found)})")  # fmt: skip
    axis.set(xlabel="frequency (MHz)", ylabel=r"normalised excess ($\sigma$)")
    _mass_axis(axis)
    _legend_below(axis)
    return figure


@styled
def histogram(result: Result) -> Figure:
    """Distribution of the normalised grand spectrum with the standard Gaussian (Figure 3a)."""
    figure, (axis,) = new_figure()
    draw_distribution(axis, result.normalised, "grand spectrum", BLUE, "o", standard=True)
    axis.set_title(f"{len(result.grand)} frequencies, scale factor {result.xi:.3f}")
    return figure


def draw_distribution(
    axis: Axes,
    values: FloatArray,
    name: str,
    colour: str,
    marker: str,
    *,
    bins: int = 80,
    standard: bool = False,
) -> tuple[float, float]:
    """Histogram of ``values`` as points with a Gaussian.

    Args:
        axis: Where to draw.
        values: What of.
        name: Of them, in the legend.
        colour: Of both.
        marker: Of the points.
        bins: Of the histogram.
        standard: Draw the standard Gaussian, not that of their own mean and width.

    Returns:
        Their mean and width.
    """
    mean, width = float(np.mean(values)), float(np.std(values))
    low, high = float(np.min(values)) - 0.5, float(np.max(values)) + 0.5
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    centres = 0.5 * (edges[1:] + edges[:-1])
    filled = counts > 0
    label = rf"{name}: $\mu$ = {mean:.3f}, $\sigma$ = {width:.3f}"
    axis.plot(centres[filled], counts[filled], marker, color=colour, ms=3, mfc="none", label=label)
    area = len(values) * (edges[1] - edges[0]) / np.sqrt(2 * np.pi)
    x = np.linspace(low, high, 400)
    centre, sigma = (0.0, 1.0) if standard else (mean, width)
    curve = area / sigma * np.exp(-0.5 * ((x - centre) / sigma) ** 2)
    axis.plot(x, curve, color=colour, lw=1, label="standard Gaussian" if standard else None)
    axis.set(yscale="log", xlabel=r"normalised power excess ($\sigma$)", ylabel="count")
    axis.set_ylim(0.5, 12.0 * float(counts.max()))  # room for the legend
    axis.legend(loc="upper left")
    return mean, width


@styled
def limit(result: Result, *, observed: bool = False, published: bool = True) -> Figure:
    """Excluded coupling over frequency and mass, with models and published curve (Figure 4)."""
    figure, (axis,) = new_figure(4.2)
    bound = result.limit
    step = 3 * result.step_hz * result.options.fine_merge * result.options.coarse_merge
    ends = bound.frequency_hz[[0, -1]]
    axis.plot(ends * 1e-6, ksvz(ends), "--", color=GREY, lw=1, label="KSVZ")
    axis.plot(ends * 1e-6, dfsz(ends), "-.", color=GREY, lw=1, label="DFSZ")
    curve = capp6()
    if published and curve.frequency_hz[0] < ends[1] and curve.frequency_hz[-1] > ends[0]:
        x, y = _with_gaps(curve.frequency_hz, curve.coupling_per_gev, 350e3)
        axis.plot(x * 1e-6, y, color=RED, lw=0.8, label="published (digitised)")
    confidence = f"{result.options.confidence:.0%}"
    says = result.excluded
    x, y = _with_gaps(bound.frequency_hz[says], bound.coupling_per_gev[says], step)
    axis.plot(x * 1e-6, y, color=BLUE, lw=1.1, label=f"this analysis, {confidence} limit")
    if observed:
        x, y = _with_gaps(bound.frequency_hz[says], bound.observed_per_gev[says], step)
        axis.plot(x * 1e-6, y, color=GREEN, lw=0.4, label="from the observed power")
    _mark_candidates(axis, result)
    margin = 0.02 * (ends[1] - ends[0])
    axis.set_xlim((ends[0] - margin) * 1e-6, (ends[1] + margin) * 1e-6)  # the scan that was made
    axis.set(yscale="log", xlabel="frequency (MHz)",
             ylabel=r"$|g_{a\gamma\gamma}|$ (GeV$^{-1}$)")  # fmt: skip
    # Ends and holes run off the page, as in the letter: they say nothing but where the data stop.
    axis.set_ylim(0.85 * float(bound.coupling_per_gev.min()), _top(bound.coupling_per_gev, ends))
    _mass_axis(axis)
    _legend_below(axis)
    return figure


def _mark_candidates(axis: Axes, result: Result) -> None:
    """Candidates with their couplings: the limit has gaps at those that stand."""
    found = result.standing
    if found:
        nu, coupling, error = np.array(
            [(c.frequency_hz, c.coupling_per_gev, c.coupling_error_per_gev) for c in found]
        ).T
        axis.errorbar(nu * 1e-6, coupling, error, fmt="v", color=BLUE, ms=4, mfc="none", lw=0.8,
                      label=f"candidates ({len(found)}): not excluded")  # fmt: skip
    if vetoed := result.vetoed:
        nu, coupling = np.array([(c.frequency_hz, c.coupling_per_gev) for c in vetoed]).T
        axis.plot(nu * 1e-6, coupling, "x", color=GREY, ms=5, label=f"vetoed ({len(vetoed)})")


def _top(coupling: FloatArray, ends: FloatArray) -> float:
    """Upper end of the coupling axis: above KSVZ, and above the limit where that is higher."""
    return 1.3 * max(float(ksvz(ends).max()), float(np.median(coupling)))


@styled
def density(result: Result) -> Figure:
    """Excluded share of the local density in KSVZ axions (Figure 5)."""
    figure, (axis,) = new_figure()
    bound = result.limit
    step = 3 * result.step_hz * result.options.fine_merge * result.options.coarse_merge
    says = result.excluded
    local = LOCAL_DENSITY_GEV_PER_CM3 * result.options.density_fraction
    x, y = _with_gaps(bound.frequency_hz[says], local * bound.ksvz_density[says], step)
    axis.plot(x * 1e-6, y, color=BLUE, label="excluded above")
    axis.axhline(local, color=GREY, ls="--", label="local density")
    axis.legend(loc="center right", bbox_to_anchor=(0.97, 0.5))
    axis.set(yscale="log", xlabel="frequency (MHz)",
             ylabel=r"$\rho_a^{\rm KSVZ}$ (GeV/cm$^3$)")  # fmt: skip
    _mass_axis(axis)
    return figure


@styled
def candidates(result: Result, *, around_hz: float = 10e3, most: int = 6) -> Figure:
    """The grand spectrum around the highest candidates."""
    highest = sorted(result.candidates, key=lambda c: -c.excess)[:most]
    figure, axes = new_figure(2.8, max(len(highest), 1))
    for axis, candidate in zip(axes, highest, strict=False):
        near = np.abs(result.frequency_hz - candidate.frequency_hz) < around_hz
        khz = (result.frequency_hz[near] - candidate.frequency_hz) * 1e-3
        axis.step(khz, result.normalised[near], where="mid", color=BLUE, lw=0.9)
        axis.axhline(result.options.threshold, color=RED, lw=0.8, label="threshold")
        axis.set_title(f"{candidate.frequency_hz * 1e-6:.4f} MHz", fontsize=7)
        axis.set_xlabel("offset (kHz)")
        axis.tick_params(labelsize=7)
    axes[0].set_ylabel(r"excess ($\sigma$)")
    if highest:
        axes[0].legend(fontsize=7)
    else:
        axes[0].set_title("no candidate over the threshold")
    return figure


@styled
def efficiency(result: Result) -> Figure:
    """Scale factor xi and efficiency eps over frequency, in closed form."""
    figure, (axis,) = new_figure()
    grand = result.grand
    step = 3 * result.step_hz * result.options.fine_merge * result.options.coarse_merge
    for values, colour, name in (
        (grand.xi, BLUE, r"$\xi$"),
        (grand.efficiency_aligned, GREEN, r"$\epsilon$ aligned"),
        (grand.efficiency_averaged, RED, r"$\epsilon$ averaged"),
    ):
        x, y = _with_gaps(result.frequency_hz, values, step)
        axis.plot(x * 1e-6, y, color=colour, lw=0.8, label=name)
    axis.set(xlabel="frequency (MHz)", ylabel="ratio")
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
    return figure


@styled
def residuals(checks: Residuals) -> Figure:
    """Residuals of all baseline fits, and their width spectrum by spectrum."""
    figure, (left, right) = new_figure(panels=2)
    centres = 0.5 * (HISTOGRAM_EDGES[1:] + HISTOGRAM_EDGES[:-1])
    filled = checks.histogram > 0
    left.plot(centres[filled], checks.histogram[filled], "o", ms=2, color=BLUE)
    area = checks.histogram.sum() * (centres[1] - centres[0]) / np.sqrt(2 * np.pi)
    left.plot(centres, area * np.exp(-(centres**2) / 2), color=RED, lw=1, label="Gaussian")
    left.set(yscale="log", xlabel=r"residual ($\sigma$)", ylabel="count")
    left.set_ylim(0.5, None)
    right.plot(checks.width, ".", ms=3, color=BLUE)
    right.axhline(1.0, color=RED, lw=0.8, label="radiometer equation")
    right.set(xlabel="spectrum", ylabel="width of residuals / radiometer")
    for axis in (left, right):
        axis.legend()
    return figure


@styled
def noise(checks: Residuals) -> Figure:
    """System noise temperature of each spectrum at the cavity and at the ends of its window."""
    figure, (axis,) = new_figure()
    for column, name in enumerate(("lower end", "cavity", "upper end")):
        axis.plot(1e3 * checks.noise_temperature_k[:, column], lw=0.8, label=name)
    axis.set(xlabel="spectrum", ylabel=r"$T_n$ (mK)")
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
    return figure


def all_figures(result: Result) -> dict[str, Figure]:
    """The figures of a report by name."""
    return {
        "limit": limit(result),
        "density": density(result),
        "spectrum": spectrum(result),
        "histogram": histogram(result),
        "candidates": candidates(result),
        "efficiency": efficiency(result),
        "residuals": residuals(result.checks),
        "noise": noise(result.checks),
    }


@styled
def distributions(pairs: Iterable[tuple[str, FloatArray, FloatArray]], title: str) -> Figure:
    """Excess of (name, signal, background), one panel each: Figures 3b and 3c."""
    panels = list(pairs)
    figure, axes = new_figure(panels=len(panels))
    for axis, (name, with_signal, without) in zip(axes, panels, strict=True):
        draw_distribution(axis, with_signal, "axion", RED, "s", bins=60)
        draw_distribution(axis, without, "noise", BLUE, "^", bins=60)
        axis.set_title(name)
    figure.suptitle(title)
    return figure
