"""Gain, noise and attenuation from measured powers, the way the letter did it. Knows data only.

Definitions (k Boltzmann's constant, b the bin width, h nu / k = 52.8 mK at 1.1 GHz):

    T_eff(T) = (h nu / 2k) coth(h nu / 2kT)           radiation of a matched load at T
    P(T) = G k b (T_eff(T) + T_rest)                  Y factor: line through P against T_eff
    R = P_on / P_off
      = G_J (T_src + T_JPA + T_rest / G_J) / (T_src + T_rest)         gives T_JPA
    T_n(nu) = P(nu) / (k b G_rest G_J(nu))            system noise in situ
    T_n = R (T_src + T_rest) / G_J                    the letter's other method
    line attenuation = half the difference (dB) of two full reflections
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from haloscope.constants import BOLTZMANN_J_PER_K, PLANCK_J_S
from haloscope.measuring.leaks import leak_part

FloatArray = NDArray[np.float64]

__all__ = [
    "Attenuation",
    "NoiseTemperature",
    "YFactor",
    "effective_temperature_k",
    "jpa_noise",
    "line_attenuation",
    "noise_by_power_ratio",
    "system_noise_k",
    "y_factor",
]

_DB = 10 / np.log(10)


@dataclass(frozen=True)
class YFactor:
    """Gain (dB) and noise temperature (K) of a receiver, one standard deviation each."""

    gain_db: float
    gain_db_error: float
    temperature_k: float
    temperature_k_error: float


@dataclass(frozen=True)
class NoiseTemperature:
    """A noise temperature (K) and its uncertainty."""

    temperature_k: float
    temperature_k_error: float


@dataclass(frozen=True)
class Attenuation:
    """A one-way attenuation (dB, positive) and its uncertainty."""

    attenuation_db: float
    attenuation_db_error: float


def effective_temperature_k(temperature_k: ArrayLike, frequency_hz: float) -> FloatArray:
    """Noise temperature of a matched load with its zero-point noise: 33.67 mK at 25 mK, 1.1 GHz."""
    half_quantum_k = PLANCK_J_S * frequency_hz / (2 * BOLTZMANN_J_PER_K)
    return half_quantum_k / np.tanh(half_quantum_k / np.asarray(temperature_k, dtype=np.float64))


def y_factor(
    temperature_k: Sequence[float],
    power_w: Sequence[float],
    power_w_error: Sequence[float] | None,
    frequency_hz: float,
    *,
    bin_width_hz: float,
) -> YFactor:
    """Gain and noise temperature by a line through power against effective temperature.

    Args:
        temperature_k: Physical temperatures of the load, (n,), n at least 2, not all equal.
        power_w: Mean power per bin at each, (n,).
        power_w_error: Standard deviations, (n,), or None for equal ones scaled by the residuals,
            which takes n of at least 3. Given ones are scaled up, never down, by the residuals.
        frequency_hz: Frequency in Hz.
        bin_width_hz: Bin width in Hz.

    Raises:
        ValueError: Too few points, unequal lengths, a temperature or power that is not above zero,
            a standard deviation that is not positive, temperatures all equal or a gain that comes
            out negative.
    """
    _demand_above_zero("Y factor: load temperature", temperature_k, "K")
    _demand_above_zero("Y factor: power", power_w, "W")
    source = effective_temperature_k(temperature_k, frequency_hz)
    power = np.asarray(power_w, dtype=np.float64)
    if source.shape != power.shape or source.size < 2:
        raise ValueError(f"Y factor: {source.size} temperatures for {power.size} powers, 2 or more")
    sigma = _power_errors(power, power_w_error)
    if np.ptp(source) == 0:
        raise ValueError(f"Y factor: all temperatures are {temperature_k[0]} K, must differ")
    design = np.stack([source, np.ones_like(source)], axis=1) / sigma[:, None]
    covariance = np.linalg.inv(design.T @ design)
    slope, offset = covariance @ (design.T @ (power / sigma))
    residual = (power - slope * source - offset) / sigma
    chi2 = float(residual @ residual) / max(1, power.size - 2)
    # Points that scatter more than their errors say (drift of the gain) widen the errors.
    covariance *= chi2 if power_w_error is None else max(1.0, chi2)
    if not slope > 0:
        raise ValueError("Y factor: power does not grow with the load's temperature")
    by = np.array([-offset / slope**2, 1 / slope])  # derivative of T_rest = offset / slope
    return YFactor(
        gain_db=float(10 * np.log10(slope / (BOLTZMANN_J_PER_K * bin_width_hz))),
        gain_db_error=float(_DB * np.sqrt(covariance[0, 0]) / slope),
        temperature_k=float(offset / slope),
        temperature_k_error=float(np.sqrt(by @ covariance @ by)),
    )


def _demand_above_zero(what: str, values: ArrayLike, unit: str) -> None:
    given = np.atleast_1d(np.asarray(values, dtype=np.float64))
    bad = np.flatnonzero(~((given > 0) & np.isfinite(given)))
    if bad.size:
        at = int(bad[0])
        number = f" {at}" if given.size > 1 else ""
        raise ValueError(f"{what}{number} is {given[at]} {unit}, must be above 0 {unit}")


def _power_errors(power: FloatArray, given: Sequence[float] | None) -> FloatArray:
    if given is None:
        if power.size < 3:
            raise ValueError("Y factor: 2 powers without errors leave no residual to tell them")
        return np.ones_like(power)
    sigma = np.asarray(given, dtype=np.float64)
    if sigma.shape != power.shape or not np.all(sigma > 0):
        raise ValueError(f"Y factor: power errors {given!r} W, must be {power.size} above 0 W")
    return sigma


def jpa_noise(
    on_w: float,
    on_w_error: float,
    off_w: float,
    off_w_error: float,
    *,
    gain: float,
    gain_error: float,
    source_temperature_k: float,
    receiver_temperature_k: float,
    receiver_temperature_k_error: float,
    frequency_hz: float,
) -> NoiseTemperature:
    """Noise that the JPA adds, referred to its input, from powers with the pump on and off.

    Args:
        on_w: Mean power per bin with the pump on, and its error.
        on_w_error: Standard deviation of ``on_w``.
        off_w: The same with the pump off.
        off_w_error: Standard deviation of ``off_w``.
        gain: Power gain of the JPA (ratio) at the same frequency.
        gain_error: Its standard deviation.
        source_temperature_k: Physical temperature of the load.
        receiver_temperature_k: T_rest from the Y factor.
        receiver_temperature_k_error: Its standard deviation.
        frequency_hz: Frequency in Hz.

    Raises:
        ValueError: A power, a temperature or the gain is not above zero.
    """
    for what, value, unit in (
        ("power with the pump on", on_w, "W"),
        ("power with the pump off", off_w, "W"),
        ("gain", gain, "(ratio)"),
        ("source temperature", source_temperature_k, "K"),
        ("receiver temperature", receiver_temperature_k, "K"),
    ):
        _demand_above_zero(f"JPA noise: {what}", value, unit)
    source = float(effective_temperature_k(source_temperature_k, frequency_hz))
    ratio, rest = on_w / off_w, receiver_temperature_k
    total = ratio * (source + rest) / gain
    by_ratio = total * np.hypot(on_w_error / on_w, off_w_error / off_w)
    by_gain = (total - rest / gain) * gain_error / gain
    by_rest = (ratio - 1) / gain * receiver_temperature_k_error
    error = float(np.sqrt(by_ratio**2 + by_gain**2 + by_rest**2))
    return NoiseTemperature(float(total - source - rest / gain), error)


def noise_by_power_ratio(
    on_w: ArrayLike, off_w: ArrayLike, gain: ArrayLike, source_k: float, receiver_k: float
) -> FloatArray:
    """System noise T_n = R (T_src + T_rest) / G_J in K; ``source_k`` is a noise temperature."""
    ratio = np.asarray(on_w, dtype=np.float64) / np.asarray(off_w, dtype=np.float64)
    return ratio * (source_k + receiver_k) / np.asarray(gain, dtype=np.float64)


def system_noise_k(power_w: ArrayLike, gain_db: ArrayLike, *, bin_width_hz: float) -> FloatArray:
    """System noise T_n = P / (k b G_tot) in K from power per bin and the total gain in dB."""
    gain = 10 ** (np.asarray(gain_db, dtype=np.float64) / 10)
    return np.asarray(power_w, dtype=np.float64) / (BOLTZMANN_J_PER_K * bin_width_hz * gain)


def line_attenuation(
    s_cavity: ArrayLike, s_open: ArrayLike, *, isolation_db: float | None = None
) -> Attenuation:
    """One-way loss from switch to cavity, by full reflection off resonance and at the open switch.

    A leak past the circulator adds to both, and they have opposite signs.

    Args:
        s_cavity: Reflection (complex or magnitude) of the cavity away from its resonance, (P,).
        s_open: Reflection with the switch floating at the same frequencies, (P,).
        isolation_db: Isolation of the circulator, dB; without it no leak is reckoned with.

    Raises:
        ValueError: Unequal lengths, a trace that is zero, or an isolation that is not above 0 dB.
    """
    cavity, floating = np.abs(np.asarray(s_cavity)), np.abs(np.asarray(s_open))
    if cavity.shape != floating.shape or cavity.size < 2:
        raise ValueError(f"line attenuation: traces of {cavity.size} and {floating.size} points")
    if not (cavity.min() > 0 and floating.min() > 0):
        raise ValueError("line attenuation: a trace is zero")
    loss = 0.5 * 20 * np.log10(floating / cavity)
    error = loss.std(ddof=1) / np.sqrt(loss.size)
    leak = 0.0 if isolation_db is None else leak_part(isolation_db)
    of_the_leak = _DB * leak * (1 + np.mean(floating / cavity))
    return Attenuation(float(loss.mean()), float(np.hypot(error, of_the_leak)))
