"""The helium that the refrigerator uses up: bath, pot, transfer.

The pot of the 1 K stage is pumped at speed S and filled from the main bath through an impedance, so
the bath loses what the pot evaporates and what its own heat leak boils off:

    dN/dt = -S P_v(T_stage) / (R 300 K) - Q_leak / L(4.2 K) + transfer - loss

with Q_pot = S P_v L / (R 300 K) of ``amrr.cryostat.stage``. The pot lasts some hours
longer than the bath; the stage's heat capacity falls with what is left in it, and once it is dry
the stage has no cooling power. Flash losses of the impedance are left out.

The paper says nothing of its bath: volume, heat leak and transfer rate are assumed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.cryostat import stage
from amrr.fluid import helium
from amrr.fluid.helium_flow import latent_heat_4he
from amrr.parameters import StageParameters

Array = NDArray[np.float64]

#: Steps of the machine between two balances: 25.6 s, in which the level moves by 35 ppm.
PERIOD_STEPS: Final = 256
#: Assumed: a wet cryostat that is filled once a week.
VOLUME_M3: Final = 0.100
#: Liquid 4He at 4.2 K and 1 bar (Donnelly and Barenghi 1998).
DENSITY_KG_PER_M3: Final = 125.0
BATH_K: Final = 4.2
#: Assumed; boils off 0.4 litres an hour.
HEAT_LEAK_W: Final = 0.3
#: Assumed: 5 litres a minute, from a dewar.
TRANSFER_M3_PER_S: Final = 5e-3 / 60.0
#: Assumed: what a spoilt insulating vacuum boils off.
LOSS_M3_PER_S: Final = 5e-3 / 60.0
MOL_PER_M3: Final = DENSITY_KG_PER_M3 / helium.MOLAR_MASS_4HE_KG

MOLES, FILLING, LOSING, STATE_SIZE = 0, 1, 2, 3


class Bath:
    """Helium in bath and pot.

    Args:
        state: Its state, shape (STATE_SIZE,): helium in mol, transfer on, loss on.
        parameters: Of the stage, for its pot and pump.
    """

    def __init__(self, state: Array, parameters: StageParameters) -> None:
        self._x = state
        self._pot_mol = parameters.helium_kg / helium.MOLAR_MASS_4HE_KG
        self._full_mol = VOLUME_M3 * MOL_PER_M3 + self._pot_mol
        self._grid_k = stage.FIRST_K + stage.STEP_K * np.arange(stage.POINTS)
        power_w = stage.cooling_power(self._grid_k, parameters.pumping_speed_m3_per_s)
        self._pumped_mol_per_s = power_w / latent_heat_4he(self._grid_k)
        self._boiled_mol_per_s = HEAT_LEAK_W / float(latent_heat_4he(BATH_K))
        state[:] = self.full()

    def full(self) -> Array:
        """The state of a full bath with transfer and loss off, shape (STATE_SIZE,)."""
        return np.array([self._full_mol, 0.0, 0.0])

    @property
    def level(self) -> float:
        """Level of the bath, 0 to 1."""
        return max(0.0, self._x[MOLES] - self._pot_mol) / (self._full_mol - self._pot_mol)

    @property
    def filled(self) -> float:
        """The part of a full pot that is left, 0 to 1; 1 while there is any in the bath."""
        return float(min(1.0, max(0.0, self._x[MOLES] / self._pot_mol)))

    @property
    def dry(self) -> bool:
        """True when the pot is empty too: the stage is not cooled."""
        return bool(self._x[MOLES] <= 0.0)

    @property
    def filling(self) -> bool:
        """Whether helium is transferred from a dewar; ends by itself when the bath is full."""
        return bool(self._x[FILLING])

    @filling.setter
    def filling(self, on: bool) -> None:
        self._x[FILLING] = float(bool(on) and self.level < 1.0)

    @property
    def losing(self) -> bool:
        """A fault: the bath boils off fast, until it is cleared."""
        return bool(self._x[LOSING])

    @losing.setter
    def losing(self, on: bool) -> None:
        self._x[LOSING] = float(bool(on))

    def evaporation_mol_per_s(self, stage_k: float) -> float:
        """What the pump takes from the pot while it is not dry, mol/s."""
        return float(np.interp(stage_k, self._grid_k, self._pumped_mol_per_s))

    def advance(self, stage_k: float, duration_s: float) -> None:
        """Balance over ``duration_s`` (s) with the stage at ``stage_k`` (K)."""
        boiled = self._boiled_mol_per_s + self._x[LOSING] * LOSS_M3_PER_S * MOL_PER_M3
        in_bath = max(0.0, self._x[MOLES] - self._pot_mol)
        lost = min(boiled * duration_s, in_bath) + self.evaporation_mol_per_s(stage_k) * duration_s
        gained = self._x[FILLING] * TRANSFER_M3_PER_S * MOL_PER_M3 * duration_s
        self._x[MOLES] = min(max(self._x[MOLES] - lost + gained, 0.0), self._full_mol)
        if self._x[MOLES] == self._full_mol:
            self._x[FILLING] = 0.0
