"""The loop's field step in NumPy alone: what the compiled kernel is measured against.

The same tables, the same Newton iterations, vectorised over all lumps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import nodes, rows

Array = NDArray[np.float64]


def powers(u: Array) -> Array:
    """1, u, u^2, u^3 of every entry, shape (..., 4)."""
    return u[:, None] ** np.arange(4)


def slope(u: Array) -> Array:
    """Their derivatives."""
    return np.stack([np.zeros_like(u), np.ones_like(u), 2 * u, 3 * u**2], axis=1)


def curve(u: Array) -> Array:
    """Their second derivatives."""
    return np.stack([np.zeros_like(u), np.zeros_like(u), np.full_like(u, 2.0), 6 * u], axis=1)


class NumpyLoop:
    """A vectorised copy of one machine's loop.

    Args:
        x: Lump state (copied).
        n: Lump constants.
        garnet: Tables of F_spin.
        fluid: Table of phi.
    """

    def __init__(self, x: Array, n: Array, garnet: Array, fluid: Array) -> None:
        self.x, self.n, self.garnet, self.fluid = x.copy(), n, garnet, fluid
        self.first = n[rows.TABLE].astype(int)

    def rows(self, i: NDArray[np.int64]) -> tuple[Array, Array]:
        """F(T) and phi(T) of every lump by powers of the position in cell i, (lumps, 4) each."""
        x = self.x
        found = []
        for table, value, step, points, first in (
            (self.garnet, x[rows.FIELD], nodes.B_STEP_T, nodes.B_POINTS, self.first),
            (self.fluid, x[rows.C3], nodes.C_STEP, nodes.C_POINTS, 0),
        ):
            position = value / step
            j = np.clip(position.astype(int), 0, points - 2)
            found.append(np.einsum("mk,mkl->ml", powers(position - j), table[first + j, i]))
        spins, volume = self.n[rows.SPINS][:, None], self.n[rows.VOLUME][:, None]
        return found[0] * spins + found[1] * volume, found[1]

    def change_field(self, fields_t: Array) -> None:
        """Isentropic change of field: Newton's method on all lumps at once, to the slowest one."""
        x, n = self.x, self.n
        x[rows.FIELD] = fields_t
        goal = x[rows.ENTROPY].copy()
        t = x[rows.TEMPERATURE].copy()
        gamma, volume = n[rows.GAMMA], n[rows.VOLUME]
        mix = volume * nodes.R_GAS * x[rows.C3] * np.log(x[rows.C3] / nodes.C_REFERENCE)
        last = np.full(t.size, -1)
        for _ in range(41):
            position = (t - nodes.T_FIRST_K) / nodes.T_STEP_K
            i = np.clip(position.astype(int), 0, nodes.T_POINTS - 2)
            if not np.array_equal(i, last):
                q, fluid_q = self.rows(i)
                last = i
            u = position - i
            w, d, c = powers(u), slope(u) / nodes.T_STEP_K, curve(u) / nodes.T_STEP_K**2
            f, f_t, f_tt = (q * w).sum(1), (q * d).sum(1), (q * c).sum(1)
            change = (goal + mix + f_t - gamma * t) / (gamma - f_tt)
            if np.abs(change).max() < 1e-12:
                break
            t = t + change
        x[rows.TEMPERATURE] = t
        x[rows.ENERGY] = f - t * f_t + 0.5 * gamma * t**2
        x[rows.FLUID_ENERGY] = (fluid_q * w).sum(1) - t * (fluid_q * d).sum(1)
