"""The refrigerator's compiled control loops: nothing done by hand bumps a heater."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from amrr import kernel
from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold
from instruments.control import pid as controller


@pytest.fixture
def machine() -> SimulatedRefrigerator:
    """Cold, cycling, the load in open loop at 10 uW, and its setpoint far from the temperature."""
    machine = SimulatedRefrigerator()
    start_cold(machine)
    machine.chx_heater.power_setpoint_w = 10e-6
    machine.chx_heater.setpoint_k = 1.0
    machine.advance(5)
    return machine


def power_w(machine: SimulatedRefrigerator, loop: str) -> float:
    return machine.chx_heater.power_w if loop == "chx" else machine.stage.heater_w


def loop_of(machine: SimulatedRefrigerator, loop: str) -> Any:
    return machine.chx_heater if loop == "chx" else machine.stage


def test_closing_the_loop_leaves_the_heater(machine: SimulatedRefrigerator) -> None:
    machine.chx_heater.closed_loop = True
    machine.advance(1)
    assert machine.chx_heater.power_w == pytest.approx(10e-6, rel=1e-9)
    machine.step(8 * 180.0)
    assert machine.cycle.mean_chx_temperature_k == pytest.approx(1.0, abs=5e-3)


def test_opening_the_loop_leaves_the_heater_and_closing_it_again_too(
    machine: SimulatedRefrigerator,
) -> None:
    heater = machine.chx_heater
    heater.closed_loop = True
    machine.step(180.0)
    before = heater.power_w
    heater.closed_loop = False
    machine.step(30.0)
    assert heater.power_w == before
    heater.setpoint_k = 0.5
    heater.closed_loop = True
    machine.advance(1)
    assert heater.power_w == pytest.approx(before)


def test_a_stage_that_is_switched_on_again_starts_at_nothing(
    machine: SimulatedRefrigerator,
) -> None:
    machine.stage.closed_loop = False
    machine.step(60.0)
    machine.stage.closed_loop = True
    machine.advance(1)
    assert machine.stage.heater_w == 0.0
    machine.step(600.0)
    assert machine.stage.temperature_k == pytest.approx(machine.stage.setpoint_k, abs=0.02)


CHANGES: dict[str, Callable[[Any], None]] = {
    "P doubled": lambda loop: setattr(loop.pid, "p", 2.0 * loop.pid.p),
    "P halved": lambda loop: setattr(loop.pid, "p", 0.5 * loop.pid.p),
    "I off": lambda loop: setattr(loop.pid, "i", 0.0),
    "I tripled": lambda loop: setattr(loop.pid, "i", 3.0 * loop.pid.i),
    "D on": lambda loop: setattr(loop.pid, "d", 5.0),
    "limits": lambda loop: setattr(loop.pid, "limits", (0.0, 2.0 * loop.highest_w)),
}


def control(machine: SimulatedRefrigerator, steps: int = 1) -> None:
    """Let the compiled loops work while the thermometers stand still."""
    for _ in range(steps):
        kernel.control_heaters(
            machine._m, machine._constants, machine._meters, machine._pids, machine.dt_s
        )


@pytest.mark.parametrize("loop", ["chx", "stage"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_loop_leaves_the_heater(
    machine: SimulatedRefrigerator, loop: str, change: str
) -> None:
    meters = machine.thermometers
    machine.chx_heater.setpoint_k = meters["CHX"].reading_k + 0.02
    machine.stage.setpoint_k = meters["Stage"].reading_k + 0.002
    machine.chx_heater.closed_loop = True
    machine.chx_heater.pid.d = 1.0
    control(machine, 50)
    thing, error_k = loop_of(machine, loop), 0.02 if loop == "chx" else 0.002
    before_w = power_w(machine, loop)
    assert 0.0 < before_w < thing.highest_w
    CHANGES[change](thing)
    control(machine)
    slew_w = thing.pid.p * thing.pid.i * error_k * machine.dt_s
    assert abs(power_w(machine, loop) - before_w) <= slew_w * 1.001 + 1e-12


@pytest.mark.parametrize("loop", ["chx", "stage"])
def test_a_sensor_that_was_open_does_not_bump_the_heater(
    machine: SimulatedRefrigerator, loop: str
) -> None:
    machine.chx_heater.closed_loop = True
    machine.step(60.0)
    sensor = machine.thermometers["CHX" if loop == "chx" else "Stage"]
    sensor.break_sensor()
    machine.step(60.0)
    assert power_w(machine, loop) == 0.0
    sensor.break_sensor(False)
    machine.advance(1)
    assert power_w(machine, loop) == 0.0
    machine.step(1.0)
    assert power_w(machine, loop) > 0.0


def test_a_snapshot_in_closed_loop_goes_on_bit_for_bit(machine: SimulatedRefrigerator) -> None:
    machine.chx_heater.pid.d = 2.0
    machine.chx_heater.closed_loop = True
    machine.step(30.0)
    machine.chx_heater.pid.p *= 2.0
    saved = machine.state()
    machine.step(30.0)
    first = machine.chx_heater.power_w, machine.chx_heater.pid.array.copy()
    other = SimulatedRefrigerator()
    other.restore(saved)
    other.step(30.0)
    assert other.chx_heater.power_w == first[0]
    np.testing.assert_array_equal(other.chx_heater.pid.array, first[1])


def test_a_snapshot_of_before_the_filter_goes_on(machine: SimulatedRefrigerator) -> None:
    machine.chx_heater.closed_loop = True
    machine.step(60.0)
    saved = machine.state()
    machine.advance(1)
    whole_w = machine.chx_heater.power_w
    saved["pids"] = saved["pids"][:, : controller.HIGH + 1]
    machine.restore(saved)
    machine.advance(1)
    assert machine.chx_heater.power_w == pytest.approx(whole_w)
