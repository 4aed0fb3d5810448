"""The magnet supply: ramps arrive exactly, limits hold, refusals move nothing, quenches latch."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.errors import Refused
from instruments.magnets.coil import SimpleCoil
from instruments.magnets.supply import SimulatedSupply, SupplyParameters, SupplyState


def make(**changes: float) -> SimulatedSupply:
    coil = SimpleCoil(
        inductance_h=9.0, field_per_ampere_t=0.32, forward_v=changes.pop("clamp", 2.4)
    )
    return SimulatedSupply(SupplyParameters(name="Test", **changes), coil)


def run(supply: SimulatedSupply, seconds: float, dt_s: float = 0.1) -> None:
    for _ in range(round(seconds / dt_s)):
        supply.step(dt_s)


def test_a_ramp_takes_distance_over_rate_and_lands_exactly() -> None:
    supply = make()
    supply.set_current(2.0)
    run(supply, 39.9)
    assert supply.state is SupplyState.RAMPING
    assert supply.current_a == pytest.approx(0.05 * 39.9)
    assert supply.coil_voltage_v == pytest.approx(9.0 * 0.05)
    assert supply.voltage_v == pytest.approx(9.0 * 0.05 + 0.1 * supply.current_a)
    run(supply, 0.2)
    assert supply.state is SupplyState.HOLDING
    assert supply.at_target
    assert supply.current_a == 2.0
    assert supply.field_t == pytest.approx(0.64)


def test_pause_keeps_the_target_and_ramp_resumes() -> None:
    supply = make()
    supply.set_field(0.32)
    run(supply, 10)
    supply.pause()
    held = supply.current_a
    run(supply, 5)
    assert supply.state is SupplyState.PAUSED
    assert supply.current_a == held
    supply.ramp()
    run(supply, 15)
    assert supply.current_a == pytest.approx(1.0)


def test_zero_ends_at_zero_and_abort_holds_where_it_stands() -> None:
    supply = make()
    supply.set_current(1.0)
    run(supply, 10)
    supply.abort()
    run(supply, 1)
    assert supply.state is SupplyState.HOLDING
    assert supply.current_a == pytest.approx(0.5)
    supply.zero()
    run(supply, 11)
    assert supply.state is SupplyState.AT_ZERO
    assert supply.current_a == 0.0


def test_the_voltage_limit_slows_the_ramp() -> None:
    supply = make(ramp_rate_a_per_s=0.3, voltage_limit_v=1.0)
    supply.set_current(3.0)
    run(supply, 20)
    assert supply.voltage_v <= 1.0 + 1e-9
    assert 0.5 < supply.current_a < 0.3 * 20


def test_above_the_forward_voltage_the_coil_lags_and_the_diodes_carry_the_rest() -> None:
    supply = make(ramp_rate_a_per_s=0.3, clamp=1.0)
    supply.set_current(2.0)
    run(supply, 6.7)
    assert supply.supply_current_a == pytest.approx(2.0)
    assert supply.diode_current_a == pytest.approx(2.0 - supply.current_a)
    assert supply.coil_voltage_v == pytest.approx(1.0 + 0.1 * supply.diode_current_a)
    assert not supply.at_target
    run(supply, 20)
    assert supply.at_target
    assert supply.diode_current_a == 0.0


def test_a_fault_lets_the_current_free_wheel_through_the_diodes() -> None:
    supply = make(clamp=1.0)
    supply.set_current(2.0)
    run(supply, 45)
    supply.trip()
    run(supply, 5)
    assert supply.supply_current_a == 0.0
    # L dI/dt = -V_f - r_d I, solved exactly.
    expected = (2.0 + 10.0) * math.exp(-5 * 0.1 / 9.0) - 10.0
    assert supply.current_a == pytest.approx(expected, rel=2e-3)
    with pytest.raises(Refused, match="still carries"):
        supply.reset_quench()
    run(supply, 30)
    supply.reset_quench()
    assert supply.state is SupplyState.AT_ZERO


def test_a_quench_latches_until_the_coil_is_cold_and_reset() -> None:
    supply = make()
    supply.set_current(4.0)
    run(supply, 85)
    coil = supply.coil
    assert isinstance(coil, SimpleCoil)
    coil.heat_capacity_j_per_k = 1.0
    coil.recovery_s = 60.0
    coil.quench()
    run(supply, 2)
    assert supply.quenched
    assert supply.supply_current_a == 0.0
    assert abs(supply.current_a) < 0.05
    assert supply.coil_temperature_k > 20.0
    for command in (supply.ramp, supply.zero, supply.pause, lambda: supply.set_current(1.0)):
        with pytest.raises(Refused, match="latched"):
            command()
    with pytest.raises(Refused, match="still normal"):
        supply.reset_quench()
    run(supply, 600)
    assert supply.quenched
    supply.reset_quench()
    supply.set_current(1.0)
    run(supply, 25)
    assert supply.at_target


@given(
    limit=st.floats(0.1, 5.0),
    field_per_ampere_t=st.floats(1e-3, 10.0),
    sign=st.sampled_from([1, -1]),
)
def test_a_field_at_the_limit_itself_is_taken(
    limit: float, field_per_ampere_t: float, sign: int
) -> None:
    coil = SimpleCoil(inductance_h=9.0, field_per_ampere_t=field_per_ampere_t)
    supply = SimulatedSupply(SupplyParameters(name="Test", current_limit_a=limit), coil)
    supply.set_field(sign * (limit * field_per_ampere_t))
    assert abs(supply.target_current_a) <= limit
    assert supply.target_current_a == pytest.approx(sign * limit, rel=1e-12)
    with pytest.raises(Refused, match=r"target field = .* T is outside -"):
        supply.set_field(sign * (limit * field_per_ampere_t) * (1 + 1e-6))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 5.01, -5.01])
def test_a_bad_target_is_refused_and_moves_nothing(bad: float) -> None:
    supply = make()
    supply.set_current(1.0)
    before = supply.array.copy()
    with pytest.raises(Refused, match="Test"):
        supply.set_current(bad)
    with pytest.raises(Refused, match="Test"):
        supply.set_field(bad)
    assert (supply.array == before).all()


@pytest.mark.parametrize("name", ["ramp_rate_a_per_s", "current_limit_a", "voltage_limit_v"])
@pytest.mark.parametrize("bad", [math.nan, -1.0, 0.0, 1e6])
def test_a_bad_setting_is_refused(name: str, bad: float) -> None:
    supply = make()
    before = supply.array.copy()
    with pytest.raises(Refused):
        setattr(supply, name, bad)
    assert (supply.array == before).all()


def test_the_current_limit_may_not_cut_below_the_present_current() -> None:
    supply = make()
    supply.set_current(2.0)
    run(supply, 45)
    with pytest.raises(Refused, match="below the present"):
        supply.current_limit_a = 1.0


def test_the_current_limit_may_not_cut_below_the_target_of_a_running_ramp() -> None:
    supply = make()
    supply.set_current(-2.0)
    run(supply, 1)
    before = supply.array.copy()
    with pytest.raises(Refused, match=r"limit 1 A is below the target 2 A"):
        supply.current_limit_a = 1.0
    assert (supply.array == before).all()
    supply.current_limit_a = 2.0
    run(supply, 45)
    assert supply.at_target


def test_a_paused_target_beyond_a_lowered_limit_is_refused_by_the_next_ramp() -> None:
    supply = make()
    supply.set_current(2.0)
    run(supply, 1)
    supply.pause()
    supply.current_limit_a = 1.0
    with pytest.raises(Refused, match="target = 2 A is outside -1 to 1 A"):
        supply.ramp()
    supply.set_current(1.0)
    run(supply, 25)
    assert supply.at_target


def test_a_programmed_output_refuses_other_commands() -> None:
    supply = make()
    supply.follow_program(0.02)
    supply.step(0.1)
    assert supply.current_a == pytest.approx(0.02)
    with pytest.raises(Refused, match="cycle"):
        supply.set_current(1.0)


@settings(max_examples=40, deadline=None)
@given(
    target=st.floats(-4.5, 4.5),
    rate=st.floats(0.01, 0.3),
    clamp=st.floats(0.5, 3.0),
    limit=st.floats(0.9, 5.0),
)
def test_any_ramp_arrives_and_never_breaks_a_limit(
    target: float, rate: float, clamp: float, limit: float
) -> None:
    supply = make(ramp_rate_a_per_s=rate, clamp=clamp, voltage_limit_v=limit)
    supply.set_current(target)
    for _ in range(40):
        before = supply.supply_current_a
        run(supply, 15.0, dt_s=0.5)
        assert abs(supply.supply_current_a - before) <= rate * 15.0 + 1e-9
        assert abs(supply.supply_current_a) <= abs(target) + 1e-12
        assert abs(supply.coil_voltage_v) <= clamp + 0.1 * abs(supply.diode_current_a) + 1e-9
    assert supply.current_a == pytest.approx(target, abs=2e-3)


def test_a_supply_that_tripped_does_not_remember_its_target() -> None:
    """Else the first ramp after its reset would go there."""
    supply = make(clamp=1.0)
    supply.set_current(2.0)
    run(supply, 10)
    supply.trip()
    run(supply, 60)
    supply.reset_quench()
    supply.ramp()
    run(supply, 60)
    assert supply.current_a == 0.0


def test_a_quenched_coil_takes_its_energy_and_cools_with_its_time_constant() -> None:
    coil = SimpleCoil(inductance_h=9.0, field_per_ampere_t=0.32, forward_v=1e-3, diode_ohm=0.0)
    coil.normal_resistance_ohm, coil.heat_capacity_j_per_k, coil.current_a = 1.0, 50.0, 10.0
    coil.propagation_s = 0.05
    coil.quench()
    for _ in range(20_000):
        coil.step(0.0, 0.01)
        if abs(coil.current_a) < 1e-3:
            break
    stored_j = 0.5 * 9.0 * 10.0**2
    cooled = math.exp(-45.0 / coil.recovery_s)  # a few per cent, on the way
    assert coil.temperature_k - coil.bath_temperature_k == pytest.approx(
        stored_j / 50.0 * cooled, rel=0.02
    )
    coil.step(0.0, 10.0)
    warm_k = coil.temperature_k - coil.bath_temperature_k
    coil.step(0.0, 1800.0)
    coil.step(0.0, 1800.0)
    assert coil.temperature_k - coil.bath_temperature_k == pytest.approx(
        warm_k * math.exp(-2.0), rel=1e-6
    )
    assert not coil.normal
