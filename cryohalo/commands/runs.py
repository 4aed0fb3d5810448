"""``cryohalo runs``: the runs of a catalog, and what in its folder is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console

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
    rows: list[tuple[str, ...]] = [("uid", "plan", "started", "events", "end")]
    for run in listing.runs:
        try:
            rows.append(_row(run))
        except CatalogError as error:
            refused.append(str(error))
    for text in _aligned(rows):
        console.print(text)
    for text in refused:
        errors.print(f"cryohalo: left out: {escaped(text, 400)}")


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """A line for each row, however narrow the terminal is: what reads it reads lines."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in cells).rstrip()


def _row(run: Run) -> tuple[str, ...]:
    start, stop = run.start, run.stop
    started = datetime.fromtimestamp(start["time"]).strftime("%Y-%m-%d %H:%M:%S")
    end = "cut off" if stop is None else stop.get("exit_status") or "?"
    cells = run.uid[:8], start.get("plan_name") or "?", started, _events(stop or {}), end
    return tuple(escaped(cell, _LONGEST) for cell in cells)


def _events(stop: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in (stop.get("num_events") or {}).items())
