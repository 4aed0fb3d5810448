"""Paramagnetic refrigerants: gadolinium gallium garnet (GGG) and its successor GdLiF4 (GLF).

One free energy per mole of Gd3+ (J = S = 7/2, g = 2) gives every property, so entropy, heat
capacity and magnetisation are consistent:

    F(T, B) = -k T sum_k w_k ln Z(a B_k / T) + (g mu_B J) lambda sigma^2 / 2 + F_lattice(T)
    B_k = sqrt((B + lambda sigma)^2 + b_k^2),    a = g mu_B / k_B,    stationary in sigma

The internal fields b_k stand for exchange and dipolar coupling in zero field (fitted to Fisher,
Brodale, Hornung and Giauque, J. Chem. Phys. 59, 4652 (1973), 1 to 4 K); lambda is the molecular
field at saturation (Curie-Weiss temperature -2.3 K, less the demagnetisation of a packed bed). The
lattice is Debye's T^3 law.

F here is F(T, B) with dF = -S dT - M dB: the field belongs to the magnet. U = F + T S then changes
by T dS - M dB, and -M dB is the work that the magnet does.

Properties take T in K and B in T, of shapes that broadcast, and raise ValueError where the model
has no support, unless the caller asks for the formula alone with ``extrapolate=True``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants
from scipy.optimize import brentq

from instruments.constants import BOLTZMANN_J_PER_K, GAS_CONSTANT_J_PER_MOL_K
from instruments.ranges import all_within, within

Array = NDArray[np.float64]

#: Spin of Gd3+.
SPIN: Final = 3.5
#: a = g mu_B / k_B with g = 2, K/T.
SPLITTING_K_PER_T: Final = (
    2.0 * constants.physical_constants["Bohr magneton"][0] / BOLTZMANN_J_PER_K
)
_M: Final = np.arange(-SPIN, SPIN + 1.0)


@dataclass(frozen=True)
class Paramagnet:
    """A refrigerant as parameters of the free energy above.

    Attributes:
        name: Short name.
        molar_mass_kg_per_mol: Of the formula unit.
        density_kg_per_m3: Of the bulk crystal.
        spins_per_formula: Gd3+ ions per formula unit.
        internal_fields_t: b_k.
        weights: w_k, sum 1.
        molecular_field_t: lambda; 0 switches the mean field off.
        debye_temperature_k: For the lattice.
        atoms_per_spin: Atoms per Gd3+, for the lattice.
        lowest_temperature_k: Below it the model has no support.
        highest_temperature_k: Above it the model has no support.
        highest_field_t: Above it the model has no support.
        provisional: True where the parameters are announcements rather than fits.
    """

    name: str
    molar_mass_kg_per_mol: float
    density_kg_per_m3: float
    spins_per_formula: int
    internal_fields_t: tuple[float, ...]
    weights: tuple[float, ...]
    molecular_field_t: float
    debye_temperature_k: float
    atoms_per_spin: float
    lowest_temperature_k: float
    highest_temperature_k: float
    highest_field_t: float
    provisional: bool

    @property
    def spins_mol_per_m3(self) -> float:
        """Moles of Gd3+ in a cubic metre of bulk crystal."""
        return self.spins_per_formula * self.density_kg_per_m3 / self.molar_mass_kg_per_mol

    def polarisation(
        self, temperature_k: ArrayLike, field_t: ArrayLike, *, extrapolate: bool = False
    ) -> Array:
        """Reduced magnetisation sigma = <m>/J, from its self-consistency."""
        t, b = self._state(temperature_k, field_t, extrapolate)
        return self._polarisation(t, b)

    def free_energy(
        self, temperature_k: ArrayLike, field_t: ArrayLike, *, extrapolate: bool = False
    ) -> Array:
        """F(T, B) in J/(mol Gd)."""
        t, b = self._state(temperature_k, field_t, extrapolate)
        sigma = self._polarisation(t, b)
        gas = GAS_CONSTANT_J_PER_MOL_K
        spins = sum(
            w * _log_z(SPLITTING_K_PER_T * self._local(b, sigma, bk) / t)
            for bk, w in zip(self.internal_fields_t, self.weights, strict=True)
        )
        mean_field = gas * SPLITTING_K_PER_T * SPIN * self.molecular_field_t * sigma**2 / 2.0
        return -gas * t * spins + mean_field - self._lattice() * t**4 / 12.0

    def entropy(
        self, temperature_k: ArrayLike, field_t: ArrayLike, *, extrapolate: bool = False
    ) -> Array:
        """S(T, B) = -dF/dT in J/(mol Gd K); sigma is stationary, so it does not contribute."""
        t, b = self._state(temperature_k, field_t, extrapolate)
        return self._entropy(t, b)

    def heat_capacity(
        self, temperature_k: ArrayLike, field_t: ArrayLike, *, extrapolate: bool = False
    ) -> Array:
        """C_B(T, B) = T dS/dT in J/(mol Gd K), by a central difference of the entropy."""
        t, b = self._state(temperature_k, field_t, extrapolate)
        step = 1e-4 * t
        return t * (self._entropy(t + step, b) - self._entropy(t - step, b)) / (2 * step)

    def entropy_slope(
        self, temperature_k: ArrayLike, field_t: ArrayLike, *, extrapolate: bool = False
    ) -> Array:
        """(dS/dB)_T in J/(mol Gd K T), by a central difference; odd in the field."""
        t, b = self._state(temperature_k, field_t, extrapolate)
        step = 1e-4
        up, down = np.abs(b + step), np.abs(b - step)
        return (self._entropy(t, up) - self._entropy(t, down)) / (2 * step)

    def adiabatic_temperature(
        self, temperature_k: float, field_from_t: float, field_to_t: float
    ) -> float:
        """Temperature after an isentropic change of field.

        Raises:
            ValueError: The result, the start or a field is outside the model's range.
        """
        self.check(temperature_k, field_from_t)
        self.check(temperature_k, field_to_t)
        goal = float(self.entropy(temperature_k, field_from_t))
        to_t = np.asarray(field_to_t, float)
        found = brentq(
            lambda t: float(self._entropy(np.asarray(t), to_t)) - goal, 0.02, 40.0, xtol=1e-12
        )
        self.check(found, field_to_t)
        return float(found)

    def check(self, temperature_k: ArrayLike, field_t: ArrayLike) -> None:
        """Raise ValueError outside the range that the model has support for."""
        lowest_k, highest_k = self.lowest_temperature_k, self.highest_temperature_k
        all_within(f"{self.name}: temperature", temperature_k, lowest_k, highest_k, "K")
        all_within(f"{self.name}: field", field_t, 0.0, self.highest_field_t, "T")

    def _state(
        self, temperature_k: ArrayLike, field_t: ArrayLike, extrapolate: bool
    ) -> tuple[Array, Array]:
        """T and B of a common shape, checked."""
        if not extrapolate:
            self.check(temperature_k, field_t)
        t, b = np.broadcast_arrays(np.asarray(temperature_k, float), np.asarray(field_t, float))
        return t, b

    def _polarisation(self, t: Array, b: Array) -> Array:
        low, high = np.zeros(t.shape), np.ones(t.shape)
        # The right side falls with sigma while lambda <= 0, so bisection cannot fail.
        for _ in range(60):
            middle = 0.5 * (low + high)
            above = self._response(t, b, middle) > middle
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return 0.5 * (low + high)

    def _entropy(self, t: Array, b: Array) -> Array:
        sigma = self._polarisation(t, b)
        total = np.zeros(t.shape)
        for bk, w in zip(self.internal_fields_t, self.weights, strict=True):
            y = SPLITTING_K_PER_T * self._local(b, sigma, bk) / t
            total += w * (_log_z(y) - y * _mean_m(y))
        return GAS_CONSTANT_J_PER_MOL_K * total + self._lattice() * t**3 / 3.0

    def _local(self, field_t: Array, sigma: Array, internal_t: float) -> Array:
        return np.sqrt((field_t + self.molecular_field_t * sigma) ** 2 + internal_t**2)

    def _response(self, t: Array, b: Array, sigma: Array) -> Array:
        applied = b + self.molecular_field_t * sigma
        total = np.zeros(t.shape)
        for bk, w in zip(self.internal_fields_t, self.weights, strict=True):
            local = self._local(b, sigma, bk)
            total += w * _mean_m(SPLITTING_K_PER_T * local / t) / SPIN * applied / local
        return total

    def _lattice(self) -> float:
        """Coefficient of T^3 in the lattice heat capacity, J/(mol Gd K^4)."""
        return (
            (12.0 * np.pi**4 / 5.0)
            * GAS_CONSTANT_J_PER_MOL_K
            * self.atoms_per_spin
            / self.debye_temperature_k**3
        )


def _log_z(y: Array) -> Array:
    """Logarithm of sum_m exp(m y), with the largest term factored out."""
    y = np.abs(y)
    return SPIN * y + np.log(np.exp(-(SPIN - _M)[:, None] * y.reshape(1, -1)).sum(0)).reshape(
        y.shape
    )


def _mean_m(y: Array) -> Array:
    """<m> of the levels m = -J..J with weights exp(m y)."""
    w = np.exp(_M[:, None] * y.reshape(1, -1) - SPIN * np.abs(y).reshape(1, -1))
    return ((w * _M[:, None]).sum(0) / w.sum(0)).reshape(y.shape)


#: Gd3Ga5O12. Density 7.08 g/cm3 (7.08 to 7.10 in the literature; X-ray 7.083).
GGG: Final = Paramagnet(
    name="GGG",
    molar_mass_kg_per_mol=1.01235,
    density_kg_per_m3=7080.0,
    spins_per_formula=3,
    internal_fields_t=(0.46815, 2.35504),
    weights=(0.98640, 0.01360),
    molecular_field_t=-1.0,  # +/- 0.15 T: in-field entropy is known to 10-15 %
    debye_temperature_k=500.0,
    atoms_per_spin=20.0 / 3.0,
    lowest_temperature_k=0.4,
    highest_temperature_k=4.2,
    highest_field_t=3.0,
    provisional=False,
)

#: GdLiF4, the successor for 0.35 K. Provisional: no heat capacity below 1 K is published that one
#: could fit. b is what the dipoles alone give on its lattice (``amrr.solids.dipoles``), lambda that
#: of a powder whose exchange and dipoles nearly cancel (Sosin et al., arXiv:2210.09725).
GLF: Final = Paramagnet(
    name="GLF",
    molar_mass_kg_per_mol=0.24018,
    density_kg_per_m3=5340.0,
    spins_per_formula=1,
    internal_fields_t=(0.320,),
    weights=(1.0,),
    molecular_field_t=-0.1,
    debye_temperature_k=400.0,
    atoms_per_spin=6.0,
    lowest_temperature_k=0.35,
    highest_temperature_k=4.2,
    highest_field_t=3.0,
    provisional=True,
)

MATERIALS: Final = {"GGG": GGG, "GLF": GLF}
_CHANGES: Final = ("b", "lambda")
#: Ranges of changed numbers, T: beyond, the fixed point of sigma need not be one.
_CHANGED_T: Final = {"b": (0.01, 3.0), "lambda": (-3.0, 0.0)}


@cache
def paramagnet(name: str) -> Paramagnet:
    """A refrigerant by its name, with changed numbers after it where they are to be tried.

    ``"GLF"`` is that of ``MATERIALS``; ``"GLF b=0.2 lambda=-0.1"`` has these internal and molecular
    fields in T. Of several internal fields, b is the first, which has nearly all of the weight.

    Raises:
        ValueError: There is no such refrigerant, or no such number of it.
    """
    key, *changes = name.split()[:9] or [""]
    if key not in MATERIALS:
        raise ValueError(f"refrigerant {name!r:.60} is not one of {sorted(MATERIALS)}")
    found = MATERIALS[key]
    for change in changes:
        number, _, text = change.partition("=")
        value = _number(name, number, text)
        if number == "b":
            found = replace(found, internal_fields_t=(value, *found.internal_fields_t[1:]))
        else:
            found = replace(found, molecular_field_t=value)
    return replace(found, name=name)


def _number(name: str, number: str, text: str) -> float:
    if number not in _CHANGES:
        raise ValueError(f"refrigerant {name!r:.60}: {number!r:.20} is not one of {_CHANGES}")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"refrigerant {name!r:.60}: {text!r:.20} is no number") from None
    return within(f"refrigerant {name!r:.60}: {number}", value, *_CHANGED_T[number], "T")
