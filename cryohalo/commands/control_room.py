"""``cryohalo up``, ``down``, ``status``, ``env``, ``doctor``: the services of this site."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryohalo.commands.options import EXIT_FAILED, plain_console, tell

if TYPE_CHECKING:
    from cryohalo.configuration import Found

__all__ = ["ConfigOption", "app"]

app = typer.Typer()
console = plain_console()

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Configuration file; otherwise that of CRYOHALO_CONFIG, or cryohalo.toml here.",
        metavar="FILE",
    ),
]


def _found(config: Path | None) -> Found:
    from cryohalo.configuration import read

    return read(config)


@app.command()
def up(
    config: ConfigOption = None,
    foreground: Annotated[
        bool, typer.Option(help="Hold the terminal until a signal, for systemd.")
    ] = False,
) -> None:
    """Start the services of the configuration, and return; what dies is started again.

    Exit code 0: all are ready. 1: one is not; the others run on.
    """
    from cryohalo.control_room import starting

    found = _found(config)
    run = starting.foreground if foreground else starting.detached
    raise typer.Exit(run(found, console))


@app.command()
def down(config: ConfigOption = None) -> None:
    """End the services; each saves its state."""
    from cryohalo.control_room.starting import end

    raise typer.Exit(end(_found(config), console))


@app.command()
def status(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """What each service does. Exit code 0: all are ready; 1: they are not, or nothing is up."""
    from cryohalo.control_room.status import lines, rows

    found = _found(config)
    now = rows(found)
    if as_json:
        typer.echo(json.dumps(now, indent=2))
    else:
        for line in lines(now):
            console.print(line)
    if not now:
        tell("nothing is up here: cryohalo up")
    if not now or any(row["state"] != "ready" for row in now):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def env(config: ConfigOption = None) -> None:
    """What clients set, as shell commands: eval "$(cryohalo env)"."""
    from cryohalo.control_room.services import clients_environment

    for name, value in clients_environment(_found(config)).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Look for the usual troubles, and say what to do. Exit code 1: something is in the way."""
    from cryohalo.control_room.doctor import examine
    from instruments.printable import escaped

    findings = examine(config)
    for finding in findings:
        first, *others = finding.words.splitlines() or [""]
        console.print(f"{finding.verdict:<5} {finding.subject}: {escaped(first, 1000)}")
        for line in others:
            console.print(f"      {escaped(line, 1000)}")
        if finding.do:
            console.print(f"      {escaped(finding.do, 1000)}")
    if any(finding.verdict == "wrong" for finding in findings):
        raise typer.Exit(EXIT_FAILED)
