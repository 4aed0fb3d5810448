"""Distributed cooling: stages along the cold lines, their loads, and what they cost."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from amrr.balance import balance
from amrr.parameters import DetectorParameters, RefrigeratorParameters
from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused

PAPER = RefrigeratorParameters()


def over_a_cycle(machine: SimulatedRefrigerator) -> dict[str, Any]:
    """Means over a cycle of what stages and the cold exchanger are at, K."""
    sums: dict[str, float] = {}
    steps = round(machine.cycle.period_s / machine.dt_s) // 10
    for _ in range(steps):
        machine.advance(10)
        now = {"CHX": machine.chx_temperature_k}
        for name, stage in machine.detectors.items():
            now[name] = stage.temperature_k
            now[f"{name} over the fluid"] = stage.temperature_k - stage.fluid_k
        for name, value in now.items():
            sums[name] = sums.get(name, 0.0) + value / steps
    return sums


def test_a_stage_is_above_its_fluid_by_load_over_link() -> None:
    light = replace(PAPER.detector1, capacity_j_per_k=1e-6)  # or it keeps 5 % of the load
    machine = SimulatedRefrigerator(replace(PAPER, detector1=light))
    machine.detectors["Detector1"].power_w = 100e-6
    machine.step(10.0)
    loaded, idle = (machine.detectors[name] for name in ("Detector1", "Detector2"))
    assert loaded.temperature_k - loaded.fluid_k == pytest.approx(100e-6 / 0.015, rel=0.03)
    assert idle.temperature_k - idle.fluid_k == pytest.approx(0.0, abs=1e-6)
    assert PAPER.detector1.link_w_per_k == 0.015


def test_the_first_law_knows_the_stages(machine: SimulatedRefrigerator) -> None:
    before = balance(machine)
    machine.detectors["Detector2"].power_w = 300e-6
    machine.step(180.0)
    change = balance(machine) - before
    assert change.load_j == pytest.approx((650e-6 + 300e-6) * 180.0)
    assert abs(change.energy_error_j) < 1e-8 * change.rejected_j
    assert change.entropy_generated_j_per_k > 0.0


def test_600_uw_of_distributed_cooling_at_900_mk(machine: SimulatedRefrigerator) -> None:
    # The paper's words. A third on the plate and on each of two stages: none is as warm as the
    # plate with all of it.
    on_the_plate = over_a_cycle(machine)["CHX"]
    machine.chx_heater.power_setpoint_w = 200e-6
    for stage in machine.detectors.values():
        stage.power_w = 200e-6
    settle(machine)
    means = over_a_cycle(machine)
    assert machine.cold_path_loads_w.sum() == pytest.approx(650e-6)
    assert means["Detector1"] == pytest.approx(means["Detector2"], abs=2e-3)
    for place in ("CHX", "Detector1", "Detector2"):
        assert 0.85 < means[place] < min(0.91, on_the_plate)


def test_the_load_map_and_the_temperatures_have_their_places(
    machine: SimulatedRefrigerator,
) -> None:
    machine.detectors["Detector1"].power_w = 50e-6
    machine.advance(1)
    z, q = machine.cold_path_positions_m, machine.cold_path_loads_w
    assert z.size == q.size == machine.cold_path_temperatures_k.size
    length = 2 * PAPER.cold_line.length_m + PAPER.exchangers.cold_tube_length_m
    assert 0.0 < z[0] < z[-1] < length
    assert z[np.flatnonzero(np.isclose(q, 50e-6))] == pytest.approx(
        [length - PAPER.detector1.distance_m]
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"detector3": DetectorParameters(fitted=True)}, "on the same of the 3 lumps"),
        ({"detector1": DetectorParameters(fitted=True, side="C")}, "side 'C' is not 'A' or 'B'"),
        (
            {"detector1": DetectorParameters(fitted=True, distance_m=0.2)},
            r"is outside 0 to 0\.15 m",
        ),
        ({"detector1": DetectorParameters(fitted=True, load_w=0.05)}, r"is outside 0 to 0\.002 W"),
    ],
)
def test_a_stage_without_a_place_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SimulatedRefrigerator(replace(PAPER, **changes))


def test_power_beyond_its_range_is_refused() -> None:
    stage = SimulatedRefrigerator().detectors["Detector1"]
    with pytest.raises(Refused, match="Detector1 power"):
        stage.power_w = 0.01
    assert stage.power_w == 0.0


def test_a_machine_without_stages_has_no_thermometers_for_them() -> None:
    bare = replace(PAPER, detector1=DetectorParameters(), detector2=DetectorParameters())
    machine = SimulatedRefrigerator(bare)
    assert not machine.detectors
    assert "Detector1" not in machine.thermometers
    machine.step(40.0)  # the scanner goes round without them
    assert not machine.thermometers["HHXB"].stale
