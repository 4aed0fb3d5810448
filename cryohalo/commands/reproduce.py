"""``cryohalo reproduce``: everything that the two papers state, computed, side by side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryohalo.commands.bars import Bar
from cryohalo.commands.options import (
    EXIT_FAILED,
    EXIT_NOT_BELIEVED,
    MAX_SEED,
    WRITABLE,
    between,
    plain_console,
)

if TYPE_CHECKING:
    from cryohalo.reproduction.claim import Claim
    from cryohalo.reproduction.rooms import Room

app = typer.Typer()
console = plain_console()


@app.command()
def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Claims or rooms to compute alone, as --list names them."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Of the results: what is kept there is not made again.", **WRITABLE)
    ] = Path("reports/reproduce"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller settings, marked in the table: half as long.")
    ] = False,
    seed: Annotated[
        int,
        typer.Option(help="Of simulations and Monte Carlo.", callback=between(0, MAX_SEED - 10)),
    ] = 1,
    workers: Annotated[int, typer.Option(help="Rooms at a time.", callback=between(1, 64))] = min(
        2, os.cpu_count() or 1
    ),
    anew: Annotated[bool, typer.Option("--anew", help="Make again what is kept.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 3 where a claim's number differs.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Tell the claims and rooms, and compute nothing.")
    ] = False,
) -> None:
    """Hold everything that the two papers state against what this program gives.

    Models answer for the design; an IOC, devices, plans, the catalog and the analysis for what was
    measured. In the folder: a page, tables as CSV, JSON, LaTeX and PDF, figures, packaged as an
    RO-Crate. An interrupted run goes on where it was. Some minutes on two free cores.

    Exit code 0: all was computed. 1: something failed. 3 (--strict): a number differs.
    """
    from cryohalo.reproduction.papers import all_claims
    from cryohalo.reproduction.rooms import ROOMS

    if listed:
        _tell_all(all_claims(), ROOMS)
        return
    claims, rooms = _chosen(names or [])
    from cryohalo.reproduction.kept import Kept
    from cryohalo.reproduction.report import write_all
    from cryohalo.reproduction.rows import rows_of
    from cryohalo.reproduction.running import run
    from cryohalo.reproduction.terminal import show
    from cryohalo.reproduction.verdict import Verdict
    from cryohalo.reproduction.work import Settings

    kept = Kept(folder, Settings(quick=quick, seed=seed))
    with Bar("percent of the work", 100, console) as bar:
        results = run(rooms, kept, anew=anew, workers=workers, progress=bar, tell=console.print)
    rows = rows_of(claims, results)
    show(rows, console)
    if not names:
        page = write_all(folder, rows, results, kept.settings)
        console.print(f"written to {folder}: {page.name} and all beside it")
    if any(result.error for result in results.values()):
        raise typer.Exit(EXIT_FAILED)
    if strict and any(row.verdict is Verdict.DIFFERS for row in rows):
        raise typer.Exit(EXIT_NOT_BELIEVED)


def _chosen(names: list[str]) -> tuple[list[Claim], list[Room]]:
    """Claims that are asked for, and the rooms that compute them; all without names."""
    from cryohalo.reproduction.papers import all_claims
    from cryohalo.reproduction.rooms import ROOMS

    known = {claim.name: claim for claim in all_claims()}
    rooms = {room.name for room in ROOMS}
    for name in names:
        if name not in known and name not in rooms:
            raise typer.BadParameter(
                f"{name!r} is neither a claim nor a room; --list tells them", param_hint="NAMES"
            )
    claims = [c for c in known.values() if not names or c.name in names or c.room in names]
    needed = {claim.room for claim in claims}
    return claims, [room for room in ROOMS if room.name in needed]


def _tell_all(claims: tuple[Claim, ...], rooms: tuple[Room, ...]) -> None:
    for room in rooms:
        told = [claim for claim in claims if claim.room == room.name]
        how = "control path" if room.control_path else "models"
        seconds = " or ".join(f"{s:g}" for s in room.seconds)
        console.print(f"{room.name}: {room.title}; {how}; some {seconds} s (quick)")
        for claim in told:
            console.print(f"  {claim.name:<27} {claim.where}: {claim.says}")
    console.print("nothing is computed for")
    for claim in claims:
        if not claim.computed:
            console.print(f"  {claim.name:<27} {claim.where}: {claim.says}")
