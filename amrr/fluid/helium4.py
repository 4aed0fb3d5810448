"""Pure liquid 4He at its vapour pressure, 0 to 1.8 K: heat capacity, entropy, chemical potential.

After G. Chaudhry (PhD thesis, MIT 2009, Eq. A15). Temperatures in K; outside 0 to 1.8 K the laws
raise ValueError, unless the caller asks for the bare formula with ``extrapolate=True``.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from instruments.ranges import all_within

Array = NDArray[np.float64]

HIGHEST_TEMPERATURE_K: Final = 1.8


def heat_capacity_4he(temperature_k: ArrayLike, *, extrapolate: bool = False) -> Array:
    """Heat capacity c in J/(mol K); overshoots above 1.8 K."""
    t = np.maximum(_checked(temperature_k, extrapolate), 1e-6)
    d1, d2 = 8.8955141, 22.890183
    r1, r2 = d1 / t, d2 / t
    phonons = 82.180127 * t**3 - 87.45899 * t**5 + 129.12758 * t**6 - 6.6314726 * t**7
    rotons = 70198.836 * r1**1.5 * np.exp(-r1) * (1.0 + 1.0 / r1 + 0.75 / r1**2)
    # 1.0244198e7, not 1.0244198e4 as in one published code: only this gives the measured entropy.
    pairs = 1.0244198e7 / t * r2**2 * np.exp(-r2) * (1.0 - 2.0 / r2)
    cold = 0.08137 * t**3 - 0.0528 * t**5 + 0.05089 * t**6 + 0.019 * t**7
    return np.where(t < 0.4, cold, 1e-3 * (phonons + rotons + pairs))


@cache
def _pure() -> tuple[CubicSpline, CubicSpline]:
    """Splines of s4(T) and h4(T), integrated once by Simpson's rule from 0 to 3.6 K."""
    t = np.linspace(0.0, 3.6, 1801)
    middle = 0.5 * (t[1:] + t[:-1])
    width = np.diff(t)

    def integral(g: Array, g_middle: Array) -> Array:
        return np.concatenate(([0.0], np.cumsum(width / 6 * (g[:-1] + 4 * g_middle + g[1:]))))

    c = heat_capacity_4he(t, extrapolate=True)
    cm = heat_capacity_4he(middle, extrapolate=True)
    over_t = np.divide(c, t, out=np.zeros_like(c), where=t > 0)
    return CubicSpline(t, integral(over_t, cm / middle)), CubicSpline(t, integral(c, cm))


def entropy_4he(temperature_k: ArrayLike, *, extrapolate: bool = False) -> Array:
    """Entropy s in J/(mol K)."""
    return np.asarray(_pure()[0](_checked(temperature_k, extrapolate)))


def chemical_potential_4he(temperature_k: ArrayLike, *, extrapolate: bool = False) -> Array:
    """mu4 in J/mol, 0 at 0 K."""
    t = _checked(temperature_k, extrapolate)
    return np.asarray(_pure()[1](t) - t * _pure()[0](t))


def _checked(temperature_k: ArrayLike, extrapolate: bool) -> Array:
    if not extrapolate:
        all_within("4He: temperature", temperature_k, 0.0, HIGHEST_TEMPERATURE_K, "K")
    return np.asarray(temperature_k, float)
