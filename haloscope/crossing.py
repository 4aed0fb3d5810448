"""How much of the TM mode there is in a resonance beside a mode crossing.

Two modes coupled by g: the resonance at a distance x from the other mode's frequency is pulled off
its course by p = g^2 / x, and has the TM share (haloscope note 2.7)

    eta = x^2 / (x^2 + g^2).

The axion drives the TM mode alone: the form factor is eta times that of the TM mode. A map of the
modes leaves out the interval in which a resonance is pulled by more than some frequency; it reaches
x = g^2 / p to both sides of the other mode, so that its middle and width tell both.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["tm_share"]


def tm_share(
    frequency_hz: ArrayLike, crossings_hz: Iterable[tuple[float, float]], pull_hz: float
) -> NDArray[np.float64]:
    """TM share of resonances, of the shape of ``frequency_hz``.

    Args:
        frequency_hz: Measured resonances.
        crossings_hz: Intervals (low, high) that a map of the modes leaves out.
        pull_hz: Pulled farther off its course than this a resonance was taken to be crossing.
    """
    share = np.ones_like(np.asarray(frequency_hz, dtype=np.float64))
    for low, high in crossings_hz:
        square = (np.asarray(frequency_hz, dtype=np.float64) - 0.5 * (low + high)) ** 2
        share *= square / (square + 0.5 * (high - low) * pull_hz)
    return share
