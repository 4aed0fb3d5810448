"""All reference pages that are made from the code, and their files.

``docs/conf.py`` writes them before the pages are read, so none of them can be older than the code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cryohalo.documents import command_line, devices, hardware, machine, plans, settings

__all__ = ["PAGES", "write"]

#: What makes each page, by the name of its file.
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands.md": command_line.page,
    "configuration.md": settings.page,
    "devices.md": devices.page,
    "hardware.md": hardware.page,
    "plans.md": plans.page,
    "refrigerator_values.md": machine.page,
}


def write(folder: Path) -> list[Path]:
    """Write every page into a folder; one that says what it did is left as it is.

    Returns:
        The pages that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, made in PAGES.items():
        path, text = folder / name, made()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
