"""NbTi and the magnets: critical surface, wire, diodes, losses, the quench story."""

import math

import numpy as np
import pytest

from amrr.coils import magnet
from amrr.coils.magnet import SuperconductingMagnet
from amrr.parameters import CoilParameters, RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from amrr.solids import copper
from amrr.solids.superconductor import (
    SuperconductingWire,
    critical_current_density,
    upper_critical_field,
)
from instruments.errors import Refused
from instruments.magnets.supply import SupplyState

WIRE = SuperconductingWire(critical_current_scale=1.0)


def test_the_wire_is_the_papers() -> None:
    assert WIRE.superconductor_area_m2 == pytest.approx(3.435e-9, rel=1e-3)
    assert WIRE.insulated_diameter_m == 0.127e-3
    assert WIRE.copper_area_m2 / WIRE.superconductor_area_m2 == pytest.approx(1.38, abs=0.01)


def test_the_critical_surface_of_nbti() -> None:
    assert upper_critical_field(0.0) == pytest.approx(14.5)
    assert upper_critical_field(4.2) == pytest.approx(10.7, abs=0.1)
    assert WIRE.critical_current_a(1.7, 4.2) == pytest.approx(24.0, rel=0.03)
    assert WIRE.critical_current_a(1.7, 1.6) == pytest.approx(39.0, rel=0.03)
    assert WIRE.sharing_temperature_k(1.6, 4.7) == pytest.approx(7.3, abs=0.1)
    # The usual check: 3 kA/mm2 at 5 T and 4.2 K.
    assert critical_current_density(5.0, 4.2) == pytest.approx(3.0e9, rel=0.1)


def test_the_critical_current_falls_with_field_and_temperature() -> None:
    fields, temperatures = np.linspace(0.2, 12, 30), np.linspace(1.0, 9.3, 30)
    table = np.array([[critical_current_density(b, t) for b in fields] for t in temperatures])
    assert (np.diff(table, axis=0) <= 0).all()
    assert (np.diff(table, axis=1) <= 0).all()
    assert critical_current_density(1.0, 9.3) == 0.0


def test_heat_content_is_the_integral_of_the_heat_capacity() -> None:
    p = magnet.constants(CoilParameters())
    t = np.linspace(1.6, 40.0, 4001)
    c = np.array([magnet.capacity(k, p) for k in t])
    integral = ((c[1:] + c[:-1]) / 2 * np.diff(t)).sum()
    assert magnet.enthalpy(40.0, p) - magnet.enthalpy(1.6, p) == pytest.approx(integral, rel=1e-5)


@pytest.mark.parametrize(("t", "ohm_m"), [(77.0, 1.9e-9), (295.0, 1.7e-8)])
def test_copper_resistivity_is_the_handbooks(t: float, ohm_m: float) -> None:
    assert copper.resistivity(t, 0.0) == pytest.approx(ohm_m, rel=0.06)


def at_field(machine: SimulatedRefrigerator, name: str, field_t: float) -> SuperconductingMagnet:
    machine.supplies[name].ramp_rate_a_per_s = 0.2
    machine.supplies[name].set_field(field_t)
    while not machine.supplies[name].at_target:
        machine.advance(10)
    return machine.magnets[name]


def test_the_nominal_step_stays_just_below_the_diodes(machine: SimulatedRefrigerator) -> None:
    machine.advance(798)
    assert machine.cycle.phase.name == "FLOW_A_TO_B"
    voltages = []
    machine.advance(1)
    for _ in range(100):
        machine.advance(1)
        voltages.append(abs(machine.supplies["RegenB"].coil_voltage_v))
    assert max(voltages) == pytest.approx(9.22 * 0.742 / 0.319 / 10.0, rel=0.05)
    assert machine.supplies["RegenB"].diode_current_a == 0.0
    assert machine.supplies["RegenB"].field_t == pytest.approx(0.742, abs=1e-6)


def run_with_diodes(forward_v: float) -> tuple[SimulatedRefrigerator, float]:
    """Two cycles with other diodes; the machine, and the largest diode current of RegenB."""
    weak = CoilParameters(diode_cold_v=forward_v)
    machine = SimulatedRefrigerator(RefrigeratorParameters(regenerator_magnet=weak))
    machine.cycle.run()
    largest = 0.0
    for _ in range(400):
        machine.step(1.0)
        largest = max(largest, abs(machine.supplies["RegenB"].diode_current_a))
    return machine, largest


def test_diodes_just_below_the_ramp_voltage_make_the_coil_lag() -> None:
    machine, diode_a = run_with_diodes(2.1)
    assert 0.05 < diode_a < 0.3
    assert machine.cycle.blocked == ""


