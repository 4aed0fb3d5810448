"""Cavities as narrow as the line: closed forms of the chain, budget, and what is said of both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from haloscope.analysis.budget.contributions import contributions
from haloscope.analysis.budget.propagation import propagated
from haloscope.analysis.options import LARGEST_BIN, Options
from haloscope.analysis.quality.narrow import narrow_checks
from haloscope.analysis.statistics.efficiency import closed_form
from haloscope.axion import line_pdf
from haloscope.planning.expected import expected_limit, expected_spectra, in_fine_bins
from haloscope.planning.setup import Mode
from tests.physics.planning.setups import ideal_setup

NU_HZ = 1.1e9
JPA = {"gain_db": 20.0, "linewidth_hz": 1e6, "offset_hz": -100e3}


def superconducting(coarse_merge: int, line_bins: int) -> tuple[float, float, float]:
    """Of a cavity of Q_L 1e6: coarse bin over width; eps of the sums, and of the exact chain."""
    setup = ideal_setup(
        mode=lambda nu: Mode(form_factor=0.5, unloaded_q=3e6, rod_share=0.5),
        rod_k=0.3, amplifier=JPA,
    )  # fmt: skip
    width_hz = NU_HZ / 1e6
    targets = (NU_HZ + width_hz / 3 * np.arange(-41, 42)).tolist()
    options = Options(
        window_hz=30e3, coarse_merge=coarse_merge, line_bins=line_bins, baseline="pade"
    )
    own = in_fine_bins(options)
    found = expected_limit(setup, targets, 5000, options).grand
    spectra = expected_spectra(setup, targets, 5000, options)
    row = int(np.argmin(np.abs(found.frequency_hz - NU_HZ)))
    coarse = round((found.frequency_hz[row] / spectra.step_hz + 0.5) / own.coarse_merge)
    exact = closed_form(spectra, own, coarse=coarse)
    bin_hz = spectra.step_hz * own.coarse_merge
    return bin_hz / width_hz, float(found.efficiency_averaged[row]), exact.averaged


def test_bins_that_pass_make_a_closed_form_that_holds_at_a_q_of_a_million() -> None:
    share, eps, exact = superconducting(3, 27)
    assert share <= LARGEST_BIN
    assert eps == pytest.approx(exact, rel=0.015)


def test_the_usual_bins_would_make_the_limit_too_strong_and_are_told() -> None:
    share, eps, exact = superconducting(9, 9)
    assert eps > 1.05 * exact
    options = Options(coarse_merge=9, line_bins=9)
    bins, line = narrow_checks(NU_HZ / 1e6, NU_HZ, 10.0, options)
    assert share > LARGEST_BIN
    assert (bins.passed, bins.decisive) == (False, True)
    assert (line.passed, line.decisive) == (False, False)
    assert "45.38% at a loaded Q of 1e+06" in line.found


def test_the_letters_cavity_passes_and_an_unknown_one_is_not_tested() -> None:
    assert all(test.passed for test in narrow_checks(30.7e3, NU_HZ, 10.0, Options()))
    assert narrow_checks(math.nan, NU_HZ, 10.0, Options()) == ()


@pytest.mark.parametrize("loaded_q", [3e4, 3e5, 1e6])
@pytest.mark.parametrize("detuning_hz", [0.0, 800.0])
def test_an_error_of_q_is_weighed_over_the_whole_line(loaded_q: float, detuning_hz: float) -> None:
    """The mean of d ln P/d ln Q = (1 - x^2)/(1 + x^2), weighed by line and response squared."""
    setup = ideal_setup(
        mode=lambda nu: Mode(form_factor=0.5, unloaded_q=3 * loaded_q), amplifier=JPA
    )
    options = Options(window_hz=30e3, baseline="pade")
    cavity_hz = NU_HZ + detuning_hz
    spectra = expected_spectra(setup, [cavity_hz], 5000, options)
    rows = contributions(spectra, np.full((1, 3), 0.1), options)
    rows.errors["loaded_q"][:] = 0.01
    found = {line.term.name: line.power[0] for line in propagated(rows, np.array([NU_HZ])).lines}
    nu = NU_HZ + np.linspace(0, 6000, 6001)
    x2 = (2 * loaded_q * (nu - cavity_hz) / cavity_hz) ** 2
    weight = (line_pdf(nu, NU_HZ) / (1 + x2)) ** 2
    wanted = abs(np.average((1 - x2) / (1 + x2), weights=weight))
    assert found["loaded_q"] == pytest.approx(0.01 * wanted, rel=0.03, abs=2e-5)
