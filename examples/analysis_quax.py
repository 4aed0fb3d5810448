"""Measured spectra of another haloscope through the same steps: QUAX (arXiv:2304.07505).

The spectra are not part of this project: give the folder that holds ``runs.csv`` and ``run_N.csv``
(see ``haloscope.analysis.exchange.quax``), or set CRYOHALO_QUAX::

    python examples/analysis_quax.py FOLDER --output quax

Shows which baseline describes the data, the statistics of the fit residuals, the grand spectrum and
its width beside that of noise copies, a 90 % limit with its assumptions beside the published curve,
and how lines injected in software are recovered. The stack is also written in the interchange
layout.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.signal import inject
from haloscope.analysis.exchange import files, quax
from haloscope.analysis.exchange.interchange import read_spectra, write_spectra
from haloscope.analysis.exchange.published import quax as quax_limit
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.report import figures
from haloscope.analysis.report.page import write_report
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.injection import recovery
from haloscope.analysis.statistics.limits import dfsz
from haloscope.axion import mass_ev
from instruments.drawing import save


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


def noise_copies(spectra: Spectra, options: Options, count: int) -> None:
    """Width of the grand spectrum of noise about the fitted baselines: what chance allows."""
    reduction = reduce_stack(spectra, select(spectra, options), options)
    baseline, windows = reduction.baseline(), reduction.job.windows
    rng, averages = np.random.default_rng(1), spectra.num_averages[:, None]
    widths = []
    for _ in range(count):
        power = spectra.power_w.copy()
        for row, start in enumerate(windows.first_column):
            power[row, start : start + baseline.power.shape[1]] = baseline.power[row]
        copy = replace(
            spectra, power_w=power * rng.standard_gamma(averages, power.shape) / averages
        )
        widths.append(analyze(copy, options).normalised.std())
    print(f"grand width of {count} noise copies: {np.mean(widths):.3f} +- {np.std(widths):.3f}")


def figure_beside_the_published(result: Result, path: Path) -> None:
    """Our limits, by expectation and by the power seen, and the published one."""
    frequency, coupling = quax_limit()
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    origin_hz = 10.353e9
    ours_khz, seen = (result.frequency_hz - origin_hz) * 1e-3, result.limit.observed_per_gev
    axis.step(ours_khz, result.limit.coupling_per_gev, where="mid", label="ours, expected")
    axis.step(
        ours_khz, result.limit.observed_per_gev, where="mid", lw=0.8, label="ours, power seen"
    )
    axis.plot((frequency - origin_hz) * 1e-3, coupling, "k.", label="published, arXiv:2304.07505")
    axis.set(yscale="log", xlabel="frequency - 10.353 GHz (kHz)")
    axis.set(ylabel=r"$g_{a\gamma\gamma}$ (1/GeV)", title=result.verdict())
    axis.legend()
    save(figure, path)
    inside = (frequency > result.frequency_hz[0]) & (frequency < result.frequency_hz[-1])
    ratio = coupling[inside] / np.interp(frequency[inside], result.frequency_hz, seen)
    low, middle, high = np.quantile(ratio, [0.25, 0.5, 0.75])
    print(f"published / ours (power seen) at {len(ratio)} points: median {middle:.2f}, "
          f"middle half {low:.2f} to {high:.2f}")  # fmt: skip


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
    parser.add_argument("--copies", type=int, default=120)
    given = parser.parse_args()
    if given.folder is None:
        parser.error("no folder with runs.csv given, and CRYOHALO_QUAX is not set")
    given.output.mkdir(parents=True, exist_ok=True)
    spectra = quax.read(given.folder)
    write_spectra(given.output / "spectra.h5", spectra)
    spectra = read_spectra(given.output / "spectra.h5")
    result = analyze(spectra, quax.options(spectra.step_hz))
    print(f"baseline: {files.summary(result)['baseline']}")
    print(f"verdict: {result.verdict()}")
    options = result.options
    third = analyze(spectra, replace(options, baseline="pade", pade_degree=3))
    print(f"the paper's baseline, pade 3: grand width {third.normalised.std():.3f}, "
          f"{third.verdict()}")  # fmt: skip
    residuals(spectra, options)
    noise_copies(spectra, options, given.copies)
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
    save(figures.residuals(result.checks), given.output / "residuals")
    figure_beside_the_published(result, given.output / "limit.png")


if __name__ == "__main__":
    main()
