"""The refrigerator's compiled control loops: nothing done by hand bumps a heater."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from amrr import kernel
from amrr.controls import repetition
from amrr.parameters import RefrigeratorParameters
from amrr.periodic import settle
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
        kernel.control_chx(
            machine._m, machine._meters, machine._pids[0], machine._cycle_x, machine._repeat,
            machine._repeating, machine.dt_s,
        )  # fmt: skip
        kernel.control_stage(machine._m, machine._meters, machine._pids[1], machine.dt_s)


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


def held(machine: SimulatedRefrigerator, cycles: int) -> tuple[float, float]:
    """True mean and rms within a cycle of the plate over the next cycles, K."""
    spreads, means = [], []
    for _ in range(cycles):
        kelvin = []
        for _ in range(180):
            machine.advance(10)
            kelvin.append(machine.chx_temperature_k)
        means.append(np.mean(kelvin))
        spreads.append(np.std(kelvin))
    return float(np.mean(means)), float(np.sqrt(np.mean(np.square(spreads))))


@pytest.fixture(scope="module")
def learnt() -> tuple[SimulatedRefrigerator, dict[str, Any]]:
    """A machine with 5 J/K on its plate, held at 0.95 K and fed forward for 40 cycles."""
    p = RefrigeratorParameters()
    machine = SimulatedRefrigerator(
        replace(p, exchangers=replace(p.exchangers, cold_ballast_j_per_k=5.0)), seed=3
    )
    machine.chx_heater.power_setpoint_w = 630e-6
    machine.cycle.run()
    settle(machine, tolerance_k=3e-3)
    heater = machine.chx_heater
    heater.setpoint_k = 0.95
    heater.pid.p, heater.pid.i = 1.0, 0.1
    heater.closed_loop = heater.feed_forward = True
    machine.step(40 * 180.0)
    return machine, machine.state()


@pytest.fixture
def steady(learnt: tuple[SimulatedRefrigerator, dict[str, Any]]) -> SimulatedRefrigerator:
    """The same, as it was then."""
    machine, saved = learnt
    machine.restore(saved)
    return machine


def test_what_is_learnt_holds_the_plate_within_100_uk(steady: SimulatedRefrigerator) -> None:
    mean_k, rms_k = held(steady, 3)
    assert mean_k == pytest.approx(0.95, abs=50e-6)
    assert rms_k < 100e-6
    assert steady.cycle.cooling_power_w > 600e-6
    heater = steady.chx_heater
    assert heater.phase_readings_k.std() == pytest.approx(rms_k, abs=60e-6)
    assert heater.phase_powers_w.mean() == pytest.approx(steady.cycle.cooling_power_w, rel=1e-6)
    heater.feed_forward = False
    steady.step(6 * 180.0)
    assert held(steady, 2)[1] > 1.5 * rms_k


def test_feeding_forward_begins_and_ends_without_a_bump(steady: SimulatedRefrigerator) -> None:
    heater = steady.chx_heater
    while not 300e-6 < heater.power_w < 1200e-6:
        steady.step(7.0)
    for change in (False, True, False, True, None):
        if change is None:
            heater.forget()
        else:
            heater.feed_forward = change
        before_w, error_k = heater.power_w, heater.setpoint_k - steady.thermometers["CHX"].reading_k
        control(steady)
        slew_w = heater.pid.p * heater.pid.i * abs(error_k) * steady.dt_s
        assert abs(heater.power_w - before_w) <= slew_w * 1.001 + 1e-12
        control(steady, 3)


def test_what_is_learnt_comes_in_without_a_bump(steady: SimulatedRefrigerator) -> None:
    heater = steady.chx_heater
    heater.forget()  # so that the next whole cycle has much to teach
    heater.learning = 1.0
    steady.step(180.0)
    steps_w = []
    for _ in range(3600):
        before_w, cycles = heater.power_w, steady.cycle.count
        steady.advance(1)
        steps_w.append((steady.cycle.count != cycles, abs(heater.power_w - before_w)))
    at_end = [step for ends, step in steps_w if ends]
    others = [step for ends, step in steps_w if not ends]
    assert len(at_end) == 2
    assert steady.state()["repeat"][repetition.AHEAD].std() > 100e-6
    assert max(at_end) <= max(others)


def test_the_feed_forward_has_no_mean_and_stays_within_the_heaters_range(
    steady: SimulatedRefrigerator,
) -> None:
    ahead = steady.state()["repeat"][repetition.AHEAD]
    assert abs(ahead.mean()) < 1e-12
    assert 100e-6 < ahead.std() < 1e-3
    assert np.abs(ahead).max() < steady.chx_heater.highest_w


def test_phases_are_known_in_open_loop_too_and_nothing_is_learnt_from_it(
    machine: SimulatedRefrigerator,
) -> None:
    heater = machine.chx_heater
    heater.feed_forward = True
    assert np.isnan(heater.phase_readings_k).all()
    before = heater.whole_cycles
    machine.step(2 * 180.0)
    assert heater.whole_cycles == before + 2
    assert heater.phase_powers_w == pytest.approx(10e-6)
    assert heater.phase_readings_k.mean() == pytest.approx(
        machine.cycle.mean_chx_temperature_k,
        abs=1e-4,  # that one is of readings one step older
    )
    assert (machine.state()["repeat"][repetition.AHEAD] == 0.0).all()


def test_a_state_of_before_there_was_a_feed_forward_has_learnt_nothing(
    machine: SimulatedRefrigerator,
) -> None:
    saved = machine.state()
    del saved["repeat"], saved["repeating"]
    machine.restore(saved)
    assert not machine.chx_heater.feed_forward
    assert machine.chx_heater.whole_cycles == 0
