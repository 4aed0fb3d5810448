"""Whether a value is the one that was posted last."""

from __future__ import annotations

import numpy as np

from pvdb.records.description import Value


def same(value: Value, other: Value) -> bool:
    """Whether there is nothing to post: equal, or both undefined."""
    if isinstance(value, np.ndarray):
        return value is other or (isinstance(other, np.ndarray) and _same_array(value, other))
    return value == other or (value != value and other != other)


def _same_array(value: np.ndarray, other: np.ndarray) -> bool:
    if value.shape != other.shape:
        return False
    # A new spectrum differs in its first element already: no need to look at all of them.
    return value.size == 0 or (
        same(value.flat[0], other.flat[0]) and np.array_equal(value, other, equal_nan=True)
    )
