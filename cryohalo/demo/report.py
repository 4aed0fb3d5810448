"""The demonstration's report, made from its catalog alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console

from cryohalo.catalog import Catalog, Run
from cryohalo.demo.page import Page, Section
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.exchange.files import summary
from haloscope.analysis.exchange.found import candidate_words, pairs, verdict_words
from haloscope.analysis.exchange.keys import value_in
from haloscope.analysis.options import line_span_hz
from haloscope.analysis.pipeline import Result, analyze, expected_width
from haloscope.analysis.report import figures
from instruments.drawing import BLUE, RED, styled

if TYPE_CHECKING:
    from cryohalo.demo.options import DemoOptions
    from haloscope.axion import AxionLine

Lines = list[tuple[str, str]]


def write_report(
    options: DemoOptions, hidden: AxionLine | None, console: Console
) -> dict[str, Any]:
    """Analyse the catalog, write the page and its figures.

    Args:
        options: The demonstration's options.
        hidden: What the opened envelope says was hidden, None for nothing.
        console: Where progress goes.

    Returns:
        ``lines`` (names and values to print), ``page`` (path), ``result`` (the analysis).
    """
    catalog = Catalog(options.catalog)
    page = Page(options.output)
    cooled = _refrigerator(page, catalog.named("cooldown")[-1])
    scanned = catalog.named("scan")[-1]
    with console.status("analysing the catalog"):
        spectra = spectra_from_documents(scanned.documents())
        result = analyze(spectra)
    searched = _haloscope(page, scanned, result, hidden)
    runs = [(f"run {run.uid[:8]}", run.start["plan_name"]) for run in catalog]
    path = page.write(seed=options.seed, extra=runs)
    lines = [*cooled, *searched, ("report", str(path.resolve()))]
    return {"lines": lines, "page": path, "result": result}


def _refrigerator(page: Page, run: Run) -> Lines:
    cycles = run.table(
        "cycle_count", "cycle_mean_chx_temperature", "cycle_min_chx_temperature",
        "cycle_max_chx_temperature", "cycle_mean_chx_power", "cycle_work", "cycle_rejected_heat",
    )  # fmt: skip
    mean, low, high = (
        cycles[f"cycle_{name}_chx_temperature"][-1] for name in ("mean", "min", "max")
    )
    load, work, heat = (
        cycles[f"cycle_{n}"][-1] for n in ("mean_chx_power", "work", "rejected_heat")
    )
    text = (
        "The active magnetic regenerative refrigerator cooled its cold heat exchanger under a "
        "constant heater load, cycle by cycle, until consecutive cycles agreed."
    )
    rows = [
        ("T_CHX, mean of the last cycle", f"{mean:.4f} K ({low:.3f} to {high:.3f} K)"),
        ("cooling power", f"{load:.0f} µW"),
        ("cycles", f"{len(cycles['cycle_count'])}"),
        ("field work, last cycle", f"{work:.3f} J"),
        ("heat to the 1.6 K stage, last cycle", f"{heat:.3f} J"),
    ]
    section = page.add(Section("Refrigerator: cool-down", text, rows))
    caption = "Temperature of the cold heat exchanger over the cycles: mean, and range in a cycle."
    page.figure(section, "chx_temperature", _chx_figure(cycles), caption)
    return [("T_CHX", f"{mean:.4f} K at {load:.0f} µW after {len(cycles['cycle_count'])} cycles")]


@styled
def _chx_figure(cycles: Mapping[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    count = cycles["cycle_count"]
    low, high = cycles["cycle_min_chx_temperature"], cycles["cycle_max_chx_temperature"]
    axes.fill_between(count, low, high, alpha=0.25, label="range within the cycle")
    axes.plot(count, cycles["cycle_mean_chx_temperature"], "o-", ms=4, label="mean")
    axes.axhline(0.9, color="0.4", ls=":", label="900 mK")
    axes.set(xlabel="cycle", ylabel="$T_{CHX}$ (K)")
    axes.legend()
    return figure


def _haloscope(page: Page, run: Run, result: Result, hidden: AxionLine | None) -> Lines:
    mean, width = expected_width(result)
    limit = _limit_line(result)
    text = (
        "At each step the plan tuned the rod by measuring the cavity, measured loaded Q and "
        "coupling, set the JPA to 20 dB by its measured gain, and took a spectrum of 100 000 "
        "points at 10 Hz. The analysis read the catalog."
    )
    found = _found(result, hidden)
    rows = [
        ("steps", str(result.spectra)),
        ("limit, 90 %", limit),
        ("verdict", result.verdict()),
        ("normalised grand spectrum", f"mean {mean:+.3f}, width {width:.3f}"),
        ("scale factor xi, efficiency eps", f"{result.xi:.3f}, {result.eps:.3f}"),
        ("candidates", _candidates_line(result)),
        *found,
    ]
    section = page.add(Section("Haloscope: scan and limit", text, rows))
    _figures(page, section, run, result)
    return [
        ("limit, 90 %", limit),
        ("verdict", result.verdict()),
        ("candidates", _candidates_line(result)),
        *found,
    ]


def _figures(page: Page, section: Section, run: Run, result: Result) -> None:
    event = next(iter(run.events()))
    pictures = {
        "spectrum": (_spectrum_figure(event["data"]), "The first spectrum, as digitized."),
        "grand_histogram": (
            figures.histogram(result),
            "Normalised power excess of the grand spectrum against a standard Gaussian.",
        ),
        "grand_spectrum": (figures.spectrum(result), "The grand spectrum and its candidates."),
        "limit": (
            figures.limit(result),
            "Exclusion limit at 90 % confidence, with KSVZ, DFSZ and the published curve.",
        ),
    }
    for name, (figure, caption) in pictures.items():
        page.figure(section, name, figure, caption)


@styled
def _spectrum_figure(data: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    power_pw = np.asarray(value_in(data, "daq_spectrum")) * 1e12
    target_mhz = value_in(data, "measured_target_frequency")
    first_khz = (value_in(data, "daq_frequency_start") - target_mhz) * 1e3
    khz = first_khz + np.arange(len(power_pw)) * value_in(data, "daq_frequency_step") * 1e-3
    axes.semilogy(khz, power_pw, lw=0.2, color=BLUE, rasterized=True)
    axes.axvspan(-75, 75, color="0.88", zorder=0, label="analysed, 150 kHz")
    axes.axvline(0, color="0.4", lw=0.8, ls=":", label=f"cavity, {target_mhz:.3f} MHz")
    axes.axvline(-100, color=RED, lw=0.8, ls=":", label="JPA, with its pump's leakage")
    axes.set(xlabel="frequency from the target (kHz)", ylabel="power per 10 Hz bin (pW)")
    axes.legend()
    return figure


def _limit_line(result: Result) -> str:
    coupling = result.limit.coupling_per_gev
    numbers = summary(result)
    return (
        f"{coupling.min():.2e} to {coupling.max():.2e} 1/GeV, median {np.median(coupling):.2e}; "
        f"where all steps overlap {numbers['median_limit_in_ksvz']:.2f} KSVZ, "
        f"{numbers['median_limit_in_dfsz']:.2f} DFSZ"
    )


def _candidates_line(result: Result) -> str:
    if not result.candidates:
        return "none"
    told = (f"{candidate_words(found)}: {verdict_words(said)}" for found, said in pairs(result))
    return f"{len(result.candidates)}: " + "; ".join(told)


def _found(result: Result, hidden: AxionLine | None) -> Lines:
    """Compare with the envelope: the only place that sees it, after all is decided."""
    if hidden is None:
        return [("hidden axion", "none was hidden")]
    distances = [c.frequency_hz - hidden.frequency_hz for c in result.standing]
    # Within the span of a line a candidate is where the line was put.
    near = [d for d in distances if abs(d) <= line_span_hz(hidden.frequency_hz)]
    verdict = f"found, {min(near, key=abs):+.0f} Hz from it" if near else "not found"
    return [("hidden axion", f"{hidden.frequency_hz * 1e-6:.6f} MHz, "
             f"{hidden.coupling_per_gev:.3g} /GeV, {verdict}")]  # fmt: skip
