"""Gain of a degenerate parametric amplifier pumped at twice its resonance.

With the pump's power p over its threshold (Clerk et al., Rev. Mod. Phys. 82, 1155 (2010), section
V), far from saturation and used off degeneracy,

    G_0 = ((1 + p) / (1 - p))^2,    G(D) = 1 + (G_0 - 1) / (1 + (2 D / B)^2),    B = kappa (1 - p),

D from half the pump frequency, kappa the line width without pump. The simulated amplifier, the
calibration that fits it, the analysis that divides by it and the decision on the next pump power
all take these laws from here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from haloscope.lorentzian import lorentzian

FloatArray = NDArray[np.float64]

__all__ = ["bandwidth_hz", "peak_gain", "power_gain", "pump_over_threshold"]


def power_gain(detuning_hz: ArrayLike, peak_gain: ArrayLike, bandwidth_hz: ArrayLike) -> FloatArray:
    """Power gain G(D), a ratio.

    Args:
        detuning_hz: Distance from half the pump frequency, Hz.
        peak_gain: G_0, a ratio.
        bandwidth_hz: B: full width at half of G_0 - 1, Hz.
    """
    return 1 + (np.asarray(peak_gain) - 1) * lorentzian(detuning_hz, bandwidth_hz)


def peak_gain(pump: float) -> float:
    """G_0, a ratio, at a pump power over threshold of 0 to below 1."""
    return float(((1 + pump) / (1 - pump)) ** 2)


def pump_over_threshold(gain: float) -> float:
    """The pump power over threshold that gives a peak gain, a ratio of 1 or more."""
    root = float(np.sqrt(gain))
    return (root - 1) / (root + 1)


def bandwidth_hz(gain: float, linewidth_hz: float) -> float:
    """B, full width at half of G_0 - 1, Hz, at a peak gain, a ratio of 1 or more.

    Args:
        gain: G_0.
        linewidth_hz: kappa, the amplifier's line width without pump.
    """
    return linewidth_hz * (1 - pump_over_threshold(gain))
