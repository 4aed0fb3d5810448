"""The refrigerator's device with the physics in process: ``Refrigerator(name="amrr")``."""

from __future__ import annotations

from typing import Any

from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator as Machine
from devices.amrr import Refrigerator as RefrigeratorDevice
from devices.simulated.build import in_process
from pvdb.refrigerator.plant import refrigerator_plant

__all__ = ["Refrigerator"]


def Refrigerator(
    prefix: str = "AMRR:",
    *,
    name: str,
    machine: Machine | None = None,
    parameters: RefrigeratorParameters | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> Any:
    """A ``devices.amrr.Refrigerator`` whose signals read a machine in this process.

    Args:
        prefix: Of the records' names.
        name: Of the device.
        machine: The physics; made from ``parameters`` and ``seed`` if not given.
        parameters: Of the machine.
        seed: Of the machine.
        kwargs: Passed on to ophyd.

    The device's ``bench`` holds the machine; ``bench.close()`` ends its clock thread.
    """
    plant = refrigerator_plant(parameters, seed=seed, machine=machine)
    # Compiled for the first time on a busy host it takes longer than what its first move is given.
    plant.warm_up()
    return in_process(RefrigeratorDevice, plant, prefix, name, **kwargs)
