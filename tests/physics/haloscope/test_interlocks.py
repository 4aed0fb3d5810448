"""The haloscope's own interlocks: what they do to the machine, and what they hold back."""

from __future__ import annotations

import math

import pytest

from haloscope.apparatus.experiment import SimulatedHaloscope
from haloscope.apparatus.interlocks import interlocks_of, pump_switch
from haloscope.parameters import HaloscopeParameters
from instruments.control.interlocks import Interlocks
from instruments.errors import Refused


@pytest.fixture(scope="module")
def machine() -> SimulatedHaloscope:
    return SimulatedHaloscope(seed=3)


@pytest.fixture
def locks(machine: SimulatedHaloscope) -> Interlocks:
    return interlocks_of(machine, lambda: machine.fridge.reading_k("MXC"))


def test_a_cold_machine_has_no_reason(locks: Interlocks) -> None:
    locks.check()
    assert locks.reason() == ""


@pytest.mark.parametrize(("reading_k", "cut"), [(0.06, False), (0.0601, True), (math.nan, False)])
def test_the_reading_given_decides_not_the_temperature(
    machine: SimulatedHaloscope, reading_k: float, cut: bool
) -> None:
    locks = interlocks_of(machine, lambda: reading_k)
    machine.noise_source.setpoint_k = 0.2
    locks.check()
    lowest_k = machine.parameters.noise_source.lowest_k
    assert machine.noise_source.setpoint_k == (lowest_k if cut else 0.2)
    assert bool(locks.reason_against("NoiseSource")) is cut


@pytest.mark.parametrize("name", ["haystac", "admx"])
def test_another_machine_is_not_warm_at_its_own_base_temperature(name: str) -> None:
    machine = SimulatedHaloscope(HaloscopeParameters.shipped(name), seed=3)
    machine.noise_source.setpoint_k = machine.parameters.noise_source.highest_k
    machine.step(3600.0)
    locks = interlocks_of(machine, lambda: machine.fridge.reading_k("MXC"))
    locks.check()
    assert locks.reason() == ""
    assert machine.noise_source.setpoint_k == machine.parameters.noise_source.highest_k


def test_the_pump_is_not_switched_on_while_digitizing_but_off(
    machine: SimulatedHaloscope, locks: Interlocks
) -> None:
    switch = pump_switch(machine, locks)
    switch(True)
    machine.digitizer.acquire()
    switch(False)
    assert not machine.jpa.pump_on
    with pytest.raises(Refused, match="no change while digitizing"):
        switch(True)
    machine.digitizer.abort()
    switch(True)
    assert machine.jpa.pump_on


@pytest.mark.parametrize("axis", ["rod", "antenna"])
def test_either_digitizing_or_motion(
    machine: SimulatedHaloscope, locks: Interlocks, axis: str
) -> None:
    drive = getattr(machine, axis)
    machine.digitizer.acquire()
    assert locks.reason_against(axis.title()) == "no motion while digitizing"
    machine.digitizer.abort()
    assert locks.reason_against(axis.title()) == ""
    drive.move_to(drive.position + 0.1)
    assert locks.reason_against("Digitizer") == f"no digitizing while moving: {axis}"
    drive.stop()
    machine.step(10.0)
    assert locks.reason_against("Digitizer") == ""


def test_every_fault_is_told_and_no_lock_is(machine: SimulatedHaloscope, locks: Interlocks) -> None:
    machine.digitizer.acquire()
    locks.check()
    machine.digitizer.abort()
    assert locks.reason() == ""
    assert {name for name, lock in locks.interlocks.items() if lock.alarming} == {
        "quench",
        "warm",
        "jpa",
    }


def test_a_quench_leaves_neither_pump_nor_heater_on() -> None:
    machine = SimulatedHaloscope(seed=3)
    locks = interlocks_of(machine, lambda: machine.parameters.cryostat.base_temperature_k)
    machine.jpa.pump_on = True
    machine.noise_source.setpoint_k = 0.2
    machine.quench()
    machine.step(5.0)
    locks.check()
    assert not machine.jpa.pump_on
    assert machine.noise_source.setpoint_k == machine.parameters.noise_source.lowest_k
