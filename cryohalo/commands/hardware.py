"""``cryohalo hardware``: what is needed of a laboratory, its file, its records as they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryohalo.commands.options import EXIT_FAILED, WRITABLE, errors, plain_console
from cryohalo.commands.session_options import AmrrPrefix, HaloPrefix
from instruments.printable import escaped

if TYPE_CHECKING:
    from cryohalo.hardware.catalogue import Needed
    from cryohalo.hardware.checking import Checked

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="A laboratory's own records in place of the simulation's (docs/how_to/hardware.md).",
)
console = plain_console()

_LONGEST = 300
FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The laboratory's.", exists=True, dir_okay=False)
]


@app.command()
def needs(
    instrument: Annotated[str, typer.Argument(help="haloscope or amrr.")] = "haloscope",
    plan: Annotated[
        str | None, typer.Option(help="The least set, and what this plan needs besides.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what devices can be without, and what then.")
    ] = False,
) -> None:
    """The least set of PVs; what a plan needs besides; what happens without the others."""
    from cryohalo.hardware import needs as told

    instrument = _instrument(instrument)
    least = told.least(instrument)
    console.print(f"{instrument}: {len(least)} PVs are needed")
    _table(told.HEAD, map(told.row, least))
    if plan is not None:
        found = told.plan_named(plan)
        if instrument not in told.instrument_of(found):
            raise typer.BadParameter(f"{plan} is no plan of the {instrument}", param_hint="--plan")
        more = list(told.further(found, instrument))
        console.print(f"\n{found.__name__}: {len(more)} more")
        _table(told.HEAD, map(told.row, more))
    if everything:
        rest = told.rest(instrument)
        console.print(f"\n{len(rest)} that devices can be without")
        _table((*told.HEAD, "without it"), (_with_consequence(one) for one in rest))


def _with_consequence(needed: Needed) -> tuple[str, ...]:
    from cryohalo.hardware.needs import row

    guard = "; must be stated" if needed.leaf.guards else ""
    return (*row(needed), needed.leaf.without + guard)


def _instrument(name: str) -> str:
    from cryohalo.hardware.catalogue import INSTRUMENTS

    if name not in INSTRUMENTS:
        told = " or ".join(INSTRUMENTS)
        raise typer.BadParameter(f"{escaped(name, 40)}: {told}", param_hint="INSTRUMENT")
    return name


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns, as wide as what stands in them."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="To be written; it must not be there.")],
    instrument: Annotated[str, typer.Option(help="haloscope or amrr.")] = "haloscope",
) -> None:
    """Write a file to begin with: every PV of the least set, to be given the laboratory's name."""
    from cryohalo.hardware.template import template

    text = template(_instrument(instrument))
    try:
        with file.open("x") as begun:
            begun.write(text)
    except FileExistsError:
        told = f"there already, name another: {escaped(file, 200)}"
        raise typer.BadParameter(told, param_hint="FILE") from None
    console.print(f"written: {file.absolute()}")


@app.command()
def check(
    file: FileArgument,
    amrr_prefix: AmrrPrefix = None,
    halo_prefix: HaloPrefix = None,
    wait: Annotated[float, typer.Option(help="Seconds to look for the records.", min=0.1)] = 5.0,
) -> None:
    """Connect to every record of a file and say what is missing or not as devices need it.

    Nothing is put. Exit code 1: devices cannot work with it.
    """
    from cryohalo.commands.site import find_instruments, site

    where = site(None, amrr_prefix, halo_prefix)
    find_instruments()
    from cryohalo.hardware.checking import check as checked
    from cryohalo.hardware.file import read_hardware

    hardware = read_hardware(file)
    prefixes = {"amrr": where.amrr_prefix, "haloscope": where.halo_prefix}
    problems = 0
    for instrument in hardware.tables:
        laboratory = hardware.laboratory(instrument, prefixes[instrument] or "")
        assert laboratory is not None
        found = checked(instrument, laboratory, wait)
        problems += _report(instrument, found)
        if not any(one.found for one in found):
            console.print(_not_answered(len(found), wait))
    if problems:
        errors.print(f"{escaped(file)}: {problems} problem{'s' if problems > 1 else ''}")
        raise typer.Exit(EXIT_FAILED)


