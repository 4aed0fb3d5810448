"""The axion: line shape of the standard halo, couplings, and the power a cavity receives.

Line shape: the boosted Maxwellian of Turner, Phys. Rev. D 42, 3572 (1990), in the form of Brubaker
et al., Phys. Rev. D 96, 123008 (2017). With r = v_E / v_rms, <b^2> = v_rms^2 / c^2 and x = (nu -
nu_a) / (nu_a <b^2>),

    f(nu) = sqrt(6/pi) / (r nu_a <b^2>) exp(-3x - 3r^2/2) sinh(3 r sqrt(2x)),    nu >= nu_a,
    F(nu) = 1/2 { erf(sqrt(3/2) r + sqrt(3x)) - erf(sqrt(3/2) r - sqrt(3x))
                  - sqrt(8/(3 pi))/r exp(-3r^2/2 - 3x) sinh(3 r sqrt(2x)) }.

No escape speed is applied: 0.7 % of the power, that above 544 km/s in the halo (Smith et al., Mon.
Not. R. Astron. Soc. 379, 755 (2007)), is spread thinly over the line's far end. Bins are always
filled from F, never from f at their centres. Signal power: the letter's Eq. 1, written in SI units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, ndtr

from haloscope.constants import (
    AXION_MASS_DECAY_PRODUCT_EV2,
    DFSZ_G_GAMMA,
    EARTH_SPEED_M_PER_S,
    ELECTRON_VOLT_J,
    FINE_STRUCTURE,
    GEV_J,
    HALO_RMS_SPEED_M_PER_S,
    HBAR_J_S,
    KSVZ_G_GAMMA,
    LOCAL_DENSITY_GEV_PER_CM3,
    PLANCK_J_S,
    SPEED_OF_LIGHT_M_PER_S,
    VACUUM_PERMEABILITY_H_PER_M,
)
from haloscope.lorentzian import lorentzian

FloatArray = NDArray[np.float64]

_DAY_S: Final[float] = 86400.0
_YEAR_DAYS: Final[float] = 365.25
_SIDEREAL_DAY_DAYS: Final[float] = 0.99726957


def mass_ev(frequency_hz: float) -> float:
    """Axion mass in eV whose rest energy is h times ``frequency_hz``."""
    return PLANCK_J_S * frequency_hz / ELECTRON_VOLT_J


def frequency_hz(mass_ev: float) -> float:
    """Frequency in Hz of an axion at rest of mass ``mass_ev`` (eV)."""
    return mass_ev * ELECTRON_VOLT_J / PLANCK_J_S


def line_pdf(
    frequency_hz: ArrayLike,
    axion_hz: float,
    *,
    rms_speed_m_per_s: float = HALO_RMS_SPEED_M_PER_S,
    earth_speed_m_per_s: float = EARTH_SPEED_M_PER_S,
) -> FloatArray:
    """Power density f(nu) of the line in 1/Hz, normalised to one; 0 below ``axion_hz``."""
    beta2 = (rms_speed_m_per_s / SPEED_OF_LIGHT_M_PER_S) ** 2
    r = earth_speed_m_per_s / rms_speed_m_per_s
    x = _reduced(frequency_hz, axion_hz, beta2)
    return np.sqrt(6 / np.pi) / (r * axion_hz * beta2) * _damped_sinh(x, r)


def line_cdf(
    frequency_hz: ArrayLike,
    axion_hz: float | FloatArray,
    *,
    rms_speed_m_per_s: float = HALO_RMS_SPEED_M_PER_S,
    earth_speed_m_per_s: float = EARTH_SPEED_M_PER_S,
) -> FloatArray:
    """Fraction F(nu) of the line's power below ``frequency_hz``.

    Args:
        frequency_hz: Frequencies in Hz, any shape.
        axion_hz: Frequency of an axion at rest, in Hz; or of several, a shape that broadcasts.
        rms_speed_m_per_s: Root mean square speed of the axions in the galactic frame.
        earth_speed_m_per_s: Speed of the laboratory in the galactic frame; above zero.

    Returns:
        Array of the shape of both, from 0 to 1. Absolute error below 1e-15.
    """
    r = earth_speed_m_per_s / rms_speed_m_per_s
    x = _reduced(frequency_hz, axion_hz, (rms_speed_m_per_s / SPEED_OF_LIGHT_M_PER_S) ** 2)
    root, shift = np.sqrt(3 * x), np.sqrt(1.5) * r
    boost = np.sqrt(8 / (3 * np.pi)) / r * _damped_sinh(x, r)
    return 0.5 * (erf(shift + root) - erf(shift - root) - boost)


def bin_fractions(
    edges_hz: ArrayLike,
    axion_hz: float | FloatArray,
    *,
    rms_speed_m_per_s: float = HALO_RMS_SPEED_M_PER_S,
    earth_speed_m_per_s: float = EARTH_SPEED_M_PER_S,
) -> FloatArray:
    """Fraction of the line's power in each bin: ``edges_hz`` (n + 1,) in Hz gives (n,).

    Axions of shape (k, 1) give (k, n).
    """
    cdf = line_cdf(
        edges_hz,
        axion_hz,
        rms_speed_m_per_s=rms_speed_m_per_s,
        earth_speed_m_per_s=earth_speed_m_per_s,
    )
    return np.diff(cdf)


def _reduced(frequency_hz: ArrayLike, axion_hz: float | FloatArray, beta2: float) -> FloatArray:
    above = np.asarray(frequency_hz, dtype=np.float64) - axion_hz
    return np.asarray(np.maximum(above, 0.0) / (axion_hz * beta2), dtype=np.float64)


def _damped_sinh(x: FloatArray, r: float) -> FloatArray:
    """exp(-3x - 3r^2/2) sinh(3 r sqrt(2x)), with the exponents joined so that neither overflows."""
    root, shift = np.sqrt(3 * x), np.sqrt(1.5) * r
    return 0.5 * (np.exp(-((root - shift) ** 2)) - np.exp(-((root + shift) ** 2)))


def earth_speed_m_per_s(
    time_s: float,
    *,
    start_day: float = 0.0,
    latitude_deg: float = 0.0,
    mean_m_per_s: float = EARTH_SPEED_M_PER_S,
) -> float:
    """Speed of the laboratory in the galactic frame, with its annual and diurnal modulation.

    The Earth's 29.8 km/s is inclined by about 60 degrees to the Sun's motion and adds 14.9 km/s at
    its largest on about 2 June (day 152): Freese, Lisanti and Savage, Rev. Mod. Phys. 85, 1561
    (2013). Rotation adds 0.465 km/s cos(latitude), projected with the declination of the Sun's apex
    (48 degrees); its phase is assumed.

    Args:
        time_s: Simulated time in seconds.
        start_day: Day of the year at ``time_s`` = 0.
        latitude_deg: Latitude of the laboratory; at the equator the rotation tells most.
        mean_m_per_s: Speed averaged over a year.
    """
    day = start_day + time_s / _DAY_S
    annual = 14.9e3 * np.cos(2 * np.pi * (day - 152.0) / _YEAR_DAYS)
    rotation = 465.0 * np.cos(np.radians(latitude_deg)) * np.cos(np.radians(48.0))
    return float(mean_m_per_s + annual + rotation * np.cos(2 * np.pi * day / _SIDEREAL_DAY_DAYS))


def earth_speed_on(unix_s: float, *, latitude_deg: float) -> float:
    """The same at a date, in seconds since 1970 UTC.

    Args:
        unix_s: When.
        latitude_deg: Of the laboratory.
    """
    date = datetime.fromtimestamp(unix_s, UTC)
    new_year = datetime(date.year, 1, 1, tzinfo=UTC)
    day = (date - new_year).total_seconds() / _DAY_S + 1
    return earth_speed_m_per_s(0.0, start_day=day, latitude_deg=latitude_deg)


def coupling_per_gev(axion_hz: float, g_gamma: float) -> float:
    """Axion-photon coupling alpha g_gamma / (pi f_a) in 1/GeV; the sign follows ``g_gamma``.

    f_a = (5.691 ueV / m_a) 1e12 GeV: see ``constants.AXION_MASS_DECAY_PRODUCT_EV2``.
    """
    decay_constant_gev = AXION_MASS_DECAY_PRODUCT_EV2 / mass_ev(axion_hz) / 1e9
    return FINE_STRUCTURE * g_gamma / (np.pi * decay_constant_gev)


def coupling_dfsz(axion_hz: float) -> float:
    """Magnitude of the DFSZ coupling in 1/GeV: 6.686e-16 at 4.55 ueV."""
    return abs(coupling_per_gev(axion_hz, DFSZ_G_GAMMA))


def coupling_ksvz(axion_hz: float) -> float:
    """Magnitude of the KSVZ coupling in 1/GeV: 1.801e-15 at 4.55 ueV."""
    return abs(coupling_per_gev(axion_hz, KSVZ_G_GAMMA))


def signal_power_w(
    coupling_per_gev: float,
    axion_hz: float,
    *,
    field_t: float,
    volume_m3: float,
    form_factor: float,
    loaded_q: float,
    beta: float,
    detuning_hz: ArrayLike = 0.0,
    density_gev_per_cm3: float = LOCAL_DENSITY_GEV_PER_CM3,
) -> FloatArray:
    """Power that an axion delivers at the cavity's output port, the letter's Eq. 1.

        P = g^2 (hbar c)^3 rho/(m c^2)^2 omega (B^2/mu_0) V C Q_L beta/(1+beta) L,
        L = 1/(1 + (2 Q_L d/nu_c)^2)

    Args:
        coupling_per_gev: g_agg in 1/GeV.
        axion_hz: Axion frequency in Hz.
        field_t: Average field B_avg over the cavity; ``form_factor`` is normalised to B_avg^2 V.
        volume_m3: Cavity volume.
        form_factor: C.
        loaded_q: Q_L.
        beta: Coupling of the output port.
        detuning_hz: Axion frequency minus cavity frequency, in Hz, any shape.
        density_gev_per_cm3: Axion density.

    Returns:
        Power in W, in the shape of ``detuning_hz``.
    """
    g_per_j = coupling_per_gev / GEV_J
    density_j_per_m3 = density_gev_per_cm3 * GEV_J * 1e6
    rest_energy_j = PLANCK_J_S * axion_hz
    field = (
        g_per_j**2 * (HBAR_J_S * SPEED_OF_LIGHT_M_PER_S) ** 3 * density_j_per_m3 / rest_energy_j**2
    )
    stored_j = field_t**2 / VACUUM_PERMEABILITY_H_PER_M * volume_m3 * form_factor
    detuning = np.asarray(detuning_hz, dtype=np.float64)
    response = lorentzian(detuning, (axion_hz - detuning) / loaded_q)
    return field * 2 * np.pi * axion_hz * stored_j * loaded_q * beta / (1 + beta) * response


@dataclass(frozen=True)
class AxionLine:
    """One axion, or one stream of them, that the simulated field contains.

    Attributes:
        frequency_hz: Frequency at rest, in Hz.
        coupling_per_gev: g_agg in 1/GeV.
        density_fraction: Share of the local density 0.45 GeV/cm^3 in this line.
        rms_speed_m_per_s: Galactic rms speed of a halo line.
        earth_speed_m_per_s: Laboratory's speed; with ``modulated`` its yearly mean.
        modulated: Follow the annual and diurnal modulation of the laboratory's speed.
        narrow_width_hz: None for a halo line. Otherwise the line is a cold flow: a Gaussian of this
            standard deviation in Hz (0: all power at one frequency) centred on ``frequency_hz``.

    Raises:
        ValueError: A value is not finite or out of its physical range.
    """

    frequency_hz: float
    coupling_per_gev: float
    density_fraction: float = 1.0
    rms_speed_m_per_s: float = HALO_RMS_SPEED_M_PER_S
    earth_speed_m_per_s: float = EARTH_SPEED_M_PER_S
    modulated: bool = False
    narrow_width_hz: float | None = None

    def __post_init__(self) -> None:
        positive = ("frequency_hz", "rms_speed_m_per_s", "earth_speed_m_per_s")
        _demand(self, positive, lambda value: value > 0, "above 0")
        _demand(self, ("coupling_per_gev",), lambda value: True, "finite")
        _demand(self, ("density_fraction",), lambda value: value >= 0, "0 or above")
        if self.narrow_width_hz is not None:
            _demand(self, ("narrow_width_hz",), lambda value: value >= 0, "0 or above")

    def fractions(
        self,
        edges_hz: ArrayLike,
        *,
        time_s: float = 0.0,
        start_day: float = 0.0,
        latitude_deg: float = 0.0,
    ) -> FloatArray:
        """Share of the line's power in each bin between ``edges_hz`` (n + 1,) at ``time_s``.

        ``start_day`` and ``latitude_deg`` matter to a modulated line: see ``earth_speed_m_per_s``.
        """
        edges = np.asarray(edges_hz, dtype=np.float64)
        if self.narrow_width_hz is not None:
            return np.diff(self._narrow_cdf(edges))
        speed = self.earth_speed_m_per_s
        if self.modulated:
            speed = earth_speed_m_per_s(
                time_s, start_day=start_day, latitude_deg=latitude_deg, mean_m_per_s=speed
            )
        return bin_fractions(
            edges,
            self.frequency_hz,
            rms_speed_m_per_s=self.rms_speed_m_per_s,
            earth_speed_m_per_s=speed,
        )

    def span_hz(self) -> tuple[float, float]:
        """Interval in Hz outside of which less than 1e-9 of the line lies."""
        if self.narrow_width_hz is not None:
            half = 7 * self.narrow_width_hz + 1.0
            return self.frequency_hz - half, self.frequency_hz + half
        fastest = 3.6 * self.rms_speed_m_per_s + 1.1 * self.earth_speed_m_per_s
        width = 0.5 * self.frequency_hz * (fastest / SPEED_OF_LIGHT_M_PER_S) ** 2
        return self.frequency_hz, self.frequency_hz + width

    def _narrow_cdf(self, edges_hz: FloatArray) -> FloatArray:
        width = self.narrow_width_hz or 0.0
        if width == 0:
            return (edges_hz > self.frequency_hz).astype(np.float64)
        return ndtr((edges_hz - self.frequency_hz) / width)


def _demand(
    line: AxionLine, names: tuple[str, ...], holds: Callable[[float], bool], limit: str
) -> None:
    for name in names:
        value = getattr(line, name)
        if not (np.isfinite(value) and holds(value)):
            raise ValueError(f"axion line: {name} is {value!r}, must be {limit}")
