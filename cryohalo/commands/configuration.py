"""``cryohalo config``: what is in force and where it comes from; a file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryohalo.commands.control_room import ConfigOption
from cryohalo.commands.options import plain_console

__all__ = ["app"]

app = typer.Typer(invoke_without_command=True, help="The configuration of this site.")
console = plain_console()


@app.callback()
def show(context: typer.Context, config: ConfigOption = None) -> None:
    """Print every key with its value, and where that comes from."""
    if context.invoked_subcommand is not None:
        return
    from cryohalo.configuration import read
    from cryohalo.configuration.text import in_force

    console.print(in_force(read(config)))


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there.")] = Path(
        "cryohalo.toml"
    ),
) -> None:
    """Write a commented file with all keys, to begin with."""
    from cryohalo.configuration import commented

    with file.open("x") as begun:
        begun.write(commented())
    console.print(f"written: {file.absolute()}")
