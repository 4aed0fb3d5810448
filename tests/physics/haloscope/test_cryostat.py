"""Refrigerator and noise source: cooling power, time constants, readings."""

import math

import numpy as np
import pytest

from haloscope.apparatus.cryostat import Cryostat, HeatedSource
from haloscope.apparatus.timeline import Timeline, to_ns
from haloscope.parameters import HaloscopeParameters
from instruments.errors import Refused

P = HaloscopeParameters.capp12tb()


def cryostat() -> tuple[Cryostat, HeatedSource, Timeline]:
    clock = Timeline()
    source = HeatedSource(P, clock)
    return Cryostat(P, clock, source, 0), source, clock


def test_it_starts_cold_with_a_hot_rod():
    fridge, source, _ = cryostat()
    assert fridge.mixing_chamber_k(0) == pytest.approx(0.025)
    assert source.temperature_k == 0.025
    assert fridge.rod_k(0) == P.rod.base_temperature_k > 0.2


def test_a_milliwatt_warms_the_mixing_chamber_to_90_mk():
    """Cooling power a T^2: 1 mW more than what leaves 25 mK gives sqrt(90^2 + 25^2) mK."""
    fridge, _, _ = cryostat()
    fridge.load(0.0, 0.0, 1e-3)
    assert fridge.mixing_chamber_k(to_ns(1e4)) == pytest.approx(math.hypot(0.090, 0.025), rel=1e-6)


def test_the_noise_source_takes_its_time():
    _, source, clock = cryostat()
    source.setpoint_k = 0.4
    assert not source.settled
    clock.now_ns = to_ns(P.noise_source.time_constant_s)
    assert source.temperature_k == pytest.approx(0.4 - 0.375 / math.e)
    left_s = source.time_to_settle_s
    clock.now_ns += to_ns(left_s) + 1
    assert source.settled
    assert source.temperature_k == pytest.approx(0.4, abs=4e-4)


def test_the_heater_holds_what_the_link_carries_off():
    fridge, source, clock = cryostat()
    source.setpoint_k = 0.4
    clock.now_ns = to_ns(60.0)
    carried_off = 5e-5 * (source.temperature_k**2 - 0.025**2)
    assert source.heater_w > 1.2 * carried_off  # the rest warms the load
    clock.now_ns = to_ns(3600.0)
    assert source.heater_w == pytest.approx(5e-5 * (0.4**2 - 0.025**2), rel=1e-3)
    fridge.load(0.0, 0.0, 0.0)
    warmed = fridge.mixing_chamber_k(clock.now_ns + to_ns(3600.0))
    assert 0.025 < warmed < 0.030


def test_piezo_heat_warms_the_rod_and_fades():
    fridge, _, clock = cryostat()
    fridge.load(P.rod.moving_load_w, 0.0, 0.0)
    clock.now_ns = to_ns(100.0)
    hot = fridge.rod_k(clock.now_ns)
    fridge.load(0.0, 0.0, 0.0)
    assert hot > 1.2 * P.rod.base_temperature_k
    cooled = fridge.rod_k(clock.now_ns + to_ns(10 * P.rod.time_constant_s))
    assert cooled == pytest.approx(P.rod.base_temperature_k, rel=1e-3)


def test_relaxation_does_not_depend_on_how_time_is_cut():
    fridge, _, _ = cryostat()
    fridge.load(1e-6, 0.0, 0.0)
    other, _, clock = cryostat()
    other.load(1e-6, 0.0, 0.0)
    for k in range(1000):
        clock.now_ns = to_ns(0.1 * k)
        assert other.rod_k(clock.now_ns) > 0
    assert other.rod_k(to_ns(100.0)) == fridge.rod_k(to_ns(100.0))


def test_thermometers_scatter_around_the_truth():
    fridge, _, clock = cryostat()
    readings = []
    for second in range(200):
        clock.now_ns = to_ns(float(second))
        readings.append(fridge.temperatures_k)
    assert set(readings[0]) == {"MXC", "Still", "FourK", "Cavity", "Rod", "JPA", "NoiseSource"}
    mixing = [reading["MXC"] for reading in readings]
    assert np.mean(mixing) == pytest.approx(0.025, rel=1e-3)
    assert np.std(mixing) == pytest.approx(0.002 * 0.025, rel=0.2)
    assert fridge.temperatures_k == readings[-1]


@pytest.mark.parametrize("wrong", [0.0, 0.41, math.nan, -1.0])
def test_temperatures_out_of_range_are_refused(wrong):
    _, source, _ = cryostat()
    with pytest.raises(Refused, match="noise source temperature"):
        source.setpoint_k = wrong
    assert source.setpoint_k == 0.025
    assert source.settled


@pytest.mark.parametrize("load", [(1e-4, 0.0, 0.0), (0.0, 1e-4, 0.0), (0.0, 0.0, 1e-4)])
def test_the_mixing_chamber_carries_whatever_heats(load):
    fridge, _, _ = cryostat()
    fridge.load(*load)
    expected = math.hypot(0.025, 0.090 * math.sqrt(0.1))
    assert fridge.mixing_chamber_k(to_ns(1e4)) == pytest.approx(expected, rel=1e-6)