def test_diodes_well_below_the_ramp_voltage_heat_their_coil_into_a_quench() -> None:
    # The conflict in the design: the nominal step takes 2.14 V, a cold diode starts at 1.6 V.
    machine, _ = run_with_diodes(1.6)
    assert "is latched (quench)" in machine.cycle.blocked


@pytest.mark.parametrize("dt_s", [0.01, 0.1, 1.0, 2.0])
def test_coil_and_diodes_share_their_heat_however_long_the_step(dt_s: float) -> None:
    p = CoilParameters(stage_link_w_per_k=0.0)
    state = np.zeros(magnet.STATE_SIZE)
    state[[magnet.TEMPERATURE, magnet.DIODE_TEMPERATURE, magnet.HOT_SPOT]] = 1.6, 8.0, 1.6
    coil = SuperconductingMagnet(p, state)

    def held_j() -> float:
        pocket = p.diode_capacity_j_per_k * coil.diode_temperature_k
        return magnet.enthalpy(coil.temperature_k, coil.constants) + pocket

    before_j, apart_k = held_j(), []
    for _ in range(20):
        coil.step(0.0, dt_s)
        apart_k.append(coil.diode_temperature_k - coil.temperature_k)
    assert held_j() == pytest.approx(before_j, rel=1e-9)
    assert (np.diff(apart_k) <= 1e-12).all()
    assert min(apart_k) > -1e-9


def test_ramping_heats_the_winding_a_little() -> None:
    machine = SimulatedRefrigerator()
    coil = at_field(machine, "RegenA", 1.5)
    assert 1.6 < coil.temperature_k < 4.0
    assert coil.critical_current_a > 3 * coil.current_a
    machine.step(600.0)
    assert coil.temperature_k == pytest.approx(1.6, abs=0.05)


def test_a_quench_turns_the_stored_energy_into_heat_and_latches() -> None:
    machine = SimulatedRefrigerator()
    coil = at_field(machine, "RegenA", 1.5)
    supply = machine.supplies["RegenA"]
    stored_j = 0.5 * coil.inductance_h * coil.current_a**2
    assert stored_j == pytest.approx(101.8, rel=0.01)
    coil.quench()
    machine.step(1.0)
    assert supply.quenched
    assert supply.supply_current_a == 0.0
    assert abs(coil.current_a) < 1e-3
    heat_j = magnet.enthalpy(coil.temperature_k, coil.constants)
    assert heat_j == pytest.approx(stored_j, rel=0.06)
    assert 24.0 < coil.temperature_k < 40.0
    assert 40.0 < coil.hot_spot_k < 200.0
    with pytest.raises(Refused, match="still normal"):
        supply.reset_quench()
    hottest_stage = 0.0
    for _ in range(30):
        machine.step(60.0)
        hottest_stage = max(hottest_stage, machine.stage.temperature_k)
    assert 1.65 < hottest_stage < 2.1
    assert coil.temperature_k < 2.0
    supply.reset_quench()
    assert supply.state is SupplyState.AT_ZERO
    assert at_field(machine, "RegenA", 0.3).current_a == pytest.approx(0.3 / 0.31915, rel=1e-3)


def test_a_coil_warmed_beyond_its_margin_quenches_by_itself() -> None:
    machine = SimulatedRefrigerator()
    coil = at_field(machine, "PumpA", 1.4)
    coil.array[magnet.TEMPERATURE] = 8.9
    machine.step(0.5)
    assert machine.supplies["PumpA"].quenched


def test_a_quench_blocks_the_cycle_and_ramps_the_others_down(
    machine: SimulatedRefrigerator,
) -> None:
    machine.advance(300)
    machine.magnets["RegenA"].quench()
    machine.step(1.0)
    assert machine.cycle.state.name == "BLOCKED"
    assert "RegenA is latched (quench)" in machine.cycle.blocked
    with pytest.raises(Refused, match="RegenA is latched"):
        machine.cycle.run()
    machine.step(120.0)
    others = [s for name, s in machine.supplies.items() if name != "RegenA"]
    assert all(s.state is SupplyState.AT_ZERO for s in others)
    assert math.isfinite(machine.chx_temperature_k)


def test_the_machine_is_busy_until_a_quenched_coil_is_cold() -> None:
    machine = SimulatedRefrigerator()
    coil = at_field(machine, "PumpA", 1.4)
    coil.quench()
    machine.step(1.0)
    supply = machine.supplies["PumpA"]
    assert supply.quenched
    warmest_k = coil.temperature_k
    while machine.busy:
        machine.step(10.0)
        warmest_k = max(warmest_k, coil.temperature_k)
        assert machine.time_s < 86400.0
    assert warmest_k > 20.0
    assert coil.temperature_k <= 5.0
    assert supply.quenched
    supply.reset_quench()
    assert not machine.busy
