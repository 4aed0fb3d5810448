"""What owners expect of a measurement does not get into its result: nothing peeks."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
from bluesky import RunEngine

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.live import options_for
from haloscope.analysis.online import Online
from haloscope.analysis.pipeline import Result
from haloscope.description import Description, describe
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.calibration import calibrate
from plans.haloscope.scan import scan

#: What a calibration or a step measures, or what hides behind it: expected for forecasts and
#: rehearsals, and no more. Each with how far off the owners are.
EXPECTED: Final = {
    "jpa.excess_noise_k": lambda value: 5 * value + 0.3,
    "jpa.highest_resonance_hz": lambda value: 1.2 * value,
    "jpa.flux_period_a": lambda value: 3 * value,
    "jpa.compression_dbm": lambda value: value - 20,
    "receiver.rest_noise_k": lambda value: 4 * value,
    "receiver.rest_gain_db": lambda value: value - 15,
    "receiver.line_attenuation_db": lambda value: value + 2,
    "receiver.image_rejection_db": lambda value: value - 10,
    "receiver.termination_k": lambda value: 5 * value,
    "rod.base_temperature_k": lambda value: 3 * value,
    "cavity.weak_coupling": lambda value: 4 * value,
    "antenna.reference_position_mm": lambda value: value + 2,
    "cryostat.cooling_power_w": lambda value: 3 * value,
    "magnet.inductance_h": lambda value: 2 * value,
}


def mistaken(known: Description) -> Description:
    """The same, its owners wrong in all that they are to measure."""
    changed = known
    for name, wrong in EXPECTED.items():
        group, _, key = name.partition(".")
        part = getattr(changed, group)
        if any(item.name == key for item in fields(part)):
            changed = replace(changed, **{group: replace(part, **{key: wrong(getattr(part, key))})})  # type: ignore[arg-type]
    return changed


def searched(RE: RunEngine, description: Description) -> tuple[dict[str, Any], Result]:
    """Calibrate, scan and analyse the same machine."""
    device = Haloscope(name="haloscope", seed=6, description=description)
    online = Online(options_for(description))
    known = RE(calibrate(device, 1100.0, in_situ=True)).plan_result
    RE(scan(device, [1100.0, 1100.01, 1100.02], averages=500, calibration=known), online)
    device.bench.close()
    return known, online.result()


def test_owners_who_are_wrong_measure_the_same(RE: RunEngine) -> None:
    right = describe(HaloscopeParameters.capp12tb())
    wrong = mistaken(right)
    assert wrong != right
    (known, one), (again, other) = (searched(RE, each) for each in (right, wrong))
    assert known == again
    assert np.array_equal(one.limit.coupling_per_gev, other.limit.coupling_per_gev)
    assert np.array_equal(one.grand.normalised, other.grand.normalised)
