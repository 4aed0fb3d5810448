"""All that is written of a reproduction: page, tables, PDF, and the crate that packages them."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryohalo.provenance import provenance
from cryohalo.reproduction.crate import write_crate
from cryohalo.reproduction.kept import Result
from cryohalo.reproduction.page import page_text
from cryohalo.reproduction.pdf import write_pdf
from cryohalo.reproduction.rooms import ROOMS
from cryohalo.reproduction.rows import Row
from cryohalo.reproduction.tables import csv_text, json_text, latex_text, markdown_text
from cryohalo.reproduction.work import Settings

__all__ = ["PAGE", "TABLES", "write_all"]

PAGE: Final = "index.html"
#: Stem of the tables' files.
TABLES: Final = "claims"


def write_all(
    folder: Path, rows: Sequence[Row], results: Mapping[str, Result], settings: Settings
) -> Path:
    """Write everything that a reader may want, over what an earlier run wrote.

    Args:
        folder: Of the reproduction; figures and results are in there already.
        rows: All of them.
        results: By room.
        settings: That they were made with.

    Returns:
        The page.

    Raises:
        OSError: Something cannot be written.
    """
    about = _about(results, settings)
    made = f"Made by cryohalo {about['software_version']} on {about['written'][:10]}."
    texts = {
        PAGE: page_text(folder, rows, results, about),
        f"{TABLES}.csv": csv_text(rows),
        f"{TABLES}.json": json_text(rows, about),
        f"{TABLES}.tex": latex_text(rows, made),
        f"{TABLES}.md": markdown_text(rows),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_pdf(folder / f"{TABLES}.pdf", rows, made)
    write_crate(folder, [*texts, f"{TABLES}.pdf"], results, about)
    return folder / PAGE


def _about(results: Mapping[str, Result], settings: Settings) -> dict[str, Any]:
    """Where it all comes from."""
    titles = {room.name: room for room in ROOMS}
    rooms = [
        {
            "room": result.room,
            "title": titles[result.room].title,
            "control_path": titles[result.room].control_path,
            "began": result.began,
            "seconds": round(result.seconds, 1),
            "software": result.software,
            "fingerprint": result.fingerprint,
            "error": result.error,
        }
        for result in results.values()
    ]
    return {
        **provenance(),
        "settings": settings.recorded(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "rooms": rooms,
    }
