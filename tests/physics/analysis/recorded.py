"""What a plan records at one step, of spectra that were drawn."""

from __future__ import annotations

from typing import Any

from haloscope.analysis.spectra import Spectra

__all__ = ["NAMED", "OLD", "event"]

#: What stands before a field in an event's keys: an instrument's name, of the operator's choice;
#: nothing in runs of before that.
NAMED, OLD = "halo_2_", ""


def event(spectra: Spectra, row: int, named: str = NAMED) -> dict[str, Any]:
    """What a plan records at one step."""
    data: dict[str, Any] = {
        "daq_spectrum": spectra.power_w[row],
        "daq_frequency_start": spectra.frequency_start_hz[row] * 1e-6,
        "daq_frequency_step": spectra.step_hz,
        "daq_num_averages": int(spectra.num_averages[row]),
        "daq_acquire_time": 500.0,
        "measured_target_frequency": spectra.target_frequency_hz[row] * 1e-6,
        "measured_cavity_frequency": spectra.cavity_frequency_hz[row] * 1e-6,
        "measured_loaded_q": spectra.loaded_q[row],
        "measured_beta": spectra.beta[row],
        "measured_jpa_gain": spectra.jpa_gain_peak_db[row],
        "measured_jpa_resonance": spectra.jpa_resonance_hz[row] * 1e-6,
        "measured_jpa_bandwidth": spectra.jpa_bandwidth_hz[row] * 1e-3,
        "measured_jpa_gain_peak": spectra.jpa_gain_peak_db[row],
        "magnet_field": spectra.magnet_field_t[row],
        "rod": 30.0,
        "sim_time": 600.0 * row,
    }
    errors = {
        "measured_cavity_frequency": 1e-5, "measured_loaded_q": 120.0, "measured_beta": 0.01,
        "measured_jpa_resonance": 1e-4, "measured_jpa_bandwidth": 1.5,
        "measured_jpa_gain_peak": 0.02,
    }  # fmt: skip
    data |= {f"{key}_error": value for key, value in errors.items()}
    return {f"{named}{field}": value for field, value in data.items()}
