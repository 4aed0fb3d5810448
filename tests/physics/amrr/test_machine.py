"""The machine at the paper's cycle: what it reaches and needs, and that it is converged."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from amrr.parameters import RefrigeratorParameters
from amrr.periodic import settle
from amrr.refrigerator import SimulatedRefrigerator

PAPER = RefrigeratorParameters()


def with_cycle(**changes: Any) -> RefrigeratorParameters:
    return replace(PAPER, cycle=replace(PAPER.cycle, **changes))


def settled(
    parameters: RefrigeratorParameters, load_w: float, tolerance_k: float = 3e-4
) -> SimulatedRefrigerator:
    machine = SimulatedRefrigerator(parameters)
    machine.chx_heater.power_setpoint_w = load_w
    machine.cycle.run()
    settle(machine, tolerance_k=tolerance_k)
    return machine


def test_600_uw_and_the_parasitic_load_are_lifted_near_900_mk(
    machine: SimulatedRefrigerator,
) -> None:
    machine.advance(1801)
    assert 0.85 < machine.cycle.mean_chx_temperature_k < 0.95
    assert machine.cycle.cooling_power_w == pytest.approx(600e-6)
    assert machine.parameters.exchangers.parasitic_w == 50e-6
    assert machine.cycle.period_s == 180.0
    assert machine.stage.temperature_k == pytest.approx(1.6, abs=0.010)


def test_the_cycle_takes_exactly_180_seconds(machine: SimulatedRefrigerator) -> None:
    before = machine.cycle.count
    machine.advance(1799)
    assert machine.cycle.count == before
    machine.advance(1)
    assert machine.cycle.count == before + 1


def test_both_sides_do_the_same_half_a_cycle_apart(machine: SimulatedRefrigerator) -> None:
    machine.advance(300)
    early = machine.regenerator_temperatures_k("A"), machine.pump_bed_temperature_k("A")
    machine.advance(900)
    late = machine.regenerator_temperatures_k("B"), machine.pump_bed_temperature_k("B")
    assert np.abs(early[0] - late[0]).max() < 2e-3
    assert early[1] == pytest.approx(late[1], abs=2e-3)


def test_a_milliwatt_is_within_reach_near_900_mk_and_below_1_5_tesla() -> None:
    strong = with_cycle(
        pump_low_t=0.5, pump_high_t=1.5, regen_cold_start_t=0.85, regen_hot_start_t=0.85,
        regen_hot_end_t=1.3,
    )  # fmt: skip
    machine = settled(strong, 1e-3)
    assert machine.cycle.mean_chx_temperature_k < 0.92


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"pump_low_t": 0.9, "pump_high_t": 0.9}, id="no flow"),
        pytest.param(
            {"regen_cold_start_t": 0.5, "regen_cold_end_t": 0.5, "regen_hot_start_t": 0.5,
             "regen_hot_end_t": 0.5},
            id="no field swing",
        ),
        pytest.param(
            {"regen_cold_start_t": 1.12, "regen_cold_end_t": 0.0, "regen_hot_start_t": 0.0,
             "regen_hot_end_t": 1.12},
            id="no field steps between the blows",
        ),
    ],
)  # fmt: skip
def test_nothing_cools_without(changes: dict[str, float]) -> None:
    machine = SimulatedRefrigerator(with_cycle(**changes))
    machine.chx_heater.power_setpoint_w = 600e-6
    machine.cycle.run()
    machine.step(8 * 180.0)
    assert machine.cycle.count >= 7
    assert machine.cycle.mean_chx_temperature_k > machine.stage.temperature_k


def test_the_result_is_converged_in_node_size_and_step(machine: SimulatedRefrigerator) -> None:
    machine.advance(1801)
    coarse = machine.cycle.mean_chx_temperature_k
    fine = replace(PAPER, dt_s=0.05, regenerator=replace(PAPER.regenerator, nodes=80))
    assert settled(fine, 600e-6).cycle.mean_chx_temperature_k == pytest.approx(coarse, abs=3e-3)


def test_flow_is_set_by_the_pump_ramp(machine: SimulatedRefrigerator) -> None:
    machine.advance(100)
    flows = []
    for _ in range(60):
        machine.advance(10)
        flows.append(machine.flow_rate_m3_per_s * 1e9)
    assert min(flows) > 90.0
    assert max(flows) < 112.0
    assert machine.molar_flow_mol_per_s == pytest.approx(3.6e-3, rel=0.1)


def test_osmotic_closure_cools_as_well_and_enriches_the_cold_end() -> None:
    # x = 0.05 at 1.6 K has the osmotic pressure of 0.167 at 0.75 K (uniform mu4).
    machine = settled(replace(PAPER, fluid_closure="osmotic", concentration=0.06), 600e-6, 3e-3)
    assert machine.cycle.mean_chx_temperature_k < 0.95
    assert machine.concentration("A") < 0.05
    assert 0.12 < machine.highest_concentration < 0.20
    assert not machine.phase_separated


def test_osmotic_closure_with_too_much_3he_separates_and_says_so() -> None:
    machine = SimulatedRefrigerator(replace(PAPER, fluid_closure="osmotic", concentration=0.20))
    assert machine.warnings == ()
    machine.cycle.run()
    machine.step(8 * 180.0)
    assert machine.phase_separated
    assert "mixture separates" in " ".join(machine.warnings)


def test_a_garnet_machine_with_the_successor_runs() -> None:
    # Its small zero-field heat capacity wants a field of its own at the cold end.
    gentle = with_cycle(
        regen_cold_start_t=0.8, regen_cold_end_t=0.3, regen_hot_start_t=0.4, regen_hot_end_t=1.0
    )
    machine = SimulatedRefrigerator(replace(gentle, refrigerant="GLF"))
    machine.chx_heater.power_setpoint_w = 300e-6
    machine.cycle.run()
    machine.step(16 * 180.0)
    assert machine.chx_temperature_k < 0.9
