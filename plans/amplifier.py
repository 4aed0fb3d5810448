"""The Josephson amplifier's gain from measured power ratios, and what pump power it needs next.

The profile's Lorentzian is fitted by `haloscope.measuring.calibration`. At its peak a degenerate
amplifier far from saturation has G0 = ((1 + r) / (1 - r))^2, with r the pump power over its
threshold (Clerk et al., Rev. Mod. Phys. 82, 1155 (2010), section V): that gives the next pump power
in one stride.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haloscope.measuring.calibration import fit_gain_profile

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
        peak = 10.0 ** (self.peak_gain_db / 10.0)
        u = 2e3 * (frequency_mhz - self.resonance_mhz) / self.bandwidth_khz
        shape = 1.0 / (1.0 + u**2)
        slope = 2.0 * (peak - 1.0) * shape**2 * u / self.bandwidth_khz
        by_peak = shape * peak * math.log(10.0) / 10.0 * self.peak_gain_db_error
        by_center = 2.0 * slope * self.resonance_mhz_error * 1e3
        by_width = slope * u * self.bandwidth_khz_error
        return 1.0 + (peak - 1.0) * shape, float(np.linalg.norm([by_peak, by_center, by_width]))


def fit_gain(
    frequency_mhz: NDArray[np.float64], power_ratio: NDArray[np.float64], probe_mhz: float
) -> GainProfile:
    """Fit a gain profile.

    Args:
        frequency_mhz: (P,) ascending.
        power_ratio: (P,) power with pump over power without.
        probe_mhz: where the gain is wanted.

    Raises:
        ValueError: no point shows gain above 1 dB.
    """
    fit = fit_gain_profile(np.asarray(frequency_mhz) * 1e6, power_ratio)
    probe = float(fit.gain(probe_mhz * 1e6))
    # A kilohertz from the peak the gain is as uncertain as at the peak.
    peak_error = _db_error(fit.peak_gain_error, fit.peak_gain)
    return GainProfile(
        probe_gain_db=10.0 * math.log10(probe),
        probe_gain_db_error=peak_error,
        peak_gain_db=10.0 * math.log10(fit.peak_gain),
        peak_gain_db_error=peak_error,
        resonance_mhz=fit.resonance_hz / 1e6,
        resonance_mhz_error=fit.resonance_hz_error / 1e6,
        bandwidth_khz=fit.bandwidth_hz / 1e3,
        bandwidth_khz_error=fit.bandwidth_hz_error / 1e3,
    )


def pump_step_db(gain_db: float, wanted_db: float) -> float:
    """Change of pump power (dB) that takes a peak gain to the wanted one.

    Raises:
        ValueError: a gain that is not above 0 dB.
    """
    if not (gain_db > 0 and wanted_db > 0):
        raise ValueError(f"gains must be above 0 dB: {gain_db:g} dB measured, {wanted_db:g} wanted")
    return 10.0 * math.log10(_pump(wanted_db) / _pump(gain_db))


def _pump(gain_db: float) -> float:
    """Pump power over threshold that gives a peak gain."""
    root = 10.0 ** (gain_db / 20.0)
    return (root - 1.0) / (root + 1.0)


def _db_error(error: float, ratio: float) -> float:
    return 10.0 / math.log(10.0) * float(error) / float(ratio)
