"""The put log: who, from where, what, old and new value, simulated time, refused why.

One JSON object a line, in a file that is kept to ten times 5 MB.
"""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import time
from collections.abc import Callable
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np

from iocs.records import Put
from iocs.supervision import storage
from iocs.supervision.saving import Saving
from iocs.words.escaping import escaped

FILE_BYTES: Final = 5_000_000
OLD_FILES: Final = 9
SHORT_ARRAY: Final = 8


class PutLog:
    """Logs puts.

    Args:
        folder: Where ``puts.log`` is written; None keeps only the last put in memory.
        time: Simulated time, s.
        wall_time: Wall clock, s since the Unix epoch.
        saving: Told whether it can be written.
    """

    def __init__(
        self,
        folder: Path | None,
        time: Callable[[], float],
        wall_time: Callable[[], float] = time.time,
        saving: Saving | None = None,
    ) -> None:
        self._time = time
        self._wall_time = wall_time
        self._saving = saving or Saving()
        self.last: dict[str, Any] = {}
        self._file = None if folder is None else _Lines(folder / "puts.log")

    def __call__(self, put: Put) -> None:
        """Log one put; a file that cannot be written is reported to ``saving``."""
        self.last = {
            "time": self._wall_time(),
            "sim_time_s": self._time(),
            "pv": put.name,
            "old": _short(put.old),
            "new": _short(put.new),
            "client": escaped(put.client),
            "address": put.address,
            "refused": escaped(put.refused),
        }
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(self.last))
        except OSError as error:
            self._saving.failed(str(self._file.path), error, passing=True)
        else:
            self._saving.succeeded(str(self._file.path))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class _Lines(logging.handlers.RotatingFileHandler):
    """A rotating file of lines that raises what goes wrong, and begins afresh after it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=OLD_FILES, delay=True)
        self.path = path
        self._torn = False

    def write(self, line: str) -> None:
        """Append one line.

        Raises:
            OSError: It could not be written, or only in part.
        """
        if self.stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        begin = "\n" if self._torn else ""  # what a failure has left is no part of this line
        self.emit(logging.LogRecord("puts", logging.INFO, "", 0, begin + line, None, None))
        self._torn = False

    def _open(self) -> TextIOWrapper:
        descriptor = storage.owners_alone(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return open(descriptor, "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:
        """Give the file up, with what waits in its buffer, and raise."""
        self._torn = True
        file, self.stream = self.stream, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
        raise


def _short(value: Any) -> Any:
    """A value as it fits on a line of JSON."""
    if isinstance(value, (np.ndarray, list)) and np.size(value) > SHORT_ARRAY:
        return f"array of {np.size(value)}"
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, list):
        return [_short(item) for item in value]
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    return escaped(value)
