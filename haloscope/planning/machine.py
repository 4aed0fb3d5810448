"""From what owners state of an apparatus, and what its calibrations measured, to a ``Setup``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

import numpy as np

from haloscope.analysis.apparatus import Apparatus
from haloscope.description import Description
from haloscope.measuring.calibration import effective_temperature_k
from haloscope.measuring.tuning import FAR_TOLERANCES
from haloscope.planning.rounds import temperatures_of
from haloscope.planning.setup import Amplifier, AmplifierKind, Mode, Setup
from haloscope.planning.timing import Times

__all__ = ["calibrated", "setup_of"]

#: What a calibration brings to the error budget, by the names of ``analysis.calibration``.
_ERRORS: Final = (
    "receiver_gain_db_error",
    "receiver_temperature_k_error",
    "line_attenuation_db_error",
    "noise_difference",
)


def setup_of(description: Description) -> Setup:
    """The setup of an apparatus, by nothing but what its owners state."""
    own, chart = description, description.mode_map

    def mode(cavity_hz: float) -> Mode:
        return Mode(
            form_factor=float(chart.form_factor(cavity_hz)),
            unloaded_q=float(chart.unloaded_q(cavity_hz)),
            rod_share=float(chart.rod_share(cavity_hz)),
        )

    geometry = Apparatus.of(description)
    return Setup(
        name=own.name,
        mode=mode,
        reference_hz=own.cavity.reference_hz,
        lowest_hz=chart.lowest_hz,
        highest_hz=chart.highest_hz,
        beta=own.antenna.reference_beta,
        volume_m3=geometry.volume_m3,
        field_t=own.magnet.full_field_t,
        field_ratio=geometry.field_ratio,
        amplifier=_amplifier(own),
        rest_k=own.receiver.rest_noise_k,
        rest_gain_db=own.receiver.rest_gain_db,
        line_attenuation_db=own.receiver.line_attenuation_db,
        cold_k=own.cryostat.base_temperature_k,
        rod_k=own.rod.base_temperature_k,
        incident_k=own.receiver.termination_k,
        bin_hz=own.digitizer.bin_width_hz,
        times=_times(own),
        errors=geometry.errors,
    )


def _amplifier(own: Description) -> Amplifier:
    kinds: dict[str, AmplifierKind] = {kind: kind for kind in get_args(AmplifierKind)}
    return Amplifier(
        kind=kinds[own.jpa.kind],
        gain_db=own.operation.gain_db,
        linewidth_hz=own.jpa.linewidth_hz,
        offset_hz=own.operation.jpa_offset_hz,
        excess_k=own.jpa.excess_noise_k,
        squeezing_db=own.jpa.squeezing_db,
        squeezed_transmission=own.jpa.squeezed_transmission,
    )


def _times(own: Description) -> Times:
    rod, source, operation = own.rod, own.noise_source, own.operation
    ends_hz = own.mode_map.frequency_hz(np.array([rod.low_limit_deg, rod.high_limit_deg]))
    hz_per_deg = abs(float(ends_hz[1] - ends_hz[0])) / (rod.high_limit_deg - rod.low_limit_deg)
    return Times(
        efficiency=own.digitizer.efficiency,
        rod_hz_per_s=rod.velocity_deg_per_s * hz_per_deg,
        settle_s=rod.settle_s,
        far_hz=FAR_TOLERANCES * operation.tuning_tolerance_hz,
        source_time_s=source.time_constant_s,
        source_within_k=source.settled_within_k,
        source_k=temperatures_of(source),
        calibration_averages=operation.calibration_averages,
        spacing_hz=operation.calibration_spacing_hz,
        every_s=operation.calibration_every_s,
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
