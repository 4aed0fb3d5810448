"""Values from a file over those of a parameter set: right names, right types, physical numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, Final

from haloscope.parameters.groups import ParameterGroups
from instruments.ranges import within

#: Values that every haloscope has and that no formula takes at zero or below.
_POSITIVE: Final[tuple[str, ...]] = (
    "axion.density_gev_per_cm3",
    "magnet.full_field_t",
    "magnet.average_field_t",
    "magnet.full_current_a",
    "magnet.inductance_h",
    "cavity.volume_m3",
    "cavity.radius_m",
    "cavity.reference_hz",
    "cavity.unloaded_q",
    "cavity.form_factor",
    "cavity.frequency_scale",
    "rod.velocity_deg_per_s",
    "antenna.velocity_mm_per_s",
    "antenna.reference_beta",
    "jpa.highest_resonance_hz",
    "jpa.flux_period_a",
    "jpa.linewidth_hz",
    "receiver.filter_half_width_hz",
    "receiver.comb_spacing_hz",
    "network_analyzer.isolation_db",
    "noise_source.lowest_k",
    "noise_source.time_constant_s",
    "cryostat.base_temperature_k",
    "cryostat.cooling_power_w",
    "cryostat.cooling_power_at_k",
    "digitizer.bins",
    "digitizer.bin_width_hz",
    "digitizer.averages",
    "digitizer.efficiency",
)

#: Largest spreads of what nobody knows, by unit: more is no knowledge of an apparatus.
_LARGEST_SPREAD: Final = {
    "form_factor_spread": (0.2, ""),
    "field_spread": (0.2, ""),
    "line_attenuation_spread_db": (1.0, "dB"),
    "noise_source_spread": (0.2, ""),
}

#: A spectrum of 80 MB; it is held in memory several times.
MOST_BINS: Final = 10_000_000


def override(base: ParameterGroups, group: str, values: Mapping[str, Any]) -> Any:
    """The group of ``base`` with some of its values replaced.

    Raises:
        ValueError: A group or value that does not exist, or a value of another type; names it.
    """
    if not hasattr(base, group) or group == "file_origins":
        raise ValueError(f"parameter group {group!r:.60} does not exist")
    if not isinstance(values, Mapping):
        raise ValueError(
            f"parameter group {group!r:.60} is {values!r:.60}, must be a table of values"
        )
    part = getattr(base, group)
    known = {item.name: item for item in fields(part)}
    changed = {}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"parameter {group}.{key} does not exist")
        changed[key] = _checked(f"{group}.{key}", value, known[key].default)
    return replace(part, **changed)


def _checked(name: str, value: Any, default: Any) -> Any:
    """``value`` in the type of ``default``; TOML may say 1 for 1.0 and has lists, not tuples."""
    assert default is not MISSING
    if isinstance(default, tuple):
        return tuple(_checked(name, element, 0.0) for element in _as_list(name, value))
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ValueError(f"parameter {name} is {value!r:.60}, must be a text")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise ValueError(f"parameter {name} is {value!r:.60}, must be a finite number")
    if isinstance(default, int) and int(value) != value:
        raise ValueError(f"parameter {name} is {value!r:.60}, must be a whole number")
    return type(default)(value)


def demand_physical(parameters: ParameterGroups) -> None:
    """Refuse what no haloscope can be.

    Raises:
        ValueError: A value of zero or below where there is none, a spread outside of its range, or
            TE modes described unequally.
    """
    for name in _POSITIVE:
        group, item = name.split(".")
        value = getattr(getattr(parameters, group), item)
        if not value > 0:
            raise ValueError(f"parameter {name} is {value!r:.60}, must be above 0")
    within("parameter digitizer.bins", parameters.digitizer.bins, 1, MOST_BINS, "")
    for item, (largest, unit) in _LARGEST_SPREAD.items():
        within(f"parameter unknowns.{item}", getattr(parameters.unknowns, item), 0, largest, unit)
    cavity = parameters.cavity
    counts = [len(cavity.te_frequency_hz), len(cavity.te_coupling_hz), len(cavity.te_q)]
    if len(set(counts)) > 1:
        raise ValueError(
            f"parameters cavity.te_frequency_hz, te_coupling_hz, te_q have {counts} values, "
            "must have one for each TE mode"
        )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _as_list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"parameter {name} is {value!r:.60}, must be a list of numbers")
    return value
