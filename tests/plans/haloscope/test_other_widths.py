"""A haloscope that is not as its owners believe: its widths are measured, and sweeps follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from bluesky import RunEngine

from cryohalo.run_engine import close_run_engine, make_run_engine
from devices.simulated.haloscope import Haloscope
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.measure import reflection, transmission
from plans.haloscope.scan import scan
from plans.haloscope.tuning import Amplifier, set_jpa, tune_to

BELIEVED = HaloscopeParameters.capp12tb()
MHZ = 1101.0


@pytest.fixture(scope="module")
def engine() -> Iterator[RunEngine]:
    made = make_run_engine()
    yield made
    close_run_engine(made)


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Iterator[Any]:
    """CAPP-12TB as described; in truth with other values of one group."""
    group, values = request.param
    true = replace(BELIEVED, **{group: replace(getattr(BELIEVED, group), **values)})
    made = Haloscope(name="haloscope", parameters=true, seed=3, description=describe(BELIEVED))
    yield made
    made.bench.close()


@pytest.mark.parametrize(
    ("device", "loaded_q"),
    [(("cavity", {"unloaded_q": 3 * q}), q) for q in (6e3, 15e3, 1e5, 3.3e5)],
    indirect=["device"],
)
def test_a_line_of_another_width_is_swept_by_its_own(
    engine: RunEngine, device: Any, loaded_q: float
) -> None:
    found = engine(tune_to(device, MHZ)).plan_result
    assert found.loaded_q == pytest.approx(loaded_q, rel=0.03)
    assert 5 < 1e6 * device.vna.span.get() / found.line_hz < 8
    assert engine(scan(device, [MHZ, MHZ + 0.01], averages=100)).plan_result == [MHZ, MHZ + 0.01]


@pytest.mark.parametrize("device", [("cavity", {"unloaded_q": 12e3})], indirect=True)
def test_what_is_measured_alone_finds_the_width_too(engine: RunEngine, device: Any) -> None:
    """Nine times the width that is expected: 0.2 MHz show a slope, and so do 0.4 MHz."""
    engine(tune_to(device, MHZ))
    assert engine(transmission(device, MHZ)).plan_result.loaded_q == pytest.approx(4e3, rel=0.05)
    found = engine(reflection(device, MHZ)).plan_result
    assert found.resonance.loaded_q == pytest.approx(4e3, rel=0.05)


@pytest.mark.parametrize(
    "device", [("jpa", {"linewidth_hz": hz}) for hz in (0.2e6, 3e6, 15e6)], indirect=True
)
def test_a_gain_of_another_width_is_found_and_remembered(engine: RunEngine, device: Any) -> None:
    amplifier, expected = Amplifier(), device.apparatus.jpa.linewidth_hz
    for _ in range(2):
        sweeps = device.vna.counter.get()
        found = engine(set_jpa(device, MHZ, amplifier=amplifier)).plan_result
        assert found.probe_gain_db == pytest.approx(20, abs=0.4)
    true = device.bench.machine.parameters.jpa.linewidth_hz
    assert found.bandwidth_hz == pytest.approx(190e3 * true / expected, rel=0.1)
    assert device.vna.counter.get() - sweeps <= 3  # known by now
