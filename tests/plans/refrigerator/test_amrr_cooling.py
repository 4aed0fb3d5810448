"""Cooling curves, scans and optimisation of the cycle, on the refrigerator simulated in process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine

from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator as Machine
from amrr.snapshot import start_cold
from devices.simulated.amrr import Refrigerator
from plans.refrigerator import cooling, waypoints
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents


@pytest.fixture
def cold() -> Iterator[Any]:
    """A refrigerator that has been cycling under 600 uW until it was periodic."""
    machine = Machine()
    start_cold(machine)
    device = Refrigerator(name="refrigerator", machine=machine)
    yield device
    device.bench.close()


def test_the_measured_load_curve_is_the_models_own(
    RE: RunEngine, cold: Any, documents: Documents
) -> None:
    powers_uw = [600.0, 900.0, 500.0]
    accuracy_k = cold.bench.machine.parameters.thermometry.accuracy_k
    points = RE(cooling.load_curve(cold, powers_uw, tolerance_k=0.003, max_cycles=100)).plan_result
    assert all(point.converged for point in points)
    measured_k = {point.setting: point.mean_temperature_k for point in points}
    own_k = {power: _own_temperature_k(power) for power in powers_uw}
    assert measured_k == pytest.approx(own_k, abs=accuracy_k)
    assert own_k[900.0] - own_k[500.0] > 20 * accuracy_k  # a curve, told from a constant
    assert [event["refrigerator_chx_heater_power"] for event in documents.events()] == powers_uw
    assert len(documents.events("cycles")) == sum(point.cycles for point in points)


def test_a_temperature_curve_holds_what_was_asked_and_is_the_load_curves_inverse(
    RE: RunEngine, cold: Any, documents: Documents
) -> None:
    asked_k, tolerance_k, tolerance_uw = [0.95, 1.0, 1.05], 0.003, 10.0
    plan = cooling.temperature_curve(
        cold, asked_k, tolerance_k=tolerance_k, tolerance_uw=tolerance_uw
    )
    points = RE(plan).plan_result
    assert all(point.converged for point in points)
    assert [p.mean_temperature_k for p in points] == pytest.approx(asked_k, abs=tolerance_k)
    powers_uw = [point.mean_power_uw for point in points]
    assert np.all(np.diff(powers_uw) > 5 * tolerance_uw)
    events = documents.events()
    assert [event["refrigerator_cycle_mean_chx_power"] for event in events] == pytest.approx(
        powers_uw, rel=0.01
    )
    assert cold.chx.mode.get() == "Closed loop"

    [load] = RE(cooling.load_curve(cold, powers_uw[-1:], tolerance_k=tolerance_k)).plan_result
    assert load.mean_temperature_k == pytest.approx(asked_k[-1], abs=3 * tolerance_k)


def test_a_rehearsed_curve_sets_its_points_in_the_order_asked(cold: Any) -> None:
    estimate = rehearse(cooling.temperature_curve(cold, [1.2, 1.0]), cold)
    asked = [
        m.args[0] for m in estimate.messages if m.command == "set" and m.obj is cold.chx.setpoint
    ]
    assert asked == [1.2, 1.2, 1.0]
    assert [point.setting for point in estimate.result] == [1.2, 1.0]


def test_a_waypoint_scan_cools_with_the_pumps_swing_and_restores_it(
    RE: RunEngine, cold: Any, documents: Documents
) -> None:
    before = cold.cycle.pump_high.get()
    plan = waypoints.waypoint_scan(cold, "pump_high", [1.2, 1.5], tolerance_k=0.01)
    weak, strong = RE(plan).plan_result
    assert weak.converged
    assert strong.converged
    # More field in the pump moves more fluid per blow.
    assert weak.mean_temperature_k > 0.95 > 0.9 > strong.mean_temperature_k
    assert [event["refrigerator_cycle_pump_high"] for event in documents.events()] == [1.2, 1.5]
    assert cold.cycle.pump_high.get() == before


def test_the_optimiser_finds_colder_waypoints_within_their_bounds(
    RE: RunEngine, cold: Any, documents: Documents
) -> None:
    bounds = {"regen_cold_start": (0.3, 0.9), "regen_hot_start": (0.6, 0.9)}
    begin = {name: getattr(cold.cycle, name).get() for name in bounds}
    plan = waypoints.optimize_waypoints(cold, bounds, points=8, tolerance_k=0.01, max_cycles=15)
    best = RE(plan).plan_result
    events = documents.events()
    assert {name: events[0][f"refrigerator_cycle_{name}"] for name in bounds} == pytest.approx(
        begin
    )
    assert len(events) == best.points + 1 <= 9
    temperatures_k = [event["refrigerator_cycle_mean_chx_temperature"] for event in events]
    assert best.first == pytest.approx(temperatures_k[0], abs=1e-3)
    assert best.figure < best.first - 0.1
    assert best.figure == pytest.approx(min(temperatures_k), abs=0.01)
    for name, (low, high) in bounds.items():
        assert all(low <= event[f"refrigerator_cycle_{name}"] <= high for event in events)
        assert getattr(cold.cycle, name).get() == pytest.approx(best.waypoints[name])


def test_the_optimiser_finds_more_power_at_a_temperature(RE: RunEngine, cold: Any) -> None:
    plan = waypoints.optimize_waypoints(
        cold, {"pump_high": (1.2, 1.5)}, objective="power", temperature_k=1.0, points=4,
        tolerance_uw=20.0,
    )  # fmt: skip
    best = RE(plan).plan_result
    assert best.waypoints["pump_high"] > 1.45
    assert best.figure > best.first + 50.0
    # The mean of a cycle, in which it swings by 0.1 K.
    assert cold.cycle.mean_chx_temperature.get() == pytest.approx(1.0, abs=0.02)


def _own_temperature_k(power_uw: float) -> float:
    """True mean of the cold exchanger over a cycle of the model's own periodic state at a load."""
    machine = Machine()
    machine.chx_heater.power_setpoint_w = power_uw * 1e-6
    machine.cycle.run()
    settle(machine)
    begin, samples = machine.cycle.count, []
    while machine.cycle.count == begin:
        machine.advance(10)
        samples.append(machine.chx_temperature_k)
    return float(np.mean(samples))
