"""The plans that can be run as they are, by the module that holds each: for sessions and queues."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

__all__ = ["OFFERED", "offered"]

Plan = Callable[..., Any]

#: What is not here is a part of a plan: it needs a run that is open, or arguments that a queue
#: cannot give.
OFFERED: Final[Mapping[str, tuple[str, ...]]] = {
    "plans.refrigerator.running": ("run_cycles", "cooldown"),
    "plans.refrigerator.startup": ("safe_start", "safe_shutdown", "recover_from_quench"),
    "plans.refrigerator.cooling": ("load_curve", "temperature_curve", "load_map"),
    "plans.refrigerator.stability": ("temperature_stability",),
    "plans.refrigerator.waypoints": ("waypoint_scan", "optimize_waypoints"),
    "plans.haloscope.commissioning": ("cool_and_ramp", "map_modes"),
    "plans.haloscope.tuning": ("tune_to", "set_coupling", "set_jpa"),
    "plans.haloscope.measure": ("transmission", "reflection"),
    "plans.haloscope.calibration": (
        *("y_factor", "jpa_noise", "line_attenuation", "noise_in_situ", "calibrate"),
    ),
    "plans.haloscope.calibrating": ("calibrate_band",),
    "plans.haloscope.scan": ("scan",),
    "plans.haloscope.rescans": ("rescan",),
    "plans.haloscope.highres": ("high_resolution",),
    "plans.haloscope.adaptive": ("adaptive_scan",),
    "plans.haloscope.fieldoff": ("field_off",),
    "plans.haloscope.crossings": ("map_crossings",),
    "plans.haloscope.campaign": ("campaign",),
    "plans.shared.safety": ("make_safe", "clear_interlocks"),
}


def offered() -> Iterator[Plan]:
    """Every plan of ``OFFERED``; its name is ``__name__``. The modules are imported on the way."""
    for module, names in OFFERED.items():
        for name in names:
            yield getattr(importlib.import_module(module), name)
