"""Setups of plain numbers for the tests of forecasts."""

from __future__ import annotations

from typing import Any

from haloscope.planning.setup import Amplifier, Mode, Setup
from haloscope.planning.timing import Times


def ideal_setup(**changes: Any) -> Setup:
    """A haloscope at the quantum limit: cold, lossless, an amplifier that adds what it must."""
    amplifier = Amplifier(
        **{
            "kind": "jpa",
            "gain_db": 60.0,
            "linewidth_hz": 1e12,
            "offset_hz": 0.0,
            "excess_k": 0.0,
            "squeezing_db": 0.0,
            "squeezed_transmission": 1.0,
            **changes.pop("amplifier", {}),
        }
    )
    values: dict[str, Any] = {
        "name": "ideal",
        "mode": lambda nu: Mode(form_factor=0.5, unloaded_q=100_000.0),
        "reference_hz": 1.1e9,
        "lowest_hz": 0.9e9,
        "highest_hz": 1.3e9,
        "beta": 2.0,
        "volume_m3": 0.03,
        "field_t": 10.0,
        "field_ratio": 0.9,
        "rest_k": 1e-6,
        "rest_gain_db": 100.0,
        "line_attenuation_db": 0.0,
        "cold_k": 1e-4,
        "rod_k": 1e-4,
        "incident_k": 1e-4,
        "bin_hz": 10.0,
        "times": Times(
            efficiency=1.0,
            rod_hz_per_s=1e12,
            settle_s=0.0,
            far_hz=1e5,
            source_time_s=60.0,
            source_within_k=3e-4,
            source_k=(0.025, 0.1, 0.2, 0.3, 0.4),
            calibration_averages=200,
            spacing_hz=5e6,
            every_s=3 * 86400.0,
        ),
    }
    return Setup(**(values | {"amplifier": amplifier} | changes))
