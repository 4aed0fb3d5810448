"""The machine at the paper's cycle."""

import numpy as np
import pytest

from amrr.refrigerator import Refrigerator


def test_the_paper_cycle_cools_600_uw_near_900_mk(settled: Refrigerator) -> None:
    assert settled.cycle.count >= 28
    assert 0.85 < settled.cycle.mean_chx_temperature_k < 0.95
    assert settled.cycle.cooling_power_w == pytest.approx(600e-6)


def test_slicing_the_time_differently_gives_the_same_bits() -> None:
    states = []
    for slices in (1, 7, 1000):
        machine = Refrigerator(seed=5)
        machine.chx_heater.power_setpoint_w = 1e-3
        machine.cycle.run()
        for _ in range(slices):
            machine.step(100.0 / slices)
        states.append(machine.state())
    for other in states[1:]:
        for name, value in states[0].items():
            if name != "owed":
                assert np.array_equal(value, other[name]), name
