"""Field, inductance and winding of a solenoid: the paper's Eq. (4) and Wheeler's formula.

    B(x) = (mu0 n I / 2) [ x / sqrt(x^2 + R^2) + (L - x) / sqrt((L - x)^2 + R^2) ]

with n all turns per metre, L the length, R the radius at half the winding thickness, x from one
end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amrr.origins import assumed, chosen, paper
from instruments.constants import VACUUM_PERMEABILITY_H_PER_M

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Solenoid:
    """A layer-wound coil of insulated round wire.

    Attributes:
        length_m: Winding length.
        inner_radius_m: Radius of the mandrel's winding surface.
        turns: Turns of all layers; the last layer may be short.
        wire_diameter_m: Over the insulation.
    """

    length_m: float = assumed(0.120, 0.100, 0.140, "a bed of 80 mm with and without room to spare")
    inner_radius_m: float = assumed(16.5e-3, 15.5e-3, 19e-3, "bore for the canister")
    turns: int = chosen(31872)
    wire_diameter_m: float = paper(0.127e-3)

    @property
    def layers(self) -> float:
        """Turns over the turns of a full layer."""
        return self.turns * self.wire_diameter_m / self.length_m

    @property
    def thickness_m(self) -> float:
        """Winding thickness, layers nested in each other's grooves (sqrt(3)/2 of the diameter)."""
        return self.wire_diameter_m * (1.0 + (self.layers - 1.0) * math.sqrt(3.0) / 2.0)

    @property
    def radius_m(self) -> float:
        """Effective radius R: half the winding thickness above the mandrel."""
        return self.inner_radius_m + 0.5 * self.thickness_m

    @property
    def wire_length_m(self) -> float:
        """Length of wire in the winding."""
        return 2.0 * math.pi * self.radius_m * self.turns

    def field_per_ampere(self, x_m: ArrayLike) -> Array:
        """B(x)/I on the axis in T/A, x from one end in metres (Eq. 4)."""
        x = np.asarray(x_m, float)
        turns_per_m = self.turns / self.length_m
        ends = x / np.hypot(x, self.radius_m) + (self.length_m - x) / np.hypot(
            self.length_m - x, self.radius_m
        )
        return 0.5 * VACUUM_PERMEABILITY_H_PER_M * turns_per_m * ends

    @property
    def centre_t_per_a(self) -> float:
        """Central field per ampere, T/A."""
        return float(self.field_per_ampere(0.5 * self.length_m))

    @property
    def end_t_per_a(self) -> float:
        """Field per ampere at the end of the winding, T/A."""
        return float(self.field_per_ampere(0.0))

    @property
    def inductance_h(self) -> float:
        """Inductance, H: Wheeler's 0.8 a^2 N^2 / (6a + 9b + 10c) uH, lengths in inches."""
        inch = 0.0254
        a, b, c = self.radius_m / inch, self.length_m / inch, self.thickness_m / inch
        return 0.8e-6 * a**2 * self.turns**2 / (6.0 * a + 9.0 * b + 10.0 * c)

    def stored_energy_j(self, current_a: float) -> float:
        """L I^2 / 2 in J."""
        return 0.5 * self.inductance_h * current_a**2


def turns_for(
    field_t: float,
    current_a: float,
    length_m: float,
    inner_radius_m: float,
    wire_diameter_m: float = 0.127e-3,
) -> int:
    """Smallest number of turns that reaches ``field_t`` at the centre with ``current_a``.

    Raises:
        ValueError: More than a million turns would be needed.
    """
    low, high = 1, 1_000_000

    def reached(turns: int) -> bool:
        coil = Solenoid(length_m, inner_radius_m, turns, wire_diameter_m)
        return coil.centre_t_per_a * current_a >= field_t

    if not reached(high):
        raise ValueError(
            f"solenoid: {field_t:g} T at {current_a:g} A is out of reach on a mandrel of "
            f"{1e3 * length_m:g} mm with {1e3 * wire_diameter_m:g} mm wire"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
