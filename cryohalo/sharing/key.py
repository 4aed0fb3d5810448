"""The API key of a Tiled server: a file that its owner alone can read."""

from __future__ import annotations

from pathlib import Path

from cryohalo.errors import CatalogError
from cryohalo.processes.access import TokenFileError, read_token, take_token
from instruments.foreign_files import reason

__all__ = ["key_in", "make_key"]


def make_key(file: Path) -> str:
    """The key of a file; a file that is not there is made, with a new key.

    Raises:
        CatalogError: It cannot be made, trusted or read.
    """
    try:
        return _demanded(file, take_token(file))
    except TokenFileError as error:
        raise CatalogError(f"key {error}") from error


def key_in(file: Path) -> str:
    """The key of a file.

    Raises:
        CatalogError: It is not there, holds no key, or others than its owner can read it.
    """
    try:
        return _demanded(file, read_token(file))
    except TokenFileError as error:
        raise CatalogError(f"key {error}") from error
    except OSError as error:
        raise CatalogError(f"key {file}: {reason(error)}") from error


def _demanded(file: Path, key: str) -> str:
    if not key.isalnum():
        raise CatalogError(f"key {file}: it holds no key of letters and digits, as Tiled wants it")
    return key
