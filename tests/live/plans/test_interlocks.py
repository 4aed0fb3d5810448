"""The refrigerator's interlock over Channel Access: what it does, tells, and how it is cleared."""

from __future__ import annotations

import pytest
from bluesky import RunEngine
from ophyd import EpicsSignal

from devices.amrr import Refrigerator
from devices.waiting.watch import Watch
from plans.refrigerator.running import recover_from_quench, safe_shutdown
from plans.shared.safety import InterlockedError, clear_interlocks


def test_a_quench_is_told_restrains_and_goes_with_its_reason(
    engine: RunEngine, refrigerator: Refrigerator
) -> None:
    interlock, pump_a, pump_b = (
        getattr(refrigerator, n) for n in ("interlock", "pump_a", "pump_b")
    )
    engine(safe_shutdown(refrigerator))
    assert engine(clear_interlocks(refrigerator)).plan_result == ""
    pump_a.current.set(1.0).wait(60.0)
    quenched = Watch(interlock.active, lambda active: active == 1, 20.0)
    fault = EpicsSignal(f"{refrigerator.prefix}Sim:FaultQuench", name="fault")
    fault.wait_for_connection()
    fault.put("PumpA", wait=True)
    fault.destroy()
    quenched.wait()
    with pytest.raises(InterlockedError, match="stands: PumpA quenched; the others ramp to zero"):
        engine(clear_interlocks(refrigerator))
    refused = "PumpB: PumpA quenched; the others ramp to zero"
    told = Watch(refrigerator.ioc.refusal, lambda text: text == refused, 20.0)
    pump_b.current.setpoint.put(0.5, wait=True)
    told.wait()
    engine(recover_from_quench(refrigerator))
    engine(clear_interlocks(refrigerator))
    assert interlock.active.get() == 0
    assert interlock.reason.get() == ""
