"""``cryohalo apparatus``: check, begin, show and list parameter files of haloscopes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryohalo.commands.options import EXIT_FAILED, between, errors, plain_console
from instruments.printable import escaped

if TYPE_CHECKING:
    from haloscope.parameters import HaloscopeParameters

app = typer.Typer(
    no_args_is_help=True,
    help="The apparatus as data: check, begin, show parameter files (docs/how_to/apparatus.md).",
)
console = plain_console()

_MOST_OF_A_LINE = 1000
_NAME_WIDTH, _VALUE_WIDTH = 40, 28

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A shipped apparatus, or a parameter file.")
]


@app.command()
def check(file: NameArgument) -> None:
    """Explain every mistake in a parameter file, and name what its owners should look at again.

    Exit code 1: it cannot be used.
    """
    from haloscope.parameters.reviewing import reviewed

    found = reviewed(file)
    for mistake in found.mistakes:
        errors.print(f"mistake: {escaped(mistake, _MOST_OF_A_LINE)}")
    for warning in found.warnings:
        console.print(f"look at: {escaped(warning, _MOST_OF_A_LINE)}")
    if found.parameters is None or found.description is None:
        count = len(found.mistakes)
        errors.print(f"{escaped(file)}: {count} mistake{'s' if count > 1 else ''}")
        raise typer.Exit(EXIT_FAILED)
    console.print(
        f"{escaped(found.parameters.name)}: can be used; parameters {found.parameters.hash()}, "
        f"description {found.description.hash()}"
    )


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="To be written; it must not be there yet.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME|FILE", help="Begin with all values of this one."),
    ] = None,
    frequency: Annotated[
        float | None,
        typer.Option(help="Of the search, its middle, MHz.", callback=between(1.0, 1e7)),
    ] = None,
    unloaded_q: Annotated[
        float | None,
        typer.Option(help="Of the cavity there.", callback=between(10.0, 1e12)),
    ] = None,
) -> None:
    """Write a parameter file with every value's unit, range and meaning, for its owners to fill in.

    Without --from what an apparatus' owners must state is left open; with --frequency and
    --unloaded-q the windows, steps and tolerances in it are in proportion to their line.
    """
    from haloscope.parameters import SHIPPED
    from haloscope.parameters.reviewing import named
    from haloscope.parameters.suggesting import suggested
    from haloscope.parameters.writing import template

    name = SHIPPED[0] if source is None else source
    begun, own = named(name), set[str]()
    if frequency is not None or unloaded_q is not None:
        if frequency is None or unloaded_q is None or source is not None:
            raise typer.BadParameter("--frequency and --unloaded-q go together, without --from")
        known, begun = begun, suggested(begun, 1e6 * frequency, unloaded_q)
        own = {n for n, why in begun.file_origins.items() if why != known.file_origins[n]}
    text = template(begun, Path(name).stem, blank=source is None, own=own)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    console.print(f"{escaped(file)}: fill it in, then  cryohalo apparatus check {escaped(file)}")


@app.command()
def show(
    name: NameArgument,
    as_json: Annotated[
        bool, typer.Option("--json", help="The description, as its IOC serves it.")
    ] = False,
) -> None:
    """Print every value with its unit and where it comes from, and the hashes."""
    from haloscope.description import describe
    from haloscope.parameters.reviewing import named

    parameters = named(name)
    description = describe(parameters)
    if as_json:
        console.print(json.dumps(description.as_dict(), indent=2))
        return
    console.print(f"{escaped(parameters.name)}")
    console.print(f"parameters {parameters.hash()}, description {description.hash()}")
    for line in _lines(parameters):
        console.print(line)


def _lines(parameters: HaloscopeParameters) -> list[str]:
    from haloscope.description.checking import quantities
    from haloscope.parameters import GROUPS
    from haloscope.parameters.writing import value_text

    lines = []
    for what in quantities(GROUPS):
        group, _, key = what.name.partition(".")
        value = f"{value_text(getattr(getattr(parameters, group), key))} {what.unit}".rstrip()
        origin = escaped(parameters.file_origins[what.name], _MOST_OF_A_LINE)
        lines.append(f"  {what.name:<{_NAME_WIDTH}}{value:<{_VALUE_WIDTH}} {origin}")
    return lines


@app.command("list")
def list_all() -> None:
    """Print the shipped apparatus: name, what they are called, band, how much is inherited."""
    from haloscope.parameters import SHIPPED, HaloscopeParameters
    from haloscope.parameters.provenance import INHERITED

    for name in SHIPPED:
        parameters = HaloscopeParameters.shipped(name)
        low, high = parameters.operation.band_low_hz, parameters.operation.band_high_hz
        origins = parameters.file_origins.values()
        taken = sum(origin.startswith(INHERITED) for origin in origins)
        console.print(
            f"{name:<12}{parameters.name:<12}{low * 1e-6:.6g} to {high * 1e-6:.6g} MHz, "
            f"{len(origins)} values, {taken} inherited"
        )
