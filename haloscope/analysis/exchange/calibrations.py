"""A receiver's calibration as a start document carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from haloscope.analysis.calibration import Calibration
from haloscope.analysis.recorded import number
from haloscope.description.groups import Receiver

__all__ = ["calibration_of", "unmeasured"]

#: What a calibration measures, by the names of what owners state of a receiver: it is taken where
#: no calibration was recorded.
_STATED: Final = {
    "receiver_gain_db": "rest_gain_db",
    "receiver_temperature_k": "rest_noise_k",
    "line_attenuation_db": "line_attenuation_db",
}


def calibration_of(recorded: Mapping[str, Any], receiver: Receiver) -> Calibration:
    """Calibration from a start document; values missing or null are the stated ones, and marked.

    Raises:
        ValueError: A recorded value is no finite number; names it.
    """
    keys = [key for name in _STATED for key in (name, f"{name}_error")] + ["noise_difference"]
    given = {
        key: number(recorded[key], f"calibration: {key}")
        for key in keys
        if recorded.get(key) is not None
    }
    stated = {name: getattr(receiver, own) for name, own in _STATED.items()}
    return Calibration(**(stated | given), assumed=unmeasured(recorded))


def unmeasured(recorded: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the values that a recorded calibration lacks."""
    return tuple(name for name in _STATED if recorded.get(name) is None)
