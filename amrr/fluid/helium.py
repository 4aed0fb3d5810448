"""The working fluid: 3He-4He mixtures below the lambda line.

Phase lines after G. Chaudhry (PhD thesis, MIT 2009; J. Low Temp. Phys. 155, 235 (2009)). The
mixture is a gas of 3He quasi-particles in shifted 4He (``amrr.fluid.helium4``) plus an
interaction polynomial,

    f(T, x) = (1-x) f4(T; x) + x f_FG(T, x) + x (1-x) (w1 + w2 x + w3 x^2)     J/mol of mixture
    f4 = mu4(tau T) / tau,   tau = T_lambda(0) / T_lambda(x)
    f_FG: ideal Fermi gas of mass m*(x) at the volume V_m(x)

whose six numbers were fitted to Chaudhry's Table 11 on the dilute line. Everything else is a
derivative of f: s = -df/dT, h = f + T s, mu4 = f - x df/dx, and the osmotic plus fountain pressure
Pi = -mu4 / v4, counted from pure 4He at 0 K. Energies are counted from the pure liquids at 0 K;
the pressure is that of the vapour (about 0).

Properties take T in K and x of shapes that broadcast, and raise ValueError where ``check``
finds no support, unless the caller asks for the formula alone with ``extrapolate=True``.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import gamma

from amrr.fluid.helium4 import chemical_potential_4he, entropy_4he, heat_capacity_4he
from instruments.constants import (
    AVOGADRO_PER_MOL,
    BOLTZMANN_J_PER_K,
    GAS_CONSTANT_J_PER_MOL_K,
    HBAR_J_S,
)
from instruments.ranges import all_within

Array = NDArray[np.float64]

TRICRITICAL_TEMPERATURE_K: Final = 0.867
TRICRITICAL_CONCENTRATION: Final = 0.674
#: Molar volume of 4He, and the relative excess of 3He in solution (BBP parameter).
V4_M3_PER_MOL: Final = 27.58e-6
ALPHA: Final = 0.284
M3_KG: Final = 3.0160293e-3 / AVOGADRO_PER_MOL
MOLAR_MASS_4HE_KG: Final = 4.002602e-3
MOLAR_MASS_3HE_KG: Final = 3.0160293e-3
#: Validity: single phase, superfluid, fitted to x = 0.445. The 4He part was fitted to 1.8 K.
HIGHEST_CONCENTRATION: Final = 0.46
LOWEST_TEMPERATURE_K: Final = 0.15
HIGHEST_TEMPERATURE_K: Final = 1.9

_PURE_3HE_MOL_PER_M3 = 1.0 / (V4_M3_PER_MOL * (1.0 + ALPHA))
#: How far Table 11, rounded to four digits, departs from its own phase line.
_LINE_TOLERANCE = 5e-4
_MASS = (2.52793, -0.41534, 0.70555)
_W = (-2.38293, -7.74894, -25.26016)


def lambda_temperature(x: ArrayLike) -> Array:
    """T_lambda(x) in K (Chaudhry); raises ValueError unless 0 <= x <= 0.674."""
    all_within("lambda line: x", x, 0.0, TRICRITICAL_CONCENTRATION, "")
    return _lambda(np.asarray(x, float))


def dilute_line(temperature_k: ArrayLike) -> Array:
    """x_d(T): concentration of the dilute phase at separation (Chaudhry; Edwards below 0.15 K).

    Raises ValueError outside 0 to 0.867 K: above, nothing separates.
    """
    all_within("dilute line: temperature", temperature_k, 0.0, TRICRITICAL_TEMPERATURE_K, "K")
    t = np.asarray(temperature_k, float)
    dt = t - TRICRITICAL_TEMPERATURE_K
    upper = 0.674 - 0.209148 * dt / (dt - 0.080280) + 0.960222 * dt + 0.549920 * dt**2
    return np.where(t < 0.15, 0.064 * (1.0 + 10.8 * t**2), upper)


def concentrated_line(temperature_k: ArrayLike) -> Array:
    """x_c(T): concentration of the concentrated phase at separation; range as the dilute line's."""
    all_within("concentrated line: temperature", temperature_k, 0.0, TRICRITICAL_TEMPERATURE_K, "K")
    t = np.asarray(temperature_k, float)
    dt = t - TRICRITICAL_TEMPERATURE_K
    upper = 0.674 - 0.746805 * dt - 0.180743 * dt**2 + 0.316170 * dt**3
    safe = np.maximum(t, 1e-3)
    return np.where(t < 0.15, 1.0 - 1.13 * t**1.5 * np.exp(-0.71 / safe), upper)


