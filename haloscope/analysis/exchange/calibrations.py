"""A receiver's calibration as a start document carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haloscope.analysis.calibration import Calibration
from haloscope.analysis.recorded import number

__all__ = ["LETTER", "calibration_of", "unmeasured"]

#: Used where no calibration was recorded: A. K. Yi et al., arXiv:2210.10961, which gives 0.3 to 0.5
#: dB for the line.
LETTER = {
    "receiver_gain_db": 104.0,
    "receiver_temperature_k": 1.2,
    "line_attenuation_db": 0.4,
}


def calibration_of(recorded: Mapping[str, Any]) -> Calibration:
    """Calibration from a start document; values missing or null are the letter's and marked.

    Raises:
        ValueError: A recorded value is no finite number; names it.
    """
    keys = [key for name in LETTER for key in (name, f"{name}_error")] + ["noise_difference"]
    given = {
        key: number(recorded[key], f"calibration: {key}")
        for key in keys
        if recorded.get(key) is not None
    }
    return Calibration(**(LETTER | given), assumed=unmeasured(recorded))


def unmeasured(recorded: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the values that a recorded calibration lacks."""
    return tuple(name for name in LETTER if recorded.get(name) is None)
