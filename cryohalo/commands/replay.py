"""``cryohalo replay``: deliver runs to Tiled by hand, whatever has been delivered before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryohalo.commands.control_room import ConfigOption
from cryohalo.commands.options import EXIT_FAILED, plain_console, tell
from cryohalo.commands.runs import moment
from instruments.printable import escaped

if TYPE_CHECKING:
    from cryohalo.catalog import Catalog
    from cryohalo.sharing.connection import Connection
    from cryohalo.sharing.ledger import Ledger

__all__ = ["app"]

app = typer.Typer()
console = plain_console()
#: The forwarder has its turn for some seconds; a run of gigabytes takes minutes.
_TURN_S = 600.0


@app.command()
def replay(
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="The beginning of a uid; or `last`, the newest."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs of the catalog.")] = False,
    since: Annotated[
        str | None,
        typer.Option(
            help="Those begun at or after: 2026-11-27, 2026-11-27T14:30, or 30m, 5h, 2d ago.",
            callback=moment,
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Deliver runs of the site's catalog to its Tiled once more, each document once.

    What ``up`` has delivered need not be: this is for a Tiled that has lost something. Exit code 1
    if a run could not be delivered.
    """
    from cryohalo.catalog import Catalog
    from cryohalo.configuration import read
    from cryohalo.sharing.connection import Connection
    from cryohalo.sharing.key import key_in
    from cryohalo.sharing.ledger import Ledger
    from cryohalo.sharing.sharer import LEDGER, turn

    if not named and not every and since is None:
        raise typer.BadParameter("give runs, --since or --all")
    values = read(config).values
    paths = _paths(Catalog(values.catalog.folder), named or [], every, since)  # type: ignore[arg-type]
    try:
        connection = Connection(values.tiled_address, key_in(values.tiled_key), make=True)
    except ModuleNotFoundError as error:
        tell(f"{error.name} is not installed: pip install 'cryohalo[tiled]'")
        raise typer.Exit(EXIT_FAILED) from None
    with closing(Ledger(values.tiled_folder / LEDGER, connection.identity)) as ledger:
        failed = 0
        for path in paths:
            with turn(values.tiled_folder, _TURN_S):
                failed += not _delivered(path, connection, ledger)
    if failed:
        raise typer.Exit(EXIT_FAILED)


def _paths(kept: Catalog, named: list[str], every: bool, since: float | None) -> list[Path]:
    from cryohalo.catalog import Filter

    found = [kept[name].path for name in named]
    if every or since is not None:
        entries = kept.entries(Filter(since=None if every else since))
        found += [Path(kept.root) / entry.name for entry in entries]
    return list(dict.fromkeys(found))


def _delivered(path: Path, connection: Connection, ledger: Ledger) -> bool:
    """Deliver one run and say so."""
    from cryohalo.errors import CatalogError
    from cryohalo.sharing.connection import UnreachableError
    from cryohalo.sharing.delivery import Delivery
    from cryohalo.sharing.ledger import DONE, NONE

    try:
        run = Delivery(path, connection, ledger, anew=True)
        run.go_on()
    except UnreachableError:
        raise
    except CatalogError as error:
        tell(f"{path.stem[:8]}: {error}")
        return False
    row = run.row
    words = "" if row.view in (DONE, NONE) else f"; not in Tiled's own form: {row.view}"
    console.print(f"{escaped(path.stem[:8])}: {row.bytes / 1e6:.3f} MB{words}")
    return True
