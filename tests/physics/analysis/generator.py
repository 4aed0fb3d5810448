"""A small generator of measured spectra for tests: the noise model of the letter, no apparatus.

T_n(d) = T_b + T_JPA + T_rest/G_J + DT L(d), with the letter's 130 / 215 mK at -100 / 0 kHz; each
bin is the mean of N exponentials about (S_n + S_a), which is a Gamma variate exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from haloscope.analysis.spectra import Calibration, FloatArray, Spectra
from haloscope.axion import bin_fractions, coupling_dfsz, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K

STEP_HZ = 10.0

#: What the generated receiver is, as a calibration would measure it.
MEASURED = Calibration(
    receiver_gain_db=104.0,
    receiver_gain_db_error=0.1,
    receiver_temperature_k=1.2,
    receiver_temperature_k_error=0.036,
    line_attenuation_db=0.4,
    line_attenuation_db_error=0.05,
)


@dataclass(frozen=True)
class Model:
    """What the generated apparatus is, as the tests know it."""

    loaded_q: float = 35000.0
    beta: float = 2.0
    bandwidth_hz: float = 190e3
    peak_gain_db: float = 20.0
    receiver_gain_db: float = 104.0
    averages: int = 5000
    form_factor: float = 0.6
    calibration: Calibration = field(default_factory=lambda: MEASURED)


def gain(detuning_from_jpa_hz: FloatArray, model: Model) -> FloatArray:
    peak = 10 ** (model.peak_gain_db / 10)
    return 1 + (peak - 1) / (1 + (2 * detuning_from_jpa_hz / model.bandwidth_hz) ** 2)


def noise_temperature_k(detuning_hz: FloatArray, model: Model, cavity_hz: float) -> FloatArray:
    lorentzian = 1 / (1 + (2 * model.loaded_q * detuning_hz / cavity_hz) ** 2)
    return 0.056 + 0.060 + 1.2 / gain(detuning_hz + 100e3, model) + 0.0735 * lorentzian


def signal_w(
    frequency_hz: FloatArray, cavity_hz: float, axion_hz: float, coupling: float, model: Model
) -> FloatArray:
    """Signal power per 10 Hz bin at the switch, W."""
    edges = np.append(frequency_hz - STEP_HZ / 2, frequency_hz[-1] + STEP_HZ / 2)
    total = signal_power_w(
        coupling, axion_hz, field_t=10.31, volume_m3=36.85e-3, form_factor=model.form_factor,
        loaded_q=model.loaded_q, beta=model.beta, detuning_hz=frequency_hz - cavity_hz,
    )  # fmt: skip
    return total * bin_fractions(edges, axion_hz)


def make(
    targets_hz: FloatArray,
    *,
    seed: int = 0,
    bins: int = 15000,
    model: Model | None = None,
    axions: dict[float, float] | None = None,
    noise: bool = True,
    dtype: type = np.float32,
    tones: dict[float, float] | None = None,
) -> Spectra:
    """Spectra around ``targets_hz``; ``axions``: frequency to DFSZ units, ``tones``: to W."""
    model = model or Model()
    rng = np.random.default_rng(seed)
    n = len(targets_hz)
    power = np.empty((n, bins), dtype)
    offset = (np.arange(bins) - bins // 2) * STEP_HZ
    for row, target in enumerate(targets_hz):
        power[row] = _mean(offset, float(target), model, axions or {}, tones or {})
        if noise:
            power[row] *= rng.standard_gamma(model.averages, bins) / model.averages
    return Spectra(
        power_w=power,
        frequency_start_hz=targets_hz + offset[0],
        step_hz=STEP_HZ,
        num_averages=np.full(n, float(model.averages)),
        target_frequency_hz=targets_hz,
        cavity_frequency_hz=targets_hz,
        loaded_q=np.full(n, model.loaded_q),
        beta=np.full(n, model.beta),
        jpa_resonance_hz=targets_hz - 100e3,
        jpa_bandwidth_hz=np.full(n, model.bandwidth_hz),
        jpa_gain_peak_db=np.full(n, model.peak_gain_db),
        magnet_field_t=np.full(n, 12.0),
        form_factor=np.full(n, model.form_factor),
        calibration=model.calibration,
        volume_m3=36.85e-3,
        field_ratio=10.31 / 12.0,
    )


def _mean(
    offset: FloatArray,
    target: float,
    model: Model,
    axions: dict[float, float],
    tones: dict[float, float],
) -> FloatArray:
    at_input = BOLTZMANN_J_PER_K * STEP_HZ * noise_temperature_k(offset, model, target)
    for axion_hz, times_dfsz in axions.items():
        coupling = times_dfsz * coupling_dfsz(axion_hz)
        at_input = at_input + signal_w(target + offset, target, axion_hz, coupling, model)
    for tone_hz, watts in tones.items():
        at = round((tone_hz - target - offset[0]) / STEP_HZ)
        if 0 <= at < len(offset):
            at_input[at] += watts
    return at_input * gain(offset + 100e3, model) * 10 ** (model.receiver_gain_db / 10)


def scan_targets(count: int, first_hz: float = 1.1e9, step_hz: float = 10e3) -> FloatArray:
    return first_hz + step_hz * np.arange(count)
