"""The superleak and the resistance of the loop: what sets the flow, and what stops it."""

from dataclasses import replace
from typing import Any

import pytest

from amrr.circuit import nodes, rows, tables
from amrr.fluid import helium
from amrr.parameters import RefrigeratorParameters
from amrr.periodic import to_cycle_start
from amrr.refrigerator import SimulatedRefrigerator

PAPER = RefrigeratorParameters()


def pumping(**pump: Any) -> SimulatedRefrigerator:
    """A machine 20 s into its first flow, by the cycle's clock."""
    machine = SimulatedRefrigerator(replace(PAPER, pump=replace(PAPER.pump, **pump)))
    machine.cycle.run()
    to_cycle_start(machine)
    machine.step(20.0)
    return machine


def pressure_difference(machine: SimulatedRefrigerator) -> float:
    x = machine.state()["nodes"]
    a, b = (machine.places.pump[side] for side in "AB")
    fluid = tables.fluid_table()
    pi = [nodes.fluid_pressure(fluid, x[rows.TEMPERATURE, i], x[rows.C3, i])[0] for i in (a, b)]
    return pi[0] - pi[1]


def test_no_fluid_passes_pores_above_their_onset() -> None:
    # Below T_lambda(0.1) = 2.03 K, and yet normal in the pores.
    machine = pumping(superleak_onset_k=1.4)
    assert machine.pump_bed_temperature_k("B") < float(helium.lambda_temperature(0.1)) - 0.1
    assert machine.flow_rate_m3_per_s == 0.0
    assert "superleak closed" in " ".join(machine.warnings)
    assert abs(pumping().flow_rate_m3_per_s) > 90e-9


def test_the_onset_falls_with_3he_as_the_lambda_line_does() -> None:
    # Onset 1.9 K in pure 4He is 1.78 K at x = 0.1, and a bed that begins its cycle is at 1.83 K.
    machine = pumping(superleak_onset_k=1.90)
    warm = max(machine.pump_bed_temperature_k(side) for side in "AB")
    assert 1.90 * 2.034 / 2.168 < warm < 1.90
    assert machine.flow_rate_m3_per_s == 0.0


def test_the_pores_critical_flow_bounds_the_flow() -> None:
    assert abs(pumping(largest_flow_m3_per_s=40e-9).flow_rate_m3_per_s) == pytest.approx(40e-9)


def test_a_resistance_takes_the_pressure_that_flow_times_it_is() -> None:
    resistance = 2e11
    machine = pumping(flow_resistance_pa_s_per_m3=resistance)
    flow = machine.flow_rate_m3_per_s
    assert 5e-9 < abs(flow) < 60e-9
    assert pressure_difference(machine) == pytest.approx(resistance * flow, rel=0.02)
