"""Options that ``cryohalo session`` and every plan's command share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cryohalo.commands.options import WRITABLE, prefix

__all__ = ["AmrrPrefix", "HaloPrefix", "Mode", "ModeOption", "Simulated", "WrittenCatalog"]


class Mode(StrEnum):
    """What is shown while plans run; the modes of ``cryohalo.live.display``."""

    live = "live"
    quiet = "quiet"
    json = "json"


WrittenCatalog = Annotated[Path, typer.Option(help="Folder of the catalog.", **WRITABLE)]
AmrrPrefix = Annotated[
    str, typer.Option(help="Refrigerator's prefix; '' for none", callback=prefix)
]
HaloPrefix = Annotated[str, typer.Option(help="Haloscope's prefix; '' for none", callback=prefix)]
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
