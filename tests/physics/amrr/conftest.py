"""Machines that several tests look at, each run once per process."""

import pytest

from amrr.refrigerator import Refrigerator


@pytest.fixture(scope="session")
def settled() -> Refrigerator:
    """The default machine at 600 uW after 30 cycles; who changes it restores it."""
    machine = Refrigerator()
    machine.chx_heater.power_setpoint_w = 600e-6
    machine.cycle.run()
    machine.step(60.0 + 30 * 180.0)
    return machine
