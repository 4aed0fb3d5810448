"""Options that ``cryohalo session`` and every plan's command share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cryohalo.commands.options import WRITABLE, prefix

__all__ = [
    "AmrrPrefix",
    "HaloPrefix",
    "HardwareFile",
    "Mode",
    "ModeOption",
    "Simulated",
    "WrittenCatalog",
]


class Mode(StrEnum):
    """What is shown while plans run; the modes of ``cryohalo.live.display``."""

    live = "live"
    quiet = "quiet"
    json = "json"


def optional_prefix(text: str | None) -> str | None:
    """Check of a prefix; an empty one stands for no instrument, none for the site's."""
    return None if text is None else prefix(text)


WrittenCatalog = Annotated[
    Path | None,
    typer.Option(help="Folder of the catalog; the site's unless told, or data/runs.", **WRITABLE),
]
AmrrPrefix = Annotated[
    str | None,
    typer.Option(
        help="Refrigerator's prefix; '' for none; the site's unless told, or AMRR:",
        callback=optional_prefix,
    ),
]
HaloPrefix = Annotated[
    str | None,
    typer.Option(
        help="Haloscope's prefix; '' for none; the site's unless told, or HALO:",
        callback=optional_prefix,
    ),
]
HardwareFile = Annotated[
    Path | None,
    typer.Option(
        "--hardware",
        metavar="FILE",
        help="What the laboratory's own records are called and which it has not; the site's unless "
        "told (docs/how_to/hardware.md).",
        exists=True,
        dir_okay=False,
    ),
]
ModeOption = Annotated[
    Mode,
    typer.Option(
        "--show",
        help="live: rows and progress; quiet: what is wrong alone; json: a line of JSON for each "
        "event, hold and state on standard output, all else on standard error.",
    ),
]
Simulated = Annotated[
    bool, typer.Option("--simulated", help="The physics in this process instead of the IOCs.")
]
