"""The sequencer: phases, waypoints, pause, stop, abort, block, and commands that it refuses."""

import math
from typing import Any

import pytest

from amrr.controls.cycle import WAYPOINT_NAMES, CyclePhase, CycleState
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused
from instruments.magnets.supply import SupplyState


def fields(machine: SimulatedRefrigerator) -> list[float]:
    return [round(s.field_t, 3) for s in machine.supplies.values()]


def test_every_phase_ends_on_its_waypoints(machine: SimulatedRefrigerator) -> None:
    expected = {
        CyclePhase.FLOW_A_TO_B: [1.37, 0.63, 1.12, 0.0],
        CyclePhase.NO_FLOW_1: [1.37, 0.63, 0.74, 0.742],
        CyclePhase.FLOW_B_TO_A: [0.63, 1.37, 0.0, 1.12],
        CyclePhase.NO_FLOW_2: [0.63, 1.37, 0.742, 0.74],
    }
    machine.advance(799)
    for phase, goal in expected.items():
        assert machine.cycle.phase is phase
        # The steep end of a square-root ramp may lag by its rate limit.
        assert fields(machine) == pytest.approx(goal, abs=0.03)
        machine.advance(100 if phase in (CyclePhase.FLOW_A_TO_B, CyclePhase.FLOW_B_TO_A) else 800)


def test_a_run_prepares_the_magnets_first() -> None:
    machine = SimulatedRefrigerator()
    machine.cycle.run()
    assert machine.busy
    machine.step(30.0)
    assert machine.cycle.phase is CyclePhase.IDLE
    assert machine.cycle.state is CycleState.RUNNING
    machine.step(60.0)
    assert machine.cycle.phase is CyclePhase.FLOW_A_TO_B


def test_square_ramps_are_linear_in_b_squared(machine: SimulatedRefrigerator) -> None:
    start = machine.supplies["RegenB"].field_t
    machine.advance(400)
    assert machine.supplies["RegenB"].field_t ** 2 == pytest.approx(start**2 / 2, rel=0.01)
    machine.cycle.square_ramp = False
    machine.advance(500 + 400)
    assert machine.supplies["RegenA"].field_t == pytest.approx(0.37, rel=0.02)


def test_a_changed_waypoint_is_met_in_the_next_phase_that_goes_there(
    machine: SimulatedRefrigerator,
) -> None:
    machine.cycle.regen_hot_start_t = 0.70
    machine.cycle.pump_high_t = 1.2
    machine.advance(899)
    assert machine.supplies["RegenB"].field_t == pytest.approx(0.70, abs=1e-3)
    machine.advance(800)
    assert machine.supplies["PumpB"].field_t == pytest.approx(1.2, abs=1e-3)


def test_pause_freezes_and_resume_continues(machine: SimulatedRefrigerator) -> None:
    machine.advance(300)
    machine.cycle.pause()
    machine.advance(10)
    held, at = fields(machine), machine.cycle.phase_time_s
    machine.advance(300)
    assert fields(machine) == held
    assert machine.cycle.phase_time_s == at
    assert machine.cycle.state is CycleState.PAUSED
    machine.cycle.resume()
    machine.advance(1000)
    assert machine.cycle.state is CycleState.RUNNING
    assert machine.cycle.blocked == ""


def test_stop_ramps_everything_to_zero(machine: SimulatedRefrigerator) -> None:
    machine.advance(300)
    machine.cycle.stop()
    assert machine.cycle.state is CycleState.RAMPING_DOWN
    machine.step(120.0)
    assert machine.cycle.state is CycleState.STOPPED
    assert fields(machine) == [0.0, 0.0, 0.0, 0.0]
    assert not machine.busy


def test_abort_holds_and_stop_then_brings_down(machine: SimulatedRefrigerator) -> None:
    machine.advance(300)
    machine.cycle.abort()
    machine.advance(50)
    held = fields(machine)
    machine.advance(200)
    assert fields(machine) == held
    assert machine.cycle.state is CycleState.ABORTED
    assert all(s.state is SupplyState.HOLDING for s in machine.supplies.values())
    machine.cycle.stop()
    machine.step(120.0)
    assert machine.cycle.state is CycleState.STOPPED


def test_a_supply_tripped_by_hand_blocks_the_cycle(machine: SimulatedRefrigerator) -> None:
    machine.advance(100)
    machine.supplies["PumpB"].trip()
    machine.advance(2)
    assert machine.cycle.state is CycleState.BLOCKED
    assert machine.cycle.blocked.startswith("PumpB is latched (fault)")


def test_while_the_cycle_runs_a_supply_takes_no_orders(machine: SimulatedRefrigerator) -> None:
    machine.advance(100)
    with pytest.raises(Refused, match="cycle drives"):
        machine.supplies["PumpA"].set_current(1.0)
    with pytest.raises(Refused, match="cycle drives"):
        machine.supplies["PumpA"].zero()


def test_a_voltage_limit_that_stops_a_magnet_blocks_with_the_reason(
    machine: SimulatedRefrigerator,
) -> None:
    machine.supplies["RegenB"].voltage_limit_v = 0.12
    machine.step(400.0)
    assert machine.cycle.state is CycleState.BLOCKED
    assert "RegenB is at" in machine.cycle.blocked
    assert "not at its waypoint" in machine.cycle.blocked


@pytest.mark.parametrize("name", [*WAYPOINT_NAMES, "flow_time_s", "hold_time_s"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 5000.0])
def test_bad_settings_are_refused_and_move_nothing(
    machine: SimulatedRefrigerator, name: str, bad: float
) -> None:
    before = machine.state()["cycle"]
    with pytest.raises(Refused, match="cycle"):
        setattr(machine.cycle, name, bad)
    assert (machine.state()["cycle"] == before).all()


@pytest.mark.parametrize(
    ("what", "bad"),
    [("power_setpoint_w", math.nan), ("power_setpoint_w", 6e-3), ("power_setpoint_w", -1e-6),
     ("setpoint_k", math.nan), ("setpoint_k", 5.0)],
)  # fmt: skip
def test_bad_heater_settings_are_refused(
    machine: SimulatedRefrigerator, what: str, bad: float
) -> None:
    before: Any = getattr(machine.chx_heater, what)
    with pytest.raises(Refused):
        setattr(machine.chx_heater, what, bad)
    assert getattr(machine.chx_heater, what) == before


def test_commands_that_make_no_sense_are_refused() -> None:
    machine = SimulatedRefrigerator()
    with pytest.raises(Refused, match="cannot pause"):
        machine.cycle.pause()
    with pytest.raises(Refused, match="cannot resume"):
        machine.cycle.resume()
    with pytest.raises(Refused, match="step"):
        machine.step(math.nan)
    with pytest.raises(Refused, match="side"):
        machine.concentration("C")
    machine.supplies["RegenA"].current_limit_a = 2.0
    with pytest.raises(Refused, match="beyond RegenA's limit"):
        machine.cycle.run()


def test_closed_loop_holds_the_cold_heat_exchanger(machine: SimulatedRefrigerator) -> None:
    machine.chx_heater.setpoint_k = 0.95
    machine.chx_heater.closed_loop = True
    first = machine.chx_heater.power_w
    machine.advance(1)
    assert machine.chx_heater.power_w == pytest.approx(first, abs=5e-5)
    machine.step(8 * 180.0)
    assert machine.cycle.mean_chx_temperature_k == pytest.approx(0.95, abs=3e-3)
    assert 600e-6 < machine.cycle.cooling_power_w < 1.2e-3
