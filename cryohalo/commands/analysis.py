"""``cryohalo analyze``, ``report`` and ``montecarlo``: from catalogs and files to results.

Each tells which spectra were used and which not, and whether the result is to be believed: where it
is not, a line on standard error says so and the exit code is 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from cryohalo.commands.again import BesideOption, DarkPhotonOption, make_more
from cryohalo.commands.options import (
    EXIT_NOT_BELIEVED,
    MAX_SEED,
    WRITABLE,
    CatalogOption,
    between,
    errors,
    plain_console,
)
from cryohalo.commands.settings import with_settings
from cryohalo.commands.site import place_of
from cryohalo.commands.sources import Sources, read_sources
from instruments.printable import escaped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from haloscope.analysis.options import Options
    from haloscope.analysis.pipeline import Result
    from haloscope.analysis.settings import Settings
    from haloscope.analysis.spectra import Spectra

app = typer.Typer()
console = plain_console()


SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        help="Runs of the catalog (uid or its beginning, or a campaign's name), HDF5 files, or "
        "TOML descriptions."
    ),
]
OutputOption = Annotated[Path, typer.Option("--output", help="Folder of the results.", **WRITABLE)]
DropOption = Annotated[
    list[str] | None,
    typer.Option("--drop", metavar="LABEL", help="Leave this spectrum out, unread."),
]
FieldOffOption = Annotated[
    list[str] | None,
    typer.Option(
        "--field-off",
        metavar="RUN",
        help="Spectra at candidates without field; those of the same campaign are found.",
    ),
]
ApparatusOption = Annotated[
    str | None,
    typer.Option(
        "--apparatus", metavar="NAME|FILE", help="Of runs and files that state none of their own."
    ),
]
DEFAULT_OUTPUT = Path("reports/analysis")
MOST_EXPERIMENTS = 100_000_000
MOST_FINDINGS = 10
MOST_CANDIDATES = 20
MOST_WORDS = 600


@dataclass(frozen=True)
class Done:
    """An analysis of a command line.

    Attributes:
        read: What it was given.
        result: What came out.
        provenance: Of the results.
        output: Folder of the results, which is there.
    """

    read: Sources
    result: Result
    provenance: dict[str, Any]
    output: Path

    @property
    def title(self) -> str:
        """What the results are called."""
        return "cryohalo " + " ".join(self.provenance["sources"])


def _done(
    sources: list[str],
    settings: Settings,
    catalog: Path | str | None,
    output: Path,
    drop: list[str] | None,
    field_off: list[str] | None,
    apparatus: str | None,
) -> Done:
    from cryohalo.blinding import envelopes

    place = place_of(catalog)
    read, result = _analyzed(sources, place, settings, drop or [], field_off or [], apparatus)
    output.mkdir(parents=True, exist_ok=True)
    return Done(read, result, read.provenance | envelopes(read.provenance, place, result), output)


def _tell_verdict(result: Result) -> None:
    """Candidates, what became of the spectra, and loudly if the result is not to be believed."""
    from haloscope.analysis.exchange import found

    for line in found.lines(result, MOST_CANDIDATES):
        console.print(f"  {escaped(line, MOST_WORDS)}")
    quality = result.quality
    for finding in quality.findings[:MOST_FINDINGS]:
        fate = "used" if quality.used[finding.spectrum] else "cut"
        console.print(f"  {fate}: {escaped(finding, MOST_WORDS)}")
    more = len(quality.findings) - MOST_FINDINGS
    if more > 0:
        console.print(f"  and {more} more findings, all in the files")
    if result.believed:
        console.print(f"  verdict: {escaped(result.verdict(), MOST_WORDS)}")
        return
    line = f"cryohalo: {escaped(result.verdict(), MOST_WORDS)}"
    errors.print(line, style="bold red")
    if result.better is not None:
        model = _as_given(result.better)
        errors.print(f"cryohalo: the doubt of the baseline may be settled by {model}")
    raise typer.Exit(EXIT_NOT_BELIEVED)


def _as_given(better: Options) -> str:
    """A richer baseline as these commands take it."""
    from haloscope.analysis.quality.ladder import HIGHEST_DEGREE

    if better.pade_degree > HIGHEST_DEGREE:
        return "--baseline auto"
    return f"--baseline {better.baseline} --degree {better.pade_degree}"


@app.command()
@with_settings
def analyze(
    sources: SourcesArgument,
    settings: Settings,
    catalog: CatalogOption = None,
    output: OutputOption = DEFAULT_OUTPUT,
    drop: DropOption = None,
    field_off: FieldOffOption = None,
    apparatus: ApparatusOption = None,
    beside: BesideOption = None,
    dark_photon: DarkPhotonOption = None,
) -> None:
    """Analyse scans: limits, candidates and the grand spectrum as files, and the numbers here.

    Spectra that fail are cut, counted and named. Exit code 3: the result is not to be believed.
    """
    from haloscope.analysis.budget.table import budget_lines

    done = _done(sources, settings, catalog, output, drop, field_off, apparatus)
    numbers = _saved(done)
    more = make_more(done.result, done.read.spectra, output, done.title, beside=beside,
                     dark_photon=dark_photon or [])  # fmt: skip
    told = [_told(name, value) for name, value in numbers.items()]
    told.append(("apparatus", escaped(done.provenance["apparatus"], MOST_WORDS)))
    if "envelope" in done.provenance:
        told.append(("envelope", escaped(done.provenance["envelope"], MOST_WORDS)))
    width = max(len(words) for words, _ in told) + 2
    for words, shown in told:
        console.print(f"  {words:<{width}}{shown}")
    for line in budget_lines(done.result.budget):
        console.print(f"    {line}")
    for line in more:
        console.print(f"  {escaped(line, MOST_WORDS)}")
    console.print(f"  files in {escaped(output.resolve())}")
    _tell_verdict(done.result)


def _saved(done: Done) -> dict[str, Any]:
    """Write the files of an analysis; its numbers."""
    from haloscope.analysis.exchange import files

    output, result = done.output, done.result
    files.save(output / "result.h5", result, done.provenance)
    files.save_csv(output / "grand_spectrum.csv", result)
    files.save_limit(output / "limit.txt", result, done.title)
    files.save_bayes_limit(output / "limit_bayes.txt", result, done.title)
    files.save_candidates(output / "candidates.json", result, done.provenance)
    return files.summary(result)


def _told(name: str, value: Any) -> tuple[str, str]:
    """A number of a result as a person reads it: what it is, and its value with the unit."""
    words = name.replace("_", " ")
    if not isinstance(value, float):
        return words, escaped(value, MOST_WORDS)
    if name.endswith("_hz"):
        return words.removesuffix(" hz"), f"{value * 1e-6:.6f} MHz"
    unit = " /GeV" if name.endswith("_per_gev") else ""
    return words.removesuffix(" per gev"), f"{value:.6g}{unit}"


@app.command()
@with_settings
def report(
    sources: SourcesArgument,
    settings: Settings,
    catalog: CatalogOption = None,
    output: OutputOption = DEFAULT_OUTPUT,
    drop: DropOption = None,
    field_off: FieldOffOption = None,
    apparatus: ApparatusOption = None,
) -> None:
    """Analyse scans and write one HTML page with every intermediate check.

    Exit code 3: the result is not to be believed.
    """
    from haloscope.analysis.report.page import write_report

    done = _done(sources, settings, catalog, output, drop, field_off, apparatus)
    path = write_report(output / "report.html", done.result, provenance=done.provenance)
    console.print(f"  report: {escaped(path.resolve())}")
    _tell_verdict(done.result)


@app.command()
@with_settings
def montecarlo(
    sources: SourcesArgument,
    settings: Settings,
    catalog: CatalogOption = None,
    output: Annotated[
        Path | None, typer.Option(help="Keep batches here; resumes.", **WRITABLE)
    ] = None,
    experiments: Annotated[
        int, typer.Option(help="Simulated experiments.", callback=between(100, MOST_EXPERIMENTS))
    ] = 10_000,
    seed: Annotated[
        int, typer.Option(help="Seed of the random numbers.", callback=between(0, MAX_SEED))
    ] = 0,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    drop: DropOption = None,
    apparatus: ApparatusOption = None,
) -> None:
    """Simulate whole experiments on a scan's background: xi, eps and coverage, with their errors.

    The 15 spectra in the middle of those that pass give the background; the axion has the coupling
    that the limit claims to find with 90 %. Exit code 3: the scan's own result is not to be
    believed.
    """
    from haloscope.analysis.statistics.montecarlo import Plan, efficiency, strength_at_limit

    read, result = _analyzed(sources, catalog, settings, drop or [], (), apparatus)
    options = result.options
    middle = _middle(read.spectra, result.quality.used)
    noise_plan = Plan(middle, strength=0.0, misaligned=True, experiments=experiments, seed=seed,
                      options=options)  # fmt: skip
    strength = strength_at_limit(noise_plan.closed_form(), options, middle.step_hz)
    signal_plan = Plan(middle, strength=strength, misaligned=True, experiments=experiments,
                       seed=seed + 1, options=options)  # fmt: skip
    outcomes = []
    for name, plan in (("noise", noise_plan), ("signal", signal_plan)):
        outcomes.append(_run(plan, name, output, scheduler))
    noise, signal = outcomes
    closed = noise.closed_form
    width, width_error = noise.width()
    eps, eps_error = efficiency(signal, noise)
    found, found_error = signal.found(options.threshold, width)
    console.print(f"  xi    {width:.4f} +- {width_error:.4f}   closed form {closed.width:.4f}")
    console.print(f"  eps   {eps:.4f} +- {eps_error:.4f}   closed form {closed.averaged:.4f}")
    console.print(f"  found {found:.4f} +- {found_error:.4f}   claimed {options.confidence:.2f}")
    _tell_verdict(result)


def _run(plan: Any, name: str, output: Path | None, scheduler: str | None) -> Any:
    from haloscope.analysis.statistics import distribute

    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(f"experiments with {name}", total=plan.batches)

        def show(done: int, _: int) -> None:
            progress.update(bar, completed=done)

        folder = output / name if output else None
        if scheduler is None:
            return distribute.run(plan, folder=folder, progress=show)
        from distributed import Client

        with Client(scheduler) as client:
            return distribute.run(plan, folder=folder, client=client, progress=show)


def _middle(spectra: Spectra, used: NDArray[np.bool_], overlap: int = 15) -> Spectra:
    """The spectra that overlap in the middle of the scan, of those used."""
    import numpy as np

    rows = np.flatnonzero(used)
    order = rows[np.argsort(spectra.target_frequency_hz[rows])]
    if len(order) < overlap:
        raise ValueError(f"Monte Carlo: {len(order)} spectra, {overlap} are needed to overlap")
    first = (len(order) - overlap) // 2
    return spectra.subset(order[first : first + overlap])


def _analyzed(
    sources: Sequence[str],
    catalog: Path | str | None,
    settings: Settings,
    drop: list[str],
    field_off: Sequence[str] = (),
    apparatus: str | None = None,
) -> tuple[Sources, Result]:
    from haloscope.analysis.exchange.documents import demand_met
    from haloscope.analysis.pipeline import analyze as analyze_spectra

    with console.status("analysing"):
        read = read_sources(sources, place_of(catalog), settings, drop, field_off, apparatus)
        try:
            result = analyze_spectra(read.spectra, read.options, field_off=read.field_off)
        except ValueError as error:
            # Those that were found and not named stop nobody.
            if read.field_off is None or field_off or not str(error).startswith("field off:"):
                raise
            errors.print(f"cryohalo: not used: {escaped(error, MOST_WORDS)}")
            told = {k: v for k, v in read.provenance.items() if k != "field_off"}
            read = replace(read, provenance=told, field_off=None)
            result = analyze_spectra(read.spectra, read.options)
    demand_met(read.options.demands.kept, result.quality.labels)
    return read, result
