"""The working fluid: 3He-4He mixtures, pure 4He, and the vapour above it.

Phase lines and pure 4He after G. Chaudhry (PhD thesis, MIT 2009; J. Low Temp. Phys. 155, 235
(2009)). The mixture below the lambda line is a gas of 3He quasi-particles in shifted 4He plus an
interaction polynomial,

    f(T, x) = (1-x) f4(T; x) + x f_FG(T, x) + x (1-x) (w1 + w2 x + w3 x^2)         J/mol of mixture
    f4 = mu4(tau T) / tau,  tau = T_lambda(0) / T_lambda(x);   f_FG: ideal Fermi gas of mass m*(x)
    at volume V_m(x)

whose six numbers were fitted to Chaudhry's Table 11 on the dilute line. Everything else is a
derivative of f: s = -df/dT, h = f + T s, mu4 = f - x df/dx, and the osmotic plus fountain pressure
Pi = -mu4 / v4, counted from pure 4He at 0 K. Energies are counted from the pure liquids at 0 K;
the pressure is that of the vapour (about 0).
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.special import gamma

from instruments.constants import (
    AVOGADRO_PER_MOL,
    BOLTZMANN_J_PER_K,
    GAS_CONSTANT_J_PER_MOL_K,
    HBAR_J_S,
)

Array = NDArray[np.float64]

TRICRITICAL_TEMPERATURE_K: Final = 0.867
TRICRITICAL_CONCENTRATION: Final = 0.674
#: Molar volume of 4He, and the relative excess of 3He in solution (BBP parameter).
V4_M3_PER_MOL: Final = 27.58e-6
ALPHA: Final = 0.284
M3_KG: Final = 3.0160293e-3 / AVOGADRO_PER_MOL
MOLAR_MASS_4HE_KG: Final = 4.002602e-3
MOLAR_MASS_3HE_KG: Final = 3.0160293e-3
#: Validity: single phase, superfluid, fitted to x = 0.445; the 4He part holds to tau T = 1.9 K.
HIGHEST_CONCENTRATION: Final = 0.46
LOWEST_TEMPERATURE_K: Final = 0.15
HIGHEST_TEMPERATURE_K: Final = 1.9

_MASS = (2.52793, -0.41534, 0.70555)
_W = (-2.38293, -7.74894, -25.26016)


def lambda_temperature(x: ArrayLike) -> Array:
    """T_lambda(x) in K for 0 <= x <= 0.674 (Chaudhry)."""
    dx = np.asarray(x, float) - TRICRITICAL_CONCENTRATION
    return TRICRITICAL_TEMPERATURE_K - 2.620259 * dx - 1.023726 * dx**2


def dilute_line(temperature_k: ArrayLike) -> Array:
    """x_d(T): concentration of the dilute phase at separation, below 0.867 K (Chaudhry.

    Edwards).
    """
    t = np.asarray(temperature_k, float)
    dt = np.minimum(t, TRICRITICAL_TEMPERATURE_K) - TRICRITICAL_TEMPERATURE_K
    upper = 0.674 - 0.209148 * dt / (dt - 0.080280) + 0.960222 * dt + 0.549920 * dt**2
    return np.where(t < 0.15, 0.064 * (1.0 + 10.8 * t**2), upper)


def concentrated_line(temperature_k: ArrayLike) -> Array:
    """x_c(T): concentration of the concentrated phase at separation, below 0.867 K."""
    t = np.asarray(temperature_k, float)
    dt = np.minimum(t, TRICRITICAL_TEMPERATURE_K) - TRICRITICAL_TEMPERATURE_K
    upper = 0.674 - 0.746805 * dt - 0.180743 * dt**2 + 0.316170 * dt**3
    safe = np.maximum(t, 1e-3)
    return np.where(t < 0.15, 1.0 - 1.13 * t**1.5 * np.exp(-0.71 / safe), upper)


def heat_capacity_4he(temperature_k: ArrayLike) -> Array:
    """Heat capacity c of pure 4He in J/(mol K), 0 to 1.8 K (Chaudhry A15); overshoots above."""
    t = np.maximum(np.asarray(temperature_k, float), 1e-6)
    d1, d2 = 8.8955141, 22.890183
    r1, r2 = d1 / t, d2 / t
    phonons = 82.180127 * t**3 - 87.45899 * t**5 + 129.12758 * t**6 - 6.6314726 * t**7
    rotons = 70198.836 * r1**1.5 * np.exp(-r1) * (1.0 + 1.0 / r1 + 0.75 / r1**2)
    # 1.0244198e7, not 1.0244198e4 as in one published code: only this gives the measured entropy.
    pairs = 1.0244198e7 / t * r2**2 * np.exp(-r2) * (1.0 - 2.0 / r2)
    cold = 0.08137 * t**3 - 0.0528 * t**5 + 0.05089 * t**6 + 0.019 * t**7
    return np.where(t < 0.4, cold, 1e-3 * (phonons + rotons + pairs))


@cache
def _pure() -> tuple[CubicSpline, CubicSpline]:
    """Splines of s4(T) and h4(T), integrated once by Simpson's rule from 0 to 3.6 K."""
    t = np.linspace(0.0, 3.6, 1801)
    middle = 0.5 * (t[1:] + t[:-1])
    width = np.diff(t)

    def integral(g: Array, g_middle: Array) -> Array:
        return np.concatenate(([0.0], np.cumsum(width / 6 * (g[:-1] + 4 * g_middle + g[1:]))))

    c, cm = heat_capacity_4he(t), heat_capacity_4he(middle)
    over_t = np.divide(c, t, out=np.zeros_like(c), where=t > 0)
    return CubicSpline(t, integral(over_t, cm / middle)), CubicSpline(t, integral(c, cm))


