"""Scan rates: the analysis' chain on expected spectra against the textbook's formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from haloscope.analysis.options import Options
from haloscope.axion import coupling_dfsz, line_pdf, signal_power_w
from haloscope.constants import PLANCK_J_S
from haloscope.planning.expected import expected_limit
from haloscope.planning.optimum import (
    averages_needed,
    best_beta,
    best_step,
    point_at,
    reach_at,
    steps_of,
)
from haloscope.planning.setup import Setup
from tests.physics.planning.setups import ideal_setup

NU_HZ = 1.1e9
#: A flat receiver has no JPA's slope to be fitted: the chain takes the least from the signal.
FLAT = Options(window_hz=400e3, baseline="pade", pade_degree=3)


@pytest.fixture
def ideal() -> Setup:
    return ideal_setup()


def test_the_expected_snr_is_the_radiometer_equations(ideal: Setup) -> None:
    """SNR^2 = sum over steps of (P L / k T)^2 t int f^2, steps much closer than the width."""
    step_hz, averages = 5e3, 5000
    targets = NU_HZ + step_hz * np.arange(-60, 61)
    found = expected_limit(ideal, targets.tolist(), averages, FLAT)
    snr = float(np.interp(NU_HZ, found.grand.frequency_hz, found.grand.snr))
    power_w = float(
        signal_power_w(
            coupling_dfsz(NU_HZ), NU_HZ, field_t=9.0, volume_m3=0.03, form_factor=0.5,
            loaded_q=100_000 / 3, beta=2.0,
        )
    )  # fmt: skip
    noise_w_per_hz = PLANCK_J_S * NU_HZ  # one quantum
    squared, _ = quad(lambda x: float(line_pdf(NU_HZ + x, NU_HZ)) ** 2, 0, 2e4, points=[340, 2000])
    width_hz = 3 * NU_HZ / 100_000
    overlaps = math.pi / 4 * width_hz / step_hz  # int L^2 / step
    wanted = power_w / noise_w_per_hz * math.sqrt(averages / 10.0 * squared * overlaps)
    assert snr == pytest.approx(wanted, rel=0.01)


def test_the_rate_at_the_quantum_limit_goes_as_the_textbook_says(ideal: Setup) -> None:
    """R ~ beta^2/(1+beta)^3, before the baseline's fit takes its share of narrow cavities."""
    betas = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
    rates = []
    for beta in betas:
        coupled = ideal.coupled(float(beta))
        step_hz = NU_HZ / coupled.loaded_q(NU_HZ) / 5
        wide = Options(window_hz=60 * step_hz, baseline="pade", pade_degree=3)
        targets = (NU_HZ + step_hz * np.arange(-20, 21)).tolist()
        grand = expected_limit(coupled, targets, 5000, wide).grand
        rates.append(step_hz * np.interp(NU_HZ, grand.frequency_hz, grand.snr) ** 2)
    ratio = np.array(rates) / (betas**2 / (1 + betas) ** 3)
    assert ratio / ratio[2] == pytest.approx(np.ones(5), abs=0.015)


def test_without_squeezing_two_is_best_and_with_it_an_overcoupled_cavity() -> None:
    """4 dB off resonance: twice the rate, at a coupling of 4 to 5 (closed form in test_noise)."""
    plain = ideal_setup()
    squeezed = ideal_setup(amplifier={"kind": "squeezed", "squeezing_db": 4.0})
    wide = Options(window_hz=500e3, baseline="pade", pade_degree=3)
    target = reach_at(plain, NU_HZ, 10e3, 5000, wide)
    before, after = (best_beta(one, NU_HZ, target, wide) for one in (plain, squeezed))
    assert before.beta == pytest.approx(2.0, abs=0.2)
    assert after.beta == pytest.approx(4.47, abs=0.6)
    assert after.rate_hz_per_s / before.rate_hz_per_s == pytest.approx(1.98, abs=0.1)


def test_a_wideband_amplifier_at_the_quantum_limit_is_as_good_as_a_jpa() -> None:
    """Its idler far away brings half a quantum, as the JPA's does."""
    target = 1e-15
    jpa, wideband = (
        point_at(ideal_setup(amplifier={"kind": kind}), NU_HZ, 10e3, target, FLAT)
        for kind in ("jpa", "wideband")
    )
    assert wideband.rate_hz_per_s == pytest.approx(jpa.rate_hz_per_s, rel=0.01)


def test_the_averages_needed_reach_the_target_and_no_more(ideal: Setup) -> None:
    for target in (3e-16, 1e-15):
        averages = averages_needed(ideal, NU_HZ, 10e3, target, FLAT)
        assert reach_at(ideal, NU_HZ, 10e3, averages, FLAT) == pytest.approx(target, rel=3e-3)


def test_steps_are_shares_of_the_width_inside_the_window(ideal: Setup) -> None:
    width_hz = NU_HZ / ideal.loaded_q(NU_HZ)
    steps = steps_of(ideal, NU_HZ, FLAT)
    assert min(steps) < 0.1 * width_hz < max(steps) <= width_hz
    assert max(steps_of(ideal, NU_HZ, Options(window_hz=20e3))) < 16e3


def test_what_each_step_costs_besides_asks_for_wider_steps(ideal: Setup) -> None:
    slow = replace(ideal, times=replace(ideal.times, besides_s=3600.0))
    target = reach_at(ideal, NU_HZ, 10e3, 5000, FLAT)
    quick, patient = (best_step(one, NU_HZ, target, FLAT) for one in (ideal, slow))
    assert patient.step_hz > quick.step_hz
    assert patient.rate_hz_per_s < quick.rate_hz_per_s
