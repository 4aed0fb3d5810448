"""Whatever can be set over Channel Access refuses what it cannot take, before anything is put."""

from __future__ import annotations

import pytest
from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky.utils import FailedStatus

from devices.amrr import Refrigerator
from devices.signals.values import InvalidValueError
from tests.plans.devices.test_values import misfits, settable, what_it_takes


@pytest.mark.parametrize("fixture", ["device", "refrigerator"])
def test_all_that_can_be_set_refuses_what_it_cannot_take(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    instrument = request.getfixturevalue(fixture)
    refusal = instrument.ioc.refusal.get()
    tried = 0
    for thing in settable(instrument):
        states, limits, units = what_it_takes(thing)
        for value in misfits(thing):
            with pytest.raises(InvalidValueError) as refused:
                thing.set(value)
            message = str(refused.value)
            if states:
                assert all(state in message for state in states), message
            elif limits is not None:
                assert f"{limits[0]:.10g} to {limits[1]:.10g} {units}".rstrip() in message, message
            tried += 1
    assert tried > 400
    assert instrument.ioc.refusal.get() == refusal  # nothing has reached the IOC


def test_a_refused_command_fails_with_the_iocs_reason(
    engine: RunEngine, refrigerator: Refrigerator
) -> None:
    refrigerator.chx.mode.set("Closed loop").wait(20.0)
    with pytest.raises(FailedStatus, match="closed loop sets the power; open it first"):
        engine(bps.mv(refrigerator.chx.heater_power, 100.0))
    refrigerator.chx.mode.set("Open loop").wait(20.0)
