"""Cubic splines on uniform grids, as B-spline coefficients: smooth and cheap to evaluate.

A thermodynamic potential stored this way gives entropy, energy and heat capacity as exact
derivatives of one smooth function, so no interpolation error breaks T dS = dU. Ends are
"not-a-knot" (continuous third derivative at the second point), after de Boor, "A Practical Guide
to Splines".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def coefficients(values: Array, axis: int = 0) -> Array:
    """B-spline coefficients along one axis.

    Args:
        values: Samples on a uniform grid of n points along ``axis``.
        axis: Which axis.

    Returns:
        Same shape with n + 2 along ``axis``; cell i (between points i and i+1) uses coefficients i
        to i+3.
    """
    moved = np.moveaxis(values, axis, 0)
    n = moved.shape[0]
    system = np.zeros((n + 2, n + 2))
    rows = np.arange(n)
    for offset, weight in enumerate((1 / 6, 4 / 6, 1 / 6)):
        system[rows + 1, rows + offset] = weight
    system[0, :5] = system[-1, -5:] = (1.0, -4.0, 6.0, -4.0, 1.0)
    right = np.zeros((n + 2, *moved.shape[1:]))
    right[1:-1] = moved
    return np.ascontiguousarray(
        np.moveaxis(np.linalg.solve(system, right.reshape(n + 2, -1)).reshape(right.shape), 0, axis)
    )


def coefficients_2d(values: Array) -> Array:
    """B-spline coefficients of a surface: (n, m) samples to (n+2, m+2) coefficients."""
    return coefficients(coefficients(values, 0), 1)
