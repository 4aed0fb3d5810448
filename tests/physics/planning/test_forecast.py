"""Forecasts: what is asked is reached, nothing is wasted, nonsense is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from haloscope.analysis.options import Options
from haloscope.axion import coupling_ksvz
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from haloscope.planning.forecast import forecast
from haloscope.planning.machine import setup_of
from haloscope.planning.request import Request, Target
from haloscope.planning.setup import Mode, Setup

CAPP = describe(HaloscopeParameters.capp12tb())


@pytest.fixture(scope="module")
def capp() -> Setup:
    return setup_of(CAPP)


def request(**values: Any) -> Request:
    return Request(**{"low_hz": 1.0995e9, "high_hz": 1.1005e9, **values})


@pytest.mark.parametrize(
    "target", [Target(value=6.4e-16), Target(value=0.5, unit="KSVZ"), Target(value=1, unit="DFSZ")]
)
def test_a_target_is_reached_everywhere_and_not_overshot(capp: Setup, target: Target) -> None:
    found = forecast(capp, request(target=target), Options())
    share = found.curve.coupling_per_gev / [target.at(float(f)) for f in found.curve.frequency_hz]
    assert 0.985 < share.max() <= 1.0
    assert found.averages == round(found.integration_s * 10 * capp.times.efficiency)


def test_the_letters_scan_has_the_letters_limit_and_time(capp: Setup) -> None:
    """A. K. Yi et al. 2022: 6.2e-16/GeV over 20 MHz in steps of 10 kHz and 500 s."""
    crossing = (1094.44e6, 1094.82e6)
    whole = Request(
        low_hz=1.09e9, high_hz=1.11e9, beta=2.0, step_hz=10e3, averages=5000, skip_hz=(crossing,)
    )
    found = forecast(capp, whole, Options())
    assert found.typical_per_gev == pytest.approx(6.41e-16, rel=0.01)  # docs: with Q_L 35000
    assert found.xi == pytest.approx(0.94, abs=0.01)
    assert found.eps == pytest.approx(0.88, abs=0.01)
    assert found.noise_k == pytest.approx(0.214, abs=0.003)
    assert abs(found.steps - 1996) < 40
    assert found.total_s / 86400 == pytest.approx(12.0, abs=0.5)


def test_the_chosen_coupling_and_step_are_faster_than_the_letters(capp: Setup) -> None:
    target = Target(value=6.4e-16)
    free = forecast(capp, request(target=target), Options())
    given = forecast(capp, request(target=target, beta=2.0, step_hz=10e3), Options())
    assert free.scan_s < 0.99 * given.scan_s
    for beta in (0.6 * free.beta, 1.6 * free.beta):
        assert forecast(capp, request(target=target, beta=beta), Options()).scan_s > free.scan_s


@pytest.mark.parametrize("step_hz", [2e3, 10e3])
def test_stretches_of_a_long_scan_say_what_the_whole_does(
    capp: Setup, monkeypatch: pytest.MonkeyPatch, step_hz: float
) -> None:
    """Also where steps are narrow and many spectra meet: none is missing where a stretch is cut."""
    asked = request(averages=5000, beta=2.0, step_hz=step_hz, low_hz=1.098e9, high_hz=1.102e9)
    whole = forecast(capp, asked, Options())
    monkeypatch.setattr("haloscope.planning.forecast._WHOLE", 10)
    parts = forecast(capp, asked, Options())
    assert parts.typical_per_gev == pytest.approx(whole.typical_per_gev, rel=2e-3)
    assert parts.worst_per_gev == pytest.approx(whole.worst_per_gev, rel=0.02)
    assert len(parts.curve.frequency_hz) < 0.7 * len(whole.curve.frequency_hz)


def test_a_calibration_that_was_made_takes_no_time(capp: Setup) -> None:
    asked = request(averages=1000, beta=2.0, step_hz=10e3)
    before, after = (forecast(capp, replace(asked, calibrated=c), Options()) for c in (False, True))
    assert (before.calibrations, after.calibrations) == (3, 0)
    assert before.total_s > after.total_s == after.scan_s


def test_superconducting_cavities_come_with_a_warning(capp: Setup) -> None:
    def mode(nu: float) -> Mode:
        return Mode(form_factor=0.6, unloaded_q=3e6)

    narrow = replace(capp, mode=mode, rod_k=capp.cold_k, incident_k=capp.cold_k)
    options = Options(window_hz=60e3)
    asked = Request(low_hz=1.1e9, high_hz=1.10003e9, averages=100, beta=2.0, step_hz=300.0)
    found = forecast(narrow, asked, options)
    assert any("overstates the power by 45%" in word for word in found.warnings)
    assert forecast(capp, request(averages=100, beta=2.0, step_hz=10e3), Options()).warnings == ()


def test_the_curve_over_ksvz_is_the_coupling_over_ksvzs(capp: Setup) -> None:
    found = forecast(capp, request(averages=1000, beta=2.0, step_hz=10e3), Options()).curve
    ksvz = [coupling_ksvz(float(f)) for f in found.frequency_hz]
    assert found.over_ksvz == pytest.approx(found.coupling_per_gev / np.array(ksvz), rel=1e-9)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "needs a target"),
        ({"averages": 10, "target": Target(value=1e-15)}, "needs a target"),
        ({"averages": 10, "low_hz": 1.2e9}, "lower end must be below"),
        ({"averages": 10, "beta": -2.0}, "beta is -2"),
        ({"averages": 10, "step_hz": math.nan}, "step_hz is nan"),
        ({"averages": 10, "skip_hz": ((2.0, 1.0),)}, "low is not below high"),
    ],
)
def test_nonsense_is_refused_by_name(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        request(**values)


@pytest.mark.parametrize(("value", "unit"), [(0.0, "KSVZ"), (math.inf, "DFSZ"), (1.0, "QCD")])
def test_targets_that_are_none_are_refused(value: float, unit: str) -> None:
    with pytest.raises(ValueError, match="target"):
        Target(value=value, unit=unit)


def test_a_band_beyond_the_cavitys_reach_is_refused(capp: Setup) -> None:
    far = Request(low_hz=5.75e9, high_hz=5.76e9, averages=10)
    with pytest.raises(ValueError, match="5750 to 5760 MHz, the cavity of CAPP-12TB is tuned from"):
        forecast(capp, far, Options())


def test_a_band_that_is_skipped_whole_is_refused(capp: Setup) -> None:
    asked = request(averages=10, beta=2.0, step_hz=10e3, skip_hz=((1.0e9, 1.2e9),))
    with pytest.raises(ValueError, match="nothing is left"):
        forecast(capp, asked, Options())


@pytest.mark.parametrize("name", ["haystac", "admx"])
def test_the_other_shipped_machines_are_forecast_too(name: str) -> None:
    machine = describe(HaloscopeParameters.shipped(name))
    setup, low_hz = setup_of(machine), machine.cavity.reference_hz
    width_hz = low_hz / setup.loaded_q(low_hz)
    options = Options.of(machine, low_hz)
    target = Target(value=2, unit="KSVZ")
    asked = Request(
        low_hz=low_hz, high_hz=low_hz + width_hz, target=target, beta=setup.beta,
        step_hz=width_hz / 4,
    )  # fmt: skip
    found = forecast(setup, asked, options)
    assert 0.97 < found.curve.over_ksvz.max() / 2 <= 1.0
