"""Haloscopes of the frontier: CAPP-12TB with other receivers and cavities."""

from __future__ import annotations

from typing import Any

from haloscope.parameters import HaloscopeParameters

_QUIET = {"comb_power_k": 0.0, "interference_per_hour": 0.0}
#: At the quantum limit but for the chain behind the amplifier.
_COLD: dict[str, dict[str, Any]] = {
    "cryostat": {"base_temperature_k": 0.015},
    "rod": {"base_temperature_k": 0.0151},
    "receiver": {**_QUIET, "termination_k": 0.015},
    "jpa": {"excess_noise_k": 0.0},
}

CELLS: dict[str, Any] = {"receiver": _QUIET, "cavity": {"cells": 4, "matching_loss_db": 0.5}}
WIDEBAND: dict[str, Any] = {
    "receiver": _QUIET,
    "jpa": {"kind": "wideband", "linewidth_hz": 2e9},
    "analysis": {"baseline": "pade", "pade_degree": 3},
}
SQUEEZED: dict[str, Any] = {
    **_COLD,
    "antenna": {"reference_beta": 4.5},
    "jpa": {
        "excess_noise_k": 0.0,
        "kind": "squeezed",
        "squeezing_db": 6.0,
        "squeezed_transmission": 0.8,
    },
    "operation": {"jpa_offset_hz": 0.0, "beta_low": 4.0, "beta_high": 5.0, "gain_db": 22.0},
}
#: Of Q_L 1e6, and a drive that can tune it.
NARROW: dict[str, Any] = {
    **_COLD,
    "cavity": {
        "unloaded_q": 3e6,
        "te_frequency_hz": [],
        "te_coupling_hz": [],
        "te_q": [],
        "drift_hz": 0.1,
    },
    "rod": {
        "base_temperature_k": 0.0151,
        "step_scatter_deg": 1e-7,
        "backlash_deg": 1e-6,
        "creep_fraction": 0.0,
    },
    "antenna": {"pulling_hz_per_beta": -1.0},
    "operation": {
        "tuning_tolerance_hz": 100.0,
        "step_hz": 300.0,
        "rescan_half_width_hz": 1000.0,
    },
    "analysis": {"window_hz": 30e3, "baseline": "pade"},
}


def made(name: str, values: dict[str, Any], **more: dict[str, Any]) -> HaloscopeParameters:
    """The haloscope of these values, some groups with more: ``made("x", CELLS, jpa={...})``."""
    both = {group: {**values.get(group, {}), **part} for group, part in more.items()}
    return HaloscopeParameters.from_mapping({"name": name, **values, **both})
