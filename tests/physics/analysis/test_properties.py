"""Properties that hold whatever the data: order, splitting, scale; and a slow reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haloscope.analysis.chain.baseline import fit_baseline
from haloscope.analysis.chain.grand import grand_spectrum
from haloscope.analysis.chain.selection import select
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis import reference
from tests.physics.analysis.generator import make, scan_targets

PLAIN = Options(filter_average=False)


@pytest.fixture(scope="module")
def stack() -> Spectra:
    return make(scan_targets(12), seed=21, axions={1.10005e9: 1.5})


@pytest.fixture(scope="module")
def result(stack: Spectra) -> Result:
    return analyze(stack, PLAIN)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(12)))
def test_the_order_of_spectra_does_not_matter(
    stack: Spectra, result: Result, order: list[int]
) -> None:
    again = analyze(stack.subset(order), PLAIN)
    assert again.normalised == pytest.approx(result.normalised, abs=1e-9)
    assert again.limit.coupling_per_gev == pytest.approx(result.limit.coupling_per_gev, rel=1e-12)


@settings(max_examples=8, deadline=None)
@given(chosen=st.sets(st.integers(0, 11), min_size=1, max_size=11))
def test_splitting_the_campaign_and_joining_the_sums_changes_nothing(
    stack: Spectra, result: Result, chosen: set[int]
) -> None:
    mask = np.isin(np.arange(12), list(chosen))
    part, rest = analyze(stack.subset(mask), PLAIN), analyze(stack.subset(~mask), PLAIN)
    part.sums.join(rest.sums)
    joined = grand_spectrum(part.sums)
    assert joined.normalised == pytest.approx(result.normalised, abs=1e-9)
    assert joined.snr == pytest.approx(result.grand.snr, rel=1e-12)


@settings(max_examples=8, deadline=None)
@given(decibel=st.floats(-60, 60))
def test_gain_known_to_the_calibration_changes_nothing(
    stack: Spectra, result: Result, decibel: float
) -> None:
    scaled = replace(
        stack,
        power_w=stack.power_w.astype(float) * 10 ** (decibel / 10),
        calibration=replace(stack.calibration, receiver_gain_db=104.0 + decibel),
    )
    again = analyze(scaled, PLAIN)
    assert again.normalised == pytest.approx(result.normalised, abs=1e-5)
    assert again.grand.snr == pytest.approx(result.grand.snr, rel=1e-6)


@settings(max_examples=6, deadline=None)
@given(factor=st.floats(0.5, 2.0))
def test_gain_the_calibration_has_wrong_scales_the_expected_snr_only(
    stack: Spectra, result: Result, factor: float
) -> None:
    scaled = replace(stack, power_w=stack.power_w.astype(float) * factor)
    again = analyze(scaled, PLAIN)
    assert again.normalised == pytest.approx(result.normalised, abs=1e-5)
    assert again.grand.snr * factor == pytest.approx(result.grand.snr, rel=1e-6)


def test_taking_a_spectrum_away_again_leaves_the_others(stack: Spectra) -> None:
    from haloscope.analysis.chain.combine import Accumulator
    from haloscope.analysis.chain.reduce import reduce_stack

    sums = Accumulator(stack.step_hz, PLAIN)
    ((_, reduced, _),) = reduce_stack(stack, select(stack, PLAIN), PLAIN).chunks()
    sums.add(reduced)
    before = sums.density.copy()
    sums.add(reduced)
    sums.add(reduced, sign=-1)
    assert sums.density == pytest.approx(before, rel=1e-12)
    assert sums.spectra == 12


def test_the_slow_reference_gives_the_same_grand_spectrum(stack: Spectra) -> None:
    few = stack.subset(slice(0, 4))
    options = replace(PLAIN, filter_spikes=False)
    windows = select(few, options)
    baseline = fit_baseline(few, windows, windows.merged(), slice(0, 4), options)
    slow = reference.grand_spectrum(few, windows.first_column, baseline.power)
    fast = analyze(few, options)
    at = {round(f, 3): k for k, f in enumerate(fast.frequency_hz)}
    common = [f for f in slow if round(f, 3) in at]
    assert len(common) > 380
    assert len(fast.grand) - len(common) <= 2
    where = [at[round(f, 3)] for f in common]
    excess = np.array([slow[f][0] for f in common])
    snr = np.array([slow[f][1] for f in common])
    assert fast.grand.excess[where] == pytest.approx(excess, abs=2e-4)
    assert fast.grand.snr[where] == pytest.approx(snr, rel=1e-5)
