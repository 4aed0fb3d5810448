"""Cubic splines on uniform grids, as B-spline coefficients: smooth and cheap to evaluate.

A thermodynamic potential stored this way gives entropy, energy and heat capacity as exact
derivatives of one smooth function, so no interpolation error breaks T dS = dU. Ends are
"not-a-knot" (continuous third derivative at the second point), after de Boor, "A Practical Guide
to Splines".

The coefficients are the same to the last bit on every host of one kind. A dense solve shares its
columns among the threads of BLAS and rounds where they meet, so that a machine that is started
again with another number of processors would go on as a slightly different one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded

Array = NDArray[np.float64]

#: Diagonals above and below the main one: the conditions at the ends take five points.
_REACH = 4
#: Powers of the position in a cell, of the four B-splines that reach into it.
_POWERS = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6.0


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
    right = np.zeros((n + 2, *moved.shape[1:]))
    right[1:-1] = moved
    found = solve_banded((_REACH, _REACH), _system(n), right.reshape(n + 2, -1))
    return np.ascontiguousarray(np.moveaxis(found.reshape(right.shape), 0, axis))


def _system(n: int) -> Array:
    """Diagonals of the equations for n points, highest first, as ``solve_banded`` takes them."""
    diagonals = np.zeros((2 * _REACH + 1, n + 2))

    def put(row: int, column: int, weight: float) -> None:
        diagonals[_REACH + row - column, column] = weight

    for row in range(n):
        for offset, weight in enumerate((1 / 6, 4 / 6, 1 / 6)):
            put(row + 1, row + offset, weight)
    for place, weight in enumerate((1.0, -4.0, 6.0, -4.0, 1.0)):
        put(0, place, weight)
        put(n + 1, n - 3 + place, weight)
    return diagonals


def coefficients_2d(values: Array) -> Array:
    """B-spline coefficients of a surface: (n, m) samples to (n+2, m+2) coefficients."""
    return coefficients(coefficients(values, 0), 1)


def cells(values: Array) -> Array:
    """The spline surface through (n, m) samples as one polynomial for each cell.

    Returns:
        Shape (n - 1, m - 1, 4, 4): of cell [i, j] the coefficient of v^k u^l, where v and u run
        from 0 to 1 along the first and the second axis.
    """
    windows = np.lib.stride_tricks.sliding_window_view(coefficients_2d(values), (4, 4))
    # Each axis by itself, without BLAS: see above.
    along = np.einsum("ijab,lb->ijal", windows, _POWERS)
    return np.ascontiguousarray(np.einsum("ijal,ka->ijkl", along, _POWERS))
