"""``cryohalo page``: the instruments' web pages, until a signal ends them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from cryohalo.commands.options import (
    between,
    folder,
    plain_console,
    prefix,
)
from cryohalo.commands.site import parameters_of, site

app = typer.Typer()
console = plain_console()

DEFAULT_PORT: Final = 8585


def default_token_file() -> Path:
    """Where the token is kept unless the command says otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "cryohalo" / "page.token"


_THE_SITES: Final = "the site's unless told."
AmrrPrefix = Annotated[
    str | None,
    typer.Option(help=f"Refrigerator's prefix; '' for none; {_THE_SITES}", callback=prefix),
]
HaloPrefix = Annotated[
    str | None,
    typer.Option(help=f"Haloscope's prefix; '' for none; {_THE_SITES}", callback=prefix),
]
AmrrParameters = Annotated[
    Path | None, typer.Option(help=f"Of the refrigerator's IOC; {_THE_SITES}", metavar="FILE")
]
HaloParameters = Annotated[
    Path | None, typer.Option(help=f"Of the haloscope's IOC; {_THE_SITES}", metavar="FILE")
]


@app.command()
def page(
    amrr_prefix: AmrrPrefix = None,
    halo_prefix: HaloPrefix = None,
    amrr_parameters: AmrrParameters = None,
    halo_parameters: HaloParameters = None,
    port: Annotated[
        int, typer.Option(help="On 127.0.0.1; 0: any free one.", callback=between(0, 65_535))
    ] = DEFAULT_PORT,
    token_file: Annotated[
        Path | None,
        typer.Option(help="Holds the token of who may set; made, mode 600, if absent."),
    ] = None,
    read_only: Annotated[bool, typer.Option(help="Nothing can be set, token or not.")] = False,
    catalog: Annotated[
        Path | None,
        typer.Option(
            help=f"Folder whose newest search is shown; {_THE_SITES}", parser=folder, metavar="PATH"
        ),
    ] = None,
    queue_port: Annotated[
        int,
        typer.Option(help="Of the queue's manager; 0: no queue.", callback=between(0, 65_535)),
    ] = 0,
    history: Annotated[
        str, typer.Option(help="Address of a server with the archiver's JSON route.")
    ] = "",
    alarms: Annotated[
        Path | None, typer.Option(help="File of a history, whose log of alarms is shown.")
    ] = None,
) -> None:
    """Serve one web page per instrument on loopback until Ctrl-C.

    Without the token a page shows and sets nothing. Exit code 0: ended by a signal.
    """
    where = site(catalog, amrr_prefix, halo_prefix)
    chosen = {"amrr": where.amrr_prefix, "haloscope": where.halo_prefix}
    prefixes = {name: one for name, one in chosen.items() if one}
    given = {"amrr": amrr_parameters, "haloscope": halo_parameters}
    files = {name: given[name] or parameters_of(name) for name in prefixes}
    if not prefixes:
        raise typer.BadParameter("no instrument is left", param_hint="--amrr-prefix")
    if history and not history.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{history!r} is no http address", param_hint="--history")
    token = None if read_only else token_file or default_token_file()
    shown = {"history": history, "port": port, "catalog": where.catalog, "queue_port": queue_port}
    shown["alarms"] = alarms
    serve_pages(prefixes, files, token, console, **shown)


def serve_pages(
    prefixes: Mapping[str, str],
    parameters: Mapping[str, Path | None],
    token_file: Path | None,
    out: Console,
    **shown: Any,
) -> None:
    """Serve the pages of these instruments.

    Args:
        prefixes: Instrument to prefix.
        parameters: Instrument to the parameter file of its IOC, None for the defaults.
        token_file: Of who may set; None: nothing can be set.
        out: Is told where the pages are.
        shown: Where to listen and what else is shown, as ``PageServer`` has it.

    Raises:
        OSError: The port is taken.
        TokenFileError: The token's file cannot be trusted.
    """
    import asyncio

    from cryohalo.page.server import PageServer, run
    from cryohalo.page.variables import of_instruments
    from cryohalo.processes.access import take_token

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    token = None if token_file is None else take_token(token_file)
    server = PageServer(prefixes, of_instruments(parameters), token, **shown)

    def ready(listening: PageServer) -> None:
        for name in prefixes:
            out.print(f"ready page {name} {listening.address}{name}")
        if token_file is not None:
            out.print(f"to set something: the token in {token_file}")

    asyncio.run(run(server, ready))