def separation_temperature(x: float) -> float:
    """Temperature below which concentration ``x`` separates, K; 0.15 where it never does above.

    Raises ValueError unless 0 <= x <= 0.674.
    """
    all_within("separation: x", x, 0.0, TRICRITICAL_CONCENTRATION, "")
    if x <= float(dilute_line(LOWEST_TEMPERATURE_K)):
        return LOWEST_TEMPERATURE_K
    low, high = LOWEST_TEMPERATURE_K, TRICRITICAL_TEMPERATURE_K
    return float(brentq(lambda t: float(dilute_line(t)) - x, low, high))


def _lambda(x: Array) -> Array:
    dx = x - TRICRITICAL_CONCENTRATION
    return TRICRITICAL_TEMPERATURE_K - 2.620259 * dx - 1.023726 * dx**2


@cache
def _fermi() -> CubicSpline:
    """g(ln t) = F/(N k T) of an ideal spin-1/2 Fermi gas, t = T/T_F.

    F/(N k T) = eta - F_{3/2}(eta)/F_{1/2}(eta), F_{1/2}(eta) = 4/(3 sqrt(pi)) t^{-3/2}. The
    integrals use energy = y^2, which makes the integrand even and the trapezoidal rule exact to
    rounding.
    """
    eta = np.concatenate((np.linspace(-16.0, 8.0, 481), np.linspace(8.1, 80.0, 720)))
    y = np.linspace(0.0, 12.0, 1201)[None, :]
    occupation = 1.0 / (np.exp(np.clip(y**2 - eta[:, None], -700, 700)) + 1.0)

    def integral(j: float) -> Array:
        return 2.0 * (y ** (2 * j + 1) * occupation).sum(1) * 0.01 / gamma(j + 1)

    half, three_halves = integral(0.5), integral(1.5)
    log_t = -np.log(half * 3.0 * np.sqrt(np.pi) / 4.0) / 1.5
    return CubicSpline(log_t[::-1], (eta - three_halves / half)[::-1])


def molar_volume(x: ArrayLike) -> Array:
    """V_m(x) in m3/mol, constant partial volumes; raises ValueError unless 0 <= x <= 1."""
    all_within("molar volume: x", x, 0.0, 1.0, "")
    return V4_M3_PER_MOL * (1.0 + ALPHA * np.asarray(x, float))


def density_3he(x: ArrayLike) -> Array:
    """c3 = x / V_m in mol of 3He per m3."""
    return np.asarray(x, float) / molar_volume(x)


def concentration(c3_mol_per_m3: ArrayLike) -> Array:
    """Mole fraction x from c3: the inverse of ``density_3he``; ValueError beyond pure 3He."""
    all_within("3He density", c3_mol_per_m3, 0.0, _PURE_3HE_MOL_PER_M3, "mol/m3")
    c = np.asarray(c3_mol_per_m3, float) * V4_M3_PER_MOL
    return c / (1.0 - ALPHA * c)


def fermi_temperature(x: ArrayLike) -> tuple[Array, Array]:
    """T_F(x) in K and its derivative dT_F/dx; raises ValueError unless 0 < x <= 0.46."""
    all_within("Fermi temperature: x", x, 1e-12, HIGHEST_CONCENTRATION, "")
    return _fermi_temperature(np.asarray(x, float))


def _fermi_temperature(x: Array) -> tuple[Array, Array]:
    m0, a1, a2 = _MASS
    mass, slope = m0 * (1 + a1 * x + a2 * x**2), m0 * (a1 + 2 * a2 * x)
    density = 3.0 * np.pi**2 * density_3he(x) * AVOGADRO_PER_MOL
    t_f = HBAR_J_S**2 / (2.0 * mass * M3_KG * BOLTZMANN_J_PER_K) * density ** (2.0 / 3.0)
    log_slope = 2.0 / 3.0 * (1.0 / x - ALPHA / (1.0 + ALPHA * x)) - slope / mass
    return t_f, t_f * log_slope


def _tau(x: Array) -> tuple[Array, Array]:
    t_lambda = _lambda(x)
    slope = -2.620259 - 2.0 * 1.023726 * (x - TRICRITICAL_CONCENTRATION)
    tau = float(lambda_temperature(0.0)) / t_lambda
    return tau, -tau * slope / t_lambda


def _prepare(temperature_k: ArrayLike, x: ArrayLike, extrapolate: bool) -> tuple[Array, Array]:
    """T and x of a common shape, checked; x = 0 becomes tiny, for its logarithm."""
    if not extrapolate:
        check(temperature_k, x)
    t, y = np.broadcast_arrays(np.asarray(temperature_k, float), np.asarray(x, float))
    return t, np.maximum(y, 1e-9)


def free_energy(temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False) -> Array:
    """f(T, x) in J/mol of mixture."""
    t, x = _prepare(temperature_k, x, extrapolate)
    t_f, _ = _fermi_temperature(x)
    gas = GAS_CONSTANT_J_PER_MOL_K * t * _fermi()(np.log(t / t_f))
    w = _W[0] + _W[1] * x + _W[2] * x**2
    return excitations_energy(t, x, extrapolate=True) + x * gas + x * (1 - x) * w


