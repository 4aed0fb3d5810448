"""Points of a study: periodic states, cooling power, and machines that have none."""

from dataclasses import replace

import pytest

from amrr.design.points import (
    COARSE,
    DIODE_A,
    Effort,
    Failure,
    FailureError,
    at_load,
    at_temperature,
    running,
)
from amrr.parameters import RefrigeratorParameters
from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Unsound


def test_a_point_keeps_the_first_law_and_stays_below_carnot(machine: SimulatedRefrigerator) -> None:
    point = at_load(machine, 600e-6)
    assert point.chx_k == pytest.approx(0.919, abs=0.01)
    assert point.lowest_k < point.chx_k < point.highest_k
    assert point.coldest_outlet_k < point.outlet_k < point.chx_k
    put_in = point.work_j + point.total_load_w * point.period_s
    assert put_in == pytest.approx(point.rejected_j, rel=5e-3)
    assert point.total_load_w == pytest.approx(650e-6)  # 50 uW parasitic
    assert 0.2 < point.carnot_fraction < 1.0
    assert point.objections == ()


def test_the_carnot_fraction_is_of_load_temperatures_and_work(
    machine: SimulatedRefrigerator,
) -> None:
    p = replace(at_load(machine, 600e-6, COARSE), chx_k=0.8, stage_k=1.6, work_j=0.5)
    assert p.carnot_fraction == pytest.approx(650e-6 * 180.0 / 0.5)


def test_the_cooling_power_is_the_load_that_holds_the_temperature(
    machine: SimulatedRefrigerator, parameters: RefrigeratorParameters
) -> None:
    power_w, point = at_temperature(machine, 0.85)
    assert point.chx_k == pytest.approx(0.85, abs=2e-3)
    assert at_load(running(parameters), power_w).chx_k == pytest.approx(0.85, abs=1e-3)


def test_a_machine_that_does_not_get_so_cold_has_a_negative_power(
    machine: SimulatedRefrigerator,
) -> None:
    power_w, point = at_temperature(machine, 0.25, first_w=100e-6, effort=COARSE)
    assert point.load_w == 0.0
    assert power_w < 0.0


def test_a_hopeless_machine_is_given_up_after_one_point(machine: SimulatedRefrigerator) -> None:
    power_w, point = at_temperature(machine, 0.4, effort=COARSE)
    assert point.load_w == 600e-6
    assert power_w < 100e-6


def test_a_machine_that_the_models_do_not_describe_is_a_failure(
    parameters: RefrigeratorParameters,
) -> None:
    with pytest.raises(FailureError, match=r"concentration = 0\.3") as failed:
        running(replace(parameters, concentration=0.3))
    assert failed.value.kind is Failure.NOT_DESCRIBED


def test_a_field_step_that_its_magnet_cannot_make_is_a_failure(
    parameters: RefrigeratorParameters,
) -> None:
    hasty = replace(parameters.cycle, hold_time_s=1.0, regen_hot_start_t=1.4)
    with pytest.raises(FailureError) as failed:
        at_load(running(replace(parameters, cycle=hasty)), 600e-6, COARSE)
    assert failed.value.kind is Failure.BLOCKED


def test_a_search_that_does_not_end_is_a_failure(machine: SimulatedRefrigerator) -> None:
    with pytest.raises(FailureError, match="still changing") as failed:
        at_load(machine, 600e-6, Effort(most_cycles=3))
    assert failed.value.kind is Failure.NOT_CONVERGED


def test_a_number_that_is_none_is_a_failure(
    machine: SimulatedRefrigerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(steps: int) -> None:
        raise Unsound("temperature of regenerator A, lump 3 of 12 is nan")

    monkeypatch.setattr(machine, "advance", lost)
    with pytest.raises(FailureError, match="lump 3 of 12") as failed:
        at_load(machine, 600e-6)
    assert failed.value.kind is Failure.UNSOUND


def test_what_is_used_outside_its_range_is_objected_to(machine: SimulatedRefrigerator) -> None:
    point = at_load(machine, 0.0, COARSE)  # below the garnet's 0.4 K
    assert len(point.warnings) == 1
    assert "is below" in point.warnings[0]


def test_a_conducting_diode_is_objected_to(machine: SimulatedRefrigerator) -> None:
    point = at_load(machine, 600e-6, COARSE)
    assert "diode" in replace(point, diode_a=2 * DIODE_A).objections[0]


def test_thermometers_have_their_noise_again(machine: SimulatedRefrigerator) -> None:
    at_load(machine, 600e-6, COARSE)
    readings = []
    for _ in range(5):
        machine.advance(1)
        readings.append(machine.thermometers["Stage"].reading_k)
    assert len(set(readings)) == 5
