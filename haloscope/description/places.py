"""Whether the values of a haloscope leave its parts room: stops, ranges, speeds, the mode map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from haloscope.description.groups import Cavity, Rod
from haloscope.description.modes import ModeMap
from haloscope.description.quantities import unit_in
from instruments.ranges import shown

__all__ = ["demand_places", "length_in_radii", "outside_map", "travel_deg"]

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
#: Length of a cavity in its radii: what can be calculated with.
_LENGTHS: Final = (1e-3, 1e6)
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
    if not low <= length_in_radii(volume, radius) <= high:
        found.append(
            f"parameter cavity.volume_m3 is {volume:g} m^3, must make a cavity of cavity.radius_m "
            f"{radius:g} m {low:g} to {high:g} of its radii long"
        )


def length_in_radii(volume_m3: float, radius_m: float) -> float:
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


def outside_map(modes: ModeMap, cavity: Cavity, rod: Rod) -> list[str]:
    """What the mode map does not hold: the reference, or a part of the rod's travel."""
    found = []
    if not modes.lowest_hz <= cavity.reference_hz <= modes.highest_hz:
        found.append(
            f"parameter cavity.reference_hz is {cavity.reference_hz:g}, the mode map has "
            f"{modes.lowest_hz:.6g} to {modes.highest_hz:.6g} Hz: cavity.radius_m, "
            "cavity.frequency_scale or rod.mode_map do not fit"
        )
    places = modes.offset_m(travel_deg(rod)) / cavity.radius_m
    low, high = float(places.min()), float(places.max())
    first, last = float(modes.offsets[0]), float(modes.offsets[-1])
    if low < first - _ROUNDING or high > last + _ROUNDING:
        found.append(
            f"parameters rod.low_limit_deg and rod.high_limit_deg are {rod.low_limit_deg:g} and "
            f"{rod.high_limit_deg:g} deg, where the rod is {low:.4g} to {high:.4g} cavity radii "
            f"from the axis; the mode map has {first:.4g} to {last:.4g}"
        )
    return found


def travel_deg(rod: Rod) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Angles all along a rod's travel."""
    return np.linspace(rod.low_limit_deg, rod.high_limit_deg, _ANGLES)
