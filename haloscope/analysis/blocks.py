"""A stack gone through in blocks of rows: what is worked out of one is not held for all of them.

A campaign's spectra may be more than memory holds. Whatever looks at every bin of them takes a
block at a time and keeps of it what is small.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "PowerRows", "blocks", "worked"]

_T = TypeVar("_T")

#: Spectra treated together: 3000 fine bins of them are 1.5 MB.
BLOCK = 64


class PowerRows(Protocol):
    """Rows of power that are handed out when asked for; an array is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Spectra and bins, (n, bins)."""

    def __len__(self) -> int:
        """Number of spectra."""

    def __getitem__(self, rows: slice | NDArray[np.int64], /) -> NDArray[np.floating]:
        """Some of the rows, shape (k, bins)."""


def blocks(count: int) -> list[slice]:
    """Slices of at most ``BLOCK`` rows, which cover ``count`` of them in order."""
    return [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]


def worked(work: Callable[[slice], _T], count: int, workers: int = 0) -> Iterator[_T]:
    """Do ``work`` for every block of ``count`` rows, a few at a time; results in order.

    Args:
        work: Given the rows of a block.
        count: Number of rows.
        workers: Threads; 0 for one per core, at most four. Nothing depends on their timing.
    """
    rows = blocks(count)
    # To ask how many cores there are takes as long as a small block.
    workers = 1 if len(rows) <= 1 else workers or min(os.cpu_count() or 1, 4)
    if workers == 1:
        yield from map(work, rows)
        return
    ahead = 2 * workers
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(rows), ahead):
            yield from pool.map(work, rows[start : start + ahead])
