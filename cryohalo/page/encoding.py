"""A value as JSON text that a browser draws: what is no number is null, long arrays are thinned."""

from __future__ import annotations

import json
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_POINTS", "number", "thinned", "value_text"]

#: Points of an array that a screen shows: two for each of 1000 columns.
MOST_POINTS: Final = 2000
#: Longest text that is sent.
MOST_CHARACTERS: Final = 1000
#: A frequency of 1.1e9 Hz to the millihertz.
_DIGITS: Final = 12


def number(value: float) -> str:
    """A number as JSON; null for NaN and infinities, which JSON has not."""
    return f"{value:.{_DIGITS}g}" if math.isfinite(value) else "null"


def thinned(values: NDArray[np.float64], most: int = MOST_POINTS) -> NDArray[np.float64]:
    """At most ``most`` of ``values``: lowest and highest of each stretch, in their order.

    A line one point wide stays visible. NaN does not hide its neighbours.

    Args:
        values: Shape (n,).
        most: At least 2.

    Returns:
        ``values`` itself where they are few.
    """
    if values.size <= most:
        return values
    stretches = most // 2
    length = math.ceil(values.size / stretches)
    filled = np.full(stretches * length, np.nan)
    filled[: values.size] = values
    table = filled.reshape(stretches, length)
    table = table[~np.isnan(table).all(axis=1)]
    pairs = np.stack((np.nanmin(table, axis=1), np.nanmax(table, axis=1)), axis=1)
    falling = np.nanargmax(table, axis=1) < np.nanargmin(table, axis=1)
    pairs[falling] = pairs[falling, ::-1]
    return pairs.ravel()


def value_text(value: Any, kind: str) -> str:
    """The JSON text of a value.

    Args:
        value: What Channel Access gave: a number, a text, or an array of numbers.
        kind: As ``Variable.kind``.
    """
    if kind == "array":
        values = np.atleast_1d(np.asarray(value, dtype=np.float64))
        return "[" + ",".join(map(number, thinned(values).tolist())) + "]"
    if kind == "text":
        return json.dumps(str(value)[:MOST_CHARACTERS])
    if kind == "state":
        return str(int(value))
    return number(float(value))
