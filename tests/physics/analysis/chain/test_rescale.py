"""From relative excess to units of axion power: both ways to set the scale are one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.chain.baseline import fit_baseline
from haloscope.analysis.chain.rescale import noise_temperature_k, total_gain
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.spectra import Calibration
from tests.physics.analysis.generator import Model, make, scan_targets

FLAT = Model(peak_gain_db=0.0)  # a receiver without a JPA: T_n = 0.116 + 1.2 K + the cavity's bump
# The errors of a gain are others than those of a given T_n.
OPTIONS = Options(filter_average=False, baseline="pade", pade_degree=3, systematics="noise")


def test_a_noise_temperature_sets_the_scale_as_the_gain_that_belongs_to_it() -> None:
    by_gain = make(scan_targets(12), model=FLAT, seed=3)
    given = Calibration(line_attenuation_db=0.4, noise_temperature_k=0.116 + 1.2 + 0.0735)
    by_noise = replace(by_gain, power_w=by_gain.power_w * np.float32(3e11), calibration=given)
    one, other = analyze(by_gain, OPTIONS), analyze(by_noise, OPTIONS)
    # The power at each cavity is known to some parts in ten thousand: the fit's own error.
    ratio = other.limit.coupling_per_gev / one.limit.coupling_per_gev
    assert ratio == pytest.approx(np.ones_like(ratio), abs=1e-3)
    assert other.normalised == pytest.approx(one.normalised, abs=0.02)


def test_the_noise_at_the_cavity_is_the_one_that_was_given() -> None:
    spectra = make(scan_targets(3), model=FLAT, seed=3)
    given = Calibration(line_attenuation_db=0.4, noise_temperature_k=0.9)
    spectra = replace(spectra, calibration=given)
    windows = select(spectra, OPTIONS)
    baseline = fit_baseline(spectra, windows, windows.merged(), slice(0, 3), OPTIONS)
    kelvin = noise_temperature_k(spectra, windows.frequency_hz(), baseline.power)
    at = np.argmin(np.abs(windows.frequency_hz() - spectra.cavity_frequency_hz[:, None]), axis=1)
    assert kelvin[np.arange(3), at] == pytest.approx([0.9] * 3, rel=1e-3)
    gain = total_gain(spectra, windows.frequency_hz(), baseline.power)
    assert 10 * np.log10(gain) == pytest.approx(np.full_like(gain, 104 + 1.89), abs=0.03)
