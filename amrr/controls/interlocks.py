"""The refrigerator's interlocks: a quench ramps the other magnets down, little helium stops all."""

from __future__ import annotations

from functools import partial
from typing import Final

from amrr.controls.cycle import CycleState
from amrr.refrigerator import SimulatedRefrigerator
from instruments.control.interlocks import Interlock, Interlocks
from instruments.magnets.supply import SupplyState

__all__ = ["interlocks_of"]

PERCENT: Final[float] = 100.0


def interlocks_of(machine: SimulatedRefrigerator) -> Interlocks:
    """All interlocks of a refrigerator.

    They restrain the supplies, by their names, and "Cycle".
    """
    return Interlocks(
        [
            Interlock(
                "quench",
                partial(_quenched, machine),
                partial(_ramp_down, machine),
                restrains=tuple(machine.supplies),
            ),
            Interlock(
                "helium",
                partial(_little_helium, machine),
                partial(_stop_cycle, machine),
                restrains=("Cycle",),
            ),
        ]
    )


# Reasons; they are asked after every step --------------------------------------------------------


def _quenched(machine: SimulatedRefrigerator) -> str:
    names = [name for name, supply in machine.supplies.items() if supply.quenched]
    return f"{' and '.join(names)} quenched; the others ramp to zero" if names else ""


def _little_helium(machine: SimulatedRefrigerator) -> str:
    percent = PERCENT * machine.bath.level
    lowest = machine.parameters.operation.lowest_helium_percent
    if percent >= lowest:
        return ""
    return f"helium at {percent:.1f} %, below {lowest:g} %: the cycle stops"


# What is done about them -------------------------------------------------------------------------


def _ramp_down(machine: SimulatedRefrigerator) -> None:
    _stop_cycle(machine)
    for supply in machine.supplies.values():
        if supply.state < SupplyState.QUENCH and not supply.programmed:
            supply.zero()


def _stop_cycle(machine: SimulatedRefrigerator) -> None:
    if machine.cycle.state in (CycleState.RUNNING, CycleState.PAUSED):
        machine.cycle.stop()
