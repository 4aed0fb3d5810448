"""The stability at the load and the load map, measured on the refrigerator in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine

from amrr.refrigerator import SimulatedRefrigerator as Machine
from amrr.snapshot import start_cold
from devices.simulated.amrr import Refrigerator
from plans.refrigerator import cooling, stability
from tests.plans.conftest import Documents


@pytest.fixture
def cold() -> Iterator[Any]:
    """A refrigerator that has been cycling under 600 uW until it was periodic."""
    machine = Machine()
    start_cold(machine)
    device = Refrigerator(name="refrigerator", machine=machine)
    yield device
    device.bench.close()


def test_the_stability_is_measured_from_the_thermometer_alone(
    RE: RunEngine, cold: Any, documents: Documents
) -> None:
    plan = stability.temperature_stability(
        cold, 0.95, cycles=4, proportional_uw_per_k=5e4, tolerance_k=1e-3, max_cycles=6
    )
    found = RE(plan).plan_result
    assert found.unseen == 0
    events = documents.events()
    assert len(events) == found.numbers["cycles"] == 4
    readings = np.array([event["refrigerator_chx_phases_temperatures"] for event in events])
    assert readings.shape == (4, 180)
    about = readings - readings.mean(axis=1)[:, None]
    assert found.numbers["within_cycle"] == pytest.approx(np.sqrt((about**2).mean()))
    assert found.numbers["mean"] == pytest.approx(0.95, abs=5e-3)
    # The sensor's noise: 1e-4 of R, over ten readings; the rest of its 0.78 is d ln R / d ln T.
    assert found.numbers["random"] > 0.8 * 0.95 * 1e-4 / 0.78 / np.sqrt(10.0)
    powers = [event["refrigerator_chx_phases_powers"] for event in events]
    assert found.mean_power_uw == pytest.approx(np.mean(powers))
    [summary] = documents.events("stability")
    assert summary["refrigerator_stability_within_cycle"] == found.numbers["within_cycle"]
    counts = [event["refrigerator_chx_phases_count"] for event in events]
    assert np.diff(counts).tolist() == [1, 1, 1]
    assert cold.chx.feed_forward.get() == "On"


def test_a_point_that_has_not_settled_is_marked(
    RE: RunEngine, cold: Any, documents: Documents
) -> None:
    plan = cooling.load_curve(cold, [600.0, 1200.0], tolerance_k=1e-3, max_cycles=4)
    good, early = RE(plan).plan_result
    marks = [event["refrigerator_point_converged"] for event in documents.events()]
    assert marks == [float(good.converged), float(early.converged)]
    assert not early.converged
    assert early.cycles == 4


def test_a_load_map_records_the_temperatures_along_the_line(
    RE: RunEngine, cold: Any, documents: Documents
) -> None:
    plan = cooling.load_map(
        cold, [600.0, 200.0], [0.0, 200.0], [0.0, 200.0], tolerance_k=0.01, max_cycles=20
    )
    plate, spread = RE(plan).plan_result
    first, last = documents.events()
    assert [e["refrigerator_chx_heater_power"] for e in (first, last)] == [600.0, 200.0]
    assert [e["refrigerator_detector1_power"] for e in (first, last)] == [0.0, 200.0]
    assert plate.mean_temperature_k > spread.mean_temperature_k + 0.02
    assert last["refrigerator_detector1_temperature"] > first["refrigerator_detector1_temperature"]
    along = np.array(last["refrigerator_cold_path_temperatures"])
    positions = np.array(last["refrigerator_cold_path_positions"])
    assert along.shape == positions.shape
    assert (np.diff(positions) > 0.0).all()
    assert np.sum(last["refrigerator_cold_path_loads"]) == pytest.approx(650.0, rel=1e-3)
    assert documents.of("start")[0]["plan_args"]["detector2_uw"] == [0.0, 200.0]
