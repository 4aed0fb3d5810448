"""The 1 K stage: a pumped 4He pot that carries the hot heat exchangers and the magnets.

    C dT/dt = Q_heater + Q_hhx + Q_beds + Q_magnets + Q_4K - Q_pot(T),   Q_pot = S P_v(T) L(T) / (R
    300 K)

P_v: ITS-90 vapour pressure of 4He; L: latent heat (Donnelly and Barenghi, J. Phys. Chem. Ref. Data
27, 1217 (1998)); S: effective pumping speed. The heat capacity is that of the liquid in the pot.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amrr import helium
from amrr.compiled import jit
from amrr.parameters import StageParameters
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K

Array = NDArray[np.float64]

_ITS90 = (1.392408, 0.527153, 0.166756, 0.050988, 0.026514, 0.001975, -0.017976, 0.005409, 0.013259)
_LATENT_K = (0.0, 1.0, 1.4, 1.6, 1.8, 2.0, 2.1, 4.2)
_LATENT_J_PER_MOL = (59.83, 80.2, 87.8, 90.8, 92.5, 92.8, 91.7, 83.0)

# Grid of the stage's tables.
FIRST_K: Final = 0.9
STEP_K: Final = 0.01
POINTS: Final = 361


def vapour_pressure_4he(temperature_k: ArrayLike) -> Array:
    """P_v in Pa, 0.65 to 4.5 K.

    ITS-90 from 1.25 K to the lambda point by inverting its T(ln P); below, and above 2.1768 K, a
    Clausius-Clapeyron continuation with the latent heat at the joint (flagged extrapolation: the
    pot works between 1.2 and 2.1 K).
    """
    log_p = np.linspace(np.log(80.0), np.log(5041.0), 800)
    y = (log_p - 5.6) / 2.9
    t = np.polynomial.polynomial.polyval(y, _ITS90)
    wanted = np.asarray(temperature_k, float)
    inside = np.interp(wanted, t, log_p)
    low, high = t[0], t[-1]
    gas = GAS_CONSTANT_J_PER_MOL_K
    below = log_p[0] - latent_heat_4he(low) / gas * (1 / wanted - 1 / low)
    above = log_p[-1] - latent_heat_4he(high) / gas * (1 / wanted - 1 / high)
    return np.exp(np.where(wanted < low, below, np.where(wanted > high, above, inside)))


def latent_heat_4he(temperature_k: ArrayLike) -> Array:
    """L in J/mol."""
    return np.asarray(np.interp(np.asarray(temperature_k, float), _LATENT_K, _LATENT_J_PER_MOL))


def cooling_power(temperature_k: ArrayLike, pumping_speed_m3_per_s: float) -> Array:
    """Q_pot(T) in W."""
    pressure = vapour_pressure_4he(temperature_k)
    flow = pumping_speed_m3_per_s * pressure / (GAS_CONSTANT_J_PER_MOL_K * 300.0)
    return flow * latent_heat_4he(temperature_k)


def tables(p: StageParameters) -> Array:
    """Heat capacity (J/K) and net cooling power (W) on the stage's grid, shape (2, POINTS)."""
    t = FIRST_K + STEP_K * np.arange(POINTS)
    moles = p.helium_kg / helium.MOLAR_MASS_4HE_KG
    # Above 2 K the fit for superfluid 4He ends; the lambda anomaly is left out.
    capacity = moles * helium.heat_capacity_4he(np.minimum(t, 2.0))
    return np.ascontiguousarray(
        [capacity, cooling_power(t, p.pumping_speed_m3_per_s) - p.heat_leak_w]
    )


@jit
def advance(table: Array, temperature_k: float, heat_j: float, dt_s: float) -> float:
    """Stage temperature after a step during which ``heat_j`` was put in."""
    position = (temperature_k - FIRST_K) / STEP_K
    i = min(max(int(position), 0), POINTS - 2)
    u = min(max(position - i, 0.0), 1.0)
    capacity = table[0, i] * (1.0 - u) + table[0, i + 1] * u
    cooling = table[1, i] * (1.0 - u) + table[1, i + 1] * u
    change = (heat_j - cooling * dt_s) / capacity
    return min(max(temperature_k + change, FIRST_K), 4.2)
