"""Limits in the text form that compilations take: mass in eV and coupling in 1/GeV, or mixing.

As in AxionLimits (C. O'Hare, github.com/cajohare/AxionLimits): lines of two numbers, ``#`` before
what is said of them, and walls of 1 at the ends and at gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from haloscope.analysis.budget.table import budget_lines
from haloscope.analysis.exchange import bayesian
from haloscope.analysis.pipeline import Result
from haloscope.analysis.reuse.dark_photon import DarkPhotons
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz
from haloscope.axion import mass_ev
from haloscope.constants import LOCAL_DENSITY_GEV_PER_CM3
from instruments.printable import escaped

__all__ = ["COUPLING", "save_bayes_limit", "save_dark_photons", "save_limit", "write_curve"]

_MOST_WORDS = 1000
COUPLING = "photon coupling [GeV^-1]"
_MIXING = "kinetic mixing"


def save_limit(path: Path | str, result: Result, title: str) -> None:
    """Write mass (eV) and coupling (1/GeV) for compilations, with walls of 1 at ends and gaps.

    Candidates that stand make gaps as missing data do; at those that were vetoed the limit is that
    of an axion beneath the interference.
    """
    core = result.grand.well_covered & result.excluded
    mass, coupling = result.limit.mass_ev[core], result.limit.coupling_per_gev[core]
    heads = [title, _confidence(result), *_said(result), _gaps(result)]
    write_curve(path, heads, mass, coupling, _gap_ev(result), COUPLING)


def save_dark_photons(path: Path | str, result: Result, photons: DarkPhotons, title: str) -> None:
    """Write mass (eV) and kinetic mixing of dark photons, with gaps at every candidate.

    What a rescan or a veto decided of a candidate holds for axions alone.
    """
    core = result.grand.well_covered & photons.excluded
    heads = [
        title,
        f"dark photons from a search for axions (arXiv:2105.04565): {photons.polarisation.words}",
        f"{_confidence(result)}; average field {photons.field_t:.6g} T",
        *_said(result),
        f"gaps at all {len(result.candidates)} candidates, whatever the vetoes say of them",
    ]
    mass, chi = photons.mass_ev[core], photons.mixing[core]
    write_curve(path, heads, mass, chi, _gap_ev(result), _MIXING)


def _confidence(result: Result) -> str:
    density = LOCAL_DENSITY_GEV_PER_CM3 * result.options.density_fraction
    return f"{result.options.confidence:.6g} confidence; density {density:.6g} GeV/cm^3"


def _gap_ev(result: Result) -> float:
    """Steps wider than this are gaps, eV."""
    mass = result.limit.mass_ev
    return 3 * float(mass[1] - mass[0]) if len(mass) > 1 else np.inf


def save_bayes_limit(path: Path | str, result: Result, title: str) -> None:
    """The same by the power measured: where the sub-aggregated prior update falls to a tenth.

    One point for each hundredth of the band; gaps where the band has none, or nothing is excluded.
    """
    measured = result.bayes
    found = np.isfinite(measured.window_excluded)
    nu, ratio = measured.window_hz[found], measured.window_excluded[found]
    says = (
        f"prior update sub-aggregated over {len(measured.window_hz)} windows falls to "
        f"{1 - result.options.confidence:.0%}; over the band at "
        f"{bayesian.words(measured.aggregate, measured)}"
    )
    width = (measured.frequency_hz[-1] - measured.frequency_hz[0]) / len(measured.window_hz)
    mass = mass_ev(1.0) * nu
    heads = [title, says, *_said(result), _gaps(result)]
    write_curve(path, heads, mass, dfsz(nu) * ratio, mass_ev(1.0) * 1.5 * width, COUPLING)


def _said(result: Result) -> list[str]:
    """What stands over every limit of a result: verdict, settings, budget."""
    return [
        result.verdict(),
        result.settings,
        *budget_lines(result.budget),
        f"taken off the expected power: {_taken(result)}",
    ]


def _gaps(result: Result) -> str:
    return (
        f"gaps at {len(result.standing)} candidates that stand; the power of "
        f"{len(result.vetoed)} vetoed ones is taken as an axion's"
    )


def write_curve(
    path: Path | str,
    heads: Sequence[str],
    mass: FloatArray,
    value: FloatArray,
    gap_ev: float,
    column: str,
) -> None:
    """Write a curve with walls of 1 at its ends and gaps.

    Args:
        path: The file; an existing one is replaced.
        heads: What is said of it, one comment each.
        mass: Ascending, shape (k,), eV.
        value: What is excluded, shape (k,).
        gap_ev: Steps wider than this are gaps, eV.
        column: What ``value`` is, with its unit.
    """
    lines = [f"# {escaped(head, _MOST_WORDS)}" for head in (*heads, f"mass [eV] {column}")]
    breaks = np.flatnonzero(np.diff(mass) > gap_ev) + 1
    for m, g in zip(np.split(mass, breaks), np.split(value, breaks), strict=True):
        if len(m):
            lines += _walled(m, g)
    Path(path).write_text("\n".join(lines) + "\n", "utf-8")


def _taken(result: Result) -> str:
    """What of the budget the limit is lowered by, in words."""
    of = "the total" if result.options.systematics == "budget" else "that of T_n alone"
    return f"{of}, {float(np.median(result.systematic)):.2%} in the median bin"


def _walled(mass: FloatArray, coupling: FloatArray) -> list[str]:
    points = [(mass[0], 1.0), *zip(mass, coupling, strict=True), (mass[-1], 1.0)]
    return [f"{m:.12e} {g:.6e}" for m, g in points]
