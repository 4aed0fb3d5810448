"""Parameter files in TOML, which somebody else may have written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from instruments.foreign_files import read_bounded

__all__ = ["read_toml"]

MAX_BYTES: Final = 1_000_000


def read_toml(path: Path | str) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        OSError: There is no such file, it is no regular one, or has more than a megabyte.
        ValueError: It is no TOML; says where.
    """
    text = read_bounded(path, MAX_BYTES).decode()
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its lists or tables are nested too deep") from None
