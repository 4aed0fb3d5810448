"""A combination of several experiments as files: for compilations, and one line a mass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from haloscope.analysis.exchange.compilations import COUPLING, write_curve
from haloscope.analysis.reuse.experiments import Experiment, Together
from haloscope.analysis.statistics.limits import dfsz
from haloscope.constants import LOCAL_DENSITY_GEV_PER_CM3

__all__ = ["save_combination", "save_combined_csv"]


def save_combination(
    path: Path | str, found: Together, experiments: Sequence[Experiment], title: str
) -> None:
    """Write mass (eV) and coupling (1/GeV), with walls of 1 at ends and gaps.

    Args:
        path: The file; an existing one is replaced.
        found: The combination.
        experiments: What it is of.
        title: What it is called.
    """
    density = LOCAL_DENSITY_GEV_PER_CM3 * found.density_fraction
    heads = [
        title,
        f"{found.confidence:.6g} confidence; density {density:.6g} GeV/cm^3",
        *(f"of {one.label}, apparatus {one.name}" for one in experiments),
        *(f"NOT TO BE BELIEVED: {doubt}" for doubt in found.doubts),
        "each experiment's error budget its own; common terms shared by campaigns of one apparatus",
        f"gaps at candidates that stand in any of them, and at {int(found.over.sum())} bins over "
        "the threshold together",
    ]
    kept = found.excluded
    mass = found.mass_ev[kept]
    spacing = float(np.median(np.diff(found.mass_ev))) if len(found.mass_ev) > 1 else 0.0
    write_curve(path, heads, mass, found.coupling_per_gev[kept], 3 * spacing, COUPLING)


def save_combined_csv(path: Path | str, found: Together) -> None:
    """Write the combination, one line a mass, with named columns."""
    unit = dfsz(found.frequency_hz)
    columns = {
        "frequency_hz": found.frequency_hz,
        "mass_ev": found.mass_ev,
        "excess": found.result.z,
        "limit_per_gev": found.coupling_per_gev,
        "observed_limit_per_gev": found.observed_per_gev,
        "without_errors_per_gev": unit * np.sqrt(found.result.statistics),
        "error": found.result.error,
        "disagreement": found.result.disagreement,
        "experiments": found.experiments,
        "excluded": found.excluded,
    }
    table = np.stack(list(columns.values()), axis=1)
    np.savetxt(path, table, fmt="%.12g", delimiter=",", header=",".join(columns), comments="")
