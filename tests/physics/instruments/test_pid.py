"""The PID loop: settles without offset, clamps without winding up, takes over without a bump."""

import math

import pytest

from instruments.control.pid import Pid
from instruments.errors import Refused


def plant(temperature_k: float, power_w: float, dt_s: float) -> float:
    """A first-order stage: 2 J/K, 0.1 W/K to a 1 K bath."""
    return temperature_k + dt_s * (power_w - 0.1 * (temperature_k - 1.0)) / 2.0


def test_the_loop_settles_on_its_setpoint() -> None:
    pid, temperature_k = Pid(1.0, 0.1, 0.0, 0.0, 1.0), 1.0
    for _ in range(3000):
        temperature_k = plant(temperature_k, pid.update(1.6 - temperature_k, 0.1), 0.1)
    assert temperature_k == pytest.approx(1.6, abs=1e-6)
    assert pid.output == pytest.approx(0.06, abs=1e-6)


def test_the_output_stays_in_range_and_does_not_wind_up() -> None:
    pid = Pid(1.0, 1.0, 0.0, 0.0, 0.5)
    for _ in range(1000):
        assert pid.update(5.0, 0.1) == 0.5
    assert pid.update(-0.1, 0.1) < 0.5


def test_taking_over_is_bumpless() -> None:
    pid = Pid(2.0, 0.1, 1.0, 0.0, 1.0)
    pid.track(0.3, error=0.05)
    assert pid.update(0.05, 0.1) == pytest.approx(0.3, abs=2.0 * 0.1 * 0.05 * 0.1 + 1e-12)


def test_changing_the_integral_gain_leaves_the_output() -> None:
    pid = Pid(1.0, 0.5, 0.0, 0.0, 1.0)
    for _ in range(20):
        pid.update(0.1, 0.1)
    before = pid.output
    pid.i = 0.0
    assert pid.update(0.1, 0.1) == pytest.approx(before)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_a_bad_gain_is_refused(bad: float) -> None:
    pid = Pid(1.0, 0.5, 0.0, 0.0, 1.0)
    with pytest.raises(Refused):
        pid.p = bad
    assert pid.p == 1.0
