"""What both machines promise to whoever drives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from amrr.refrigerator import SimulatedRefrigerator
from haloscope.apparatus.experiment import SimulatedHaloscope

MACHINES = {
    "amrr": lambda: SimulatedRefrigerator(seed=1),
    "haloscope": lambda: SimulatedHaloscope(seed=1),
}
PARTS = {
    "amrr": ("cycle", "supplies", "chx_heater", "stage", "thermometers"),
    "haloscope": (
        "rod", "antenna", "magnet", "fridge", "noise_source", "switch",
        "jpa", "vna", "digitizer", "local_oscillator",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_restoring_a_state_keeps_the_parts_others_hold_on_to(name: str) -> None:
    make: Callable[[], Any] = MACHINES[name]
    machine = make()
    before = {part: getattr(machine, part) for part in PARTS[name]}
    saved = machine.state()
    machine.step(machine.dt_s)
    machine.restore(saved)
    for part, held in before.items():
        assert getattr(machine, part) is held, part
