"""Log lines for what may fail ten times a second: one line for each kind of failure, not one each.

A log that repeats itself fills the disk and hides the line that matters.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from typing import Final

#: A failure that goes on is logged again after this long, with how often it has happened since.
PERIOD_S: Final = 60.0
#: Kinds that are remembered; beyond it all are forgotten and may be logged once more.
MOST_KINDS: Final = 1000


class Complaints:
    """Tells of failures, of each kind once.

    Args:
        log: Where to.
        level: Of the lines.
        wall: Monotonic wall clock, s.
    """

    def __init__(
        self,
        log: logging.Logger,
        level: int = logging.ERROR,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._level = level
        self._wall = wall
        self._told: dict[Hashable, tuple[float, int]] = {}

    def tell(self, kind: Hashable, line: str) -> None:
        """Log ``line``, unless a line of this kind was logged a short time ago."""
        now_s = self._wall()
        told_s, silent = self._told.get(kind, (-PERIOD_S, 0))
        if now_s - told_s < PERIOD_S:
            self._told[kind] = (told_s, silent + 1)
            return
        if len(self._told) >= MOST_KINDS:
            self._told.clear()
        self._told[kind] = (now_s, 0)
        again = f" (and {silent} more since the last such line)" if silent else ""
        self._log.log(self._level, "%s%s", line, again)

    def forget(self, kind: Hashable) -> None:
        """It works again: its next failure is logged at once."""
        self._told.pop(kind, None)


def words(error: BaseException) -> str:
    """An exception in one line: its kind and its text, or that of what caused it."""
    text = " ".join(str(error).split()) or " ".join(str(error.__cause__ or "").split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