def entropy_4he(temperature_k: ArrayLike) -> Array:
    """Entropy s of pure 4He in J/(mol K)."""
    return np.asarray(_pure()[0](np.asarray(temperature_k, float)))


def chemical_potential_4he(temperature_k: ArrayLike) -> Array:
    """mu4 of pure 4He in J/mol, 0 at 0 K."""
    t = np.asarray(temperature_k, float)
    return np.asarray(_pure()[1](t) - t * _pure()[0](t))


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
    """V_m(x) in m3/mol."""
    return V4_M3_PER_MOL * (1.0 + ALPHA * np.asarray(x, float))


def density_3he(x: ArrayLike) -> Array:
    """c3 = x / V_m in mol of 3He per m3."""
    return np.asarray(x, float) / molar_volume(x)


def concentration(c3_mol_per_m3: ArrayLike) -> Array:
    """Mole fraction x from c3: the inverse of :func:`density_3he`."""
    c = np.asarray(c3_mol_per_m3, float) * V4_M3_PER_MOL
    return c / (1.0 - ALPHA * c)


def fermi_temperature(x: ArrayLike) -> tuple[Array, Array]:
    """T_F(x) in K and its derivative dT_F/dx."""
    x = np.asarray(x, float)
    m0, a1, a2 = _MASS
    mass, slope = m0 * (1 + a1 * x + a2 * x**2), m0 * (a1 + 2 * a2 * x)
    density = 3.0 * np.pi**2 * density_3he(x) * AVOGADRO_PER_MOL
    t_f = HBAR_J_S**2 / (2.0 * mass * M3_KG * BOLTZMANN_J_PER_K) * density ** (2.0 / 3.0)
    log_slope = 2.0 / 3.0 * (1.0 / x - ALPHA / (1.0 + ALPHA * x)) - slope / mass
    return t_f, t_f * log_slope


def _tau(x: Array) -> tuple[Array, Array]:
    t_lambda = lambda_temperature(x)
    slope = -2.620259 - 2.0 * 1.023726 * (x - TRICRITICAL_CONCENTRATION)
    tau = float(lambda_temperature(0.0)) / t_lambda
    return tau, -tau * slope / t_lambda


def _prepare(temperature_k: ArrayLike, x: ArrayLike) -> tuple[Array, Array]:
    t, y = np.broadcast_arrays(np.asarray(temperature_k, float), np.asarray(x, float))
    return t, np.maximum(y, 1e-9)


def free_energy(temperature_k: ArrayLike, x: ArrayLike) -> Array:
    """f(T, x) in J/mol of mixture."""
    t, x = _prepare(temperature_k, x)
    tau, _ = _tau(x)
    t_f, _ = fermi_temperature(x)
    gas = GAS_CONSTANT_J_PER_MOL_K * t * _fermi()(np.log(t / t_f))
    w = _W[0] + _W[1] * x + _W[2] * x**2
    return (1 - x) * chemical_potential_4he(tau * t) / tau + x * gas + x * (1 - x) * w


