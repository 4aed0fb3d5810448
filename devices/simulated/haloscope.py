"""The haloscope's device with the physics in process: ``Haloscope(name="haloscope")``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devices.haloscope import Haloscope as HaloscopeDevice
from devices.simulated.build import in_process
from haloscope.apparatus.blinding import BlindKey
from haloscope.apparatus.experiment import SimulatedHaloscope as Machine
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from pvdb.haloscope.plant import haloscope_plant

__all__ = ["Haloscope"]


def Haloscope(
    prefix: str = "HALO:",
    *,
    name: str,
    machine: Machine | None = None,
    parameters: HaloscopeParameters | None = None,
    seed: int = 0,
    lines: Sequence[AxionLine] = (),
    blind: BlindKey | None = None,
    **kwargs: Any,
) -> Any:
    """A ``devices.haloscope.Haloscope`` whose signals read a machine in this process.

    Args:
        prefix: Of the records' names.
        name: Of the device.
        machine: The physics; made from ``parameters``, ``seed`` and ``lines`` if not given.
        parameters: Of the machine.
        seed: Of the machine.
        lines: Axions in its field.
        blind: Hide what this key holds; ``seed`` is then not given. Devices, plans and documents
            tell nothing of it, but this is one process: anybody who writes its Python can look into
            the machine. For a search that is to be blind to its own authors, run the IOC.
        kwargs: Passed on to ophyd.

    The device's ``bench`` holds the machine; ``bench.close()`` ends its clock thread.
    """
    plant = haloscope_plant(parameters, seed=seed, lines=lines, blind=blind, machine=machine)
    return in_process(HaloscopeDevice, plant, prefix, name, **kwargs)
