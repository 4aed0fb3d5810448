"""The refrigerator's own interlocks: what they do to the machine, and what they hold back."""

from __future__ import annotations

from amrr.controls.cycle import CycleState
from amrr.controls.interlocks import interlocks_of
from amrr.refrigerator import SimulatedRefrigerator
from instruments.magnets.supply import SupplyState


def test_little_helium_stops_the_cycle_and_holds_it_until_there_is_more() -> None:
    machine = SimulatedRefrigerator()
    locks = interlocks_of(machine)
    machine.cycle.run()
    machine.bath.losing = True
    while 100.0 * machine.bath.level >= machine.parameters.operation.lowest_helium_percent:
        locks.check()
        assert machine.cycle.state is CycleState.RUNNING
        machine.step(30.0)
    locks.check()
    assert machine.cycle.state is CycleState.RAMPING_DOWN
    assert locks.reason_against("Cycle") == locks.reason() != ""
    machine.bath.losing, machine.bath.filling = False, True
    machine.step(60.0)
    locks.check()
    assert locks.reason_against("Cycle") == locks.reason() == ""


def test_a_quench_ramps_the_others_down_and_restrains_all() -> None:
    machine = SimulatedRefrigerator()
    locks = interlocks_of(machine)
    for name in ("PumpA", "PumpB"):
        machine.supplies[name].set_current(1.0)
    while not all(machine.supplies[name].at_target for name in ("PumpA", "PumpB")):
        machine.step(1.0)
    locks.check()
    assert locks.reason() == ""
    machine.magnets["PumpA"].quench()
    machine.step(1.0)
    locks.check()
    assert machine.supplies["PumpB"].state is SupplyState.ZEROING
    assert machine.supplies["PumpA"].state is SupplyState.QUENCH
    assert {locks.reason_against(name) for name in machine.supplies} == {locks.reason()}
    assert locks.reason().startswith("PumpA quenched")


def test_a_quench_ends_a_paused_cycle() -> None:
    machine = SimulatedRefrigerator()
    locks = interlocks_of(machine)
    machine.supplies["RegenA"].set_current(1.0)
    while not machine.supplies["RegenA"].at_target:
        machine.step(1.0)
    machine.cycle.run()
    machine.step(1.0)
    machine.cycle.pause()
    machine.magnets["RegenA"].quench()
    machine.step(1.0)
    assert machine.cycle.state is CycleState.PAUSED
    locks.check()
    assert machine.cycle.state is CycleState.RAMPING_DOWN
