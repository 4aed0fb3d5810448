"""The power of a resonance over the distance from it: the cavity's, and the amplifier's gain."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

__all__ = ["lorentzian"]


def lorentzian(detuning_hz: ArrayLike, bandwidth_hz: ArrayLike) -> FloatArray:
    """1 / (1 + (2 D / B)^2): one at the resonance, a half at half the bandwidth from it."""
    u = 2 * np.asarray(detuning_hz, dtype=np.float64) / np.asarray(bandwidth_hz, dtype=np.float64)
    return np.asarray(1 / (1 + u**2))