def _report(instrument: str, found: list[Checked]) -> int:
    """Tell what was found; returns the number of problems."""
    from cryohalo.hardware.needs import least

    for one in found:
        for kind, words in (("problem", one.problems), ("note", one.notes)):
            for text in words:
                typer.echo(f"{kind:<8}{one.needed.name}  {one.pv}  {escaped(text, _LONGEST)}")
    there = {one.needed.name for one in found if one.found}
    settled = {name.removesuffix("_RBV") for name in there}
    needed = [one.name for one in least(instrument)]
    count = sum(name in there or name.removesuffix("_RBV") in settled for name in needed)
    console.print(f"{instrument}: {count} of the {len(needed)} PVs of the least set are there")
    if count == len(needed):
        for line in _plans(instrument, there):
            typer.echo(line)
    return sum(len(one.problems) for one in found)


def _not_answered(records: int, wait_s: float) -> str:
    """What to look at where not one record answers: names are seldom all wrong, addresses are."""
    listed = os.environ.get("EPICS_CA_ADDR_LIST", "")
    broadcast = os.environ.get("EPICS_CA_AUTO_ADDR_LIST", "YES").upper() != "NO"
    places = [escaped(listed, 200)] if listed.strip() else []
    places += ["this host's networks by broadcast"] if broadcast else []
    return (
        f"none of the {records} records answers within {wait_s:g} s: is their IOC up? "
        f"It was looked for at {' and '.join(places) or 'no address'} "
        "(EPICS_CA_ADDR_LIST, EPICS_CA_AUTO_ADDR_LIST)"
    )


def _plans(instrument: str, there: set[str]) -> list[str]:
    """Which plans can run with what there is, and what others lack."""
    from cryohalo.hardware.needs import further, instrument_of
    from plans.offered import offered

    able, lines = [], []
    for plan in offered():
        if instrument not in instrument_of(plan):
            continue
        if lacks := [one.name for one in further(plan, instrument) if one.name not in there]:
            lines.append(f"refuses {plan.__name__}: there is no {', '.join(lacks)}")
        else:
            able.append(plan.__name__)
    return [f"can run {', '.join(able)}", *lines]


@app.command()
def softioc(
    file: FileArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The database to be written.", **WRITABLE)
    ] = Path("laboratory.db"),
    instrument: Annotated[str, typer.Option(help="haloscope or amrr.")] = "haloscope",
    prefix: Annotated[str, typer.Option(help="Of what has no alias.")] = "LAB:",
    target: Annotated[
        list[float] | None,
        typer.Option(
            help="MHz, up to three times, ascending: traces and spectra of a haloscope in good "
            "order there; without it all are zeros."
        ),
    ] = None,
) -> None:
    """Write an EPICS database of a file's records, to try it with EPICS base's softIoc.

    Readbacks follow setpoints; analyzer and digitizer acquire and count.
    """
    from cryohalo.hardware.file import read_hardware
    from cryohalo.hardware.softioc import database

    hardware = read_hardware(file)
    laboratory = hardware.laboratory(_instrument(instrument), prefix)
    if laboratory is None:
        raise typer.BadParameter(f"says nothing of the {instrument}", param_hint="FILE")
    pictures = _pictures(hardware.description(instrument), target, instrument)
    text = database(instrument, laboratory, pictures)
    output.write_text(text)
    console.print(f"{text.count('record(')} records: {escaped(output)}")


def _pictures(description: Any, targets: list[float] | None, instrument: str) -> Any:
    from cryohalo.hardware.pictures import Pictures

    if not targets:
        return None
    if instrument != "haloscope" or description is None:
        raise typer.BadParameter(
            "is for a haloscope whose file names a description", param_hint="--target"
        )
    return Pictures(description, targets)
