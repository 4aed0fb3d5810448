"""Lines for the starter of the process: an IOC does not end because nobody reads them."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO

__all__ = ["say"]


def say(line: str, stream: TextIO | None) -> bool:
    """Write a line; whether somebody took it.

    A pipe whose reader has gone and a full disk are no failures of an IOC. What it says there from
    then on goes nowhere, so that the end of the process does not fail by it either.

    Args:
        line: Without its end.
        stream: ``sys.stdout`` or ``sys.stderr``, which are None if they were closed at the start.
    """
    if stream is None:
        return False
    try:
        print(line, file=stream, flush=True)
    except (OSError, ValueError):
        _point_nowhere(stream)
        return False
    return True


def _point_nowhere(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
