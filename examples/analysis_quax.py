"""Measured spectra of another haloscope through the same steps: QUAX (arXiv:2304.07505).

The spectra are not part of this project: give the folder that holds ``runs.csv`` and ``run_N.csv``
(see ``haloscope.analysis.exchange.quax``), or set CRYOHALO_QUAX::

    python examples/analysis_quax.py FOLDER --output quax

Shows the statistics of the fit residuals, the grand spectrum, a 90 % limit with its assumptions,
and how lines injected in software are recovered. The stack is also written in the interchange
layout.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from scipy import stats

from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.exchange import files, quax
from haloscope.analysis.exchange.interchange import read_spectra, write_spectra
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.report import figures
from haloscope.analysis.report.page import write_report
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.injection import inject, recovery
from haloscope.analysis.statistics.limits import dfsz
from haloscope.axion import mass_ev


def residuals(spectra: Spectra, options: Options) -> None:
    """Spread and normality of every slice."""
    reduction = reduce_stack(spectra, select(spectra, options), options)
    pulls = np.concatenate([reduced.pull for _, reduced, _ in reduction.chunks()])
    bins = pulls.shape[1]
    print(f"residuals of {bins} bins per slice (spread +- {(2 * bins) ** -0.5:.3f} by chance):")
    for label, row in zip(spectra.labels, pulls, strict=True):
        p = stats.kstest(row / row.std(), "norm").pvalue
        print(f"  slice {label}: spread / radiometer {row.std():.3f}, normality p = {p:.2f}")
    flat = pulls.ravel()
    p = stats.kstest(flat / flat.std(), "norm").pvalue
    n = flat.size
    print(
        f"  all: spread {flat.std():.4f} +- {(2 * n) ** -0.5:.4f}, normality p = {p:.2f}, "
        f"skewness {stats.skew(flat):+.3f} +- {np.sqrt(6 / n):.3f}, excess kurtosis "
        f"{stats.kurtosis(flat):+.3f} +- {np.sqrt(24 / n):.3f}"
    )


def injections(spectra: Spectra, options: Options, before: Result, count: int) -> None:
    """Lines of expected excess 4.5 (with the systematic), all over the grand spectrum."""
    places = np.linspace(5, len(before.grand) - 6, count).astype(int)
    rises, fates = [], []
    for at in places:
        axion_hz = float(before.frequency_hz[at])
        strength = 4.5 / float(before.limit.expected_snr[at])
        coupling = float(dfsz(np.array(axion_hz)) * np.sqrt(strength))
        fate = recovery(analyze(inject(spectra, axion_hz, coupling, options), options), axion_hz,
                        coupling)  # fmt: skip
        fates.append(fate)
        rises.append((fate.observed - before.normalised[at]) / fate.expected)
    found, chance = sum(f.found for f in fates), np.array([f.probability for f in fates])
    print(f"{count} lines injected: rise / claimed {np.mean(rises):.3f} (from {min(rises):.3f} to "
          f"{max(rises):.3f}), found {found}, predicted {chance.sum():.1f} +- "
          f"{np.sqrt(np.sum(chance * (1 - chance))):.1f}")  # fmt: skip


def main() -> None:
    """Analyse a folder of runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("CRYOHALO_QUAX"))
    parser.add_argument("--output", type=Path, default=Path("quax"))
    parser.add_argument("--injections", type=int, default=60)
    given = parser.parse_args()
    if given.folder is None:
        parser.error("no folder with runs.csv given, and CRYOHALO_QUAX is not set")
    given.output.mkdir(parents=True, exist_ok=True)
    spectra = quax.read(given.folder)
    write_spectra(given.output / "spectra.h5", spectra)
    spectra = read_spectra(given.output / "spectra.h5")
    options = quax.options(spectra.step_hz)
    residuals(spectra, options)
    result = analyze(spectra, options)
    best = int(np.argmin(result.limit.coupling_per_gev))
    z = result.normalised
    print(
        f"grand spectrum: {len(z)} frequencies, mean {z.mean():+.3f}, width {z.std():.3f}, highest "
        f"{z.max():.2f}, xi {result.xi:.3f}, eps {result.eps:.3f}, candidates "
        f"{len(result.candidates)}"
    )
    print(f"{options.confidence:.0%} limit: best {result.limit.coupling_per_gev[best]:.3e} /GeV at "
          f"{mass_ev(result.frequency_hz[best]) * 1e6:.4f} ueV, from the observed power "
          f"{result.limit.observed_per_gev[best]:.3e} /GeV")  # fmt: skip
    for assumption in quax.ASSUMPTIONS:
        print(f"  assuming {assumption}")
    injections(spectra, options, result, given.injections)
    files.save_limit(given.output / "limit.txt", result, "QUAX runs, reanalysed")
    write_report(given.output / "report.html", result, title="QUAX runs, reanalysed",
                 provenance={"assumptions": "; ".join(quax.ASSUMPTIONS)})  # fmt: skip
    figures.residuals(result.checks).savefig(given.output / "residuals.png")
    figures.limit(result, observed=True).savefig(given.output / "limit.png")


if __name__ == "__main__":
    main()
