"""Where, when and how warm a campaign calibrates: what plans do, and forecasts count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from haloscope.description.groups import NoiseSource

__all__ = ["FOR_THE_AMPLIFIER", "calibration_targets", "segments", "temperatures_of"]

#: Temperatures of the noise source for the Y factor above its lowest, as shares of its highest.
_SHARES: Final = (0.25, 0.5, 0.75, 1.0)
#: So many of them at least, or else its middle and its highest: a line needs three points.
_FEWEST_WARM: Final = 2
#: The amplifier's noise is the difference of two powers: so many times the spectra.
FOR_THE_AMPLIFIER: Final = 5
#: A band narrower than this share of the distance of calibrations has one, in its middle.
_NARROW: Final = 0.2


def calibration_targets(targets_mhz: Sequence[float], spacing_mhz: float) -> list[float]:
    """Where to calibrate for a scan: its ends, its middle, and evenly in between; targets of it.

    Args:
        targets_mhz: Of the scan, MHz.
        spacing_mhz: Greatest distance, about, MHz.

    Raises:
        ValueError: No targets, or a spacing that is not above 0.
    """
    if not len(targets_mhz):
        raise ValueError("no targets to calibrate for")
    if not spacing_mhz > 0:
        raise ValueError(f"calibration spacing: {spacing_mhz} MHz, must be above 0 MHz")
    ordered = sorted(targets_mhz)
    if ordered[-1] - ordered[0] < _NARROW * spacing_mhz:
        return [targets_mhz[len(targets_mhz) // 2]]
    count = max(3, round((ordered[-1] - ordered[0]) / spacing_mhz) + 1)
    places = np.linspace(ordered[0], ordered[-1], count)
    nearest = {min(ordered, key=lambda target: abs(target - place)) for place in places.tolist()}
    return sorted(nearest)


def segments(
    targets_mhz: Iterable[float], seconds_each: float, every_s: float
) -> list[list[float]]:
    """Parts of a scan, each so long that the receiver is calibrated anew after it.

    Args:
        targets_mhz: What is left of the scan, MHz.
        seconds_each: Expected time of a step, s.
        every_s: Time between calibrations, s.

    Raises:
        ValueError: A time that is not above 0.
    """
    if not every_s > 0:
        raise ValueError(f"calibrate_every_s: {every_s} s, must be above 0 s")
    targets, most = list(targets_mhz), max(1, int(every_s / seconds_each))
    return [targets[first : first + most] for first in range(0, len(targets), most)]


def temperatures_of(source: NoiseSource) -> tuple[float, ...]:
    """Temperatures for a Y factor over the range of a noise source, K, ascending: three or more."""
    warm = [share * source.highest_k for share in _SHARES]
    above = [kelvin for kelvin in warm if kelvin > source.lowest_k]
    if len(above) < _FEWEST_WARM:  # a narrow range
        middle = 0.5 * (source.lowest_k + source.highest_k)
        above = [middle, source.highest_k]
    return (source.lowest_k, *above)
