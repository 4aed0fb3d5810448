"""Thermometers: the curve, noise, the scanner's round, faults."""

import math

import numpy as np
import pytest

from amrr.circuit import rows
from amrr.controls import thermometry
from amrr.controls.thermometry import CURVE_K, CURVE_OHM, ReadingStatus
from amrr.refrigerator import SimulatedRefrigerator
from amrr.snapshot import start_cold
from instruments.errors import Refused


def test_the_curve_passes_through_the_published_points() -> None:
    log_r = thermometry.curve()
    for t, ohm in zip(CURVE_K[1:-1], CURVE_OHM[1:-1], strict=True):
        assert math.exp(thermometry.log_resistance(log_r, t)) == pytest.approx(ohm, rel=1e-3)
    slope = (
        thermometry.log_resistance(log_r, 1.01) - thermometry.log_resistance(log_r, 0.99)
    ) / math.log(1.01 / 0.99)
    assert slope == pytest.approx(-0.78, abs=0.05)


def test_reading_back_the_curve_is_exact() -> None:
    log_r = thermometry.curve()
    for t in np.linspace(0.3, 4.0, 50):
        assert thermometry.temperature(log_r, thermometry.log_resistance(log_r, t)) == (
            pytest.approx(t, abs=1e-9)
        )


def test_noise_has_the_size_of_the_bridge(machine: SimulatedRefrigerator) -> None:
    errors = []
    for _ in range(400):
        machine.advance(1)
        errors.append(machine.thermometers["CHX"].reading_k - machine.chx_temperature_k)
    # 1e-4 of R over d(ln R)/d(ln T) = -0.78 at 0.92 K: 0.12 mK; self-heating 10 uK.
    assert np.std(errors) == pytest.approx(1.2e-4, rel=0.2)
    assert abs(np.mean(errors)) < 5e-5


def test_the_scanner_updates_one_channel_per_dwell(machine: SimulatedRefrigerator) -> None:
    names = [n for n in machine.thermometers if n not in ("CHX", "Stage")]
    changed = set()
    for _ in range(len(names)):
        before = {n: machine.thermometers[n].reading_k for n in names}
        machine.step(2.0)
        now = [n for n in names if machine.thermometers[n].reading_k != before[n]]
        assert len(now) == 1
        changed.update(now)
    assert changed == set(names)
    assert not any(machine.thermometers[n].stale for n in names)
    assert max(machine.thermometers[n].age_s for n in names) <= 2.0 * len(names)


def test_a_broken_sensor_says_so_and_stops_its_heater(machine: SimulatedRefrigerator) -> None:
    machine.thermometers["Stage"].break_sensor()
    machine.advance(20)
    assert machine.thermometers["Stage"].status is ReadingStatus.OPEN
    assert math.isnan(machine.thermometers["Stage"].reading_k)
    assert machine.stage.heater_w == 0.0
    machine.thermometers["Stage"].break_sensor(False)
    machine.advance(1)
    assert machine.thermometers["Stage"].status is ReadingStatus.OK


def test_a_wrong_curve_shifts_the_reading(machine: SimulatedRefrigerator) -> None:
    machine.thermometers["CHX"].set_calibration_error(0.078)
    machine.advance(1)
    assert machine.thermometers["CHX"].reading_k == pytest.approx(
        machine.chx_temperature_k * 0.91, rel=0.02
    )
    with pytest.raises(Refused, match="calibration"):
        machine.thermometers["CHX"].set_calibration_error(math.nan)


def test_a_stopped_scanner_makes_readings_stale() -> None:
    machine = SimulatedRefrigerator()
    machine.step(30.0)
    machine.scanner_dwell_s = 60.0
    machine.step(1.0)
    assert machine.thermometers["PumpA"].status is ReadingStatus.OK
    machine.scanner_on = False
    machine.step(1000.0)
    assert machine.thermometers["PumpA"].status is ReadingStatus.STALE
    assert machine.thermometers["CHX"].status is ReadingStatus.OK
    for bad in (math.nan, 0.5, 1e4):
        with pytest.raises(Refused, match="dwell"):
            machine.scanner_dwell_s = bad


def test_every_thermometer_follows_the_lump_that_it_is_mounted_on() -> None:
    machine = SimulatedRefrigerator()
    start_cold(machine)
    places = {name: mount(machine.places) for name, mount in thermometry.MOUNTS.items()}
    off_k: dict[str, float] = {}
    swing_k: dict[str, list[float]] = {}
    for _ in range(round(machine.cycle.period_s / machine.dt_s)):
        machine.advance(1)
        kelvin = machine.state()["nodes"][rows.TEMPERATURE]
        for name, meter in machine.thermometers.items():
            if name != "Stage" and meter.age_s < 0.5 * machine.dt_s:
                true_k = float(kelvin[places[name]])
                off_k[name] = max(off_k.get(name, 0.0), abs(meter.reading_k - true_k))
                swing_k.setdefault(name, []).append(meter.reading_k)
    # A stage is above its fluid by its load over its link; all others touch theirs.
    assert all(off < 0.02 for off in off_k.values()), off_k
    for name in ("PumpA", "PumpB"):
        assert max(swing_k[name]) - min(swing_k[name]) > 0.1
