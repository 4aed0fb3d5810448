"""State: bit-identical however time is sliced, restored or stored; the shipped cold start."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amrr import snapshot
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused


def same(a: dict[str, Any], b: dict[str, Any], *ignore: str) -> bool:
    return all(np.array_equal(a[k], b[k]) for k in a if k not in ignore)


def test_slicing_the_time_differently_gives_the_same_bits() -> None:
    states = []
    for slices in (1, 7, 1000):
        machine = SimulatedRefrigerator(seed=5)
        machine.chx_heater.power_setpoint_w = 1e-3
        machine.cycle.run()
        for _ in range(slices):
            machine.step(100.0 / slices)
        states.append(machine.state())
    # What a slice leaves over is owed, so it differs by rounding.
    assert same(states[0], states[1], "owed")
    assert same(states[0], states[2], "owed")


def test_a_restored_machine_repeats_itself_bit_for_bit(machine: SimulatedRefrigerator) -> None:
    saved = machine.state()
    machine.step(500.0)
    first = machine.state()
    machine.restore(saved)
    machine.step(500.0)
    assert same(first, machine.state())


def test_the_seed_changes_the_readings_only_a_little() -> None:
    readings = []
    for seed in (1, 1, 2):
        machine = SimulatedRefrigerator(seed=seed)
        machine.step(50.0)
        readings.append(machine.thermometers["CHX"].reading_k)
    assert readings[0] == readings[1] != readings[2]
    assert readings[0] == pytest.approx(readings[2], abs=2e-3)


def test_a_snapshot_survives_a_file(machine: SimulatedRefrigerator, tmp_path: Path) -> None:
    machine.step(33.3)
    snapshot.save(tmp_path / "state.npz", machine.state())
    saved = machine.state()
    machine.step(10.0)
    machine.restore(snapshot.load(tmp_path / "state.npz"))
    assert same(saved, machine.state())


def test_a_foreign_snapshot_is_refused(machine: SimulatedRefrigerator) -> None:
    other = SimulatedRefrigerator(RefrigeratorParameters(concentration=0.08))
    with pytest.raises(Refused, match="other parameters"):
        machine.restore(other.state())
    broken = machine.state()
    broken["nodes"] = broken["nodes"][:, :-1]
    before = machine.state()
    with pytest.raises(Refused, match="nodes"):
        machine.restore(broken)
    assert same(before, machine.state())


def test_the_shipped_cold_start_is_current_and_periodic() -> None:
    machine = SimulatedRefrigerator(seed=3)
    assert snapshot.shipped(machine) is not None
    snapshot.start_cold(machine)
    assert machine.time_s == 0.0
    assert machine.seed == 3
    assert machine.cycle.count == 0
    first = machine.chx_temperature_k
    machine.step(180.1)
    assert machine.cycle.count == 1
    assert machine.chx_temperature_k == pytest.approx(first, abs=1.5e-3)
    assert 0.85 < machine.cycle.mean_chx_temperature_k < 0.95


def test_a_state_of_before_a_thermometer_was_added_is_taken() -> None:
    machine = SimulatedRefrigerator(seed=3)
    machine.step(20.0)
    saved = machine.state()
    older = {**saved, "thermometers": saved["thermometers"][:, :-1]}
    other = SimulatedRefrigerator(seed=3)
    fresh = other.state()["thermometers"][:, -1].copy()
    other.restore(older)
    now = other.state()["thermometers"]
    assert np.array_equal(now[:, :-1], saved["thermometers"][:, :-1])
    assert np.array_equal(now[:, -1], fresh)
