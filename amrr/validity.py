"""Ranges of the material laws: a clear error outside them, never a silent number.

Every public law of a material refuses states that it was not made for. Where a caller needs a
number there all the same (spline tables that reach beyond what the machine visits), it says so with
``extrapolate=True``, and :attr:`amrr.refrigerator.Refrigerator.warnings` flags a machine that has
got there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def require(what: str, values: ArrayLike, low: float, high: float, unit: str) -> None:
    """Raise ValueError unless all ``values`` lie in ``low`` to ``high``; NaN does not.

    Args:
        what: Begins the message, e.g. ``"GGG"``.
        values: A number or an array.
        low: Lower limit, itself allowed.
        high: Upper limit, itself allowed.
        unit: Of values and limits.
    """
    numbers = np.asarray(values, float)
    outside = numbers[~((numbers >= low) & (numbers <= high))]
    if outside.size:
        tail = f" {unit}" if unit else ""
        raise ValueError(f"{what}: {outside.flat[0]:g}{tail} is outside {low:g} to {high:g}{tail}")
