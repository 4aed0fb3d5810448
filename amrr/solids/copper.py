"""Copper from 0.1 K to room temperature, for plates, matrix and hot spots. Compiled.

Heat capacity: gamma T + beta T^3 of ``amrr.solids.materials`` to 10 K; from there to 300 K the
NIST fit for oxygen-free copper, a polynomial of log10 c in log10 T, good to 5 % (Marquardt, Le and
Radebaugh, Cryocoolers 11, 681 (2001)). The two agree to 0.3 % at 10 K. Above 300 K the value there
goes on: 2 % low at 400 K.

Resistivity: residual plus the phonon part of NIST Monograph 177 (Simon, Drexler and Reed, 1992).
"""

from __future__ import annotations

import math
from typing import Final

from amrr.compiled import jit
from amrr.solids.materials import COPPER

#: Up to here the heat capacity has a source, K.
HIGHEST_K: Final = 300.0
_JOIN_K: Final = COPPER.highest_k
_GAMMA: Final = COPPER.gamma_j_per_kg_k2
_BETA: Final = COPPER.beta_j_per_kg_k4
_DENSITY: Final = COPPER.density_kg_per_m3
_NIST: Final = (-1.91844, -0.15973, 8.61013, -18.996, 21.9661, -12.7328, 3.54322, -0.3797)


@jit
def heat_capacity(temperature_k: float) -> float:
    """Heat capacity in J/(kg K), from 0 K up; above ``HIGHEST_K`` that of ``HIGHEST_K``."""
    t = min(temperature_k, HIGHEST_K)
    if t <= _JOIN_K:
        return _GAMMA * t + _BETA * t**3
    log_t, total = math.log10(t), 0.0
    for k in range(len(_NIST) - 1, -1, -1):
        total = total * log_t + _NIST[k]
    return 10.0**total


@jit
def heat_capacity_per_volume(temperature_k: float) -> float:
    """The same in J/(m3 K)."""
    return _DENSITY * heat_capacity(temperature_k)


@jit
def resistivity(temperature_k: float, residual_ohm_m: float) -> float:
    """Residual plus phonon part, ohm m."""
    t = max(temperature_k, 1.0)
    phonons = 1.171e-17 * t**4.49 / (
        1.0 + 4.498e-7 * t**3.35 * math.exp(-min((50.0 / t) ** 6.428, 600.0))
    )  # fmt: skip
    return residual_ohm_m + phonons
