"""A device over PVs, made anew over a plant in this process."""

from __future__ import annotations

from typing import Any

from devices.simulated.bench import Bench, current_bench
from devices.simulated.signals import simulated
from pvdb.plant import Plant


def in_process(device_class: type, plant: Plant, prefix: str, name: str, **kwargs: Any) -> Any:
    """A device of ``device_class`` whose signals are bound to the records of ``plant``.

    Args:
        device_class: Of ``devices.amrr`` or ``devices.haloscope``.
        plant: The machine and its records.
        prefix: Of the records' names.
        name: Of the device.
        kwargs: Passed on to ophyd.

    The device's ``bench`` holds the machine; ``bench.close()`` ends its clock thread.
    """
    bench = Bench(plant, prefix)
    token = current_bench.set(bench)
    try:
        device = simulated(device_class)(prefix, name=name, **kwargs)
    finally:
        current_bench.reset(token)
    device.bench = bench
    return device
