"""The PID loop: settles without offset, clamps without winding up, and nothing by hand bumps it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amrr import kernel
from amrr.compiling import in_process
from instruments.control import pid as controller
from instruments.control.pid import Pid, adopted
from instruments.errors import Refused

DT_S = 0.1
compiled_update, compiled_follow = in_process(kernel._pid), in_process(kernel._follow)
GAINS = {"p": st.floats(0.0, 100.0), "i": st.floats(0.0, 2.0), "d": st.floats(0.0, 50.0)}


def plant(temperature_k: float, power_w: float, dt_s: float) -> float:
    """A first-order stage: 2 J/K, 0.1 W/K to a 1 K bath."""
    return temperature_k + dt_s * (power_w - 0.1 * (temperature_k - 1.0)) / 2.0


def slew(pid: Pid, error: float) -> float:
    """What the integral adds in one step."""
    return pid.p * pid.i * abs(error) * DT_S


def settled(pid: Pid, error: float, steps: int = 50) -> float:
    """The output after some steps at a constant error."""
    for _ in range(steps):
        pid.update(error, DT_S)
    return pid.output


def test_the_loop_settles_on_its_setpoint() -> None:
    pid, temperature_k = Pid(1.0, 0.1, 0.0, 0.0, 1.0), 1.0
    for _ in range(3000):
        temperature_k = plant(temperature_k, pid.update(1.6 - temperature_k, DT_S), DT_S)
    assert temperature_k == pytest.approx(1.6, abs=1e-6)
    assert pid.output == pytest.approx(0.06, abs=1e-6)


def test_the_output_stays_in_range_and_does_not_wind_up() -> None:
    pid = Pid(1.0, 1.0, 0.0, 0.0, 0.5)
    for _ in range(1000):
        assert pid.update(5.0, DT_S) == 0.5
    assert pid.update(-0.1, DT_S) < 0.5


def test_doubling_the_gain_leaves_the_output() -> None:
    pid = Pid(10.0, 0.1, 0.0, 0.0, 100.0)
    assert settled(pid, 0.5) == pytest.approx(7.5)
    pid.p = 20.0
    assert pid.update(0.5, DT_S) == pytest.approx(7.5)
    assert pid.update(0.5, DT_S) == pytest.approx(7.5 + slew(pid, 0.5))


def test_closing_the_loop_leaves_the_output() -> None:
    pid = Pid(10.0, 0.1, 0.0, 0.0, 100.0)
    pid.track(3.0, 0.5)
    assert pid.update(0.5, DT_S) == pytest.approx(3.0)
    pid.track(3.0, 0.5)
    assert pid.update(0.6, DT_S) == pytest.approx(4.0)  # the error has changed meanwhile
    pid.track(3.0)
    assert pid.update(5.0, DT_S) == pytest.approx(3.0)  # whatever the error is
    pid.track(300.0)
    assert pid.update(0.5, DT_S) == 100.0


def test_a_loop_that_takes_over_far_away_leads_to_the_setpoint() -> None:
    pid, temperature_k = Pid(1.0, 0.1, 2.0, 0.0, 1.0), 1.0
    pid.track(0.02)
    outputs = []
    for _ in range(3000):
        outputs.append(pid.update(1.6 - temperature_k, DT_S, temperature_k))
        temperature_k = plant(temperature_k, outputs[-1], DT_S)
    assert outputs[0] == pytest.approx(0.02)
    assert max(abs(np.diff(outputs))) < 0.01
    assert temperature_k == pytest.approx(1.6, abs=1e-5)


def test_a_new_setpoint_does_not_kick_the_derivative() -> None:
    pid = Pid(1.0, 0.0, 100.0, 0.0, 100.0)
    pid.track(20.0, error=0.0)
    for _ in range(10):
        assert pid.update(0.0, DT_S, reading=1.0) == pytest.approx(20.0)
    assert pid.update(1.0, DT_S, reading=1.0) == pytest.approx(21.0)  # P acts, D does not


def test_the_derivative_is_filtered() -> None:
    """Alternating readings, as noise is at its worst: raw, each would make 2 D / dt."""
    pid = Pid(1.0, 0.0, 10.0, -1e6, 1e6)
    outputs = [pid.update(0.0, DT_S, reading=1e-3 * (-1) ** n) for n in range(200)]
    raw = 10.0 * 2e-3 / DT_S
    assert np.ptp(outputs[100:]) / 2.0 < 0.06 * raw
    ramp = [pid.update(0.0, DT_S, reading=0.01 * n) for n in range(400)]
    assert ramp[-1] == pytest.approx(-10.0 * 0.01 / DT_S)  # and right for what lasts


@pytest.mark.parametrize("name", ["p", "i", "d"])
@settings(deadline=None)
@given(
    gains=st.fixed_dictionaries(GAINS),
    new=st.floats(0.0, 100.0),
    error=st.floats(-5.0, 5.0),
    before=st.integers(1, 60),
)
def test_changing_a_gain_leaves_the_output(
    name: str, gains: dict[str, float], new: float, error: float, before: int
) -> None:
    pid = Pid(*gains.values(), 0.0, 100.0)
    last, allowed = settled(pid, error, before), slew(pid, error)
    setattr(pid, name, new)
    allowed = max(allowed, slew(pid, error))
    for _ in range(5):
        output = pid.update(error, DT_S)
        assert abs(output - last) <= allowed + 1e-9
        last = output


@settings(deadline=None)
@given(
    gains=st.fixed_dictionaries(GAINS),
    error=st.floats(-5.0, 5.0),
    limits=st.tuples(st.floats(-100.0, 100.0), st.floats(-100.0, 100.0)).map(sorted),
    steps=st.integers(1, 60),
)
def test_changing_the_limits_moves_the_output_no_farther_than_they_ask(
    gains: dict[str, float], error: float, limits: list[float], steps: int
) -> None:
    pid = Pid(*gains.values(), 0.0, 10.0)
    last = settled(pid, error, steps)
    pid.limits = limits[0], limits[1]
    kept = min(max(last, limits[0]), limits[1])
    assert abs(pid.update(error, DT_S) - kept) <= slew(pid, error) + 1e-9


@settings(deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from("pid"), st.floats(0.0, 100.0), st.booleans()), max_size=20
    ),
    error=st.floats(-2.0, 2.0),
    output=st.floats(0.0, 100.0),
)
def test_any_changes_after_taking_over_leave_the_output(
    changes: list[tuple[str, float, bool]], error: float, output: float
) -> None:
    pid = Pid(1.0, 0.01, 1.0, 0.0, 100.0)
    pid.track(output)
    last = pid.update(error, DT_S)
    assert last == pytest.approx(output)
    for name, value, step in changes:
        allowed = slew(pid, error)
        setattr(pid, name, value)
        if step:
            now = pid.update(error, DT_S)
            assert abs(now - last) <= max(allowed, slew(pid, error)) + 1e-6
            last = now


def test_a_gain_that_changes_at_every_step_does_not_stop_the_loop() -> None:
    pid, temperature_k = Pid(1.0, 0.1, 0.0, 0.0, 1.0), 1.0
    for number in range(6000):
        pid.p = 1.0 + 0.1 * (number % 2)
        temperature_k = plant(temperature_k, pid.update(1.6 - temperature_k, DT_S), DT_S)
    assert temperature_k == pytest.approx(1.6, abs=1e-3)


def test_a_gain_raised_while_a_limit_holds_does_not_wind_the_loop_up() -> None:
    pid = Pid(1.0, 0.1, 0.0, 0.0, 0.5)
    settled(pid, 5.0)
    pid.p = 10.0
    assert pid.update(5.0, DT_S) == 0.5
    assert pid.update(0.4, DT_S) == 0.5  # 10 times 0.4 is still far beyond the limit


def test_changing_the_integral_gain_leaves_the_output() -> None:
    pid = Pid(1.0, 0.5, 0.0, 0.0, 1.0)
    before = settled(pid, 0.1, 20)
    pid.i = 0.0
    assert pid.update(0.1, DT_S) == pytest.approx(before)


def test_what_is_no_number_changes_nothing() -> None:
    pid = Pid(1.0, 0.1, 1.0, 0.0, 1.0)
    before = settled(pid, 0.2), pid.array.copy()
    assert pid.update(math.nan, DT_S) == pid.update(0.2, DT_S, math.inf) == before[0]
    np.testing.assert_array_equal(pid.array, before[1])


@settings(deadline=None)
@given(
    gains=st.fixed_dictionaries(GAINS),
    readings=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
    taken_over=st.integers(0, 60),
)
def test_the_compiled_loop_is_the_same(
    gains: dict[str, float], readings: list[float], taken_over: int
) -> None:
    plain = Pid(*gains.values(), 0.0, 1.0)
    compiled = plain.array.copy()
    for number, reading in enumerate(readings):
        if number == taken_over:
            controller.follow(plain.array, 0.3)
            compiled_follow(compiled, 0.3)
        plain.update(1.6 - reading, DT_S, reading)
        compiled_update(compiled, 1.6 - reading, reading, DT_S)
        np.testing.assert_allclose(compiled, plain.array, rtol=1e-12, atol=1e-12)


def test_a_state_without_the_filter_goes_on_where_it_was() -> None:
    pid = Pid(1.0, 0.1, 1.0, 0.0, 1.0)
    before = settled(pid, 0.2)
    old = np.stack([pid.array[: controller.HIGH + 1]] * 2)
    for row in adopted(old):
        again = Pid(1.0, 0.1, 1.0, 0.0, 1.0)
        again.array[:] = row
        assert again.update(0.2, DT_S) == pytest.approx(before + slew(pid, 0.2))
    np.testing.assert_array_equal(adopted(pid.array), pid.array)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_a_bad_gain_is_refused(bad: float) -> None:
    pid = Pid(1.0, 0.5, 0.0, 0.0, 1.0)
    with pytest.raises(Refused):
        pid.p = bad
    assert pid.p == 1.0


@pytest.mark.parametrize("bad", [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_bad_limits_are_refused(bad: tuple[float, float]) -> None:
    pid = Pid(1.0, 0.5, 0.0, 0.0, 1.0)
    with pytest.raises(Refused, match=r"PID: output limits .* are no range"):
        pid.limits = bad
    assert pid.limits == (0.0, 1.0)


def test_what_was_read_before_another_took_over_is_no_slope() -> None:
    pid = Pid(1.0, 0.0, 10.0, 0.0, 100.0)
    pid.update(0.0, DT_S, reading=1.0)
    pid.track(20.0)  # and meanwhile it has warmed by a kelvin
    outputs = [pid.update(0.0, DT_S, reading=2.0) for _ in range(100)]
    assert outputs == pytest.approx([20.0] * 100)
