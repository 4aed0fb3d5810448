"""What the lattice of a magnet says of its internal field: the second moment of its couplings.

At temperatures above all couplings the heat capacity of spins that couple in pairs by S_i J_ij S_j
is exactly (J. H. Van Vleck, J. Chem. Phys. 5, 320 (1937))

    C T^2 / R = (1/2) sum_j [S (S + 1) / 3]^2 Tr(J_ij J_ij^T)
    dipoles:   Tr = 6 d^2,  d = mu0 (g mu_B)^2 / (4 pi k r^3)
    exchange:  Tr = 3 J^2

and the two do not mix, as dipoles have no trace. An internal field b of ``amrr.solids.garnet``
gives C T^2 / R = (a b)^2 S (S + 1) / 3. So the dipoles alone, whose strength is known, set the
least b that a lattice of Gd3+ can have, whatever its exchange.

For GGG with an exchange of 0.107 K between neighbours (W. I. Kinney and W. P. Wolf, J. Appl. Phys.
50, 2115 (1979)) this gives 2.81 K^2; the model that was fitted to Fisher's heat capacity has 2.76.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from amrr.solids.garnet import SPIN, SPLITTING_K_PER_T
from instruments.constants import BOLTZMANN_J_PER_K, VACUUM_PERMEABILITY_H_PER_M

Array = NDArray[np.float64]

#: Neighbours are summed to here, m: what is left out is below 0.1 % of the sum of r^-6.
_REACH_M: Final = 4e-9
_SPIN_SQUARED: Final = SPIN * (SPIN + 1.0) / 3.0
_MOMENT: Final = 2.0 * constants.physical_constants["Bohr magneton"][0]


@dataclass(frozen=True)
class Lattice:
    """Where the Gd3+ ions are; all places are equivalent.

    Attributes:
        cell_m: Edges of the rectangular cell.
        places: Of the ions, as parts of the edges.
    """

    cell_m: tuple[float, float, float]
    places: tuple[tuple[float, float, float], ...]


def _centred(
    places: tuple[tuple[float, float, float], ...],
) -> tuple[tuple[float, float, float], ...]:
    """These places, and those of the body-centred cell's second half."""
    shifted = tuple((x + 0.5, y + 0.5, z + 0.5) for x, y, z in places)
    return places + shifted


#: GdLiF4, scheelite: a = 5.219 A, c = 10.97 A, Gd on 4b of I4_1/a.
SCHEELITE_GDLIF4: Final = Lattice(
    (5.219e-10, 5.219e-10, 10.97e-10), _centred(((0.0, 0.0, 0.0), (0.0, 0.5, 0.25)))
)
#: Gd3Ga5O12, garnet: a = 12.383 A, Gd on 24c of Ia-3d.
GARNET_GGG: Final = Lattice(
    (12.383e-10,) * 3,
    _centred(
        (
            (0.125, 0.0, 0.25), (0.375, 0.0, 0.75), (0.25, 0.125, 0.0), (0.75, 0.375, 0.0),
            (0.0, 0.25, 0.125), (0.0, 0.75, 0.375), (0.875, 0.0, 0.75), (0.625, 0.0, 0.25),
            (0.75, 0.875, 0.0), (0.25, 0.625, 0.0), (0.0, 0.75, 0.875), (0.0, 0.25, 0.625),
        )
    ),
)  # fmt: skip


def distances(lattice: Lattice) -> Array:
    """Distances of an ion's neighbours within 4 nm, m."""
    cell = np.array(lattice.cell_m)
    reach = [math.ceil(_REACH_M / edge) + 1 for edge in lattice.cell_m]
    ranges = [np.arange(-n, n + 1) for n in reach]
    cells = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    places = np.array(lattice.places) - np.array(lattice.places[0])
    r = np.linalg.norm((cells + places) * cell, axis=-1).ravel()
    return np.sort(r[(r > 1e-12) & (r < _REACH_M)])


def second_moment(lattice: Lattice, exchange_k: float = 0.0) -> float:
    """C T^2 / R in K^2, of dipoles and of an exchange between nearest neighbours.

    Args:
        lattice: Of the ions.
        exchange_k: J / k of S_i J S_j.
    """
    r = distances(lattice)
    dipole_k = VACUUM_PERMEABILITY_H_PER_M * _MOMENT**2 / (4.0 * math.pi * BOLTZMANN_J_PER_K * r**3)
    neighbours = int((r < 1.01 * r[0]).sum())
    trace = 6.0 * float((dipole_k**2).sum()) + 3.0 * exchange_k**2 * neighbours
    return 0.5 * _SPIN_SQUARED**2 * trace


def internal_field(moment_k2: float) -> float:
    """The internal field b of this second moment, T."""
    return math.sqrt(moment_k2 / _SPIN_SQUARED) / SPLITTING_K_PER_T
