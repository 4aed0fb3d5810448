"""Physical constants in SI units, CODATA through ``scipy.constants``."""

from __future__ import annotations

from typing import Final

from scipy import constants as _c

BOLTZMANN_J_PER_K: Final[float] = _c.k
PLANCK_J_S: Final[float] = _c.h
HBAR_J_S: Final[float] = _c.hbar
SPEED_OF_LIGHT_M_PER_S: Final[float] = _c.c
ELEMENTARY_CHARGE_C: Final[float] = _c.e
AVOGADRO_PER_MOL: Final[float] = _c.N_A
GAS_CONSTANT_J_PER_MOL_K: Final[float] = _c.R
VACUUM_PERMEABILITY_H_PER_M: Final[float] = _c.mu_0
BOHR_MAGNETON_J_PER_T: Final[float] = _c.physical_constants["Bohr magneton"][0]
FINE_STRUCTURE: Final[float] = _c.fine_structure
ELECTRON_VOLT_J: Final[float] = _c.electron_volt
