from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.lineshape import detuning_test, shape_test
from tests.physics.analysis.generator import make, scan_targets

AXION_HZ = 1.1001e9
PLAIN = Options(filter_spikes=False)


def flat_line(power: float, seed: int) -> Spectra:
    """Interference as wide as an axion line that enters behind the cavity."""
    spectra = make(scan_targets(20), seed=seed)
    frequency = spectra.frequency_start_hz[:, None] + 10.0 * np.arange(15000)
    line = np.exp(-0.5 * ((frequency - AXION_HZ - 700) / 500) ** 2)
    spectra.power_w[:] *= (1 + power * line).astype(np.float32)
    return spectra


def test_an_axion_has_the_axion_s_line_and_follows_the_cavity() -> None:
    spectra = make(scan_targets(20), seed=4, axions={AXION_HZ: 1.6})
    shape = shape_test(analyze(spectra, PLAIN).sums, AXION_HZ)
    assert shape.axion_like
    assert shape.strength == pytest.approx(1.6**2, abs=4 * shape.strength_error)
    power = detuning_test(spectra, AXION_HZ, PLAIN)
    assert power.axion_like
    assert power.chi2_flat - power.chi2_axion > 9
    assert len(power.strength) == 15


def test_the_strength_is_what_the_fits_left_of_it_made_whole() -> None:
    kept = replace(PLAIN, demands=Demands(bad_spectra="keep"))  # spectra without noise
    spectra = make(scan_targets(20), noise=False, dtype=float, axions={AXION_HZ: 1.6})
    shape = shape_test(analyze(spectra, kept).sums, AXION_HZ)
    assert shape.strength == pytest.approx(1.6**2, rel=2e-3)


def test_a_tone_has_not_the_axion_s_line() -> None:
    spectra = make(scan_targets(20), seed=4, tones={AXION_HZ + 500: 1.5e-23})
    shape = shape_test(analyze(spectra, PLAIN).sums, AXION_HZ)
    assert not shape.axion_like
    assert shape.chi2_axion > shape.chi2_narrow + 25


def test_a_line_that_begins_below_the_axion_s_is_none() -> None:
    """A line of the axion's shape and a shoulder before its sharp edge, which no axion has."""
    spectra = make(scan_targets(20), seed=4, axions={AXION_HZ: 1.6})
    assert shape_test(analyze(spectra, PLAIN).sums, AXION_HZ).axion_like
    frequency = spectra.frequency_start_hz[:, None] + 10.0 * np.arange(15000)
    shoulder = (frequency > AXION_HZ - 900) & (frequency < AXION_HZ - 100)
    spectra.power_w[:] *= (1 + 5e-3 * shoulder).astype(np.float32)
    assert not shape_test(analyze(spectra, PLAIN).sums, AXION_HZ).axion_like


def test_interference_behind_the_cavity_does_not_follow_it() -> None:
    test = detuning_test(flat_line(6e-3, 5), AXION_HZ, PLAIN)
    assert not test.axion_like
    assert test.chi2_axion > test.chi2_flat


def test_too_few_spectra_are_refused() -> None:
    spectra = make(scan_targets(4))
    with pytest.raises(ValueError, match="0 spectra hold 1200000000 Hz"):
        detuning_test(spectra, 1.2e9, PLAIN)
    with pytest.raises(ValueError, match="no spectra at 1200000000 Hz"):
        shape_test(analyze(spectra, PLAIN).sums, 1.2e9)
