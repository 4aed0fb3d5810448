"""What a caproto channel is made with: first value, units, limits, states, lengths."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

from pvdb.records.description import INTEGER_RANGES, Record, Wire

#: Updates of a waveform kept for a slow client: the newest two, 1.6 MB for 100 000 points.
WAVEFORM_BACKLOG = 2
SCALAR_BACKLOG = 20


def metadata(record: Record) -> dict[str, Any]:
    """Arguments of the caproto channel of ``record``: units, limits, states, lengths."""
    common: dict[str, Any] = {
        "max_length": record.length if record.array else 1,
        "reported_record_type": record.kind,
        "max_subscription_backlog": WAVEFORM_BACKLOG if record.array else SCALAR_BACKLOG,
    }
    if record.wire is not Wire.CHAR:
        common["string_encoding"] = "utf-8"
    if record.wire is Wire.ENUM:
        return {**common, "enum_strings": record.state_names()}
    if record.wire is Wire.STRING:
        return {**common, "long_string_max_length": record.length + 1}
    return {**common, **_number_metadata(record)}


def _number_metadata(record: Record) -> dict[str, Any]:
    low, high = record.control_range() or (0.0, 0.0)
    limits = {
        "lower_disp_limit": record.display[0],
        "upper_disp_limit": record.display[1],
        "lower_ctrl_limit": low,
        "upper_ctrl_limit": high,
        "lower_alarm_limit": record.alarms.lolo,
        "lower_warning_limit": record.alarms.low,
        "upper_warning_limit": record.alarms.high,
        "upper_alarm_limit": record.alarms.hihi,
    }
    metadata: dict[str, Any] = {"units": record.units}
    if record.wire in (Wire.DOUBLE, Wire.FLOAT):
        return {**metadata, **limits, "precision": record.precision}
    ends = INTEGER_RANGES[record.wire]
    return {**metadata, **{key: _whole(limit, *ends) for key, limit in limits.items()}}


def _whole(limit: float, low: float, high: float) -> int:
    """An infinite limit of a whole number is the end of its type."""
    if isfinite(limit):
        return int(limit)
    return int(low) if limit == -inf else int(high)
