"""NbTi: its critical surface, and the paper's wire.

    J_c(B, T) = J_ref (C0 / B) b^alpha (1 - b)^beta (1 - t^1.7)^gamma,   b = B / B_c2(T)
    B_c2(T) = 14.5 T (1 - t^1.7),   t = T / 9.2 K

Bottura, IEEE Trans. Appl. Supercond. 10, 1054 (2000); B_c2 after Lubell, IEEE Trans. Magn. 19, 754
(1983). The wire is the paper's: 54 filaments of 9 um in copper, 0.127 mm over the insulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from amrr.compiled import jit
from amrr.origins import assumed, paper, unmeasured
from amrr.solids.materials import COPPER
from instruments.ranges import all_within

CRITICAL_TEMPERATURE_K: Final = 9.2
CRITICAL_FIELD_T: Final = 14.5
REFERENCE_A_PER_M2: Final = 3.0e9
C0_T: Final = 27.04
EXPONENT_ALPHA: Final = 0.57
EXPONENT_BETA: Final = 0.9
EXPONENT_GAMMA: Final = 2.32
#: Below this field J_c is taken constant: the filament's own field then sets the scale.
LOWEST_FIELD_T: Final = 0.1


@jit
def upper_critical_field(temperature_k: float) -> float:
    """B_c2(T) in T, 0 above T_c."""
    if temperature_k >= CRITICAL_TEMPERATURE_K:
        return 0.0
    return CRITICAL_FIELD_T * (1.0 - (temperature_k / CRITICAL_TEMPERATURE_K) ** 1.7)


@jit
def critical_current_density(field_t: float, temperature_k: float) -> float:
    """J_c of the filaments in A/m2; 0 outside the superconducting state."""
    field = max(abs(field_t), LOWEST_FIELD_T)
    reduced = 1.0 - (temperature_k / CRITICAL_TEMPERATURE_K) ** 1.7
    if reduced <= 0.0 or field >= CRITICAL_FIELD_T * reduced:
        return 0.0
    b = field / (CRITICAL_FIELD_T * reduced)
    shape = b**EXPONENT_ALPHA * (1.0 - b) ** EXPONENT_BETA * reduced**EXPONENT_GAMMA
    return REFERENCE_A_PER_M2 * C0_T / field * shape


@dataclass(frozen=True)
class SuperconductingWire:
    """A multifilamentary wire.

    Attributes:
        filaments: Number of filaments.
        filament_diameter_m: Diameter of one.
        bare_diameter_m: Of the metal; assumed 0.102 mm inside the paper's 0.127 mm insulation.
        insulated_diameter_m: Over the insulation.
        residual_resistivity_ohm_m: Of the copper matrix; assumed (residual resistance ratio about
            70).
        critical_current_scale: Commercial wire reaches 0.6 to 0.8 of the best published J_c;
            assumed.
    """

    filaments: int = paper(54)
    filament_diameter_m: float = paper(9e-6)
    bare_diameter_m: float = assumed(
        0.102e-3,
        0.098e-3,
        0.108e-3,
        "insulation of 10 to 15 um; ratios of Cu to NbTi of 1.2 to 1.7",
    )
    insulated_diameter_m: float = paper(0.127e-3)
    residual_resistivity_ohm_m: float = unmeasured(
        COPPER.resistivity_ohm_m,
        1e-10,
        4e-10,
        "residual resistance ratios of 40 to 150",
        decades=True,
    )
    critical_current_scale: float = unmeasured(
        0.8, 0.6, 1.0, "commercial wire over the best published"
    )

    @property
    def superconductor_area_m2(self) -> float:
        """Cross-section of all filaments."""
        return self.filaments * math.pi * self.filament_diameter_m**2 / 4.0

    @property
    def metal_area_m2(self) -> float:
        """Cross-section of the bare wire."""
        return math.pi * self.bare_diameter_m**2 / 4.0

    @property
    def copper_area_m2(self) -> float:
        """Cross-section of the matrix."""
        return self.metal_area_m2 - self.superconductor_area_m2

    def critical_current_a(self, field_t: float, temperature_k: float) -> float:
        """I_c(B, T) in A, 0 in the normal state; raises ValueError below 0 K or when not finite."""
        all_within("NbTi: temperature", temperature_k, 0.0, 1000.0, "K")
        all_within("NbTi: field", field_t, -50.0, 50.0, "T")
        density = critical_current_density(field_t, temperature_k)
        return self.critical_current_scale * density * self.superconductor_area_m2

    def sharing_temperature_k(self, field_t: float, current_a: float) -> float:
        """Temperature at which ``current_a`` becomes critical, K (bisection).

        Raises ValueError when it is beyond the critical current at any temperature.
        """
        low, high = 0.1, CRITICAL_TEMPERATURE_K
        if not current_a < self.critical_current_a(field_t, low):
            raise ValueError(
                f"NbTi: {current_a:g} A at {field_t:g} T is beyond the critical current "
                f"{self.critical_current_a(field_t, low):g} A at {low:g} K"
            )
        for _ in range(60):
            middle = 0.5 * (low + high)
            above = self.critical_current_a(field_t, middle) > current_a
            low, high = (middle, high) if above else (low, middle)
        return low
