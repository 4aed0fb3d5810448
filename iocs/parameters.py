"""Model parameters from a file that somebody else may have written, for either machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from instruments.foreign_files import reason

Parameters = TypeVar("Parameters")


class ParameterFileError(ValueError):
    """A parameter file that cannot be used; the message says why."""


def from_file(
    default: Parameters, read: Callable[[Path], Parameters], path: Path | None
) -> Parameters:
    """The parameters of a file; the default without one.

    Args:
        default: Without a file.
        read: The machine's own reader.
        path: Of the file.

    Raises:
        ParameterFileError: It cannot be read, or the machine refuses what it says.
    """
    if path is None:
        return default
    try:
        return read(path)
    except OSError as error:
        raise ParameterFileError(f"{path}: {reason(error)}") from None
    except ValueError as error:
        raise ParameterFileError(f"{path}: {error}") from None
