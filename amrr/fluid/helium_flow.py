"""How helium flows and boils: superfluid fraction, viscosity, vapour pressure, latent heat.

Normal fraction of 4He from the tables of Donnelly and Barenghi, J. Phys. Chem. Ref. Data 27, 1217
(1998), with the roton law below 0.9 K. In a mixture the 4He is taken at the corresponding
temperature tau T, as in ``amrr.fluid.helium``. Vapour pressure: ITS-90.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from amrr.fluid.helium import HIGHEST_CONCENTRATION, lambda_temperature
from instruments.constants import GAS_CONSTANT_J_PER_MOL_K
from instruments.ranges import all_within

Array = NDArray[np.float64]

#: Range of the vapour pressure scale, K.
LOWEST_ITS90_K: Final = 1.25
HIGHEST_ITS90_K: Final = 2.1768

_NORMAL_K = (0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 1.854, 2.004, 2.1, 2.1768)
_NORMAL = (0.003, 0.007, 0.029, 0.075, 0.16, 0.31, 0.3664, 0.5617, 0.74, 1.0)
_ROTON_GAP_K = 8.65
_ITS90 = (1.392408, 0.527153, 0.166756, 0.050988, 0.026514, 0.001975, -0.017976, 0.005409, 0.013259)
_LATENT_K = (0.0, 1.0, 1.4, 1.6, 1.8, 2.0, 2.1, 4.2)
_LATENT_J_PER_MOL = (59.83, 80.2, 87.8, 90.8, 92.5, 92.8, 91.7, 83.0)


def superfluid_fraction(temperature_k: ArrayLike, x: ArrayLike = 0.0) -> Array:
    """rho_s / rho of the 4He at T (K) in a mixture of concentration x; 0 above the lambda line.

    Raises ValueError outside 0 to 4.2 K and x = 0 to 0.46.
    """
    all_within("superfluid fraction: temperature", temperature_k, 0.0, 4.2, "K")
    all_within("superfluid fraction: x", x, 0.0, HIGHEST_CONCENTRATION, "")
    t, x = np.broadcast_arrays(np.asarray(temperature_k, float), np.asarray(x, float))
    shifted = t * float(lambda_temperature(0.0)) / lambda_temperature(x)
    inside = PchipInterpolator(_NORMAL_K, np.log(_NORMAL))(np.clip(shifted, 0.9, 2.1768))
    cold = np.clip(shifted, 1e-3, 0.9)
    rotons = np.exp(-_ROTON_GAP_K * (1 / cold - 1 / 0.9)) * np.sqrt(0.9 / cold)
    phonons = 1.2e-4 * shifted**4
    below = np.minimum(_NORMAL[0] * rotons + phonons * (1 - rotons), _NORMAL[0])
    return 1.0 - np.where(shifted < 0.9, below, np.exp(inside))


def viscosity(temperature_k: ArrayLike, x: ArrayLike = 0.0) -> Array:
    """Viscosity of the normal fluid in Pa s, 0.9 to 2 K, x to 0.2.

    1.3 uPa s for 4He at 1.6 K, rising to 3 uPa s at x = 0.2 (Staas, Taconis and Fokkens, Physica
    26, 669 (1960), order of magnitude): good to a factor of 1.5, and it only sets pressure drops
    of a few pascals. Raises ValueError outside its range.
    """
    all_within("viscosity: temperature", temperature_k, 0.9, 2.0, "K")
    all_within("viscosity: x", x, 0.0, 0.2, "")
    t, x = np.broadcast_arrays(np.asarray(temperature_k, float), np.asarray(x, float))
    return np.asarray(1.3e-6 * (1.0 + 6.5 * x) * np.where(t < 1.6, (1.6 / t) ** 0.5, 1.0))


def vapour_pressure_4he(temperature_k: ArrayLike, *, extrapolate: bool = False) -> Array:
    """P_v in Pa, 1.25 K to the lambda point: ITS-90, by inverting its T(ln P).

    With ``extrapolate=True`` a Clausius-Clapeyron continuation with the latent heat at the joint,
    0.65 to 4.5 K; good to 10 % at 1 K. Raises ValueError outside either range.
    """
    low_k, high_k = (0.65, 4.5 + 1e-9) if extrapolate else (LOWEST_ITS90_K, HIGHEST_ITS90_K)
    all_within("vapour pressure of 4He: temperature", temperature_k, low_k, high_k, "K")
    log_p = np.linspace(np.log(80.0), np.log(5041.0), 800)
    y = (log_p - 5.6) / 2.9
    t = np.polynomial.polynomial.polyval(y, _ITS90)
    wanted = np.asarray(temperature_k, float)
    inside = np.interp(wanted, t, log_p)
    low, high = t[0], t[-1]
    gas = GAS_CONSTANT_J_PER_MOL_K
    below = log_p[0] - latent_heat_4he(low) / gas * (1 / wanted - 1 / low)
    above = log_p[-1] - latent_heat_4he(high) / gas * (1 / wanted - 1 / high)
    return np.exp(np.where(wanted < low, below, np.where(wanted > high, above, inside)))


def latent_heat_4he(temperature_k: ArrayLike) -> Array:
    """L in J/mol, 0 to 4.5 K, above 4.2 K that of 4.2 K; raises ValueError outside."""
    all_within("latent heat of 4He: temperature", temperature_k, 0.0, 4.5 + 1e-9, "K")
    return np.asarray(np.interp(np.asarray(temperature_k, float), _LATENT_K, _LATENT_J_PER_MOL))
