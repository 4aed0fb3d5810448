"""A stream's single values as CSV: a line of names, a line for each event."""

from __future__ import annotations

import csv
from pathlib import Path

from cryohalo.catalog import Run
from cryohalo.catalog.columns import ALONGSIDE, single_fields

__all__ = ["write"]


def write(run: Run, path: Path, stream: str) -> int:
    """Write it. Numbers have all their digits; arrays are left out; texts are quoted where needed.

    Returns:
        The number of events.
    """
    names: list[str] = []
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        for event in run.events(stream):
            if not names:
                names = [n for n in ALONGSIDE if n in event] + single_fields(event["data"])
                lines.writerow(names)
            data = event["data"]
            lines.writerow([_cell(data.get(name, event.get(name, ""))) for name in names])
            count += 1
    return count


def _cell(value: object) -> object:
    """A value; a text that a spreadsheet would take for a formula gets an apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    item = getattr(value, "item", None)  # of NumPy: the number, not its type's name
    return item() if callable(item) else value
