"""``cryohalo runs``: list, show, check and export the runs of a catalog."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cryohalo.commands.options import (
    EXIT_FAILED,
    CatalogOption,
    errors,
    plain_console,
    tell,
)
from instruments.printable import escaped

if TYPE_CHECKING:
    from rich.console import Console

    from cryohalo.catalog import Entry, Filter, Run, RunCatalog

__all__ = ["app", "list_runs"]

app = typer.Typer(invoke_without_command=True)

_LONGEST: Final = 60
_HEAD: Final = ("uid", "plan", "started", "events", "end", "campaign")
#: Runs that are listed unless more are asked for.
SHOWN: Final = 200
#: Files read from which on it is said that this goes on for a while.
_MANY: Final = 2000
_TOLD_EVERY: Final = 10_000

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The beginning of its uid; or `last`, the newest.")
]


def moment(text: str | None) -> float | None:
    """A time, or how long ago it was, as an option has it; s since 1970."""
    from cryohalo.commands.moments import moment_of

    if text is None:
        return None
    try:
        return moment_of(text, datetime.now().timestamp())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _whole(count: int | None) -> int | None:
    if count is not None and count < 0:
        raise typer.BadParameter(f"{count}: 0 or more")
    return count


@app.callback()
def runs(
    context: typer.Context,
    catalog: CatalogOption = None,
    plan: Annotated[str | None, typer.Option(help="Of this plan alone.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Begun at or after: 2026-11-27, 2026-11-27T14:30, or 30m, 5h, 2d ago.",
            callback=moment,
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Begun before; the same forms.", callback=moment)
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help="With this text in uid, plan or any text of the start document."),
    ] = None,
    status: Annotated[
        str | None, typer.Option(help="Ended so: success, fail, abort, 'cut off', damaged.")
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(help=f"At most so many, the newest; {SHOWN} unless told.", callback=_whole),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that there are.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
) -> None:
    """List the runs of a catalog, oldest first; or show, check, export one of them.

    A file that is no run is left out and reported on standard error in one line. The exit code is 0
    all the same, and 1 if the folder cannot be read.
    """
    from cryohalo.catalog import Filter

    if context.invoked_subcommand is not None:
        context.obj = catalog
        return
    most = None if every and last is None else SHOWN if last is None else last
    which = Filter(plan, since, until, text, status, most)  # type: ignore[arg-type]
    list_runs(_place(catalog), plain_console(), errors, which, as_json=as_json)


def list_runs(
    place: Path | str, console: Console, errors: Console, which: Filter, *, as_json: bool = False
) -> None:
    """Print a line for each run, oldest first, and one on ``errors`` for each file that is none.

    Raises:
        CatalogError: There is no such folder, or it cannot be read.
    """
    from dataclasses import replace

    one_more = None if which.last is None else which.last + 1
    found, refused = _catalog(place).look(replace(which, last=one_more), _telling(errors))
    older = which.last is not None and len(found) > which.last
    if older:
        found = found[1:]
    if as_json:
        lines: Iterator[str] = (json.dumps(_plain(entry)) for entry in found)
    else:
        lines = _aligned([_HEAD, *map(_row, found)])
    console.file.write("".join(f"{line}\n" for line in lines))
    if older:
        errors.print("cryohalo: there are older ones: --last N, --all")
    for text in refused:
        errors.print(f"cryohalo: left out: {escaped(text, 400)}")


def _catalog(place: Path | str) -> RunCatalog:
    """A catalog that is there."""
    from cryohalo.catalog import CatalogError, open_catalog

    if isinstance(place, Path) and not place.is_dir():
        raise CatalogError(f"catalog {escaped(place)}: no such folder")
    return open_catalog(place)


def _telling(errors: Console) -> Any:
    """Says once that a first reading of many files takes its time."""

    def note(done: int, total: int) -> None:
        if total >= _MANY and done % _TOLD_EVERY == 0:
            errors.print(f"cryohalo: {done} of {total} new files read")

    return note


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """A line for each row, however narrow the terminal is: what reads it reads lines."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in cells).rstrip()


