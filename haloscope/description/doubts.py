"""What may be stated of a haloscope, and probably is a slip of who has written it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from haloscope.description.places import length_in_radii, travel_deg
from haloscope.description.stated import Description
from haloscope.parametric import bandwidth_hz

__all__ = ["place_doubts"]

#: Length of a cavity in its radii: what is built.
_USUAL_LENGTHS: Final = (0.2, 40.0)


def place_doubts(description: Description) -> Iterator[str]:
    """What may be, and probably is a slip: each in a line."""
    yield from _tuning_doubts(description)
    yield from _receiver_doubts(description)
    cavity, (low, high) = description.cavity, _USUAL_LENGTHS
    length = length_in_radii(cavity.volume_m3, cavity.radius_m)
    if not low <= length <= high:
        yield (
            f"cavity.volume_m3 is {cavity.volume_m3:g} m^3: with cavity.radius_m of "
            f"{cavity.radius_m:g} m that is a cavity {length:.3g} radii long"
        )


def _tuning_doubts(description: Description) -> Iterator[str]:
    operation = description.operation
    tuned = description.mode_map.frequency_hz(travel_deg(description.rod))
    low, high = float(tuned.min()), float(tuned.max())
    if operation.band_low_hz < low or operation.band_high_hz > high:
        yield (
            f"operation.band_low_hz to band_high_hz is {operation.band_low_hz:g} to "
            f"{operation.band_high_hz:g} Hz, the rod tunes from {low:.6g} to {high:.6g} Hz"
        )
    slope = np.diff(tuned)
    if slope.min() < 0 < slope.max():
        yield (
            "rod.low_limit_deg to high_limit_deg: the rod passes its place nearest to or farthest "
            "from the axis, and has some frequencies twice"
        )
    if operation.step_hz > description.analysis.window_hz:
        yield (
            f"operation.step_hz is {operation.step_hz:g} Hz, more than analysis.window_hz, "
            f"{description.analysis.window_hz:g} Hz: frequencies between steps are left out"
        )


def _receiver_doubts(description: Description) -> Iterator[str]:
    operation, jpa, receiver = description.operation, description.jpa, description.receiver
    highest = operation.band_high_hz + operation.jpa_offset_hz
    if jpa.highest_resonance_hz <= highest:
        yield (
            f"jpa.highest_resonance_hz is {jpa.highest_resonance_hz:g} Hz, not above its place at "
            f"operation.band_high_hz, {highest:g} Hz"
        )
    width = bandwidth_hz(10 ** (operation.gain_db / 10), jpa.linewidth_hz)
    if abs(operation.jpa_offset_hz) > width:
        yield (
            f"operation.jpa_offset_hz is {operation.jpa_offset_hz:g} Hz, farther than the width of "
            f"its gain, {width:.3g} Hz: the target is hardly amplified"
        )
    half = 0.5 * description.analysis.window_hz
    if receiver.filter_half_width_hz < half:
        yield (
            f"receiver.filter_half_width_hz is {receiver.filter_half_width_hz:g} Hz, less than "
            f"half of analysis.window_hz, {half:g} Hz"
        )
