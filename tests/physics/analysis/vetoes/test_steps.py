"""A line spectrum by spectrum: its strength is the axion's, whatever the baseline takes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import BaselineKind, Options
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.vetoes.steps import NotHeldError, Steps, measured_steps
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.vetoes.interference import AXION_HZ

PLAIN = Options(filter_spikes=False)
COARSE_HZ = 450.0


def followed(spectra: Spectra, at_hz: float, options: Options = PLAIN, **more: int) -> Steps:
    reduction = reduce_stack(spectra, select(spectra, options), options)
    names = tuple(f"step {row}" for row in range(len(spectra)))
    return measured_steps(reduction, at_hz, names, **more)


@pytest.mark.parametrize(
    ("baseline", "times", "each", "mean"),
    [
        ("letter", 1.0, 0.005, 1e-3),
        ("letter", 2.7, 0.07, 0.05),  # the fits clip what stands far out and take up less
        ("savgol", 2.7, 0.02, 5e-3),
    ],
)
def test_every_step_has_the_axions_strength(
    baseline: BaselineKind, times: float, each: float, mean: float
) -> None:
    spectra = make(scan_targets(20), noise=False, dtype=float, axions={AXION_HZ: times})
    seen = followed(spectra, AXION_HZ + 200, replace(PLAIN, baseline=baseline))
    assert len(seen) == 15
    assert seen.strength == pytest.approx(np.full(15, times**2), rel=each)
    assert seen.mean == pytest.approx(times**2, rel=mean)
    assert seen.place_hz == AXION_HZ
    assert np.all(np.abs(seen.strength / times**2 - 1) < 2 * seen.loose + 0.012)


def test_the_errors_are_those_of_the_noise() -> None:
    pulls = []
    for seed in range(20):
        seen = followed(make(scan_targets(20), seed=300 + seed), AXION_HZ)
        pulls.append((seen.strength - seen.mean) / seen.error)
    width = float(np.std(pulls)) * np.sqrt(15 / 14)
    assert width == pytest.approx(1.0, abs=3 / np.sqrt(2 * 20 * 14))


def test_a_spectrum_that_does_not_hold_the_line_is_left_out() -> None:
    spectra = make(scan_targets(20), seed=4)
    seen = followed(spectra, AXION_HZ)
    reach = 4050 + COARSE_HZ
    offset = AXION_HZ - spectra.target_frequency_hz
    whole = (offset > -75e3 + COARSE_HZ) & (offset + reach < 75e3)
    assert seen.names == tuple(f"step {row}" for row in np.flatnonzero(whole))
    with pytest.raises(NotHeldError, match=r"0 spectra hold the line at 1200\.000000 MHz, needed"):
        followed(spectra, 1.2e9)
    with pytest.raises(NotHeldError, match="1 spectra hold the line"):
        followed(spectra, 1.1e9 - 70e3)


def test_bins_that_were_cut_carry_neither_power_nor_weight() -> None:
    spectra = make(scan_targets(20), noise=False, dtype=float, axions={AXION_HZ: 1.6})
    masked = np.zeros(spectra.power_w.shape, dtype=bool)
    frequency = spectra.frequency_start_hz[:, None] + 10.0 * np.arange(15000)
    masked[:, :] = (frequency > AXION_HZ + 400) & (frequency < AXION_HZ + 900)
    spectra.power_w[masked] *= 3
    cut = followed(replace(spectra, masked=masked), AXION_HZ)
    assert cut.mean == pytest.approx(1.6**2, rel=0.02)
    assert np.all(cut.error > 1.1 * followed(spectra, AXION_HZ).error)
