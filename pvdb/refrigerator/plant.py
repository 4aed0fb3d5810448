"""The refrigerator with its interlocks and its table."""

from __future__ import annotations

from amrr.controls.interlocks import interlocks_of
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from pvdb.plant import Plant
from pvdb.refrigerator.table import amrr_records


def refrigerator_plant(
    parameters: RefrigeratorParameters | None = None,
    *,
    seed: int = 0,
    machine: SimulatedRefrigerator | None = None,
) -> Plant:
    """The refrigerator, ready to be served.

    Args:
        parameters: Of the machine; the default machine if not given.
        seed: Of its random numbers.
        machine: The physics, where it is made already; ``parameters`` and ``seed`` are then its.
    """
    machine = machine or SimulatedRefrigerator(parameters, seed=seed)
    interlocks = interlocks_of(machine)
    return Plant(
        name="Refrigerator",
        machine=machine,
        records=amrr_records(machine, interlocks),
        guards=(interlocks.check,),
        seed=machine.seed,
        parameters_hash=machine.parameters.digest(),
    )
