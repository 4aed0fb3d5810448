"""Machines that several tests look at, each run once per process."""

from typing import Any

import pytest

from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator


@pytest.fixture(scope="session")
def periodic_state() -> tuple[SimulatedRefrigerator, dict[str, Any]]:
    """The default machine in its periodic state at 600 uW, and that state; restore before use."""
    machine = SimulatedRefrigerator()
    machine.chx_heater.power_setpoint_w = 600e-6
    machine.cycle.run()
    settle(machine, tolerance_k=5e-5)
    return machine, machine.state()


@pytest.fixture
def machine(periodic_state: tuple[SimulatedRefrigerator, dict[str, Any]]) -> SimulatedRefrigerator:
    """The default machine in its periodic state, at the start of a cycle."""
    shared, saved = periodic_state
    shared.restore(saved)
    return shared
