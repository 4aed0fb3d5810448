"""Other receivers and cavities, from the parameter file through plans and analysis to the limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.spectra import Spectra
from haloscope.axion import AxionLine
from haloscope.constants import BOLTZMANN_J_PER_K, PLANCK_J_S
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from haloscope.planning.forecast import Forecast, forecast
from haloscope.planning.machine import setup_of
from haloscope.planning.request import Request
from plans.haloscope.campaign import Campaign, campaign
from plans.haloscope.scan import scan
from tests.physics.planning.frontier import CELLS, NARROW, SQUEEZED, WIDEBAND, made

LOW_HZ = 1.1e9
KINDS = {"cells": CELLS, "wideband": WIDEBAND, "squeezed": SQUEEZED, "narrow": NARROW}
CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.02,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.01,
    "line_attenuation_db": 0.4,
    "line_attenuation_db_error": 0.01,
}


def expected(parameters: HaloscopeParameters, steps: int, averages: int) -> Forecast:
    """What is to come of so many steps from 1100 MHz."""
    known = describe(parameters)
    step_hz, beta = known.operation.step_hz, known.antenna.reference_beta
    request = Request(
        low_hz=LOW_HZ, high_hz=LOW_HZ + (steps - 1) * step_hz, beta=beta, step_hz=step_hz,
        averages=averages, beyond=False,
    )  # fmt: skip
    return forecast(setup_of(known), request, Options.of(known, LOW_HZ))


def targets_mhz(said: Forecast) -> list[float]:
    return [round(nu * 1e-6, 6) for nu in said.targets_hz]


def run(
    RE: RunEngine, parameters: HaloscopeParameters, said: Forecast, lines: list[AxionLine]
) -> tuple[Campaign, float]:
    """The campaign that the forecast is of, and its simulated time."""
    device: Any = Haloscope(name="haloscope", parameters=parameters, seed=3, lines=lines)
    online = Online(Options.of(device.apparatus, LOW_HZ))
    plan = campaign(device, "c", targets_mhz(said), averages=said.averages, online=online)
    end = RE(plan).plan_result
    time_s = device.bench.machine.time_s
    device.bench.close()
    return end, time_s


@pytest.mark.parametrize("kind", KINDS)
def test_a_haloscope_of_the_frontier_reaches_what_its_description_promises(
    RE: RunEngine, kind: str
) -> None:
    parameters = made(kind, KINDS[kind])
    said = expected(parameters, 20, 1000)
    end, time_s = run(RE, parameters, said, [])
    assert end.result is not None
    assert not end.candidates_mhz
    assert end.result.believed, end.result.verdict()
    frequency = end.result.frequency_hz
    inside = (frequency >= LOW_HZ) & (frequency <= said.targets_hz[-1])
    reached = np.median(end.result.limit.coupling_per_gev[inside])
    assert said.typical_per_gev == pytest.approx(reached, rel=0.04)
    assert said.total_s == pytest.approx(time_s, rel=0.05)


@pytest.mark.parametrize("kind", ["cells", "wideband", "squeezed"])
def test_a_haloscope_of_the_frontier_finds_a_strong_axion(RE: RunEngine, kind: str) -> None:
    parameters = made(kind, KINDS[kind])
    said = expected(parameters, 16, 1000)
    axion = AxionLine(LOW_HZ + 75e3, 1.6 * said.typical_per_gev)
    end, _ = run(RE, parameters, said, [axion])
    assert [round(f * 1e6 - axion.frequency_hz) for f in end.survivors_mhz] == pytest.approx(
        [0], abs=500
    )
    [verdict] = end.verdicts
    assert verdict.together.coupling_per_gev == pytest.approx(axion.coupling_per_gev, rel=0.12)


def test_four_cells_are_worth_their_power(RE: RunEngine) -> None:
    """N = 4 less half a decibel: the coupling goes as one over the root of the power."""
    one, four = (
        expected(made(name, values), 20, 1000)
        for name, values in (("one", {"receiver": CELLS["receiver"]}), ("four", CELLS))
    )
    gain = 4 * 10**-0.05
    assert one.typical_per_gev / four.typical_per_gev == pytest.approx(gain**0.5, rel=1e-3)


# The quantum limit -------------------------------------------------------------------------------


@pytest.fixture
def squeezed(RE: RunEngine) -> Spectra:
    """Spectra behind a squeezer, with noise below h f/k."""
    parameters = made("squeezed", SQUEEZED, receiver={"rest_noise_k": 0.2})
    device: Any = Haloscope(name="haloscope", parameters=parameters, seed=3)
    online = Online(Options.of(device.apparatus, LOW_HZ))
    RE.subscribe(online)
    targets = [1100.0 + 0.01 * i for i in range(12)]
    RE(scan(device, targets, averages=1000, calibration=CALIBRATION))
    device.bench.close()
    held = online.over([LOW_HZ + 10e3 * i for i in range(12)])
    assert held is not None
    return held


def test_noise_below_one_quantum_is_believed_of_a_squeezed_receiver_alone(
    squeezed: Spectra,
) -> None:
    own = Options.of(describe(made("squeezed", SQUEEZED)), LOW_HZ)
    found = analyze(squeezed, own)
    quantum_k = PLANCK_J_S * LOW_HZ / BOLTZMANN_J_PER_K
    assert own.demands.receiver == "squeezed"
    assert found.quality.used.all()
    noise_k = found.checks.noise_temperature_k
    assert 0.5 * quantum_k < np.median(noise_k) < quantum_k
    with pytest.raises(ValueError, match="below the quantum limit of a phase preserving receiver"):
        analyze(squeezed, replace(own, demands=Demands()))


def test_noise_below_what_its_squeezer_leaves_is_refused(squeezed: Spectra) -> None:
    """By the description alone: the same spectra from a squeezer that is said to do less."""
    for less in ({"squeezing_db": 1.0}, {"squeezed_transmission": 0.2}):
        known = describe(made("less", SQUEEZED, jpa=less))
        with pytest.raises(ValueError, match="below the quantum limit of a squeezed receiver"):
            analyze(squeezed, Options.of(known, LOW_HZ))
