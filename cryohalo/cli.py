"""The command line: ``cryohalo demo``, ``runs``, ``size``, ``iocs``, ``analyze`` ...

Each command imports what it needs when it runs, for two reasons: ``--help`` answers at once, and
Channel Access clients read their environment once, at their first import, so commands that start
IOCs must set it before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cryohalo.commands import analysis as analysis_commands
from cryohalo.commands import apparatus as apparatus_commands
from cryohalo.commands import blinding as blinding_commands
from cryohalo.commands import combine as combine_commands
from cryohalo.commands import configuration as configuration_commands
from cryohalo.commands import control_room as control_room_commands
from cryohalo.commands import design as design_commands
from cryohalo.commands import flows as flows_commands
from cryohalo.commands import forecast as forecast_commands
from cryohalo.commands import hardware as hardware_commands
from cryohalo.commands import history as history_commands
from cryohalo.commands import page as page_commands
from cryohalo.commands import queue as queue_commands
from cryohalo.commands import replay as replay_commands
from cryohalo.commands import reproduce as reproduce_commands
from cryohalo.commands import runs as runs_commands
from cryohalo.commands import session as session_commands
from cryohalo.commands import studies as studies_commands
from cryohalo.commands import trace as trace_commands
from cryohalo.commands.options import (
    MAX_SEED,
    WRITABLE,
    between,
    given_prefix,
    plain_console,
    run_app,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Two low-temperature instruments, from physics to EPICS, bluesky and limits.",
)
app.add_typer(control_room_commands.app)
app.add_typer(configuration_commands.app, name="config")
app.add_typer(history_commands.app)
app.add_typer(queue_commands.app, name="queue")
app.add_typer(analysis_commands.app)
app.add_typer(session_commands.app)
app.add_typer(runs_commands.app, name="runs")
app.add_typer(replay_commands.app)
app.add_typer(studies_commands.app)
app.add_typer(reproduce_commands.app)
app.add_typer(forecast_commands.app)
app.add_typer(trace_commands.app)
app.add_typer(flows_commands.app)
app.add_typer(combine_commands.app)
app.add_typer(page_commands.app)
app.add_typer(apparatus_commands.app, name="apparatus")
app.add_typer(hardware_commands.app, name="hardware")
app.add_typer(blinding_commands.app, name="blind")
app.add_typer(design_commands.app, name="design")
console = plain_console()

#: Of the demonstration's scan: enough for a grand spectrum; the letter's scan.
FEWEST_STEPS, MOST_STEPS = 30, 2000
#: The one after it is needed too.
LAST_PORT = 65_534


def main() -> None:
    """Entry point: run a command; known errors are one line, not a traceback."""
    run_app(app)


def _speed(value: float) -> float:
    from pvdb.parts.clock import MAX_SPEED

    return float(between(0.0, MAX_SPEED)(value))


def _haloscope_file(text: str | Path) -> Path:
    from cryohalo.commands.iocs import haloscope_file

    return haloscope_file(str(text))


@app.command()
def version() -> None:
    """Print the version."""
    from cryohalo.provenance import software_version

    console.print(software_version())


@app.command()
def demo(
    output: Annotated[
        Path,
        typer.Option(
            help="Folder of the report. An earlier demonstration's is replaced, nothing else is.",
            **WRITABLE,
        ),
    ] = Path("reports/demo"),
    seed: Annotated[
        int,
        typer.Option(
            help="Decides all noise and where the axion hides.", callback=between(0, MAX_SEED)
        ),
    ] = 2022,
    steps: Annotated[
        int,
        typer.Option(
            help="Steps of 10 kHz in the scan.", callback=between(FEWEST_STEPS, MOST_STEPS)
        ),
    ] = 36,
    inject: Annotated[bool, typer.Option(help="Hide an axion of demo strength.")] = True,
) -> None:
    """Both IOCs, an AMRR cool-down, a haloscope scan, the analysis, one report."""
    from cryohalo.demo import DemoOptions, run_demo

    run_demo(DemoOptions(output=output, seed=seed, steps=steps, inject=inject), console)


@app.command()
def iocs(
    speed: Annotated[
        float, typer.Option(help="Simulated per real second; 0: fast as can be", callback=_speed)
    ] = 1,
    seed: Annotated[
        int, typer.Option(help="Seed of both simulations.", callback=between(0, MAX_SEED))
    ] = 0,
    state_dir: Annotated[
        Path | None,
        typer.Option(help="Keep their state in its folders amrr and haloscope.", **WRITABLE),
    ] = None,
    blind: Annotated[
        Path | None,
        typer.Option(help="Hide in the haloscope what this key file of `blind seal` holds."),
    ] = None,
    amrr_parameters: Annotated[
        Path | None,
        typer.Option(help="Parameter file of the refrigerator.", exists=True, dir_okay=False),
    ] = None,
    halo_parameters: Annotated[
        Path | None,
        typer.Option(
            help="Parameter file of the haloscope, or the name of one that is shipped.",
            metavar="NAME|FILE",
            parser=_haloscope_file,
        ),
    ] = None,
    inject: Annotated[
        float | None,
        typer.Option(help="Hide an axion of this coupling, 1/GeV, where the seed decides."),
    ] = None,
    inject_band: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Between these frequencies, MHz; else in the band of the search."),
    ] = None,
    inject_modulated: Annotated[
        bool,
        typer.Option(
            "--inject-modulated", help="Its line follows the laboratory's speed with day and year."
        ),
    ] = False,
    inject_flow: Annotated[
        float | None,
        typer.Option(help="A cold flow instead: a line of this standard deviation, Hz."),
    ] = None,
    amrr_prefix: Annotated[
        str, typer.Option(help="Refrigerator's prefix.", callback=given_prefix)
    ] = "AMRR:",
    halo_prefix: Annotated[
        str, typer.Option(help="Haloscope's prefix.", callback=given_prefix)
    ] = "HALO:",
    port: Annotated[
        int | None,
        typer.Option(
            help="The refrigerator's; the haloscope has the next. Free ones by default.",
            callback=between(1, LAST_PORT),
        ),
    ] = None,
    access: Annotated[
        Path | None, typer.Option(help="Access security file (.acf) of both.")
    ] = None,
    pva: Annotated[
        int | None,
        typer.Option(
            help="Serve PV Access too, on this port and the next.", callback=between(1, LAST_PORT)
        ),
    ] = None,
) -> None:
    """Run both IOCs on loopback until Ctrl-C, and say how to reach them.

    Exit code 0: both have ended well. 1: one has failed, or had to be killed.
    """
    from cryohalo.commands.iocs import both, run_until_signal

    files = {"amrr": amrr_parameters, "haloscope": halo_parameters}
    pair = both(
        speed,
        seed,
        state_dir,
        blind,
        parameters=files,
        inject=inject,
        inject_band=inject_band,
        inject_modulated=inject_modulated,
        inject_flow=inject_flow,
        prefixes=(amrr_prefix, halo_prefix),
        access=access,
        pva=pva,
    )
    ports = None if port is None else (port, port + 1)
    raise typer.Exit(run_until_signal(pair, console, ports))


@app.command()
def size(
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Override an input, in SI units."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the sheet as JSON.")] = False,
) -> None:
    """The refrigerator's design sheet: regenerator, field swing, solenoid (Eqs. 1-4)."""
    from amrr.design.sizing import design_sheet, format_sheet

    overrides: dict[str, float | str] = {}
    for name, value in map(_assignment, set_ or []):
        if name in overrides:
            raise typer.BadParameter(f"{name} is given twice", param_hint="--set")
        overrides[name] = value
    try:
        sheet = design_sheet(**overrides)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
    rows = {row.name: {"value": row.value, "unit": row.unit} for row in sheet.rows}
    typer.echo(json.dumps(rows, indent=2) if as_json else format_sheet(sheet))


def _assignment(text: str) -> tuple[str, float | str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
    try:
        return name, float(value)
    except ValueError:
        return name, value  # the refrigerant is a name


if __name__ == "__main__":
    main()
