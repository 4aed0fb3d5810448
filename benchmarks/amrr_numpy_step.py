"""The loop's field step and transport in NumPy alone: what the compiled kernel is measured against.

The same tables, the same Newton iterations, vectorised over all lumps. Pump flow, magnets, cycle,
stage and thermometers are left out, which flatters NumPy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amrr.circuit import loop, nodes

Array = NDArray[np.float64]


def basis(u: Array) -> Array:
    """The four cubic B-splines, shape (4, ...)."""
    v = 1.0 - u
    return np.array([v**3, 3 * u**3 - 6 * u**2 + 4, 3 * v**3 - 6 * v**2 + 4, u**3]) / 6.0


def slope(u: Array) -> Array:
    """Their derivatives."""
    v = 1.0 - u
    return np.array([-0.5 * v**2, 1.5 * u**2 - 2 * u, -1.5 * v**2 + 2 * v, 0.5 * u**2])


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
        self.first = np.zeros(x.shape[1], dtype=int)
        self.first[-2:] = nodes.TABLE_ROWS

    def rows(self, i: NDArray[np.int64]) -> tuple[Array, Array]:
        """Coefficients of F(T) and of phi(T) for every lump, shape (lumps, 4) each."""
        x, four = self.x, np.arange(4)
        found = []
        for table, value, step, points, first in (
            (self.garnet, x[loop.FIELD], nodes.B_STEP_T, nodes.B_POINTS, self.first),
            (self.fluid, x[loop.C3], nodes.C_STEP, nodes.C_POINTS, 0),
        ):
            position = value / step
            j = np.clip(position.astype(int), 0, points - 2)
            w = basis(position - j)
            block = table[(first + j)[:, None, None] + four[None, :, None],
                          i[:, None, None] + four[None, None, :]]  # fmt: skip
            found.append(np.einsum("abc,ba->ac", block, w))
        spins, volume = self.n[loop.SPINS][:, None], self.n[loop.VOLUME][:, None]
        return found[0] * spins + found[1] * volume, found[1]

    def relax(self, goal: Array, link: Array, isentropic: bool) -> None:
        """Newton's method on all lumps at once, until the slowest has converged."""
        x, n = self.x, self.n
        t = x[loop.TEMPERATURE].copy()
        gamma, volume = n[loop.GAMMA], n[loop.VOLUME]
        mix = volume * nodes.R_GAS * x[loop.C3] * np.log(x[loop.C3] / nodes.C_REFERENCE)
        last = np.full(t.size, -1)
        for _ in range(41):
            position = (t - nodes.T_FIRST_K) / nodes.T_STEP_K
            i = np.clip(position.astype(int), 0, nodes.T_POINTS - 2)
            if not np.array_equal(i, last):
                q, fluid_q = self.rows(i)
                last = i
            u = position - i
            v, w, d = 1.0 - u, basis(u).T, slope(u).T / nodes.T_STEP_K
            curve = np.array([v, 3 * u - 2, 3 * v - 2, u]).T / nodes.T_STEP_K**2
            f, f_t, f_tt = (q * w).sum(1), (q * d).sum(1), (q * curve).sum(1)
            if isentropic:
                change = (goal + mix + f_t - gamma * t) / (gamma - f_tt)
            else:
                energy = f - t * f_t + 0.5 * gamma * t**2
                change = (goal - energy - link * t) / (t * (gamma - f_tt) + link)
            if np.abs(change).max() < 1e-12:
                break
            t = t + change
        x[loop.TEMPERATURE] = t
        x[loop.ENTROPY] = -f_t - mix + gamma * t
        x[loop.ENERGY] = f - t * f_t + 0.5 * gamma * t**2
        x[loop.FLUID_ENERGY] = (fluid_q * w).sum(1) - t * (fluid_q * d).sum(1)

    def faces(self, row: int, moved: float) -> Array:
        """Upwind face values for positive flow (the benchmark flows one way)."""
        count = self.x.shape[1] - 2
        value = self.x[row]
        chain = value[:count]
        a, b = np.diff(chain)[:-1], np.diff(chain)[1:]
        product = a * b
        safe = np.where(product > 0.0, a + b, 1.0)
        step = np.where(product > 0.0, product / safe, 0.0)
        step *= 1.0 - moved / self.n[loop.VOLUME, 1 : count - 1]
        out = chain.copy()
        out[1:-1] += np.where(self.n[loop.SPINS, 1 : count - 1] > 0.0, step, 0.0)
        return np.concatenate(([value[count]], out))

    def step(
        self,
        fields_t: Array,
        moved: float,
        superfluid_j: float,
        stage_k: float,
        load_w: float,
        dt_s: float,
    ) -> None:
        """One step: fields, then ``moved`` m3 from bed A to bed B."""
        x, n = self.x, self.n
        count = x.shape[1] - 2
        x[loop.FIELD] = fields_t
        self.relax(x[loop.ENTROPY].copy(), np.zeros(x.shape[1]), True)
        c_face, e_face = self.faces(loop.C3, moved), self.faces(loop.FLUID_ENERGY, moved)
        t = x[loop.TEMPERATURE, :count]
        g = n[loop.CONDUCTANCE, : count - 1] + n[loop.CONDUCTANCE_SLOPE, : count - 1] * 0.5 * (
            t[:-1] + t[1:]
        )
        heat = g * (t[:-1] - t[1:]) * dt_s
        gain = np.zeros(x.shape[1])
        gain[: count - 1] -= heat
        gain[1:count] += heat
        gain[count // 2] += load_w * dt_s
        gain[:count] += moved * (e_face[:-1] - e_face[1:])
        gain[count] += superfluid_j - moved * e_face[0]
        gain[count + 1] += moved * e_face[-1] - superfluid_j
        x[loop.C3, :count] += moved * (c_face[:-1] - c_face[1:]) / n[loop.VOLUME, :count]
        x[loop.C3, count] -= moved * c_face[0] / n[loop.VOLUME, count]
        x[loop.C3, count + 1] += moved * c_face[-1] / n[loop.VOLUME, count + 1]
        link = n[loop.LINK] * dt_s
        self.relax(x[loop.ENERGY] + gain + link * stage_k, link, False)
