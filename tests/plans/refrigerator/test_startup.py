"""Shutting the refrigerator down, recovering it, and when its cycles count as periodic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator

from plans.refrigerator.cycles import CycleRecorder, Periodic
from plans.refrigerator.running import recover_from_quench, safe_shutdown
from plans.refrigerator.waypoints import optimize_waypoints
from plans.shared.rehearsal import rehearse


@pytest.mark.parametrize("mode", ["Open loop", "Closed loop"])
def test_a_shutdown_leaves_no_heater_on(RE: RunEngine, refrigerator: Any, mode: str) -> None:
    refrigerator.chx.heater_power.set(100.0).wait(60.0)
    refrigerator.chx.mode.set(mode).wait(10.0)
    RE(safe_shutdown(refrigerator))
    heater = refrigerator.bench.machine.chx_heater
    assert (heater.closed_loop, heater.power_setpoint_w, heater.power_w) == (False, 0.0, 0.0)


def test_a_recovery_ends_the_cycle_and_ramps_every_magnet_down(refrigerator: Any) -> None:
    messages = rehearse(recover_from_quench(refrigerator), refrigerator).messages
    puts = [(message.obj, message.args[0]) for message in messages if message.command == "set"]
    ramps = [(magnet.control, "Zero") for magnet in refrigerator.magnets.values()]
    assert puts == [(refrigerator.cycle.abort, 1), *ramps]


def test_cycles_agree_one_after_the_other(
    RE: RunEngine, refrigerator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that agree, and a jump between them, are no periodic state."""
    cycle, recorder = refrigerator.cycle, CycleRecorder(refrigerator)
    temperatures_k = iter([1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.9])

    def recorded() -> MsgGenerator[Mapping[str, Any]]:
        yield from bps.null()
        values = {cycle.mean_chx_temperature: next(temperatures_k), cycle.mean_chx_power: 600.0}
        return {signal.name: {"value": value} for signal, value in values.items()}

    monkeypatch.setattr(recorder, "cycle", recorded)
    end = RE(recorder.until(Periodic(0.005))).plan_result
    assert end.converged
    assert (end.cycles, end.mean_temperature_k) == (6, 0.9)


def test_an_optimisation_stays_within_the_limits_of_the_pvs(refrigerator: Any) -> None:
    plan = optimize_waypoints(refrigerator, {"pump_high": (-1.0, 9.0)}, points=2)
    [run] = [m.kwargs for m in rehearse(plan, refrigerator).messages if m.command == "open_run"]
    limits = refrigerator.cycle.pump_high.limits
    assert run["plan_args"]["bounds"] == {"pump_high": list(limits)}
    assert -1.0 < limits[0] < limits[1] < 9.0
