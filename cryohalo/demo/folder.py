"""The demonstration's folder: what an earlier demonstration wrote there is replaced, nothing else.

A run says in its start document that a demonstration made it. Where anything else lies in the way,
the demonstration does not begin.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryohalo.catalog import SUFFIX, CatalogError, Run
from cryohalo.demo.page import FIGURES, PAGE, TITLE
from instruments.foreign_files import read_bounded
from instruments.printable import escaped

__all__ = ["SEED_KEY", "ForeignFolderError", "clear"]

#: Metadata by which a run is known as a demonstration's.
SEED_KEY: Final = "demo_seed"


_LARGEST_PAGE: Final = 10_000_000


class ForeignFolderError(ValueError):
    """The folder holds what no demonstration wrote; nothing has been touched."""


def clear(output: Path, catalog: Path) -> None:
    """Take away the runs of an earlier demonstration.

    Args:
        output: The demonstration's folder.
        catalog: Folder of its runs, in there.

    Raises:
        ForeignFolderError: Something there is not a demonstration's.
        OSError: A run cannot be taken away.
    """
    runs = _runs(catalog)
    if not runs and not _is_our_page(output / PAGE):
        for path in (output / PAGE, output / FIGURES):
            if os.path.lexists(path):
                raise _taken(path, "which no demonstration wrote")
    for path in runs:
        path.unlink()


def _runs(catalog: Path) -> list[Path]:
    """The files of earlier demonstrations' runs."""
    if not os.path.lexists(catalog):
        return []
    if catalog.is_symlink() or not catalog.is_dir():
        raise _taken(catalog, "which is no folder of its own")
    found = sorted(catalog.iterdir())
    for path in found:
        if not _is_ours(path):
            raise _taken(path, "which no demonstration wrote")
    return found


def _is_ours(path: Path) -> bool:
    if path.suffix != SUFFIX or path.is_symlink():
        return False
    try:
        return SEED_KEY in Run(path).start
    except CatalogError:
        return False


def _is_our_page(path: Path) -> bool:
    try:
        return f"<title>{TITLE}</title>".encode() in read_bounded(path, _LARGEST_PAGE)
    except OSError:
        return False


def _taken(path: Path, why: str) -> ForeignFolderError:
    return ForeignFolderError(f"demo: {escaped(path)} is there, {why}; give another --output")
