"""HAYSTAC and ADMX from their parameter files: searched in process by the plans as they are.

What they published is in docs/explanation/other_haloscopes.md; examples/other_haloscopes.py does
the same over process variables, by commands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from bluesky import RunEngine

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.calibration import calibrate
from plans.haloscope.campaign import Campaign, campaign

#: Middle MHz, step kHz, averages, coupling of the hidden axion, published limit, and the SNR that
#: its kind of limit is of: a threshold's, or that of a 90 % upper limit of the power.
SEARCHES = {
    "haystac": (5750.0, 144.0, 900_000, 4e-14, 2.2e-14, 5.1),
    "admx": (740.0, 5.0, 2_500, 1e-15, 3.5e-16, 1.645),
}
Search = Callable[[str], tuple[Campaign, AxionLine]]


@pytest.fixture(scope="module")
def engine() -> Iterator[RunEngine]:
    made = make_run_engine()
    yield made
    close_run_engine(made)


@pytest.fixture(scope="module")
def search(engine: RunEngine) -> Search:
    """Campaigns by name, each made once."""
    made: dict[str, tuple[Campaign, AxionLine]] = {}

    def of(name: str) -> tuple[Campaign, AxionLine]:
        if name not in made:
            made[name] = _searched(engine, name)
        return made[name]

    return of


def _searched(engine: RunEngine, name: str) -> tuple[Campaign, AxionLine]:
    middle_mhz, step_khz, averages, hidden, _, _ = SEARCHES[name]
    axion = AxionLine(1e6 * middle_mhz + 400.0 * step_khz, hidden)
    device = Haloscope(
        name="haloscope", parameters=HaloscopeParameters.shipped(name), seed=5, lines=[axion]
    )
    reach_mhz = 9e-3 * step_khz
    try:
        plan = campaign(
            device, name, start_mhz=middle_mhz - reach_mhz, stop_mhz=middle_mhz + reach_mhz,
            step_khz=step_khz, averages=averages, rescan_averages=averages, find_crossings=True,
        )  # fmt: skip
        found: Campaign = engine(plan).plan_result
    finally:
        device.bench.close()
    return found, axion


@pytest.mark.parametrize("name", SEARCHES)
def test_another_haloscope_finds_its_hidden_axion_by_the_same_plans(
    search: Search, name: str
) -> None:
    found, axion = search(name)
    assert len(found.taken_mhz) == 19
    [place_mhz] = found.survivors_mhz
    line_hz = HaloscopeParameters.shipped(name).analysis.line_span * axion.frequency_hz
    assert abs(1e6 * place_mhz - axion.frequency_hz) < line_hz
    [verdict] = found.verdicts
    assert verdict.together.coupling_per_gev == pytest.approx(axion.coupling_per_gev, rel=0.15)


@pytest.mark.parametrize("name", SEARCHES)
def test_its_windows_and_bins_are_its_own(search: Search, name: str) -> None:
    found, axion = search(name)
    assert found.result is not None
    own, stated = found.result.options, HaloscopeParameters.shipped(name)
    assert own.window_hz == stated.analysis.window_hz
    assert own.line_share(stated.digitizer.bin_width_hz, axion.frequency_hz) > 0.999
    assert found.result.quality.used.sum() > 0.8 * found.result.quality.used.size


@pytest.mark.parametrize("name", SEARCHES)
def test_it_is_as_sensitive_as_published(search: Search, name: str) -> None:
    """Of the steps of the scan alone: what was taken again is where the axion is, to one side."""
    found, axion = search(name)
    assert found.result is not None
    middle_mhz, step_khz, _, _, published, snr = SEARCHES[name]
    frequency_mhz = 1e-6 * found.result.frequency_hz
    stated = HaloscopeParameters.shipped(name)
    away = np.abs(frequency_mhz - 1e-6 * axion.frequency_hz) * 1e6
    far = away > 0.5 * stated.analysis.window_hz + stated.operation.rescan_half_width_hz
    inside = np.abs(frequency_mhz - middle_mhz) < 9e-3 * step_khz
    limit = found.result.limit.coupling_per_gev[far & inside]
    assert limit.size > 25
    own = float(np.median(limit)) * (snr / stated.analysis.target_snr) ** 0.5
    assert own == pytest.approx(published, rel=0.2)


@pytest.mark.parametrize("name", SEARCHES)
def test_its_noise_is_measured_within_its_own_spectrum(engine: RunEngine, name: str) -> None:
    """By both methods: a spectrum of 50 kHz has nothing 100 kHz from its middle."""
    device = Haloscope(name="haloscope", parameters=HaloscopeParameters.shipped(name), seed=2)
    try:
        known = engine(calibrate(device, SEARCHES[name][0], in_situ=True)).plan_result
    finally:
        device.bench.close()
    assert known["receiver_temperature_k"] == pytest.approx(3.0, rel=0.1)
    assert 0 <= known["noise_difference"] < 0.3


def test_a_campaign_says_in_one_line_how_it_ended(search: Search) -> None:
    found, _ = search("admx")
    told = str(found)
    assert told.startswith("admx: 19 targets taken; candidate 740.00")
    assert told.endswith("spectra used")
    assert "\n" not in told
    assert len(told) < 500
