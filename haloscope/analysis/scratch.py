"""Rows of power beside memory: what a campaign's spectra come to may be more than there is of it.

Rows are kept in memory while they are few, then in a temporary file that has no name: nothing else
can cut it short or take it away, and it is gone with the process. It is mapped when all rows are
there, and what was read of it is given back to the system, block by block.
"""

from __future__ import annotations

import mmap
import tempfile
from contextlib import suppress
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scratch", "let_go", "read_and_let_go"]

#: Bytes of rows that are held in memory: a campaign of 2000 steps is 120 MB.
MOST_IN_MEMORY = 200_000_000


class Scratch:
    """Rows of numbers, added one by one and read as one array, of the type of the first one.

    A row is kept up to the length of the first one, so that the part that all have is there. The
    array stays when the ``with`` statement ends that rows are added in.
    """

    def __init__(self) -> None:
        self._rows: list[NDArray[np.floating]] = []
        self._type: np.dtype[Any] = np.dtype(np.float32)
        self._file: IO[bytes] | None = None
        self._count = self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # What could not be written was told.
                self._file.close()

    def add(self, row: NDArray[np.floating]) -> None:
        """Keep a row, shape (bins,).

        Raises:
            OSError: There is no room for temporary files; names their folder.
        """
        if not self._count:
            self._width, self._type = len(row), row.dtype
        kept = row[: self._width]
        self._count += 1
        if self._file is None:
            self._rows.append(kept)
            if self._bytes > MOST_IN_MEMORY:
                self._move()
        else:
            self._write(kept)

    @property
    def _bytes(self) -> int:
        return self._count * self._width * self._type.itemsize

    def array(self, bins: int) -> NDArray[Any]:
        """All rows, shape (n, bins); no row has fewer.

        Raises:
            OSError: As ``add``.
        """
        if self._file is None:
            return np.stack([row[:bins] for row in self._rows])
        self._flush()
        mapped = _Mapped(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        shape = self._count, self._width
        return np.frombuffer(mapped, self._type).reshape(shape)[:, :bins]

    def _move(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(prefix="cryohalo-")  # noqa: SIM115 - see __exit__
        except OSError as error:
            raise self._refused(error) from error
        for row in self._rows:
            self._write(row)
        self._rows = []

    def _write(self, row: NDArray[np.floating]) -> None:
        assert self._file is not None
        padded = np.zeros(self._width, self._type)
        padded[: len(row)] = row
        try:
            self._file.write(padded.tobytes())
        except OSError as error:
            raise self._refused(error) from error

    def _flush(self) -> None:
        assert self._file is not None
        try:
            self._file.flush()
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OSError:
        return OSError(
            f"spectra: {self._bytes / 1e6:.0f} MB of them do not fit into temporary files in "
            f"{tempfile.gettempdir()}: {error.strerror or error}; TMPDIR names another folder"
        )


class _Mapped(mmap.mmap):
    """A map of a scratch file, to be told from one that somebody else made."""


def read_and_let_go(values: NDArray[Any]) -> NDArray[Any]:
    """The values; those of a scratch file are read into memory, and their pages given back."""
    if _map_of(values) is None:
        return values
    taken = np.array(values)
    let_go(values)
    return taken


def let_go(values: NDArray[Any]) -> None:
    """Give the pages back that were read of a scratch file; other values stay as they are.

    Pages that stay mapped count as memory of the process until the system wants them.
    """
    mapped = _map_of(values)
    if mapped is not None:
        mapped.madvise(mmap.MADV_DONTNEED)


def _map_of(values: object) -> _Mapped | None:
    while isinstance(values, np.ndarray):
        values = values.base
    if isinstance(values, memoryview):
        values = values.obj
    return values if isinstance(values, _Mapped) else None
