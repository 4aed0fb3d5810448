"""From what owners state of an apparatus, and what its calibrations measured, to a ``Setup``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from haloscope import mode_map
from haloscope.analysis.options import Options
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.parameters import HaloscopeParameters
from haloscope.planning.setup import Amplifier, Mode, Setup
from haloscope.planning.timing import Times

__all__ = ["calibrated", "options_of", "setup_of"]

#: Temperatures of the Y factor, as shares of the noise source's range.
_Y_FACTOR: Final = (0.0, 0.2, 7 / 15, 11 / 15, 1.0)
#: Width of the letter's cavity, of which its window is the fivefold, and what counts as the same.
_LETTER_WIDTH_HZ, _SAME = 30.7e3, 0.2
#: What a calibration brings to the error budget, by the names of ``analysis.calibration``.
_ERRORS: Final = (
    "receiver_gain_db_error",
    "receiver_temperature_k_error",
    "line_attenuation_db_error",
    "noise_difference",
)


def setup_of(parameters: HaloscopeParameters) -> Setup:
    """The setup of an apparatus, by nothing but what its parameter file states.

    Raises:
        OSError: Its mode map cannot be read.
        ValueError: Its mode map is none.
    """
    p, chart = parameters, mode_map.load(parameters)

    def mode(cavity_hz: float) -> Mode:
        return Mode(
            form_factor=float(chart.form_factor(cavity_hz)),
            unloaded_q=float(chart.unloaded_q(cavity_hz)),
            rod_share=float(chart.rod_share(cavity_hz)),
        )

    return Setup(
        name=p.name,
        mode=mode,
        reference_hz=p.cavity.reference_hz,
        lowest_hz=chart.lowest_hz,
        highest_hz=chart.highest_hz,
        beta=p.antenna.reference_beta,
        volume_m3=p.cavity.volume_m3,
        field_t=p.magnet.full_field_t,
        field_ratio=p.magnet.average_field_t / p.magnet.full_field_t,
        amplifier=_amplifier(p),
        rest_k=p.receiver.rest_noise_k,
        rest_gain_db=p.receiver.rest_gain_db,
        line_attenuation_db=p.receiver.line_attenuation_db,
        cold_k=p.cryostat.base_temperature_k,
        rod_k=p.rod.base_temperature_k,
        incident_k=p.receiver.termination_k,
        bin_hz=p.digitizer.bin_width_hz,
        times=_times(p, chart),
        errors={
            "form_factor": p.unknowns.form_factor_spread,
            "field_ratio": p.unknowns.field_spread,
            "noise_source": p.unknowns.noise_source_spread,
            "line_contacts_db": p.unknowns.line_attenuation_spread_db,
        },
    )


def _amplifier(p: HaloscopeParameters) -> Amplifier:
    return Amplifier(
        kind="jpa",
        gain_db=p.operation.gain_db,
        linewidth_hz=p.jpa.linewidth_hz,
        offset_hz=p.operation.jpa_offset_hz,
        excess_k=p.jpa.excess_noise_k,
    )


def _times(p: HaloscopeParameters, chart: mode_map.ModeMap) -> Times:
    low_deg, high_deg = p.rod.low_limit_deg, p.rod.high_limit_deg
    ends_hz = chart.frequency_hz(np.array([low_deg, high_deg]))
    hz_per_deg = abs(float(ends_hz[1] - ends_hz[0])) / (high_deg - low_deg)
    low_k, high_k = p.noise_source.lowest_k, p.noise_source.highest_k
    return Times(
        efficiency=p.digitizer.efficiency,
        rod_hz_per_s=p.rod.velocity_deg_per_s * hz_per_deg,
        settle_s=p.rod.settle_s,
        source_time_s=p.noise_source.time_constant_s,
        source_within_k=p.noise_source.settled_within_k,
        calibration_averages=p.operation.calibration_averages,
        spacing_mhz=p.operation.calibration_spacing_hz * 1e-6,
        every_s=p.operation.calibration_every_s,
        source_k=tuple(low_k + share * (high_k - low_k) for share in _Y_FACTOR),
    )


def calibrated(setup: Setup, calibration: Mapping[str, float], frequency_hz: float) -> Setup:
    """The setup with what a calibration measured, where it did.

    Args:
        setup: As the owners state it.
        calibration: What ``plans.haloscope.calibration.calibrate`` returns, or parts of it.
        frequency_hz: Where, Hz.
    """
    own = setup.amplifier
    noise_k = calibration.get("jpa_noise_temperature_k")
    if noise_k is not None:
        own = replace(own, excess_k=_excess_k(setup, float(noise_k), frequency_hz))
    loss_db = calibration.get("line_attenuation_db", setup.line_attenuation_db)
    return replace(
        setup,
        amplifier=own,
        rest_k=float(calibration.get("receiver_temperature_k", setup.rest_k)),
        rest_gain_db=float(calibration.get("receiver_gain_db", setup.rest_gain_db)),
        # A line that is measured to amplify is one without loss.
        line_attenuation_db=max(float(loss_db), 0.0),
        calibration_errors={n: float(calibration[n]) for n in _ERRORS if n in calibration},
    )


def _excess_k(setup: Setup, added_k: float, frequency_hz: float) -> float:
    """T_x of an amplifier that adds so much at the target, its idler's noise of a cold load in it.

    The added noise (1 - 1/G)(T_idler + T_x (1 + 1/sqrt G)^2) of module ``noise``, solved for T_x.
    """
    gain = float(setup.gain(np.array([frequency_hz]), frequency_hz)[0])
    idler_k = float(effective_temperature_k(setup.cold_k, frequency_hz))
    return max((added_k / (1 - 1 / gain) - idler_k) / (1 + 1 / np.sqrt(gain)) ** 2, 0.0)


def options_of(parameters: HaloscopeParameters, frequency_hz: float) -> Options:
    """Settings of the analysis for an apparatus at a frequency: window and bins by its widths."""
    chart = mode_map.load(parameters)
    beta = parameters.antenna.reference_beta
    width_hz = frequency_hz * (1 + beta) / float(chart.unloaded_q(frequency_hz))
    digitizer = parameters.digitizer
    most_hz = 0.9 * digitizer.bins * digitizer.bin_width_hz
    plain = Options().suited_to(digitizer.bin_width_hz, frequency_hz)
    if abs(width_hz / _LETTER_WIDTH_HZ - 1) < _SAME:
        return plain
    window_hz = min(plain.window_hz * width_hz / _LETTER_WIDTH_HZ, most_hz)
    return replace(plain, window_hz=window_hz)
