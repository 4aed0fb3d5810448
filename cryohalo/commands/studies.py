"""``cryohalo uncertainty`` and ``calibrate``: how well the refrigerator is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cryohalo.commands.bars import Bar
from cryohalo.commands.options import (
    EXIT_NOT_BELIEVED,
    MAX_SEED,
    WRITABLE,
    CatalogOption,
    between,
    errors,
    plain_console,
)
from instruments.printable import escaped

if TYPE_CHECKING:
    from amrr.parameters import RefrigeratorParameters
    from amrr.studies.calibration import Calibration, MeasuredPoint
    from amrr.studies.uncertainty import Outcome, Study

app = typer.Typer()
console = plain_console()

#: Good to 2 mK and 2 uW against the machine as it is simulated, at a third of its cost.
COARSE: Final = {"regenerator.nodes": 20, "dt_s": 0.2}
#: To see that all works, in a minute or two: good to 15 mK.
QUICK: Final = {"regenerator.nodes": 12, "dt_s": 0.5}
QUICK_SAMPLES: Final = 4
_MOST_FAILURES: Final = 12

OutputOption = Annotated[
    Path, typer.Option("--output", help="Folder of the results; it resumes there.", **WRITABLE)
]
ParametersOption = Annotated[
    Path | None, typer.Option("--parameters", help="TOML file that overrides the model's values.")
]


@app.command()
def uncertainty(
    output: OutputOption = Path("reports/uncertainty"),
    load: Annotated[
        float, typer.Option(help="Heater power, uW.", callback=between(0.0, 5000.0))
    ] = 600.0,
    temperature: Annotated[
        float, typer.Option(help="Where the cooling power is asked, K.", callback=between(0.3, 1.6))
    ] = 0.9,
    samples: Annotated[
        int, typer.Option(help="Machines of each band.", callback=between(1, 100_000))
    ] = 128,
    seed: Annotated[
        int, typer.Option(help="Of the Latin hypercube.", callback=between(0, MAX_SEED))
    ] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Machines at a time.", callback=between(1, 256))
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Vary this one; repeat.")
    ] = None,
    hold: Annotated[
        list[str] | None, typer.Option("--hold", metavar="NAME", help="Leave this one; repeat.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    parameters: ParametersOption = None,
    fine: Annotated[bool, typer.Option("--fine", help="40 lumps a bed, steps of 0.1 s.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A small study, to see it work.")] = False,
) -> None:
    """How uncertain T_CHX and the cooling power are: each assumed parameter alone, and all at once.

    Every assumed parameter goes to the ends of its range; then machines drawn from all ranges make
    the bands. Ctrl-C loses at most the machines at hand. Exit code 3: the machine itself has no
    periodic state.
    """
    from amrr.design.points import Effort
    from amrr.studies import answers
    from amrr.studies import uncertainty as studies

    if fine and quick:
        raise typer.BadParameter("--fine and --quick exclude each other")
    study = studies.Study(
        parameters=_machine(parameters, {} if fine else QUICK if quick else COARSE),
        load_w=1e-6 * load,
        chx_k=temperature,
        samples=QUICK_SAMPLES if quick else samples,
        seed=seed,
        only=tuple(only or ()),
        hold=tuple(hold or ()),
        effort=Effort(tolerance_k=2e-3, near_k=2e-2) if quick else answers.EFFORT,
    )
    outcome = _ask(study, output / "machines", workers, scheduler)
    _tell(outcome, output)
    if outcome.default.failure:
        errors.print(f"cryohalo: {escaped(outcome.default.failure, 600)}", style="bold red")
        raise typer.Exit(EXIT_NOT_BELIEVED)


def _machine(file: Path | None, resolution: dict[str, float]) -> RefrigeratorParameters:
    from amrr.parameter_files import parameters_of
    from amrr.parameters import RefrigeratorParameters
    from amrr.studies.ranges import with_values
    from iocs.parameters import from_file

    return with_values(from_file(RefrigeratorParameters(), parameters_of, file), resolution)


def _ask(study: Study, folder: Path, workers: int | None, scheduler: str | None) -> Outcome:
    from amrr.studies import uncertainty as studies

    with Bar("machines", study.batches, console) as report:
        if scheduler is None:
            return studies.run(study, folder=folder, workers=workers, progress=report)
        from distributed import Client

        with Client(scheduler) as client:
            return studies.run(study, folder=folder, client=client, progress=report)


def _tell(outcome: Outcome, output: Path) -> None:
    from amrr.studies import figures, files
    from cryohalo.provenance import software_version
    from instruments.drawing import save

    for line in files.table(outcome):
        console.print(f"  {line}")
    for which, why in outcome.failures[:_MOST_FAILURES]:
        console.print(f"  no periodic state: {escaped(f'{which}: {why}', 300)}")
    more = len(outcome.failures) - _MOST_FAILURES
    if more > 0:
        console.print(f"  and {more} more without one, all in the files")
    output.mkdir(parents=True, exist_ok=True)
    provenance = {"software_version": software_version()}
    (output / "uncertainty.json").write_text(files.as_json(outcome, provenance), "utf-8")
    (output / "uncertainty.csv").write_text(files.as_csv(outcome), "utf-8")
    figure = figures.tornado(outcome)
    save(figure, output / "uncertainty")
    console.print(f"  files in {escaped(output.resolve())}")


@app.command()
def calibrate(
    runs: Annotated[
        list[str], typer.Argument(help="Runs of the catalog with points (uid or its beginning).")
    ],
    fit: Annotated[
        list[str], typer.Option("--fit", metavar="NAME", help="Fit this parameter; repeat.")
    ],
    catalog: CatalogOption = None,
    output: OutputOption = Path("reports/calibration"),
    use: Annotated[
        list[str] | None,
        typer.Option(
            "--use",
            metavar="NAME",
            help="Use chx_k, lowest_k, highest_k, work_j or rejected_j; repeat. The three "
            "temperatures by default.",
        ),
    ] = None,
    error: Annotated[
        list[str] | None,
        typer.Option("--error", metavar="NAME=VALUE", help="Error of a measured value, K or J."),
    ] = None,
    parameters: ParametersOption = None,
    fine: Annotated[bool, typer.Option("--fine", help="40 lumps a bed, steps of 0.1 s.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A rough machine, to see it work.")
    ] = False,
) -> None:
    """Fit parameters of the refrigerator's model to measured points of load curves and scans.

    Exit code 3: the fit is not to be believed as it stands; why is told.
    """
    from amrr.studies import calibration

    if fine and quick:
        raise typer.BadParameter("--fine and --quick exclude each other")
    start = _machine(parameters, {} if fine else QUICK if quick else COARSE)
    used = tuple(use) if use else ("chx_k", "lowest_k", "highest_k")
    errors_of = {**calibration.ERRORS, **dict(map(_error, error or []))}
    points = _points(runs, catalog)
    with console.status("fitting"):
        found = calibration.calibrate(points, fit, start=start, errors=errors_of, use=used)
    _tell_fit(found, _at_resolution(found.parameters, _machine(parameters, {})), output, runs)
    for doubt in found.doubts:
        errors.print(f"cryohalo: {escaped(doubt, 600)}", style="bold red")
    if found.doubts:
        raise typer.Exit(EXIT_NOT_BELIEVED)


def _error(text: str) -> tuple[str, float]:
    from amrr.studies.calibration import ERRORS

    name, equals, value = (part.strip() for part in text.partition("="))
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not equals or name not in ERRORS or not number > 0.0:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE of {', '.join(ERRORS)}")
    return name, number


def _points(runs: list[str], catalog: Path | str | None) -> list[MeasuredPoint]:
    from cryohalo.calibration import measured_points
    from cryohalo.catalog import open_catalog
    from cryohalo.commands.site import place_of

    kept = open_catalog(place_of(catalog))
    return [point for run in runs for point in measured_points(kept[run])]


def _at_resolution(
    fitted: RefrigeratorParameters, machine: RefrigeratorParameters
) -> RefrigeratorParameters:
    """The fitted machine as it is simulated: lumps and step are the other's, not the fit's."""
    from amrr.studies.ranges import with_values

    return with_values(fitted, {name: machine.flat()[name] for name in COARSE})


def _tell_fit(
    found: Calibration, fitted: RefrigeratorParameters, output: Path, runs: list[str]
) -> None:
    from amrr.parameter_files import written
    from amrr.studies import calibration_files as files
    from cryohalo.provenance import software_version
    from instruments.drawing import save

    for line in files.table(found):
        console.print(f"  {line}")
    output.mkdir(parents=True, exist_ok=True)
    provenance = {"software_version": software_version(), "runs": runs}
    (output / "calibration.json").write_text(files.as_json(found, provenance), "utf-8")
    (output / "residuals.csv").write_text(files.residuals_csv(found), "utf-8")
    said = {name: f"fitted to {', '.join(runs)}" for name in found.names}
    (output / "machine.toml").write_text(written(fitted, said), "utf-8")
    drawn = files.figure(found)
    save(drawn, output / "calibration")
    console.print(f"  files in {escaped(output.resolve())}")