def entropy(temperature_k: ArrayLike, x: ArrayLike) -> Array:
    """s(T, x) in J/(mol K)."""
    t, x = _prepare(temperature_k, x)
    tau, _ = _tau(x)
    log_t = np.log(t / fermi_temperature(x)[0])
    fermi = -GAS_CONSTANT_J_PER_MOL_K * (_fermi()(log_t) + _fermi()(log_t, 1))
    return (1 - x) * entropy_4he(tau * t) + x * fermi


def heat_capacity(temperature_k: ArrayLike, x: ArrayLike) -> Array:
    """c_p(T, x) in J/(mol K)."""
    t, x = _prepare(temperature_k, x)
    tau, _ = _tau(x)
    log_t = np.log(t / fermi_temperature(x)[0])
    fermi = -GAS_CONSTANT_J_PER_MOL_K * (_fermi()(log_t, 1) + _fermi()(log_t, 2))
    return (1 - x) * heat_capacity_4he(tau * t) + x * fermi


def enthalpy(temperature_k: ArrayLike, x: ArrayLike) -> Array:
    """h(T, x) in J/mol of mixture."""
    return free_energy(temperature_k, x) + np.asarray(temperature_k) * entropy(temperature_k, x)


def chemical_potential_4he_mixture(temperature_k: ArrayLike, x: ArrayLike) -> Array:
    """mu4(T, x) = f - x df/dx in J/mol, 0 for pure 4He at 0 K."""
    t, x = _prepare(temperature_k, x)
    tau, tau_x = _tau(x)
    t_f, t_f_x = fermi_temperature(x)
    log_t = np.log(t / t_f)
    gas = GAS_CONSTANT_J_PER_MOL_K * t
    w = _W[0] + _W[1] * x + _W[2] * x**2
    f4 = chemical_potential_4he(tau * t) / tau
    f4_x = -(f4 + t * entropy_4he(tau * t)) * tau_x / tau
    gas_x = -gas * _fermi()(log_t, 1) * t_f_x / t_f
    # f - x df/dx of each of the three terms.
    helium = f4 - x * (1 - x) * f4_x
    excess = x**2 * w - x**2 * (1 - x) * (_W[1] + 2 * _W[2] * x)
    return helium - x**2 * gas_x + excess


def pressure(temperature_k: ArrayLike, x: ArrayLike) -> Array:
    """Osmotic plus fountain pressure Pi = -mu4/v4 in Pa, from pure 4He at 0 K."""
    return -chemical_potential_4he_mixture(temperature_k, x) / V4_M3_PER_MOL


def osmotic_enthalpy(temperature_k: ArrayLike, x: ArrayLike) -> Array:
    """h_os = (h - (1-x) mu4)/x in J per mol of 3He."""
    x = np.asarray(x, float)
    mu4 = chemical_potential_4he_mixture(temperature_k, x)
    return (enthalpy(temperature_k, x) - (1 - x) * mu4) / x


def check(temperature_k: float, x: float) -> None:
    """Raise ValueError where the mixture model has no support (separated, normal.

    Or outside the fit).
    """
    if not LOWEST_TEMPERATURE_K <= temperature_k <= HIGHEST_TEMPERATURE_K:
        raise ValueError(
            f"mixture: {temperature_k:g} K is outside {LOWEST_TEMPERATURE_K} to "
            f"{HIGHEST_TEMPERATURE_K} K"
        )
    if not 0.0 <= x <= HIGHEST_CONCENTRATION:
        raise ValueError(f"mixture: x = {x:g} is outside 0 to {HIGHEST_CONCENTRATION}")
    if temperature_k >= lambda_temperature(x):
        limit = float(lambda_temperature(x))
        raise ValueError(
            f"mixture: {temperature_k:g} K is not below T_lambda({x:g}) = {limit:.3f} K"
        )
    if temperature_k < TRICRITICAL_TEMPERATURE_K and x > dilute_line(temperature_k):
        limit = float(dilute_line(temperature_k))
        raise ValueError(
            f"mixture: x = {x:g} separates at {temperature_k:g} K, beyond x_d = {limit:.4f}"
        )
