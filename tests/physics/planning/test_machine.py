"""The setup that a forecast reckons with against the simulated machine without its unknowns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.axion import AxionLine, signal_power_w
from haloscope.constants import BOLTZMANN_J_PER_K
from haloscope.description import Description, MistakesError, describe
from haloscope.finite_line import line_overlap
from haloscope.parameters import SHIPPED, HaloscopeParameters
from haloscope.planning.machine import setup_of
from tests.physics.planning.frontier import CELLS, NARROW, SQUEEZED, WIDEBAND, made

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cells": CELLS,
    "wideband": WIDEBAND,
    "squeezed": SQUEEZED,
    "narrow": NARROW,
}
#: Nothing drifts, ripples, or is other than stated.
EXACT: dict[str, dict[str, Any]] = {
    "receiver": {
        "ripple_db": 0.0, "rest_slope_db_per_mhz": 0.0, "gain_drift_db": 0.0,
        "line_attenuation_span_db": 0.0, "comb_power_k": 0.0, "interference_per_hour": 0.0,
    },
    "unknowns": {
        "form_factor_spread": 0.0, "field_spread": 0.0, "line_attenuation_spread_db": 0.0,
        "noise_source_spread": 0.0,
    },
    "jpa": {"table_error_hz": 0.0, "drift_hz": 0.0, "pump_drift_db": 0.0, "in_situ_pump_db": 0.0,
            "leakage_power_w": 0.0},
    "cavity": {"drift_hz": 0.0, "te_frequency_hz": [], "te_coupling_hz": [], "te_q": []},
}  # fmt: skip


def exact(kind: str) -> tuple[SimulatedHaloscope, Description]:
    """The machine as stated, its amplifier at the gain that is wanted."""
    parameters = made(kind, KINDS[kind], **EXACT)
    known = describe(parameters)
    machine = SimulatedHaloscope(parameters, seed=1)
    gain = 10 ** (known.operation.gain_db / 10)
    pump = (np.sqrt(gain) - 1) / (np.sqrt(gain) + 1)
    machine.jpa.pump_power_dbm = parameters.jpa.threshold_power_dbm + 10 * np.log10(pump)
    centre_hz = known.cavity.reference_hz + known.operation.jpa_offset_hz
    machine.jpa.resonance_setpoint_hz = centre_hz
    machine.jpa.pump_frequency_hz = 2 * centre_hz
    machine.jpa.pump_on = True
    return machine, known


@pytest.mark.parametrize("kind", KINDS)
def test_the_expected_noise_is_the_machines(kind: str) -> None:
    machine, known = exact(kind)
    setup, now = setup_of(known), machine.conditions()
    cavity_hz = machine.cavity_state().tm_hz
    nu = cavity_hz + np.linspace(-60e3, 60e3, 13)
    power_w = machine.receiver.noise_power_w(nu, now, 10.0)
    total = now.paramp.gain(nu) * machine.receiver.rest_gain(nu, 0.0)
    noise_k = power_w / (BOLTZMANN_J_PER_K * 10.0 * total)
    said = setup.noise_k(nu, cavity_hz, known.antenna.reference_beta)
    assert said == pytest.approx(noise_k, rel=0.004)
    assert setup.gain(nu, cavity_hz) == pytest.approx(now.paramp.gain(nu), rel=0.003)


@pytest.mark.parametrize("kind", KINDS)
def test_the_machines_signal_is_eq_1_over_the_whole_line(kind: str) -> None:
    """P_full h of ``finite_line``, of all cells, less what the line to the switch loses."""
    machine, known = exact(kind)
    setup, cavity = setup_of(known), machine.cavity_state()
    axion_hz = cavity.tm_hz - 600.0
    without = machine.mean_spectrum_w(cavity.tm_hz)
    machine.lines = (AxionLine(axion_hz, 1e-15),)
    signal_w = machine.mean_spectrum_w(cavity.tm_hz) - without
    digitizer = known.digitizer
    away = (np.arange(digitizer.bins) - digitizer.bins // 2) * digitizer.bin_width_hz
    near = np.abs(away) < 40e3  # the idler, where there is one beside it, is farther away
    now, nu = machine.conditions(), cavity.tm_hz + away
    gain = now.paramp.gain(nu) * machine.receiver.rest_gain(nu, 0.0)
    found_w = float((signal_w / gain)[near].sum())
    full_w = signal_power_w(
        1e-15, axion_hz, field_t=setup.field_t * setup.field_ratio, volume_m3=setup.volume_m3,
        form_factor=setup.mode(cavity.tm_hz).form_factor, loaded_q=cavity.loaded_q,
        beta=cavity.beta,
    )  # fmt: skip
    share = float(line_overlap(axion_hz, cavity.tm_hz, cavity.loaded_q))
    passed = 10 ** (-known.receiver.line_attenuation_db / 10)
    mirrored = 2.0 if kind == "squeezed" else 1.0  # its idler is folded onto the same spectrum
    assert found_w == pytest.approx(float(full_w) * share * passed * mirrored, rel=0.01)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_is_one_cavity_behind_a_jpa(name: str) -> None:
    known = describe(HaloscopeParameters.shipped(name))
    assert (known.cavity.cells, known.cavity.matching_loss_db) == (1, 0.0)
    assert (known.jpa.kind, known.jpa.squeezing_db) == ("jpa", 0.0)
    assert known.cavity.detecting_volume_m3 == known.cavity.volume_m3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"jpa": {"squeezing_db": 3.0}}, r"squeezing_db is 3 dB, must be 0 dB where jpa\.kind is"),
        ({"jpa": {"kind": "squeezed", "squeezing_db": 4.0}}, r"jpa_offset_hz is -100000 Hz, must"),
        ({"jpa": {"kind": "maser"}}, "one of jpa, squeezed, wideband"),
        ({"cavity": {"cells": 0}}, r"cavity\.cells is 0, must be 1 to 1000"),
        ({"cavity": {"cells": 2.5}}, "a whole number"),
        ({"cavity": {"matching_loss_db": -1.0}}, r"matching_loss_db is -1\.0, must be 0 to 30 dB"),
        ({"jpa": {"squeezed_transmission": 0.0}}, "must be above 0 to 1"),
    ],
)
def test_receivers_and_cells_that_cannot_be_are_refused(
    values: dict[str, dict[str, Any]], words: str
) -> None:
    with pytest.raises(MistakesError, match=words):
        HaloscopeParameters.from_mapping(values)
