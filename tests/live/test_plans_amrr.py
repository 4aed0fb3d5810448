"""The refrigerator's devices and plans over Channel Access, and held to their simulated form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bluesky import RunEngine

from devices.amrr import Refrigerator
from devices.simulated.amrr import Refrigerator as SimulatedRefrigerator
from plans import amrr as plans
from plans import cooling
from plans.rehearsal import rehearse
from tests.plans.conftest import Documents
from tests.plans.same import assert_same_signals


@pytest.fixture(scope="module")
def refrigerator(amrr: str) -> Iterator[Refrigerator]:
    device = Refrigerator(amrr, name="refrigerator")
    device.connect(20.0)
    yield device
    device.destroy()


@pytest.fixture(scope="module")
def simulated() -> Iterator[Any]:
    device = SimulatedRefrigerator(name="refrigerator")
    yield device
    device.bench.close()


def test_both_forms_have_the_same_signals(refrigerator: Refrigerator, simulated: Any) -> None:
    assert_same_signals(refrigerator, simulated)


def test_a_cooldown_over_channel_access(engine: RunEngine, refrigerator: Refrigerator) -> None:
    temperatures: list[float] = []
    engine.subscribe(
        lambda _, event: temperatures.append(event["data"]["cycle_mean_chx_temperature"]), "event"
    )
    plan = plans.cooldown(refrigerator, tolerance_k=0.05, max_cycles=25)
    end = engine(plan).plan_result
    assert end.converged
    assert temperatures[0] > 1.4 > 1.1 > temperatures[-1]
    assert refrigerator.cycle.state.get() == "Running"
    engine(plans.safe_shutdown(refrigerator))
    assert refrigerator.cycle.state.get(use_monitor=False) == "Stopped"
    assert abs(refrigerator.pump_a.field.readback.get(use_monitor=False)) < 2e-3


PLANS = {
    "run_cycles": lambda r: plans.run_cycles(r, 2),
    "load_curve": lambda r: cooling.load_curve(r, [500.0, 700.0], tolerance_k=0.1, max_cycles=4),
    "temperature_curve": lambda r: cooling.temperature_curve(
        r, [1.3], tolerance_k=0.1, tolerance_uw=1e4, max_cycles=4
    ),
    "waypoint_scan": lambda r: cooling.waypoint_scan(
        r, "pump_high", [1.25], tolerance_k=0.1, max_cycles=4
    ),
    "optimize_waypoints": lambda r: cooling.optimize_waypoints(
        r, {"pump_high": (1.2, 1.4)}, points=2, tolerance_k=0.1, max_cycles=3
    ),
    "recover_from_quench": plans.recover_from_quench,
    "safe_start": plans.safe_start,
    "safe_shutdown": plans.safe_shutdown,
}


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_runs_over_channel_access(
    engine: RunEngine, refrigerator: Refrigerator, name: str
) -> None:
    documents = Documents()
    engine.subscribe(documents)
    assert engine(PLANS[name](refrigerator)).exit_status == "success"
    if documents:
        assert documents.of("stop")[0]["exit_status"] == "success"
        assert documents.events()


def test_a_rehearsal_sends_nothing(refrigerator: Refrigerator) -> None:
    before = refrigerator.cycle.state.get(use_monitor=False)
    assert rehearse(plans.run_cycles(refrigerator, 4), refrigerator).events > 4
    assert refrigerator.cycle.state.get(use_monitor=False) == before
