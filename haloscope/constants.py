"""Constants of axion physics, in SI units unless the name says otherwise.

The general constants of nature are those of ``instruments.constants``; they are repeated here by
name so that the analysis needs no other room. What is specific to axions carries its source.
"""

from __future__ import annotations

from typing import Final

from instruments.constants import (
    BOLTZMANN_J_PER_K,
    ELECTRON_VOLT_J,
    FINE_STRUCTURE,
    HBAR_J_S,
    PLANCK_J_S,
    SPEED_OF_LIGHT_M_PER_S,
    VACUUM_PERMEABILITY_H_PER_M,
)

__all__ = [
    "AXION_MASS_DECAY_PRODUCT_EV2",
    "BOLTZMANN_J_PER_K",
    "DFSZ_G_GAMMA",
    "EARTH_SPEED_M_PER_S",
    "ELECTRON_VOLT_J",
    "FINE_STRUCTURE",
    "GEV_J",
    "HALO_RMS_SPEED_M_PER_S",
    "HBAR_J_S",
    "KSVZ_G_GAMMA",
    "LOCAL_DENSITY_GEV_PER_CM3",
    "PLANCK_J_S",
    "SPEED_OF_LIGHT_M_PER_S",
    "VACUUM_PERMEABILITY_H_PER_M",
]

GEV_J: Final[float] = 1e9 * ELECTRON_VOLT_J

#: Model dependent axion-photon couplings g_gamma (the letter, text above Eq. 1).
KSVZ_G_GAMMA: Final[float] = -0.97
DFSZ_G_GAMMA: Final[float] = 0.36

#: m_a f_a = 5.691 ueV x 1e12 GeV = sqrt(chi) of QCD: Gorghetto and Villadoro, JHEP 03 (2019) 033.
#: Of the conventions in use this one gives the 22.51 yW of the letter's Eq. 1; older ones give 19.0
#: to 22.4 yW.
AXION_MASS_DECAY_PRODUCT_EV2: Final[float] = 5.691e15

#: Local dark matter density (the letter, below Eq. 1).
LOCAL_DENSITY_GEV_PER_CM3: Final[float] = 0.45

#: Root mean square speed of the axions in the galactic frame, and the Earth's speed in it (the
#: letter, after Eq. 1).
HALO_RMS_SPEED_M_PER_S: Final[float] = 270e3
EARTH_SPEED_M_PER_S: Final[float] = 230e3
