"""The 1 K stage: a pumped 4He pot that carries the hot heat exchangers and the magnets.

    C dT/dt = Q_heater + Q_hhx + Q_beds + Q_magnets + Q_4K - Q_pot(T)
    Q_pot = S P_v(T) L(T) / (R 300 K)

P_v: ITS-90 vapour pressure of 4He; L: latent heat (Donnelly and Barenghi, J. Phys. Chem. Ref. Data
27, 1217 (1998)); S: effective pumping speed. C is that of the liquid left in the pot and of the
copper; a dry pot does not cool and holds next to nothing, so it warms within minutes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amrr.compiled import jit
from amrr.fluid import helium
from amrr.fluid.helium4 import heat_capacity_4he
from amrr.fluid.helium_flow import latent_heat_4he, vapour_pressure_4he
from amrr.parameters import RefrigeratorParameters
from amrr.solids import copper
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K

Array = NDArray[np.float64]

# Grid of the stage's tables.
FIRST_K: Final = 0.9
STEP_K: Final = 0.01
POINTS: Final = 361

#: Lowest temperature of a stage, K: one that is held; a pot is warmed by its heat leak before.
LOWEST_K: Final = 0.3
#: Heat capacity of a stage that is held, J/K: years of heat move it by less than 1 nK.
HELD_J_PER_K: Final = 1e15


def cooling_power(temperature_k: ArrayLike, pumping_speed_m3_per_s: float) -> Array:
    """Q_pot(T) in W, 0.65 to 4.5 K.

    Beyond 1.25 K to the lambda point the vapour pressure is extrapolated, and above 4.2 K the
    latent heat is that of 4.2 K; the machine's ``warnings`` flag a stage that has got there.
    """
    pressure = vapour_pressure_4he(temperature_k, extrapolate=True)
    flow = pumping_speed_m3_per_s * pressure / (GAS_CONSTANT_J_PER_MOL_K * 300.0)
    return flow * latent_heat_4he(temperature_k)


class Tables:
    """Heat capacity and net cooling power of the stage, as the compiled step reads them.

    Args:
        p: The machine.
    """

    def __init__(self, p: RefrigeratorParameters) -> None:
        t = FIRST_K + STEP_K * np.arange(POINTS)
        moles = p.stage.helium_kg / helium.MOLAR_MASS_4HE_KG
        # The fit for superfluid 4He ends at 1.8 K; it is used to 2 K, and the lambda anomaly left
        # out.
        self._helium = moles * heat_capacity_4he(np.minimum(t, 2.0), extrapolate=True)
        metal = p.stage.metal_kg * np.array([copper.heat_capacity(k) for k in t])
        self._metal = np.maximum(metal, _least_capacity(p))
        self._cooling = cooling_power(t, p.stage.pumping_speed_m3_per_s)
        self._leak_w = p.stage.heat_leak_w
        self._held = p.stage.held
        self._made_for = -1.0

    def at(self, filled: float) -> Array:
        """Heat capacity (J/K) and net cooling power (W) on the stage's grid, shape (2, POINTS).

        Args:
            filled: The part of a full pot that is left; 0: dry, no cooling. It seldom changes: the
                same array is given again until it does.
        """
        if filled != self._made_for:
            self._made, self._made_for = self._make(filled), filled
        return self._made

    def _make(self, filled: float) -> Array:
        if self._held:
            return np.array([np.full(POINTS, HELD_J_PER_K), np.zeros(POINTS)])
        capacity = filled * self._helium + self._metal
        cooling = self._cooling if filled > 0.0 else np.zeros(POINTS)
        return np.ascontiguousarray([capacity, cooling - self._leak_w])


def _least_capacity(p: RefrigeratorParameters) -> float:
    """Twice what the links exchange per kelvin in a step, J/K: the least that the step can follow.

    The links take the stage's temperature from the step before, so a stage that held as much as
    they exchange would swing for ever, and with twice as much a swing halves in each step. An
    exchanger gives no more than its fluid holds. By default this is below the stage's copper.
    """
    e, hot_k, x = p.exchangers, p.stage.setpoint_k, p.concentration
    fluid = float(helium.heat_capacity(hot_k, x) / helium.molar_volume(x)) * e.hot_volume_m3
    link = e.hot_link_w_per_k * p.dt_s
    exchange = link * fluid / (link + fluid)
    coils = p.pump_magnet.stage_link_w_per_k + p.regenerator_magnet.stage_link_w_per_k
    return 4.0 * (exchange + (p.pump.link_w_per_k + coils) * p.dt_s)


@jit
def advance(table: Array, temperature_k: float, heat_j: float, dt_s: float) -> float:
    """Stage temperature after a step during which ``heat_j`` was put in."""
    position = (temperature_k - FIRST_K) / STEP_K
    i = min(max(int(position), 0), POINTS - 2)
    u = min(max(position - i, 0.0), 1.0)
    capacity = table[0, i] * (1.0 - u) + table[0, i + 1] * u
    cooling = table[1, i] * (1.0 - u) + table[1, i + 1] * u
    change = (heat_j - cooling * dt_s) / capacity
    return min(max(temperature_k + change, LOWEST_K), 4.2)
