"""Whether the values of a haloscope leave its parts room: stops, ranges, speeds, the mode map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import ndtri

from haloscope.description.quantities import unit_in
from haloscope.parametric import bandwidth_hz
from instruments.ranges import shown

if TYPE_CHECKING:
    from haloscope.description.stated import Description

__all__ = ["demand_places", "outside_map", "place_doubts"]

#: A value, and the two between which it must be, themselves allowed.
_BETWEEN: Final = (
    ("antenna.reference_position_mm", "antenna.low_limit_mm", "antenna.high_limit_mm"),
    (
        "network_analyzer.default_power_dbm",
        "network_analyzer.lowest_power_dbm",
        "network_analyzer.highest_power_dbm",
    ),
)
#: Pairs of which the first must not be above the second.
_NOT_ABOVE: Final = (
    ("rod.velocity_deg_per_s", "rod.highest_velocity_deg_per_s"),
    ("antenna.velocity_mm_per_s", "antenna.highest_velocity_mm_per_s"),
)
#: Length of a cavity in its radii: what can be calculated with, and what is built.
_LENGTHS, _USUAL_LENGTHS = (1e-3, 1e6), (0.2, 40.0)
#: Of a spectrum.
_FEWEST_BINS: Final = 20
#: Angles at which a rod's travel is looked at.
_ANGLES: Final = 361
#: What a table's end may be passed by, in cavity radii: rounding.
_ROUNDING: Final = 1e-9


def demand_places(values: Mapping[str, Mapping[str, Any]], found: list[str]) -> None:
    """Add to ``found`` what no haloscope can be, of values that are right each for itself."""
    flat = {f"{g}.{k}": v for g, part in values.items() for k, v in part.items() if v is not None}
    for name, low, high in _BETWEEN:
        if {name, low, high} <= set(flat) and not flat[low] <= flat[name] <= flat[high]:
            found.append(
                f"parameter {name} is {_shown(name, flat)}, must be between {low} and {high}, "
                f"{_shown(low, flat)} and {_shown(high, flat)}"
            )
    for name, high in _NOT_ABOVE:
        if {name, high} <= set(flat) and flat[name] > flat[high]:
            found.append(
                f"parameter {name} is {_shown(name, flat)}, must not be above {high}, "
                f"{_shown(high, flat)}"
            )
    _demand_length(flat, found)
    _demand_spectrum(flat, found)
    _demand_threshold(flat, found)


def _demand_spectrum(flat: Mapping[str, Any], found: list[str]) -> None:
    """Spectra have some bins, and with the oscillator stay above 0 Hz wherever the search goes."""
    names = ("cavity.reference_hz", "operation.band_low_hz")
    places = [flat[name] for name in names if name in flat]
    if not places:
        return
    lowest_hz = min(places)
    mixed_hz = flat.get("receiver.intermediate_hz", 0.0)
    if not mixed_hz < lowest_hz:
        found.append(
            f"parameter receiver.intermediate_hz is {mixed_hz:g} Hz, must be below the lowest "
            f"frequency of the search, {lowest_hz:g} Hz"
        )
    bins, width_hz = (flat.get(f"digitizer.{name}", 0.0) for name in ("bins", "bin_width_hz"))
    if 0 < bins < _FEWEST_BINS:
        found.append(
            f"parameter digitizer.bins is {bins:g}, must be {_FEWEST_BINS} or more: with fewer "
            "neither noise nor baseline can be judged"
        )
    if not 0.5 * bins * width_hz < lowest_hz:
        found.append(
            f"parameters digitizer.bins and bin_width_hz make a spectrum of {bins * width_hz:g} "
            f"Hz, must be less than twice the lowest frequency of the search, {lowest_hz:g} Hz"
        )


def _demand_length(flat: Mapping[str, Any], found: list[str]) -> None:
    volume, radius = (flat.get(f"cavity.{name}") for name in ("volume_m3", "radius_m"))
    if volume is None or radius is None:
        return
    low, high = _LENGTHS
    if not low <= _length(volume, radius) <= high:
        found.append(
            f"parameter cavity.volume_m3 is {volume:g} m^3, must make a cavity of cavity.radius_m "
            f"{radius:g} m {low:g} to {high:g} of its radii long"
        )


def _length(volume_m3: float, radius_m: float) -> float:
    """Of a cylinder, in its radii."""
    cube = math.pi * radius_m**3
    return volume_m3 / cube if cube > 0 else math.inf


def _demand_threshold(flat: Mapping[str, Any], found: list[str]) -> None:
    names = ("analysis.target_snr", "analysis.confidence")
    if any(name not in flat for name in names):
        return
    target, confidence = (flat[name] for name in names)
    least = float(ndtri(confidence))
    if not target > least:
        found.append(
            f"parameter analysis.target_snr is {target:g}, must be above {least:.4g} for "
            f"analysis.confidence of {confidence:g}: noise alone would be found as often"
        )


def _shown(name: str, flat: Mapping[str, Any]) -> str:
    return shown(flat[name], unit_in(name))


def outside_map(description: Description) -> list[str]:
    """What the mode map does not hold: the reference, or a part of the rod's travel."""
    modes, cavity, rod = description.mode_map, description.cavity, description.rod
    found = []
    if not modes.lowest_hz <= cavity.reference_hz <= modes.highest_hz:
        found.append(
            f"parameter cavity.reference_hz is {cavity.reference_hz:g}, the mode map has "
            f"{modes.lowest_hz:.6g} to {modes.highest_hz:.6g} Hz: cavity.radius_m, "
            "cavity.frequency_scale or rod.mode_map do not fit"
        )
    places = modes.offset_m(_travel(description)) / cavity.radius_m
    low, high = float(places.min()), float(places.max())
    first, last = float(modes.offsets[0]), float(modes.offsets[-1])
    if low < first - _ROUNDING or high > last + _ROUNDING:
        found.append(
            f"parameters rod.low_limit_deg and rod.high_limit_deg are {rod.low_limit_deg:g} and "
            f"{rod.high_limit_deg:g} deg, where the rod is {low:.4g} to {high:.4g} cavity radii "
            f"from the axis; the mode map has {first:.4g} to {last:.4g}"
        )
    return found


def _travel(description: Description) -> np.ndarray[Any, np.dtype[np.float64]]:
    rod = description.rod
    return np.linspace(rod.low_limit_deg, rod.high_limit_deg, _ANGLES)


def place_doubts(description: Description) -> Iterator[str]:
    """What may be, and probably is a slip: each in a line."""
    yield from _tuning_doubts(description)
    yield from _receiver_doubts(description)
    cavity, (low, high) = description.cavity, _USUAL_LENGTHS
    length = _length(cavity.volume_m3, cavity.radius_m)
    if not low <= length <= high:
        yield (
            f"cavity.volume_m3 is {cavity.volume_m3:g} m^3: with cavity.radius_m of "
            f"{cavity.radius_m:g} m that is a cavity {length:.3g} radii long"
        )


def _tuning_doubts(description: Description) -> Iterator[str]:
    operation = description.operation
    tuned = description.mode_map.frequency_hz(_travel(description))
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
