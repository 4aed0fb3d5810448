"""The one place where what is stated of a haloscope is checked: names, types, ranges, and sense.

Every mistake is found, not only the first; each is a line that names the value, what it says, what
is allowed with its unit, and what it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from numbers import Real
from typing import Any, Final

from haloscope.description.quantities import Quantity, quantity_of, unit_in
from instruments.ranges import shown

__all__ = ["MistakesError", "demand", "doubts", "name_in", "quantities", "values_in"]

_LONGEST_TEXT: Final = 200
_MOST_ELEMENTS: Final = 100
#: Mistakes that an error's message holds; all of them are in its ``found``.
_TOLD: Final = 5
#: Pairs of which the first must be below the second.
_ASCENDING: Final = (
    ("rod.low_limit_deg", "rod.high_limit_deg"),
    ("antenna.low_limit_mm", "antenna.high_limit_mm"),
    ("noise_source.lowest_k", "noise_source.highest_k"),
    ("network_analyzer.lowest_power_dbm", "network_analyzer.highest_power_dbm"),
    ("operation.band_low_hz", "operation.band_high_hz"),
    ("operation.beta_low", "operation.beta_high"),
    ("cryostat.base_temperature_k", "safety.resume_below_k"),
    ("safety.resume_below_k", "safety.suspend_above_k"),
    ("safety.cold_high_k", "safety.cold_hihi_k"),
    ("safety.rod_high_k", "safety.rod_hihi_k"),
    ("safety.still_low_k", "safety.still_high_k"),
    ("safety.still_high_k", "safety.still_hihi_k"),
    ("safety.four_kelvin_high_k", "safety.four_kelvin_hihi_k"),
)
_TE: Final = ("te_frequency_hz", "te_coupling_hz", "te_q")

Groups = Mapping[str, type[Any]]
Values = dict[str, dict[str, Any]]


class MistakesError(ValueError):
    """What is stated cannot be; ``found`` has every mistake in a line of its own."""

    def __init__(self, found: Sequence[str]) -> None:
        self.found = tuple(found)
        more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
        super().__init__("; ".join(found[:_TOLD]) + more)


def quantities(groups: Groups) -> Iterator[Quantity]:
    """All values of groups, in their order."""
    for group, described in groups.items():
        for item in fields(described):
            yield quantity_of(group, item)


def name_in(value: object, found: list[str]) -> str:
    """The name of a haloscope; a mistake is added to ``found``."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and value.isprintable():
        return value
    found.append(f"parameter name is {value!r:.60}, must be a text")
    return ""


def values_in(
    groups: Groups, content: Mapping[str, Any], base: object | None, found: list[str]
) -> Values:
    """The values of all groups; mistakes are added to ``found``.

    Args:
        groups: Class of each group by its name.
        content: Tables of values by group.
        base: Has the groups whose values hold where ``content`` has none; None if it must have all.
        found: Mistakes.
    """
    for group in content:
        if group not in groups:
            found.append(f"parameter group {group!r:.60} does not exist{_meant(group, groups)}")
    return {
        group: _group(group, described, content.get(group, {}), getattr(base, group, None), found)
        for group, described in groups.items()
    }


def _group(
    group: str, described: type[Any], given: Any, base: object | None, found: list[str]
) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        found.append(f"parameter group {group!r} is {given!r:.60}, must be a table of values")
        given = {}
    known = {item.name: quantity_of(group, item) for item in fields(described)}
    for key in given:
        if key not in known:
            found.append(f"parameter {group}.{key!s:.60} does not exist{_meant(key, known)}")
    values: dict[str, Any] = {}
    for key, what in known.items():
        if key in given:
            values[key] = _checked(what, given[key], found)
        elif base is not None:
            values[key] = getattr(base, key)
        else:
            found.append(f"parameter {what.name} is not stated: {what.what}, {what.range}")
            values[key] = None
    return values


def _meant(name: object, known: Mapping[str, Any]) -> str:
    near = get_close_matches(f"{name!s:.60}", list(known), n=1)
    return f"; is {near[0]} meant?" if near else ""


# One value ----------------------------------------------------------------------------------------


def _checked(what: Quantity, value: Any, found: list[str]) -> Any:
    """A value in its type; None with a mistake."""
    if what.kind == "text":
        return _text(what, value, found)
    if what.kind == "numbers":
        return _numbers(what, value, found)
    return _number(what, value, found)


def _wrong(what: Quantity, value: Any, needed: str, found: list[str]) -> Any:
    """Add a mistake; None, as the value that there is not."""
    found.append(f"parameter {what.name} is {value!r:.60}, must be {needed}: {what.what}")


def _text(what: Quantity, value: Any, found: list[str]) -> str | None:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        return _wrong(what, value, "a text", found)
    if what.words and value not in what.words:
        return _wrong(what, value, what.range, found)
    return value


def _numbers(what: Quantity, value: Any, found: list[str]) -> tuple[float, ...] | None:
    if not isinstance(value, list | tuple) or len(value) > _MOST_ELEMENTS:
        return _wrong(what, value, f"a list of at most {_MOST_ELEMENTS} numbers", found)
    numbers = [_number(what, element, found) for element in value]
    return None if None in numbers else tuple(numbers)


def _number(what: Quantity, value: Any, found: list[str]) -> Any:
    if isinstance(value, bool) or not (isinstance(value, Real) and _is_finite(value)):
        return _wrong(what, value, f"a finite number, {what.range}", found)
    number = float(value)
    if what.kind == "whole" and not number.is_integer():
        return _wrong(what, value, f"a whole number, {what.range}", found)
    if not what.allows(number):
        return _wrong(what, value, what.range, found)
    return int(number) if what.kind == "whole" else number


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


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
    base_k = flat["cryostat.base_temperature_k"]
    if flat["noise_source.lowest_k"] < base_k:
        found.append("noise_source.lowest_k is below cryostat.base_temperature_k")
    if flat["safety.cold_high_k"] <= base_k:
        found.append("safety.cold_high_k is not above cryostat.base_temperature_k: always in alarm")
    return found
