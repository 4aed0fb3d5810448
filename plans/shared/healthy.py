"""What a haloscope in good order measures, by what its owners state of it: for rehearsals."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from haloscope.constants import BOLTZMANN_J_PER_K, PLANCK_J_S
from haloscope.description import Description
from haloscope.parametric import power_gain, pump_over_threshold

__all__ = ["Healthy"]

#: Bins of a rehearsed spectrum: enough for a mean, and quick.
BINS: Final = 1000
#: Noise at the pumped amplifier's input in quanta: vacuum, idler, and some heat.
QUANTA: Final = 1.8


class Healthy:
    """The answers of its instruments.

    Args:
        apparatus: What its owners state.
    """

    def __init__(self, apparatus: Description) -> None:
        self._apparatus = apparatus
        operation = apparatus.operation
        self.beta = apparatus.antenna.reference_beta
        self.loaded_q = apparatus.cavity.unloaded_q / (1.0 + self.beta)
        self.gain = 10.0 ** (operation.gain_db / 10.0)
        pump = pump_over_threshold(self.gain)
        self.bandwidth_hz = apparatus.jpa.linewidth_hz * (1.0 - pump)
        self.coldest_k = apparatus.noise_source.lowest_k

    def speed(self, axis: str) -> float:
        """Of a drive or of the field: deg/s, mm/s or T/s."""
        magnet = self._apparatus.magnet
        if axis == "rod":
            return self._apparatus.rod.velocity_deg_per_s
        if axis == "antenna":
            return self._apparatus.antenna.velocity_mm_per_s
        return magnet.ramp_rate_a_per_s * magnet.full_field_t / magnet.full_current_a

    def trace(
        self, path: str | None, center_mhz: float, span_mhz: float, points: int, *, cavity: bool,
        pumped: bool,
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:  # fmt: skip
        """Frequencies in MHz and S of the analyzer, shape (points,), everything in its place.

        Args:
            path: Weak, Strong, or the bypass.
            center_mhz: Middle of the sweep; the resonance is there.
            span_mhz: Its width.
            points: Number of points.
            cavity: The switch connects the cavity.
            pumped: The amplifier's pump is on.
        """
        frequency = center_mhz + np.linspace(-span_mhz / 2, span_mhz / 2, points)
        resonance = 1.0 / (1.0 + 2j * self.loaded_q * (frequency - center_mhz) / center_mhz)
        # A millionth of ripple: residuals that are exactly zero leave no uncertainty to estimate.
        ripple = 1.0 + 1e-6 * np.cos(np.arange(points) * 2.0)
        if path == "Weak":
            return frequency, 1e-3 * resonance * ripple
        if path == "Strong":
            loss = 10.0 ** (-self._apparatus.receiver.line_attenuation_db / 10) if cavity else 1.0
            share = 2.0 * self.beta / (1.0 + self.beta)
            return frequency, loss * (share * resonance - 1.0) * ripple
        if not pumped:
            return frequency, ripple + 0j
        detuning_hz = (frequency - center_mhz) * 1e6 - self._apparatus.operation.jpa_offset_hz
        gain = power_gain(detuning_hz, self.gain, self.bandwidth_hz)
        return frequency, np.sqrt(gain) * ripple + 0j

    def spectrum(
        self, lo_mhz: float | None, source_k: float, averages: float, *, pumped: bool
    ) -> dict[str, Any]:
        """A spectrum of the noise that the source and the receiver make, by the digitizer's names.

        Args:
            lo_mhz: Of the local oscillator; None for a centre at the reference.
            source_k: Of the noise source.
            averages: Spectra averaged.
            pumped: The amplifier's pump is on.
        """
        known, digitizer = self._apparatus.receiver, self._apparatus.digitizer
        center_hz = self._apparatus.cavity.reference_hz
        if lo_mhz is not None:
            center_hz = lo_mhz * 1e6 + known.intermediate_hz
        kelvin = known.rest_noise_k + source_k
        if pumped:
            offset_hz = self._apparatus.operation.jpa_offset_hz
            gain = float(power_gain(offset_hz, self.gain, self.bandwidth_hz))
            quantum_k = PLANCK_J_S * center_hz / BOLTZMANN_J_PER_K
            kelvin = known.rest_noise_k + gain * QUANTA * quantum_k
        width_hz = digitizer.bin_width_hz
        power = 10.0 ** (known.rest_gain_db / 10) * BOLTZMANN_J_PER_K * width_hz * kelvin
        spread = np.cos(np.arange(BINS) * 2.0) * math.sqrt(2.0 / averages)
        span_mhz = digitizer.bins * width_hz * 1e-6
        return {
            "daq_spectrum": power * (1.0 + spread),
            "daq_frequency_start": center_hz * 1e-6 - span_mhz / 2,
            "daq_frequency_step": span_mhz * 1e6 / BINS,
            "daq_num_averages": averages,
            "noise_source_temperature": source_k,
        }
