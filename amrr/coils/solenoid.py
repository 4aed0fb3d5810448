"""Field, inductance and winding of a solenoid.

    B(x) = (mu0 n I / 2) [ x / sqrt(x^2 + R^2) + (L - x) / sqrt((L - x)^2 + R^2) ]

is the paper's Eq. (4), with n all turns per metre, L the length, R the radius at half the winding
thickness, x from one end. The inductance is that of N turns spread evenly over the winding's
cross-section, from r1 to r2 = r1 + c: the mutual inductance of two coaxial loops,
pi mu0 a b int J1(k a) J1(k b) exp(-k |z|) dk, averaged over both,

    L = pi mu0 N^2 int_0^inf P(k)^2 g(k) dk
    P = (1/c) int_r1^r2 r J1(k r) dr,   g = 2 (k l - 1 + exp(-k l)) / (k l)^2

(Conway, IEEE Trans. Magn. 43, 1023 (2007)). Wheeler's formula for thick coils is 5 % below this for
the default coil, and more for longer ones: it is made for coils about as long as they are wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import j0, j1, struve

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

    def mean_t_per_a(self, length_m: float) -> float:
        """Mean of B(x)/I on the axis over ``length_m`` about the middle, T/A (Eq. 4 integrated)."""
        ends = 0.5 * (self.length_m + np.array([length_m, -length_m]))
        roots = np.hypot(ends, self.radius_m)
        turns_per_m = self.turns / self.length_m
        return float(VACUUM_PERMEABILITY_H_PER_M * turns_per_m * (roots[0] - roots[1]) / length_m)

    @property
    def inductance_h(self) -> float:
        """Inductance, H: within 0.1 % of a sum over loops; the wire's insulation is left out."""
        return self.turns**2 * _per_turn(self.length_m, self.inner_radius_m, self.thickness_m)

    def stored_energy_j(self, current_a: float) -> float:
        """L I^2 / 2 in J."""
        return 0.5 * self.inductance_h * current_a**2


#: Middles of the steps of k r2 in the integral: of its logarithm to 0.1, even ones to 200, and of
#: its logarithm beyond, so that what happens at 1/l is met for any length.
_EVEN_STEP: Final = 0.1
_EVEN: Final = np.arange(1.5 * _EVEN_STEP, 200.0, _EVEN_STEP)
_LOG_STEP: Final = 1e-3
_START: Final = _EVEN_STEP * np.exp(-np.arange(0.5 * _LOG_STEP, 14.0, _LOG_STEP))
_TAIL: Final = 200.0 * np.exp(np.arange(0.5 * _LOG_STEP, 14.0, _LOG_STEP))


@lru_cache(maxsize=256)
def _per_turn(length_m: float, inner_radius_m: float, thickness_m: float) -> float:
    """L / N^2 in H."""
    outer_m = inner_radius_m + thickness_m
    even, tail = _EVEN / outer_m, _TAIL / outer_m
    near_k = np.concatenate((_START / outer_m, even))
    steps = np.concatenate((_START * _LOG_STEP, np.full(even.size, _EVEN_STEP))) / outer_m
    square = _radial(near_k, inner_radius_m, outer_m) ** 2
    near = (square * _axial(near_k * length_m) * steps).sum()
    # Beyond, J1^2 oscillates about 1/(pi k r), and P falls as sin(k c/2)/(k c/2) of that.
    mean_m = 0.5 * (inner_radius_m + outer_m)
    square = mean_m / (np.pi * tail) * np.sinc(0.5 * tail * thickness_m / np.pi) ** 2
    far = (square * _axial(tail * length_m) * tail).sum() * _LOG_STEP
    return float(np.pi * VACUUM_PERMEABILITY_H_PER_M * (near + far))


def _radial(k: Array, inner_m: float, outer_m: float) -> Array:
    """P(k) in m; the integral of r J1 is closed (Abramowitz and Stegun 11.1.7)."""

    def whole(x: Array) -> Array:
        return np.asarray(0.5 * np.pi * x * (j1(x) * struve(0, x) - j0(x) * struve(1, x)))

    return (whole(k * outer_m) - whole(k * inner_m)) / (k**2 * (outer_m - inner_m))


def _axial(kl: Array) -> Array:
    """g; by its series where the difference would cancel."""
    series = 1.0 - kl / 3.0 + kl**2 / 12.0
    return np.where(kl < 1e-3, series, 2.0 * (kl - 1.0 + np.exp(-kl)) / np.maximum(kl, 1e-9) ** 2)


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
