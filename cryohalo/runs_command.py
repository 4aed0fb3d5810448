"""``cryohalo runs``: the runs of a catalog, and what in its folder is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cryohalo.catalog import Catalog, CatalogError, Run
from instruments.printable import escaped

__all__ = ["list_runs"]

_LONGEST = 60


def list_runs(folder: Path, console: Console, errors: Console) -> None:
    """Print a line for each run, oldest first, and one on ``errors`` for each file that is none.

    Raises:
        CatalogError: There is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise CatalogError(f"catalog {escaped(folder)}: no such folder")
    listing = Catalog(folder).listing()
    refused = listing.refused
    table = Table("uid", "plan", "started", "events", "end", box=None)
    for run in listing.runs:
        try:
            table.add_row(*_row(run))
        except CatalogError as error:
            refused.append(str(error))
    console.print(table)
    for line in refused:
        errors.print(Text(f"cryohalo: left out: {escaped(line, 400)}"), soft_wrap=True)


def _row(run: Run) -> list[Text]:
    start, stop = run.start, run.stop
    started = datetime.fromtimestamp(start["time"]).strftime("%Y-%m-%d %H:%M:%S")
    end = "cut off" if stop is None else stop.get("exit_status") or "?"
    cells = run.uid[:8], start.get("plan_name") or "?", started, _events(stop or {}), end
    # Texts of rich, which takes a plain text's brackets for commands.
    return [Text(escaped(cell, _LONGEST)) for cell in cells]


def _events(stop: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in (stop.get("num_events") or {}).items())
