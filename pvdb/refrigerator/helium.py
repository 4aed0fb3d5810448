"""The bath of the refrigerator on the wire: level, transfer, loss on demand."""

from __future__ import annotations

from collections.abc import Iterator

from amrr.refrigerator import SimulatedRefrigerator
from pvdb.records import AlarmLimits, Record, choice, readback
from pvdb.records.binding import reader

PERCENT = 100.0


def helium_records(machine: SimulatedRefrigerator) -> Iterator[Record]:
    """``Stage:HeLevel_RBV`` and ``Stage:HeTransfer``."""
    bath, run = machine.bath, machine.parameters.operation
    yield readback(
        "Stage:HeLevel_RBV",
        reader(bath, "level", PERCENT),
        "Helium in the bath that feeds the pot",
        "%",
        display=(0.0, 100.0),
        alarms=AlarmLimits(
            lolo=run.lowest_helium_percent, low=run.low_helium_percent, hysteresis=1.0
        ),
        deadband=0.01,
    )
    yield choice(
        "Stage:HeTransfer",
        lambda: int(bath.filling),
        lambda index: setattr(bath, "filling", bool(index)),
        "Transfer helium; ends when full",
        ("Off", "On"),
    )


def helium_fault(machine: SimulatedRefrigerator) -> Record:
    """``Sim:FaultHeLevel``: drain the bath."""
    return choice(
        "Sim:FaultHeLevel",
        lambda: int(machine.bath.losing),
        lambda index: setattr(machine.bath, "losing", bool(index)),
        "Boil the helium off, 5 l/min",
        ("No", "Yes"),
    )
