from __future__ import annotations

import numpy as np
import pytest

from haloscope.analysis.chain.signal import inject
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.statistics.injection import recovery
from haloscope.axion import coupling_dfsz
from tests.physics.analysis.generator import make, scan_targets

AXION_HZ = 1.1002e9


def test_an_injected_axion_appears_with_the_expected_excess() -> None:
    spectra = make(scan_targets(40), seed=11)
    before = analyze(spectra)
    at = int(np.argmin(np.abs(before.frequency_hz - AXION_HZ)))
    axion_hz = float(before.frequency_hz[at])
    after = analyze(inject(spectra, axion_hz, coupling_dfsz(axion_hz)))
    rise = after.normalised[at] - before.normalised[at]
    expected = before.grand.efficiency_aligned[at] * before.grand.snr[at] * 10 ** (-0.04)
    assert rise == pytest.approx(expected, rel=0.03)


def test_injection_agrees_with_spectra_that_held_the_axion_from_the_start() -> None:
    silent = make(scan_targets(20), noise=False, dtype=float)
    with_axion = make(scan_targets(20), noise=False, dtype=float, axions={AXION_HZ: 1.0})
    put = inject(silent, AXION_HZ, coupling_dfsz(AXION_HZ) * 10**0.02)
    where = slice(1000, 14000)  # the generator fills bins outside the window as well
    rise = put.power_w[:, where] / silent.power_w[:, where]
    truth = with_axion.power_w[:, where] / silent.power_w[:, where]
    # The two differ by the baseline's misfit (5e-6) and by P/P at the cavity instead of the axion.
    assert np.abs(rise - truth).max() < 1e-3 * np.max(truth - 1)


def test_found_or_missed_as_predicted() -> None:
    options = Options(filter_average=False)
    predicted = found = 0.0
    pulls = []
    for seed in range(12):
        spectra = make(scan_targets(24), seed=100 + seed)
        rng = np.random.default_rng(seed)
        axion_hz = 1.10011e9 + 5000 * rng.random()
        coupling = coupling_dfsz(axion_hz) * np.sqrt(rng.uniform(0.3, 1.2))
        fate = recovery(analyze(inject(spectra, axion_hz, coupling, options), options),
                        axion_hz, coupling)  # fmt: skip
        predicted += fate.probability
        found += fate.found
        pulls.append(fate.pull)
        assert fate.found <= fate.candidate
    assert abs(found - predicted) < 5
    assert abs(np.mean(pulls)) < 3 / np.sqrt(12) + 0.2
    assert np.std(pulls) == pytest.approx(1, abs=0.6)


def test_an_axion_out_of_range_is_refused() -> None:
    result = analyze(make(scan_targets(12)))
    with pytest.raises(ValueError, match="1200000000 Hz is outside the grand spectrum"):
        recovery(result, 1.2e9, 1e-15)
