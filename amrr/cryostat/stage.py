"""The 1 K stage: a pumped 4He pot that carries the hot heat exchangers and the magnets.

    C dT/dt = Q_heater + Q_hhx + Q_beds + Q_magnets + Q_4K - Q_pot(T)
    Q_pot = S P_v(T) L(T) / (R 300 K)

P_v: ITS-90 vapour pressure of 4He; L: latent heat (Donnelly and Barenghi, J. Phys. Chem. Ref. Data
27, 1217 (1998)); S: effective pumping speed. The heat capacity is that of the liquid in the pot.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amrr.compiled import jit
from amrr.fluid.helium import MOLAR_MASS_4HE_KG
from amrr.fluid.helium4 import heat_capacity_4he
from amrr.fluid.helium_flow import latent_heat_4he, vapour_pressure_4he
from amrr.parameters import StageParameters
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K

Array = NDArray[np.float64]

# Grid of the stage's tables.
FIRST_K: Final = 0.9
STEP_K: Final = 0.01
POINTS: Final = 361


def cooling_power(temperature_k: ArrayLike, pumping_speed_m3_per_s: float) -> Array:
    """Q_pot(T) in W, 0.65 to 4.5 K.

    Beyond 1.25 K to the lambda point the vapour pressure is extrapolated, and above 4.2 K the
    latent heat is that of 4.2 K; the machine's ``warnings`` flag a stage that has got there.
    """
    pressure = vapour_pressure_4he(temperature_k, extrapolate=True)
    flow = pumping_speed_m3_per_s * pressure / (GAS_CONSTANT_J_PER_MOL_K * 300.0)
    return flow * latent_heat_4he(temperature_k)


def tables(p: StageParameters) -> Array:
    """Heat capacity (J/K) and net cooling power (W) on the stage's grid, shape (2, POINTS)."""
    t = FIRST_K + STEP_K * np.arange(POINTS)
    moles = p.helium_kg / MOLAR_MASS_4HE_KG
    # The fit for superfluid 4He ends at 1.8 K; it is used to 2 K, and the lambda anomaly left out.
    capacity = moles * heat_capacity_4he(np.minimum(t, 2.0), extrapolate=True)
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
