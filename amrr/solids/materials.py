"""Metals and fibres below 10 K: conductivity, heat capacity, residual resistivity.

Fits to handbook data (Pobell, "Matter and Methods at Low Temperatures"; NIST Monograph 177 for
copper; Ventura, Cryogenics 40, 489 (2000), for Kevlar). Each property knows its range and refuses
to be used outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from instruments.ranges import all_within


@dataclass(frozen=True)
class Material:
    """Low-temperature laws of one material.

    Attributes:
        name: Short name.
        density_kg_per_m3: At low temperature.
        conductivity_coefficient: Of k = coefficient T^exponent, W/(m K).
        conductivity_exponent: See above.
        gamma_j_per_kg_k2: Electronic heat capacity, linear in T.
        beta_j_per_kg_k4: Lattice heat capacity, cubic in T.
        resistivity_ohm_m: Residual resistivity; 0 for an insulator.
        lowest_k: Lower end of the range of these laws.
        highest_k: Upper end.
    """

    name: str
    density_kg_per_m3: float
    conductivity_coefficient: float
    conductivity_exponent: float
    gamma_j_per_kg_k2: float
    beta_j_per_kg_k4: float
    resistivity_ohm_m: float
    lowest_k: float = 0.1
    highest_k: float = 10.0

    def conductivity(self, temperature_k: float) -> float:
        """Thermal conductivity k in W/(m K); raises ValueError outside the range."""
        self.check(temperature_k)
        return self.conductivity_coefficient * temperature_k**self.conductivity_exponent

    def heat_capacity(self, temperature_k: float) -> float:
        """Heat capacity in J/(kg K); raises ValueError outside the range."""
        self.check(temperature_k)
        return self.gamma_j_per_kg_k2 * temperature_k + self.beta_j_per_kg_k4 * temperature_k**3

    def conducted_w(self, area_m2: float, length_m: float, hot_k: float, cold_k: float) -> float:
        """Heat along a bar, the integral of k dT times area over length, W."""
        self.check(hot_k)
        self.check(cold_k)
        n = self.conductivity_exponent + 1.0
        integral = self.conductivity_coefficient * (hot_k**n - cold_k**n) / n
        return integral * area_m2 / length_m

    def check(self, temperature_k: float) -> None:
        """Raise ValueError outside the range of the laws."""
        all_within(f"{self.name}: temperature", temperature_k, self.lowest_k, self.highest_k, "K")


#: Residual resistance ratio about 70, as in the magnet wire.
COPPER: Final = Material("copper", 9020.0, 110.0, 1.0, 0.0109, 7.5e-4, 2.2e-10)
#: The magnet mandrels.
ALUMINIUM_6061: Final = Material("6061 aluminium", 2710.0, 1.7, 1.0, 0.050, 9.3e-4, 1.4e-8)
#: The canisters.
STAINLESS_304: Final = Material("304 stainless steel", 7900.0, 0.06, 1.0, 0.465, 3.8e-4, 5e-7)
#: The suspension of the canisters: strong (2.5 GPa, paper) and a poor conductor.
KEVLAR: Final = Material("Kevlar 49", 1450.0, 3.9e-3, 1.17, 0.0, 2.4e-2, 0.0)
#: Tensile strength of Kevlar, Pa (paper).
KEVLAR_STRENGTH_PA: Final = 2.5e9
