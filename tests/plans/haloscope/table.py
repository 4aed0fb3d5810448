"""Every plan of the haloscope, short: for the rehearsals, the runs in process and the live ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bluesky.utils import MsgGenerator

from plans.haloscope import calibration, digitizing, measure, tuning
from plans.haloscope.adaptive import adaptive_scan
from plans.haloscope.calibrating import calibrate_band
from plans.haloscope.campaign import campaign
from plans.haloscope.commissioning import cool_and_ramp, map_modes
from plans.haloscope.crossings import map_crossings
from plans.haloscope.fieldoff import back_at, field_off
from plans.haloscope.highres import high_resolution
from plans.haloscope.rescans import rescan
from plans.haloscope.scan import scan, step
from plans.haloscope.setting_up import ScanState
from plans.haloscope.unsealing import unseal
from plans.shared import safety
from plans.shared.common import in_run

Y_FACTOR = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.02,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.01,
}
MHZ = 1100.0
STEPS = [MHZ, 1100.01, 1100.02]


def _tuned(haloscope: Any, plan: MsgGenerator[Any]) -> MsgGenerator[Any]:
    """A plan that wants the cavity to be at `MHZ`."""
    yield from tuning.tune_to(haloscope, MHZ)
    return (yield from plan)


def _gain(haloscope: Any) -> MsgGenerator[Any]:
    """The amplifier's gain by the stub that measures it alone."""
    profile = yield from tuning.set_jpa(haloscope, MHZ)
    passive = measure.passive(haloscope)
    reference = yield from measure.sweep(haloscope, measure.sweeps_of(haloscope).gain, MHZ, passive)
    yield from measure.amplifier_gain(haloscope, MHZ - 0.1, reference)
    return profile


def _campaign(haloscope: Any) -> MsgGenerator[Any]:
    return campaign(
        haloscope, "table", STEPS, averages=100, find_crossings=True, calibration=Y_FACTOR
    )


PLANS: dict[str, Callable[[Any], MsgGenerator[Any]]] = {
    "cool_and_ramp": lambda h: cool_and_ramp(h, 11.95),
    "tune_to": lambda h: tuning.tune_to(h, 1100.05),
    "set_coupling": lambda h: _tuned(h, tuning.set_coupling(h, frequency_mhz=MHZ)),
    "set_jpa": lambda h: tuning.set_jpa(h, MHZ),
    "y_factor": lambda h: calibration.y_factor(h, MHZ),
    "jpa_noise": lambda h: calibration.jpa_noise(h, MHZ, Y_FACTOR),
    "line_attenuation": lambda h: calibration.line_attenuation(h, MHZ),
    "noise_in_situ": lambda h: _tuned(h, calibration.noise_in_situ(h, MHZ, Y_FACTOR, averages=200)),
    "calibrate": lambda h: calibration.calibrate(h, MHZ),
    "calibrate_band": lambda h: calibrate_band(h, [MHZ, 1100.5], averages=100),
    "scan": lambda h: scan(h, STEPS, averages=100),
    "rescan": lambda h: rescan(h, [1100.01], half_width_khz=10.0, averages=100),
    "back_at": lambda h: back_at(h, 11.9, {}, may_ramp=True),
    "field_off": lambda h: field_off(
        h, [1100.01], field_t=11.95, confirmed=True, half_width_khz=10.0, averages=100
    ),
    "adaptive_scan": lambda h: adaptive_scan(h, STEPS, 2e-15, first_averages=200),
    "campaign": lambda h: _campaign(h),
    "high_resolution": lambda h: high_resolution(h, MHZ, duration_s=60.0),
    "map_crossings": lambda h: map_crossings(h, [MHZ]),
    "map_modes": lambda h: map_modes(h, MHZ, 1100.4, step_khz=40.0),
    "clear_interlocks": safety.clear_interlocks,
    "make_safe": safety.make_safe,
    "unseal": unseal,
    # What the plans are made of, and an operator's own plans may be.
    "sweep": lambda h: measure.sweep(h, measure.sweeps_of(h).search, MHZ),
    "transmission": lambda h: _tuned(h, measure.transmission(h, MHZ)),
    "reflection": lambda h: _tuned(h, measure.reflection(h, MHZ)),
    "amplifier_gain": _gain,
    "digitize": lambda h: in_run(digitizing.digitize(h, MHZ, 100, "primary"), {}),
    "step": lambda h: in_run(step(h, MHZ, 100, ScanState.of(h.apparatus)), {}),
}

#: Plans that return nothing.
SILENT = ("make_safe", "step", "back_at")
#: Plans that measure and record nothing: what they find is returned.
UNRECORDED = (
    *("tune_to", "set_coupling", "set_jpa", "clear_interlocks", "make_safe"),
    *("sweep", "transmission", "reflection", "amplifier_gain"),
)


def assert_ran(name: str, result: Any, documents: Any) -> None:
    """Hold a run of the table's plan to what it returned and recorded."""
    assert result.exit_status == "success"
    assert (result.plan_result is None) == (name in SILENT)
    assert bool(documents.events()) == (name not in UNRECORDED)
    assert {stop["exit_status"] for stop in documents.of("stop")} <= {"success"}
    assert len(documents.of("stop")) == len(documents.of("start")) == len(result.run_start_uids)