def _row(entry: Entry) -> tuple[str, ...]:
    what = entry.uid[:8], entry.plan or "?", _time(entry.time)
    cells = *what, _events(entry.counts), entry.status, entry.campaign
    return tuple(escaped(cell, _LONGEST) for cell in cells)


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "uid": entry.uid,
        "plan": entry.plan,
        "campaign": entry.campaign,
        "scan_id": entry.scan_id,
        "time": entry.time,
        "duration_s": entry.duration_s,
        "events": entry.counts,
        "status": entry.status,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _events(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _place(given: Path | str | None) -> Path | str:
    from cryohalo.commands.site import place_of

    return place_of(given)


def run_named(given: Path | str | None, name: str) -> Run:
    """A run by the beginning of its uid, or the newest.

    Raises:
        CatalogError: There is no such folder, server or run.
    """
    return _catalog(_place(given))[name]


@app.command()
def show(
    context: typer.Context,
    run: RunArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Start, streams and stop.")] = False,
    catalog: CatalogOption = None,
) -> None:
    """What a run is: its plan and arguments, its streams and their fields, how it ended."""
    from cryohalo.commands.shown import as_plain, lines_of

    found = run_named(catalog or context.obj, run)
    console = plain_console()
    if as_json:
        console.print(json.dumps(as_plain(found)))
        return
    for line in lines_of(found):
        console.print(line)


@app.command()
def check(
    context: typer.Context,
    named: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Which; all unless told.")
    ] = None,
    catalog: CatalogOption = None,
) -> None:
    """Read every document of the runs and say what is wrong with them.

    A run that was cut off is told, too, and is no fault. Files carry no checksum: numbers that
    became other numbers are not seen. Exit code 1 if something is wrong.
    """
    from cryohalo.catalog.checking import checked

    there = _catalog(_place(catalog or context.obj))
    runs = [there[name] for name in named] if named else there.listing().runs
    refused = [] if named else there.listing().refused
    console, wrong = plain_console(), len(refused)
    for line in refused:
        console.print(escaped(line, 400))
    for one in runs:
        verdict = checked(one)
        wrong += not verdict.good
        if not verdict.good or verdict.words:
            console.print(f"{escaped(one.path.stem[:8])}: {escaped(verdict.words, 400)}")
    console.print(f"{len(runs) + len(refused)} files, {wrong} of them wrong")
    if wrong:
        raise typer.Exit(EXIT_FAILED)


class Form(StrEnum):
    """What a run can be exported to."""

    csv = "csv"
    parquet = "parquet"
    hdf5 = "hdf5"
    netcdf = "netcdf"


@app.command()
def export(
    context: typer.Context,
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file.")],
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="csv: single values; parquet: with arrays; hdf5: NeXus, all streams; netcdf: one "
            "stream, as xarray has it. By the file's name unless told.",
        ),
    ] = None,
    stream: Annotated[str, typer.Option(help="Whose events; hdf5 has all.")] = "primary",
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    catalog: CatalogOption = None,
) -> None:
    """Write a run to a file of another kind, in bounded memory."""
    from cryohalo.exporting import FORMS, export_run

    wanted = form.value if form is not None else FORMS.get(output.suffix.lower())
    if wanted is None:
        raise typer.BadParameter(
            f"{escaped(output.name, 60)} does not tell its kind: name it {', '.join(FORMS)}, "
            "or give --format",
            param_hint="--output",
        )
    found = run_named(catalog or context.obj, run)
    try:
        events = export_run(found, output, wanted, stream=stream, replace=force)
    except ModuleNotFoundError as error:
        tell(f"{wanted} wants {error.name}: pip install 'cryohalo[export]'")
        raise typer.Exit(EXIT_FAILED) from None
    plain_console().print(f"{events} events of run {escaped(found.uid[:8])} in {output}")
