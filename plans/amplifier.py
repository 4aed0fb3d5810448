"""The Josephson amplifier's gain profile from measured power ratios, and what pump power it needs.

The gain is a Lorentzian in power: G(D) = 1 + (G0 - 1) / (1 + (2 D / B)^2), with D the distance from
half the pump frequency (haloscope note 2.3; the same form as HAYSTAC's analysis uses). At the peak
G0 = ((1 + p) / (1 - p))^2 with p the pump amplitude over its threshold (Clerk et al., RMP 82, 1155
(2010), degenerate amplifier far from saturation): that gives the next pump power in one stride.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["GainProfile", "fit_gain", "pump_step_db"]


@dataclass(frozen=True)
class GainProfile:
    """A fitted gain profile with one-sigma uncertainties.

    Attributes:
        probe_gain_db: gain at the probe tone.
        peak_gain_db: gain at the resonance.
        resonance_mhz: centre of the profile.
        bandwidth_khz: full width at half of G0 - 1.
    """

    probe_gain_db: float
    probe_gain_db_error: float
    peak_gain_db: float
    peak_gain_db_error: float
    resonance_mhz: float
    resonance_mhz_error: float
    bandwidth_khz: float
    bandwidth_khz_error: float

    def gain_at(self, frequency_mhz: float) -> tuple[float, float]:
        """Power gain (a ratio) at a frequency, and its uncertainty from peak, centre and width."""
        excess = 10.0 ** (self.peak_gain_db / 10.0) - 1.0
        distance_khz = (frequency_mhz - self.resonance_mhz) * 1e3
        at, slope = _model(np.array([excess, 0.0, self.bandwidth_khz]), np.array([distance_khz]))
        peak_error = (excess + 1.0) * math.log(10.0) / 10.0 * self.peak_gain_db_error
        errors = np.array([peak_error, self.resonance_mhz_error * 1e3, self.bandwidth_khz_error])
        return float(at[0]), float(np.linalg.norm(slope[0] * errors))


def fit_gain(
    frequency_mhz: NDArray[np.float64], power_ratio: NDArray[np.float64], probe_mhz: float
) -> GainProfile:
    """Fit the Lorentzian of gain to power ratios by Gauss-Newton from a closed-form start.

    Args:
        frequency_mhz: (P,) ascending.
        power_ratio: (P,) power with pump over power without.
        probe_mhz: where the gain is wanted.

    Raises:
        ValueError: no point shows gain above 1 dB.
    """
    x_khz = (np.asarray(frequency_mhz) - probe_mhz) * 1e3
    gain = np.asarray(power_ratio, dtype=np.float64)
    if not np.any(gain > 10**0.1):
        raise ValueError(f"no gain above 1 dB within {np.ptp(x_khz):g} kHz of {probe_mhz:g} MHz")
    parameters = _start(x_khz, gain)
    for _ in range(20):
        model, jacobian = _model(parameters, x_khz)
        # Noise of a power ratio grows with the ratio's root (tone against constant noise).
        weight = 1.0 / np.sqrt(np.maximum(model, 1.0))
        step, *_ = np.linalg.lstsq(jacobian * weight[:, None], (gain - model) * weight)
        parameters = parameters + step
        if np.all(np.abs(step) < 1e-9 * np.maximum(np.abs(parameters), 1.0)):
            break
    return _profile(parameters, x_khz, gain, probe_mhz)


def pump_step_db(gain_db: float, wanted_db: float) -> float:
    """Change of pump power (dB) that takes a peak gain to the wanted one.

    Raises:
        ValueError: a gain that is not above 0 dB.
    """
    if not (gain_db > 0 and wanted_db > 0):
        raise ValueError(f"gains must be above 0 dB: {gain_db:g} dB measured, {wanted_db:g} wanted")
    return 20.0 * math.log10(_drive(wanted_db) / _drive(gain_db))


def _drive(gain_db: float) -> float:
    """Pump amplitude over threshold that gives a peak gain."""
    root = 10.0 ** (gain_db / 20.0)
    return (root - 1.0) / (root + 1.0)


def _start(x_khz: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Peak, centre and width from 1 / (G - 1), which is a parabola in frequency."""
    high = gain - 1.0 > 0.2 * (gain.max() - 1.0)
    excess = gain[high] - 1.0
    if high.sum() < 4:
        top = int(np.argmax(gain))
        return np.array([gain[top] - 1.0, x_khz[top], 190.0])
    c2, c1, c0 = np.polyfit(x_khz[high], 1.0 / excess, 2, w=excess)
    c2 = abs(c2) or 1e-9
    center = -c1 / (2 * c2)
    floor = max(c0 - c1**2 / (4 * c2), 1e-6)
    return np.array([1.0 / floor, center, 2.0 * math.sqrt(floor / c2)])


def _model(
    parameters: NDArray[np.float64], x_khz: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gain (P,) and its derivatives (P, 3) by peak excess, centre and width."""
    excess, center, width = parameters
    u = 2.0 * (x_khz - center) / width
    shape = 1.0 / (1.0 + u**2)
    by_center = excess * shape**2 * 4.0 * u / width
    by_width = excess * shape**2 * 2.0 * u**2 / width
    return 1.0 + excess * shape, np.stack([shape, by_center, by_width], axis=1)


def _profile(
    parameters: NDArray[np.float64],
    x_khz: NDArray[np.float64],
    gain: NDArray[np.float64],
    probe_mhz: float,
) -> GainProfile:
    """Values and uncertainties, the noise taken from the residuals."""
    model, jacobian = _model(parameters, x_khz)
    weighted = jacobian / np.sqrt(model)[:, None]
    variance = np.sum((gain - model) ** 2 / model) / max(1, len(x_khz) - 3)
    covariance = np.linalg.inv(weighted.T @ weighted) * variance
    at_probe, slope = _model(parameters, np.zeros(1))
    probe_error = math.sqrt(float((slope @ covariance @ slope.T)[0, 0]))
    error = np.sqrt(np.diag(covariance))
    peak = 1.0 + parameters[0]
    return GainProfile(
        probe_gain_db=_db(at_probe[0]),
        probe_gain_db_error=_db_error(probe_error, at_probe[0]),
        peak_gain_db=_db(peak),
        peak_gain_db_error=_db_error(error[0], peak),
        resonance_mhz=probe_mhz + parameters[1] * 1e-3,
        resonance_mhz_error=float(error[1]) * 1e-3,
        bandwidth_khz=abs(float(parameters[2])),
        bandwidth_khz_error=float(error[2]),
    )


def _db(ratio: float) -> float:
    return 10.0 * math.log10(ratio)


def _db_error(error: float, ratio: float) -> float:
    return 10.0 / math.log(10.0) * float(error) / float(ratio)
