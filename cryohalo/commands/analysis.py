"""``cryohalo analyze``, ``report`` and ``montecarlo``: from catalogs and files to results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from cryohalo.commands.options import (
    DEFAULT_CATALOG,
    MAX_SEED,
    CatalogOption,
    between,
    plain_console,
    writable_folder,
)
from instruments.printable import escaped

if TYPE_CHECKING:
    from cryohalo.catalog import Run
    from haloscope.analysis.options import Options
    from haloscope.analysis.pipeline import Result
    from haloscope.analysis.spectra import Spectra

app = typer.Typer()
console = plain_console()


class BaselineChoice(StrEnum):
    """Baseline models of the analysis."""

    letter = "letter"
    pade = "pade"
    savgol = "savgol"


SourcesArgument = Annotated[
    list[str], typer.Argument(help="Runs of the catalog (uid or its beginning) or HDF5 files.")
]
OutputOption = Annotated[
    Path, typer.Option("--output", help="Folder of the results.", callback=writable_folder)
]
BaselineOption = Annotated[BaselineChoice, typer.Option(help="Baseline model.")]
DEFAULT_OUTPUT = Path("reports/analysis")
MOST_EXPERIMENTS = 100_000_000


Finish = Callable[["Result", dict[str, Any], Path], None]


def _on_result(finish: Finish) -> Finish:
    """Make a command that analyses its sources and hands ``finish`` the result."""

    @app.command(finish.__name__, help=finish.__doc__)
    def command(
        sources: SourcesArgument,
        catalog: CatalogOption = DEFAULT_CATALOG,
        output: OutputOption = DEFAULT_OUTPUT,
        baseline: BaselineOption = BaselineChoice.letter,
    ) -> None:
        result, provenance = _analyzed(sources, catalog, _options(baseline))
        output.mkdir(parents=True, exist_ok=True)
        finish(result, provenance, output)

    return finish


@_on_result
def analyze(result: Result, provenance: dict[str, Any], output: Path) -> None:
    """Analyse scans: limits, candidates and the grand spectrum as files, and the numbers here."""
    from haloscope.analysis.exchange import files

    files.save(output / "result.h5", result, provenance)
    files.save_csv(output / "grand_spectrum.csv", result)
    files.save_limit(output / "limit.txt", result, "cryohalo " + " ".join(provenance["sources"]))
    files.save_candidates(output / "candidates.json", result, provenance)
    for name, value in files.summary(result).items():
        shown = f"{value:.6g}" if isinstance(value, float) else value
        console.print(f"  {name.replace('_', ' '):<22}{escaped(shown)}")
    console.print(f"  files in {escaped(output.resolve())}")


@_on_result
def report(result: Result, provenance: dict[str, Any], output: Path) -> None:
    """Analyse scans and write one HTML page with every intermediate check."""
    from haloscope.analysis.report.page import write_report

    path = write_report(output / "report.html", result, provenance=provenance)
    console.print(f"  report: {escaped(path.resolve())}")


@app.command()
def montecarlo(
    sources: SourcesArgument,
    catalog: CatalogOption = DEFAULT_CATALOG,
    output: Annotated[
        Path | None, typer.Option(help="Keep batches here; resumes.", callback=writable_folder)
    ] = None,
    experiments: Annotated[
        int, typer.Option(help="Simulated experiments.", callback=between(100, MOST_EXPERIMENTS))
    ] = 10_000,
    seed: Annotated[
        int, typer.Option(help="Seed of the random numbers.", callback=between(0, MAX_SEED))
    ] = 0,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    baseline: BaselineOption = BaselineChoice.letter,
) -> None:
    """Simulate whole experiments on a scan's background: xi, eps and coverage, with their errors.

    The 15 spectra in the middle of the scan give the background; the axion has the coupling that
    the limit claims to find with 90 %.
    """
    from haloscope.analysis.statistics.montecarlo import Plan, efficiency, strength_at_limit

    options = _options(baseline)
    spectra, _ = _spectra(sources, catalog, options)
    middle = _middle(spectra)
    noise_plan = Plan(middle, strength=0.0, misaligned=True, experiments=experiments, seed=seed,
                      options=options)  # fmt: skip
    strength = strength_at_limit(noise_plan.closed_form(), options)
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


def _middle(spectra: Spectra, overlap: int = 15) -> Spectra:
    """The spectra that overlap in the middle of the scan."""
    import numpy as np

    order = np.argsort(spectra.target_frequency_hz)
    if len(order) < overlap:
        raise ValueError(f"Monte Carlo: {len(order)} spectra, {overlap} are needed to overlap")
    first = (len(order) - overlap) // 2
    return spectra.subset(order[first : first + overlap])


def _options(baseline: BaselineChoice) -> Options:
    from haloscope.analysis.options import Options

    return Options(baseline=baseline.value)


def _analyzed(
    sources: Sequence[str], catalog: Path, options: Options
) -> tuple[Result, dict[str, Any]]:
    from haloscope.analysis.pipeline import analyze as analyze_spectra

    with console.status("analysing"):
        spectra, provenance = _spectra(sources, catalog, options)
        return analyze_spectra(spectra, options), provenance


def _spectra(
    sources: Sequence[str], catalog: Path, options: Options
) -> tuple[Spectra, dict[str, Any]]:
    """Spectra of runs of the catalog, or of interchange files, with where they came from."""
    from cryohalo.catalog import Catalog
    from cryohalo.provenance import software_version
    from haloscope.analysis.exchange.documents import spectra_from_documents
    from haloscope.analysis.exchange.interchange import read_spectra
    from haloscope.analysis.spectra import concatenate

    provenance: dict[str, Any] = {"analysis_version": software_version(), "sources": list(sources)}
    files = [Path(name) for name in sources if Path(name).suffix in (".h5", ".hdf5")]
    if files:
        if len(files) < len(sources):
            raise ValueError("give runs of the catalog or HDF5 files, not both")
        return concatenate([read_spectra(path) for path in files]), provenance
    runs = [Catalog(catalog)[name] for name in sources]
    provenance |= {f"run_{escaped(run.uid[:8])}": _origin(run) for run in runs}
    return spectra_from_documents(_documents(runs), options), provenance


def _documents(runs: Sequence[Run]) -> Iterator[tuple[str, Any]]:
    for run in runs:
        yield from run.documents()


def _origin(run: Run) -> dict[str, Any]:
    """What the results say of a run: numbers, and texts of anything else."""
    kept = ("plan_name", "software_version", "parameters_hash", "seed", "operator")
    told = {name: run.start[name] for name in kept if name in run.start}
    return {k: v if isinstance(v, int | float) else escaped(v) for k, v in told.items()}
