"""Values of command lines that are checked before anything is started.

Each function takes the text of one option and gives its value, or raises
``argparse.ArgumentTypeError`` with the value and its limits in words: argparse, and whatever else
reads a command line, puts the option's name before it.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Final

from instruments.foreign_files import open_regular, reason
from instruments.printable import escaped

__all__ = ["between", "readable_file", "refused", "whole", "writable_folder"]

_LONGEST: Final = 80
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")


def refused(text: str, why: str) -> ArgumentTypeError:
    """The error that says which value cannot be used, and why."""
    given = escaped(text, _LONGEST) if text.strip() else repr(text)
    return ArgumentTypeError(f"{given}: {why}")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number between ``low`` and ``high``, both included."""

    def read(text: str) -> int:
        # int() takes more than digits (underscores, digits of other scripts).
        if not _WHOLE.fullmatch(text):
            raise refused(text, f"a whole number from {low} to {high}")
        if not low <= int(text) <= high:
            raise refused(text, f"{low} to {high}")
        return int(text)

    return read


def between(low: float, high: float, unit: str = "") -> Callable[[str], float]:
    """A number above ``low`` and not above ``high``."""

    def read(text: str) -> float:
        limits = f"a number above {low:g}, up to {high:g} {unit}".rstrip()
        try:
            value = float(text)
        except ValueError:
            raise refused(text, limits) from None
        if not low < value <= high:
            raise refused(text, limits)
        return value

    return read


def _no_path(text: str, why: str) -> ArgumentTypeError:
    """As ``refused``; of a long path its end is kept, which says which file it is."""
    return refused(text if len(text) <= _LONGEST else f"...{text[3 - _LONGEST :]}", why)


def readable_file(text: str) -> Path:
    """A regular file that can be opened; a FIFO or a device would be waited for."""
    path = Path(text)
    try:
        open_regular(path).close()
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise _no_path(text, str(why)) from None
    return path


def writable_folder(text: str) -> Path:
    """A folder that can be written to, or could be made."""
    path = Path(text)
    try:
        if not text:
            raise OSError(0, "no name of a folder")
        existing = next(part for part in (path, *path.absolute().parents) if _exists(part))
        if not existing.is_dir():
            raise NotADirectoryError(0, f"{existing} is no folder")
        if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(0, f"{existing} may not be written to")
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise _no_path(text, why) from None
    return path


def _exists(path: Path) -> bool:
    """Like ``Path.exists``, which takes what it may not look at for nothing."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True
