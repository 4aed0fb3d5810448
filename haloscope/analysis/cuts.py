"""Equal pieces of the rows of an array, cut out when they are asked for.

Windows that begin at different columns are no view of the spectra. All of them cut at once are the
stack once more in memory; a block of them is little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.scratch import let_go, read_and_let_go

__all__ = ["Cut", "pieces"]

_Kind = TypeVar("_Kind", bound=np.generic)
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Cut(Generic[_Kind]):
    """Pieces of rows of an array: n of them, of ``width`` columns each.

    Attributes:
        values: The array, shape (rows, columns); it is not copied.
        number: Row of it that each piece is of, shape (n,).
        first: Column at which each begins, shape (n,).
        width: Their length.
    """

    values: NDArray[_Kind]
    number: IntArray
    first: IntArray
    width: int

    @classmethod
    def of(cls, values: NDArray[_Kind], first: IntArray, width: int) -> Cut[_Kind]:
        """A piece of every row."""
        return cls(values, np.arange(len(values)), first, width)

    @property
    def shape(self) -> tuple[int, int]:
        """Pieces and their length, (n, width)."""
        return len(self.number), self.width

    @property
    def dtype(self) -> np.dtype[_Kind]:
        """Of the values."""
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, rows: slice | IntArray) -> NDArray[_Kind]:
        """Some of the pieces, shape (k, width): a view where they lie together, else a copy.

        Of values in a scratch file it is a copy always (module ``scratch``).
        """
        number, first = self.number[rows], self.first[rows]
        if not len(number):
            return np.empty((0, self.width), self.dtype)
        low = int(number[0])
        if np.array_equal(number, np.arange(low, low + len(number))):
            return read_and_let_go(pieces(self.values[low : low + len(number)], first, self.width))
        out = np.empty((len(number), self.width), self.dtype)
        for row, (own, at) in enumerate(zip(number.tolist(), first.tolist(), strict=True)):
            out[row] = self.values[own, at : at + self.width]
        let_go(self.values)
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of them in one array."""
        return np.array(self[slice(None)], dtype=dtype, copy=copy)

    def rows(self, index: slice | IntArray) -> Cut[_Kind]:
        """The same of part of the rows; nothing is copied."""
        return Cut(self.values, self.number[index], self.first[index], self.width)


def pieces(values: NDArray[_Kind], first: IntArray, width: int) -> NDArray[_Kind]:
    """``width`` columns of every row from its own first: a view where that is the same for all."""
    if np.all(first == first[0]):
        return values[:, first[0] : first[0] + width]
    out = np.empty((values.shape[0], width), dtype=values.dtype)
    for row, at in enumerate(first.tolist()):
        out[row] = values[row, at : at + width]
    return out
