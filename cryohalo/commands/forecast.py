"""``cryohalo forecast``: what a search will reach, and how long it will take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryohalo.commands.options import between, errors, plain_console

if TYPE_CHECKING:
    from haloscope.planning.request import Request, Target

app = typer.Typer()
console = plain_console()

#: A calibration is some kB, its points counted.
_MOST_BYTES = 10_000_000
_MHZ = between(1.0, 1e6, "MHz")


@app.command()
def forecast(
    low: Annotated[float, typer.Argument(help="Lower end of the band, MHz.", callback=_MHZ)],
    high: Annotated[float, typer.Argument(help="Upper end, MHz.", callback=_MHZ)],
    apparatus: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A shipped apparatus, or a parameter file.")
    ] = "capp12tb",
    coupling: Annotated[
        float | None, typer.Option(help="To be excluded everywhere in the band, 1/GeV.")
    ] = None,
    ksvz: Annotated[float | None, typer.Option(help="The same in KSVZ couplings.")] = None,
    dfsz: Annotated[float | None, typer.Option(help="The same in DFSZ couplings.")] = None,
    beta: Annotated[
        float | None, typer.Option(help="Coupling of the antenna; the fastest by default.")
    ] = None,
    step: Annotated[
        float | None, typer.Option(help="Of the targets, kHz; the fastest by default.")
    ] = None,
    averages: Annotated[
        int | None, typer.Option(help="Of each step, instead of a target coupling.")
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="LOW:HIGH", help="Leave out, MHz; may be given several times."),
    ] = None,
    beyond: Annotated[
        bool, typer.Option(help="Scan beyond the ends, so that they reach the target too.")
    ] = True,
    besides: Annotated[
        float, typer.Option(help="What a step needs besides moves and sweeps, s.")
    ] = 0.0,
    calibration: Annotated[
        Path | None,
        typer.Option(help="JSON of what `calibrate` returned: measured instead of stated."),
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write everything there.", dir_okay=False)
    ] = None,
    drawing: Annotated[
        Path | None, typer.Option("--figure", help="Draw the sensitivity there.", dir_okay=False)
    ] = None,
) -> None:
    """Time, steps, coupling of the antenna, integration and sensitivity of a search.

    Needs a target (--coupling, --ksvz or --dfsz) or --averages. What is not given is chosen: the
    coupling and the step that scan fastest, the integration that the target needs.
    """
    from haloscope.planning.forecast import forecast
    from haloscope.planning.request import Request
    from haloscope.planning.tables import as_dict, text

    request = Request(
        low_hz=low * 1e6,
        high_hz=high * 1e6,
        target=_target(coupling, ksvz, dfsz),
        beta=beta,
        step_hz=None if step is None else step * 1e3,
        averages=averages,
        skip_hz=tuple(_interval(words) for words in skip or ()),
        beyond=beyond,
        calibrated=calibration is not None,
    )
    found = forecast(*_setup(apparatus, request, besides, calibration))
    console.print(text(found))
    if as_json is not None:
        as_json.write_text(json.dumps(as_dict(found), indent=1) + "\n", "utf-8")
    if drawing is not None:
        from haloscope.planning.figure import figure
        from instruments.drawing import DPI

        figure(found).savefig(drawing, dpi=DPI)
    if found.warnings:
        errors.print(f"cryohalo: {len(found.warnings)} warnings, see above")


def _setup(
    apparatus: str, request: Request, besides_s: float, calibration: Path | None
) -> tuple[Any, Request, Any]:
    """Setup, request and options of the analysis, as ``forecast`` takes them."""
    from dataclasses import replace

    from haloscope.analysis.options import Options
    from haloscope.description import describe
    from haloscope.parameters.reviewing import named
    from haloscope.planning.machine import calibrated, setup_of

    description = describe(named(apparatus))
    middle_hz = 0.5 * (request.low_hz + request.high_hz)
    setup = setup_of(description)
    setup.demand_reach(request.low_hz, request.high_hz)
    if besides_s < 0:
        raise typer.BadParameter(f"--besides: {besides_s} s, must not be below 0 s")
    setup = replace(setup, times=replace(setup.times, besides_s=besides_s))
    if calibration is not None:
        setup = calibrated(setup, _measured(calibration), middle_hz)
    return setup, request, Options.of(description, middle_hz)


def _measured(file: Path) -> dict[str, float]:
    """The numbers of a calibration's JSON."""
    from instruments.foreign_files import read_bounded

    content = json.loads(read_bounded(file, _MOST_BYTES))
    if not isinstance(content, dict):
        raise ValueError(f"{file}: a calibration is an object of numbers")
    return {
        name: float(value)
        for name, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _target(coupling: float | None, ksvz: float | None, dfsz: float | None) -> Target | None:
    from haloscope.planning.request import Target

    given = {"1/GeV": coupling, "KSVZ": ksvz, "DFSZ": dfsz}
    asked = [(unit, value) for unit, value in given.items() if value is not None]
    if len(asked) > 1:
        raise typer.BadParameter("one of --coupling, --ksvz, --dfsz")
    return Target(value=asked[0][1], unit=asked[0][0]) if asked else None


def _interval(words: str) -> tuple[float, float]:
    low, _, high = words.partition(":")
    try:
        return float(low) * 1e6, float(high) * 1e6
    except ValueError:
        raise typer.BadParameter(f"--skip {words!r:.60}: LOW:HIGH in MHz") from None
