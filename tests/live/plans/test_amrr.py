"""The refrigerator's devices and plans over Channel Access, and held to their simulated form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from ophyd import EpicsSignal

from devices.amrr import Refrigerator
from devices.simulated.amrr import Refrigerator as SimulatedRefrigerator
from plans.refrigerator import cooling, waypoints
from plans.refrigerator import running as plans
from plans.shared.common import Until
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents
from tests.plans.same import assert_same_signals

PHASES = {"Flow A to B", "No flow 1", "Flow B to A", "No flow 2"}


@pytest.fixture(scope="module")
def simulated() -> Iterator[Any]:
    device = SimulatedRefrigerator(name="refrigerator")
    yield device
    device.bench.close()


def test_both_forms_have_the_same_signals(refrigerator: Refrigerator, simulated: Any) -> None:
    assert_same_signals(refrigerator, simulated)


@pytest.fixture
def documents(engine: RunEngine) -> Documents:
    documents = Documents()
    engine.subscribe(documents)
    return documents


def test_a_cooldown_over_channel_access(
    engine: RunEngine, warm_refrigerator: Refrigerator, documents: Documents
) -> None:
    end = engine(plans.cooldown(warm_refrigerator, tolerance_k=0.05, max_cycles=25)).plan_result
    temperatures_k = [
        event["refrigerator_cycle_mean_chx_temperature"] for event in documents.events()
    ]
    assert end.converged
    assert temperatures_k[0] > 1.4 > 1.1 > temperatures_k[-1] == end.mean_temperature_k
    assert warm_refrigerator.cycle.state.get(use_monitor=False) == "Running"
    assert documents.of("stop")[0]["exit_status"] == "success"


def test_cycles_and_those_unseen_are_recorded(
    engine: RunEngine, refrigerator: Refrigerator, documents: Documents
) -> None:
    recorded = engine(plans.run_cycles(refrigerator, 3)).plan_result
    events = documents.events()
    counts = [event["refrigerator_cycle_count"] for event in events]
    assert recorded.cycles == len(counts) == 3
    # As fast as possible the IOC may end cycles between posts: each is an event or counted.
    assert counts[-1] - counts[0] == 2 + sum(event["refrigerator_cycle_unseen"] for event in events)
    assert recorded.unseen == sum(event["refrigerator_cycle_unseen"] for event in events)
    assert {event["refrigerator_cycle_phase"] for event in documents.events("phases")} <= PHASES


def test_a_load_curve_rises_with_power(
    engine: RunEngine, refrigerator: Refrigerator, documents: Documents
) -> None:
    plan = cooling.load_curve(refrigerator, [500.0, 900.0], tolerance_k=0.02)
    low, high = engine(plan).plan_result
    assert low.converged
    assert high.converged
    assert low.mean_temperature_k < high.mean_temperature_k - 0.1
    events = documents.events()
    assert [event["refrigerator_chx_heater_power"] for event in events] == [500.0, 900.0]
    assert events[1]["refrigerator_cycle_mean_chx_power"] == pytest.approx(900.0, rel=0.01)


def test_a_temperature_curve_holds_what_was_asked_by_more_and_more_power(
    engine: RunEngine, refrigerator: Refrigerator, documents: Documents
) -> None:
    asked_k, tolerance_k = [1.0, 1.1], 0.01
    plan = cooling.temperature_curve(
        refrigerator, asked_k, tolerance_k=tolerance_k, tolerance_uw=30.0
    )
    points = engine(plan).plan_result
    assert all(point.converged for point in points)
    assert [p.mean_temperature_k for p in points] == pytest.approx(asked_k, abs=tolerance_k)
    assert points[1].mean_power_uw > points[0].mean_power_uw + 100.0
    assert refrigerator.chx.mode.get(use_monitor=False) == "Closed loop"
    assert len(documents.events()) == 2


def test_a_waypoint_scan_cools_with_the_pumps_swing_and_restores_it(
    engine: RunEngine, refrigerator: Refrigerator, documents: Documents
) -> None:
    engine(plans.cooldown(refrigerator, tolerance_k=0.05))
    documents.clear()
    before = refrigerator.cycle.pump_high.get(use_monitor=False)
    plan = waypoints.waypoint_scan(refrigerator, "pump_high", [1.1, 1.4], tolerance_k=0.02)
    weak, strong = engine(plan).plan_result
    assert weak.mean_temperature_k > strong.mean_temperature_k + 0.1
    assert [event["refrigerator_cycle_pump_high"] for event in documents.events()] == [1.1, 1.4]
    assert refrigerator.cycle.pump_high.get(use_monitor=False) == before


def test_the_optimiser_finds_colder_waypoints_within_their_bounds(
    engine: RunEngine, refrigerator: Refrigerator, documents: Documents
) -> None:
    low, high = 1.2, 1.4
    # From the weakest swing, whatever an earlier test has left.
    engine(bps.mv(refrigerator.cycle.pump_high, low))
    plan = waypoints.optimize_waypoints(
        refrigerator, {"pump_high": (low, high)}, points=4, tolerance_k=0.02, max_cycles=15
    )
    best = engine(plan).plan_result
    assert best.figure < best.first - 0.03
    assert all(low <= event["refrigerator_cycle_pump_high"] <= high for event in documents.events())
    assert refrigerator.cycle.pump_high.get(use_monitor=False) == best.waypoints["pump_high"]


def test_a_quench_is_recovered_from_and_the_cycle_runs_again(
    engine: RunEngine, refrigerator: Refrigerator
) -> None:
    engine(plans.safe_start(refrigerator))
    fault = EpicsSignal(f"{refrigerator.prefix}Sim:FaultQuench", name="fault")
    fault.wait_for_connection()
    fault.put("RegenA", wait=True)
    quenched = Until(refrigerator.regen_a.quench, lambda value: value == 1, 20.0, fresh=True)
    engine(quenched.wait())
    fault.destroy()
    with pytest.raises(plans.NotReadyError, match="regen_a: a quench is latched"):
        engine(plans.safe_start(refrigerator))
    engine(plans.recover_from_quench(refrigerator, restart=True))
    assert refrigerator.regen_a.quench.get(use_monitor=False) == 0
    assert refrigerator.regen_a.coil_temperature.get(use_monitor=False) < 5.0
    assert refrigerator.cycle.state.get(use_monitor=False) == "Running"


def test_a_shutdown_leaves_no_field_and_a_start_runs_the_cycle(
    engine: RunEngine, refrigerator: Refrigerator
) -> None:
    engine(plans.safe_shutdown(refrigerator))
    assert refrigerator.cycle.state.get(use_monitor=False) == "Stopped"
    for magnet in refrigerator.magnets.values():
        assert abs(magnet.field.readback.get(use_monitor=False)) < 2e-3
    engine(plans.safe_start(refrigerator))
    assert refrigerator.cycle.state.get(use_monitor=False) == "Running"
    stage_k = refrigerator.one_k_stage.temperature.get(use_monitor=False)
    assert stage_k == pytest.approx(1.6, abs=0.05)


def test_a_rehearsal_sends_nothing(refrigerator: Refrigerator) -> None:
    before = refrigerator.cycle.state.get(use_monitor=False)
    assert rehearse(plans.run_cycles(refrigerator, 4), refrigerator).events > 4
    assert refrigerator.cycle.state.get(use_monitor=False) == before
