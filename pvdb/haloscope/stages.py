"""The stages of the refrigerator: what each is called, shows, and when it is in alarm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from haloscope.parameters import HaloscopeParameters
from pvdb.records import AlarmLimits, Range

#: Of an alarm limit: within this share of it an alarm stays.
_HYSTERESIS: Final = 0.02
#: Of the hottest temperature of the noise source: minor and major alarm.
_HOT, _TOO_HOT = 1.025, 1.25

NAMES: Final = ("MXC", "Still", "FourK", "Cavity", "Rod", "JPA", "NoiseSource")


@dataclass(frozen=True)
class Stage:
    """One thermometer: in words, display range and alarm limits in K."""

    what: str
    display: Range
    alarms: AlarmLimits


def stages(parameters: HaloscopeParameters) -> Mapping[str, Stage]:
    """All stages by the names of ``NAMES``."""
    p, hottest_k = parameters.safety, parameters.noise_source.highest_k
    cold = (p.cold_high_k, p.cold_hihi_k)
    return {
        "MXC": _stage("Mixing chamber", *cold),
        "Still": _stage("Still", p.still_high_k, p.still_hihi_k, p.still_low_k),
        "FourK": _stage("4 K stage", p.four_kelvin_high_k, p.four_kelvin_hihi_k),
        "Cavity": _stage("Cavity barrel", *cold),
        "Rod": _stage("Tuning rod", p.rod_high_k, p.rod_hihi_k),
        "JPA": _stage("Parametric amplifier", *cold),
        "NoiseSource": _stage("Noise source", _HOT * hottest_k, _TOO_HOT * hottest_k),
    }


def _stage(what: str, high_k: float, hihi_k: float, low_k: float = -math.inf) -> Stage:
    alarms = AlarmLimits(low=low_k, high=high_k, hihi=hihi_k, hysteresis=_HYSTERESIS * high_k)
    return Stage(what, (0.0, 2.0 * hihi_k), alarms)