def excitations_energy(
    temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False
) -> Array:
    """The part of f(T, x) that is of phonons and rotons, (1-x) f4(T; x), J/mol of mixture."""
    t, x = _prepare(temperature_k, x, extrapolate)
    tau, _ = _tau(x)
    return (1 - x) * chemical_potential_4he(tau * t, extrapolate=True) / tau


def entropy(temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False) -> Array:
    """s(T, x) in J/(mol K)."""
    t, x = _prepare(temperature_k, x, extrapolate)
    tau, _ = _tau(x)
    log_t = np.log(t / _fermi_temperature(x)[0])
    fermi = -GAS_CONSTANT_J_PER_MOL_K * (_fermi()(log_t) + _fermi()(log_t, 1))
    return (1 - x) * entropy_4he(tau * t, extrapolate=True) + x * fermi


def heat_capacity(temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False) -> Array:
    """c_p(T, x) in J/(mol K)."""
    t, x = _prepare(temperature_k, x, extrapolate)
    tau, _ = _tau(x)
    log_t = np.log(t / _fermi_temperature(x)[0])
    fermi = -GAS_CONSTANT_J_PER_MOL_K * (_fermi()(log_t, 1) + _fermi()(log_t, 2))
    return (1 - x) * heat_capacity_4he(tau * t, extrapolate=True) + x * fermi


def enthalpy(temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False) -> Array:
    """h(T, x) in J/mol of mixture."""
    t, y = _prepare(temperature_k, x, extrapolate)
    return free_energy(t, y, extrapolate=True) + t * entropy(t, y, extrapolate=True)


def chemical_potential_4he_mixture(
    temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False
) -> Array:
    """mu4(T, x) = f - x df/dx in J/mol, 0 for pure 4He at 0 K."""
    t, x = _prepare(temperature_k, x, extrapolate)
    tau, tau_x = _tau(x)
    t_f, t_f_x = _fermi_temperature(x)
    log_t = np.log(t / t_f)
    gas = GAS_CONSTANT_J_PER_MOL_K * t
    w = _W[0] + _W[1] * x + _W[2] * x**2
    f4 = chemical_potential_4he(tau * t, extrapolate=True) / tau
    f4_x = -(f4 + t * entropy_4he(tau * t, extrapolate=True)) * tau_x / tau
    gas_x = -gas * _fermi()(log_t, 1) * t_f_x / t_f
    # f - x df/dx of each of the three terms.
    helium = f4 - x * (1 - x) * f4_x
    excess = x**2 * w - x**2 * (1 - x) * (_W[1] + 2 * _W[2] * x)
    return helium - x**2 * gas_x + excess


def pressure(temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False) -> Array:
    """Osmotic plus fountain pressure Pi = -mu4/v4 in Pa, from pure 4He at 0 K."""
    mu4 = chemical_potential_4he_mixture(temperature_k, x, extrapolate=extrapolate)
    return -mu4 / V4_M3_PER_MOL


def osmotic_enthalpy(temperature_k: ArrayLike, x: ArrayLike, *, extrapolate: bool = False) -> Array:
    """h_os = (h - (1-x) mu4)/x in J per mol of 3He."""
    t, y = _prepare(temperature_k, x, extrapolate)
    mu4 = chemical_potential_4he_mixture(t, y, extrapolate=True)
    return (enthalpy(t, y, extrapolate=True) - (1 - y) * mu4) / y


def check(temperature_k: ArrayLike, x: ArrayLike) -> None:
    """Raise ValueError where the mixture model has no support.

    That is outside 0.15 to 1.9 K or x = 0 to 0.46, above the lambda line, and beyond the phase
    separation line (by more than the 0.0005 that Chaudhry's rounded table departs from it).
    """
    all_within(
        "mixture: temperature", temperature_k, LOWEST_TEMPERATURE_K, HIGHEST_TEMPERATURE_K, "K"
    )
    all_within("mixture: x", x, 0.0, HIGHEST_CONCENTRATION, "")
    t, y = np.broadcast_arrays(np.asarray(temperature_k, float), np.asarray(x, float))
    t_lambda = _lambda(y)
    for k in np.flatnonzero(t >= t_lambda)[:1]:
        raise ValueError(
            f"mixture: {t.flat[k]:g} K is not below T_lambda({y.flat[k]:g}) = "
            f"{t_lambda.flat[k]:.3f} K"
        )
    x_d = dilute_line(np.minimum(t, TRICRITICAL_TEMPERATURE_K))
    for k in np.flatnonzero(y > x_d + _LINE_TOLERANCE)[:1]:
        raise ValueError(
            f"mixture: x = {y.flat[k]:g} separates at {t.flat[k]:g} K, beyond x_d = "
            f"{x_d.flat[k]:.4f}"
        )
