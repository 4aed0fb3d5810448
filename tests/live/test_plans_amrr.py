"""The refrigerator's devices and plans over Channel Access, and held to their simulated form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bluesky import RunEngine

from devices.amrr import Refrigerator
from devices.simulated.amrr import Refrigerator as SimulatedRefrigerator
from plans import amrr as plans
from plans.rehearsal import rehearse
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


def test_a_rehearsal_sends_nothing(refrigerator: Refrigerator) -> None:
    before = refrigerator.cycle.state.get(use_monitor=False)
    assert rehearse(plans.run_cycles(refrigerator, 4), refrigerator).events > 4
    assert refrigerator.cycle.state.get(use_monitor=False) == before
