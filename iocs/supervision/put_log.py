"""The put log: who, from where, what, old and new value, simulated time, refused why.

One JSON object a line, in a file that is kept to ten times 5 MB.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
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

    def __call__(self, puts: Sequence[Put]) -> None:
        """Log puts that came together; a file that cannot be written is reported to ``saving``."""
        now = {"time": self._wall_time(), "sim_time_s": self._time()}
        found = [now | _told(put) for put in puts]
        self.last = found[-1] if found else self.last
        if self._file is None:
            return
        try:
            self._file.write([json.dumps(one) for one in found])
        except OSError as error:
            self._saving.failed(str(self._file.path), error, passing=True)
        else:
            self._saving.succeeded(str(self._file.path))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class _Lines:
    """A file of lines that is turned into an old one when it is full, and begun afresh.

    It raises what goes wrong, and is opened anew after it; so is one that somebody else has moved,
    deleted or emptied meanwhile, as ``logrotate`` does. A handler of ``logging`` does neither, and
    writes line by line, at three to five times the cost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._torn = False

    def write(self, lines: Sequence[str]) -> None:
        """Append lines, all in one file.

        Raises:
            OSError: They could not be written, or only in part.
        """
        try:
            self._append("".join(f"{line}\n" for line in lines).encode())
        except OSError:
            self.close()
            raise

    def _append(self, data: bytes) -> None:
        handle, size = self._opened()
        if size and size + len(data) > FILE_BYTES:
            self._turn()
            handle, size = self._opened()
        if self._torn and size:  # what a failure has left is no part of this line
            data = b"\n" + data
        written = os.write(handle, data)
        self._torn = written != len(data)
        if self._torn:
            raise OSError(f"only {written} of {len(data)} bytes were written")

    def _opened(self) -> tuple[int, int]:
        """The file that stands under the name, open, and its size in bytes."""
        if self._handle is not None:
            with contextlib.suppress(FileNotFoundError):
                named, held = os.stat(self.path), os.fstat(self._handle)
                if os.path.samestat(named, held):
                    return self._handle, held.st_size
            self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._handle = handle = storage.owners_alone(str(self.path), flags)
        return handle, os.fstat(handle).st_size

    def _turn(self) -> None:
        """Give the file the number 1, and the older ones the next; the oldest goes."""
        self.close()
        names = [self.path, *(Path(f"{self.path}.{n}") for n in range(1, OLD_FILES + 1))]
        for new, old in reversed(list(pairwise(names))):
            if new.exists():
                os.replace(new, old)
        self._torn = False

    def close(self) -> None:
        """Close the file; it is opened again with the next line."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)


def _told(put: Put) -> dict[str, Any]:
    """A put as it stands on its line."""
    return {
        "pv": put.name,
        "old": _short(put.old),
        "new": _short(put.new),
        "client": escaped(put.client),
        "address": put.address,
        "refused": escaped(put.refused),
    }


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
