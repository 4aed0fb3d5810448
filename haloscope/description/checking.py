"""What is stated of a haloscope together: what none can be, and what probably is a slip.

Each value for itself is checked by ``instruments.stated_values``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from instruments.quantities import unit_in
from instruments.ranges import shown
from instruments.stated_values import MistakesError, Values, name_in, quantities, values_in

__all__ = ["MistakesError", "demand", "doubts", "name_in", "quantities", "values_in"]

#: Pairs of which the first must be below the second.
_ASCENDING: Final = (
    ("rod.low_limit_deg", "rod.high_limit_deg"),
    ("antenna.low_limit_mm", "antenna.high_limit_mm"),
    ("noise_source.lowest_k", "noise_source.highest_k"),
    ("network_analyzer.lowest_power_dbm", "network_analyzer.highest_power_dbm"),
    ("operation.band_low_hz", "operation.band_high_hz"),
    ("operation.beta_low", "operation.beta_high"),
    ("cryostat.base_temperature_k", "safety.resume_below_k"),
    ("cryostat.base_temperature_k", "rod.base_temperature_k"),
    ("safety.resume_below_k", "safety.suspend_above_k"),
    ("safety.cold_high_k", "safety.cold_hihi_k"),
    ("safety.rod_high_k", "safety.rod_hihi_k"),
    ("safety.still_low_k", "safety.still_high_k"),
    ("safety.still_high_k", "safety.still_hihi_k"),
    ("safety.four_kelvin_high_k", "safety.four_kelvin_hihi_k"),
)
_TE: Final = ("te_frequency_hz", "te_coupling_hz", "te_q")


# All values together ------------------------------------------------------------------------------


def demand(values: Values, found: list[str]) -> None:
    """Add to ``found`` what no haloscope can be, of values that are right each for itself."""
    flat = {f"{g}.{k}": v for g, part in values.items() for k, v in part.items() if v is not None}
    for low, high in _ASCENDING:
        if low in flat and high in flat and not flat[low] < flat[high]:
            found.append(
                f"parameter {low} is {_shown(low, flat)}, must be below {high}, "
                f"which is {_shown(high, flat)}"
            )
    _demand_amplifier(flat, found)
    _demand_squeezer(flat, found)
    counts = [len(flat[f"cavity.{key}"]) for key in _TE if f"cavity.{key}" in flat]
    if len(set(counts)) > 1:
        found.append(
            f"parameters cavity.te_frequency_hz, te_coupling_hz, te_q have {counts} values, "
            "must have one for each TE mode"
        )


def _shown(name: str, flat: Mapping[str, Any]) -> str:
    return shown(flat[name], unit_in(name))


def _demand_amplifier(flat: Mapping[str, Any], found: list[str]) -> None:
    names = ("cavity.reference_hz", "operation.jpa_offset_hz", "jpa.highest_resonance_hz")
    if any(name not in flat for name in names):
        return
    reference_hz, offset_hz, highest_hz = (flat[name] for name in names)
    if not 0 < reference_hz + offset_hz < highest_hz:
        found.append(
            f"parameter jpa.highest_resonance_hz is {highest_hz:g}, must be above the amplifier's "
            f"place at the reference, {reference_hz + offset_hz:g} Hz"
        )


def _demand_squeezer(flat: Mapping[str, Any], found: list[str]) -> None:
    """A squeezer belongs to a receiver of that kind, and its pump stands on the cavity."""
    kind, squeezing_db = flat.get("jpa.kind"), flat.get("jpa.squeezing_db", 0.0)
    if kind not in (None, "squeezed") and squeezing_db > 0:
        found.append(
            f"parameter jpa.squeezing_db is {squeezing_db:g} dB, must be 0 dB where jpa.kind is "
            f"{kind!r}: only a squeezed receiver has a squeezer"
        )
    names = ("cavity.reference_hz", "cavity.unloaded_q", "operation.jpa_offset_hz")
    if kind != "squeezed" or any(name not in flat for name in names):
        return
    reference_hz, unloaded_q, offset_hz = (flat[name] for name in names)
    width_hz = reference_hz / unloaded_q
    if abs(offset_hz) > width_hz / 2:
        found.append(
            f"parameter operation.jpa_offset_hz is {offset_hz:g} Hz, must be within "
            f"{width_hz / 2:g} Hz of 0 where jpa.kind is 'squeezed': both sidebands of its pump "
            "must meet the cavity alike"
        )


def doubts(values: Values) -> list[str]:
    """What may be, and probably is a slip: each in a line."""
    found: list[str] = []
    flat = {f"{g}.{k}": v for g, part in values.items() for k, v in part.items()}
    span_hz = flat["digitizer.bins"] * flat["digitizer.bin_width_hz"]
    if flat["analysis.window_hz"] > span_hz:
        found.append(
            f"analysis.window_hz is {flat['analysis.window_hz']:g} Hz, "
            f"a spectrum has only {span_hz:g} Hz"
        )
    if flat["magnet.average_field_t"] > flat["magnet.full_field_t"]:
        found.append("magnet.average_field_t is above magnet.full_field_t")
    if (
        not flat["operation.beta_low"]
        <= flat["antenna.reference_beta"]
        <= flat["operation.beta_high"]
    ):
        found.append("antenna.reference_beta is outside operation.beta_low to beta_high")
    low, high = flat["operation.band_low_hz"], flat["operation.band_high_hz"]
    if not low <= flat["cavity.reference_hz"] <= high:
        found.append("cavity.reference_hz is outside operation.band_low_hz to band_high_hz")
    line_hz = flat["analysis.line_span"] * low
    if line_hz / flat["analysis.coarse_per_line"] < flat["digitizer.bin_width_hz"]:
        found.append(
            f"a line of {line_hz:g} Hz has no {flat['analysis.coarse_per_line']} bins of "
            f"digitizer.bin_width_hz, {flat['digitizer.bin_width_hz']:g} Hz"
        )
    if flat["cavity.cells"] == 1 and flat["cavity.matching_loss_db"] > 0:
        found.append("cavity.matching_loss_db is above 0 dB, and there is one cell to be matched")
    if flat["jpa.kind"] == "squeezed" and flat["jpa.squeezing_db"] == 0:
        found.append("jpa.kind is squeezed, and jpa.squeezing_db is 0 dB")
    base_k = flat["cryostat.base_temperature_k"]
    if flat["noise_source.lowest_k"] < base_k:
        found.append("noise_source.lowest_k is below cryostat.base_temperature_k")
    if flat["safety.cold_high_k"] <= base_k:
        found.append("safety.cold_high_k is not above cryostat.base_temperature_k: always in alarm")
    return found
