"""What rescans say of candidates: persistence, line shape, detuning and field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import Spectra, concatenate
from haloscope.analysis.statistics.rescan import field_test, judge
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.statistics.test_lineshape import flat_line

AXION_HZ = 1.10015e9
OPTIONS = Options(filter_average=False)
PLAIN = Options(filter_spikes=False)


@pytest.fixture(scope="module")
def search() -> Spectra:
    return make(scan_targets(30), seed=1, axions={AXION_HZ: 1.1})


@pytest.fixture(scope="module")
def first(search: Spectra) -> Result:
    return analyze(search, OPTIONS)


def again(seed: int, axions: dict[float, float] | None = None) -> Spectra:
    targets = AXION_HZ + np.repeat([-10e3, 0.0, 10e3, 20e3], 5)
    return make(targets, seed=seed, axions=axions)


def test_an_axion_passes_every_check(search: Spectra, first: Result) -> None:
    found = max(first.candidates, key=lambda c: c.excess)
    assert abs(found.frequency_hz - AXION_HZ) < 1000
    more = again(2, {AXION_HZ: 1.1})
    off = replace(again(5), magnet_field_t=np.zeros(20))
    both = concatenate([search, more])
    verdict = judge(found, first, analyze(more, OPTIONS), analyze(both, OPTIONS), spectra=both,
                    field_off=off)  # fmt: skip
    assert verdict.persists
    assert verdict.combined_excess > found.excess
    assert verdict.shape.axion_like
    assert verdict.detuning is not None
    assert verdict.detuning.axion_like
    assert verdict.field is not None
    assert verdict.field.decisive
    assert verdict.objections == ()
    assert verdict.axion_like


def test_a_fluctuation_does_not_persist(search: Spectra, first: Result) -> None:
    found = max(first.candidates, key=lambda c: c.excess)
    silent = again(3)
    empty, joined = analyze(silent, OPTIONS), analyze(concatenate([search, silent]), OPTIONS)
    gone = judge(found, first, empty, joined)
    assert not gone.persists
    assert "persistence" in gone.objections
    assert not gone.axion_like
    far = replace(found, frequency_hz=1.2e9)
    with pytest.raises(ValueError, match="does not cover the candidate"):
        judge(far, first, empty, joined)
    with pytest.raises(ValueError, match="none with it on"):
        judge(found, first, empty, joined, field_off=silent)


def test_what_a_rescan_sees_elsewhere_confirms_nothing(search: Spectra, first: Result) -> None:
    found = max(first.candidates, key=lambda c: c.excess)
    beside = again(3, {AXION_HZ + 20e3: 1.5})
    rescan, joined = analyze(beside, OPTIONS), analyze(concatenate([search, beside]), OPTIONS)
    assert rescan.normalised.max() > 8
    verdict = judge(found, first, rescan, joined)
    assert verdict.rescan_excess < 4
    assert not verdict.persists


def test_interference_that_persists_is_told_by_detuning_and_field() -> None:
    spectra, more, off = (flat_line(6e-3, seed) for seed in (5, 6, 7))
    off = replace(off, magnet_field_t=np.zeros(len(off)))
    alone, rescan = analyze(spectra, PLAIN), analyze(more, PLAIN)
    both = concatenate([spectra, more])
    found = max(alone.candidates, key=lambda c: c.excess)
    verdict = judge(found, alone, rescan, analyze(both, PLAIN), spectra=both, field_off=off)
    assert verdict.persists
    assert {"detuning", "field"} <= set(verdict.objections)


def test_an_axion_s_power_goes_as_the_square_of_the_field() -> None:
    on = make(scan_targets(20), seed=4, axions={1.1001e9: 2.0})
    half = make(scan_targets(20), seed=8, axions={1.1001e9: 1.0})  # B/2: a quarter of the power
    half = replace(half, magnet_field_t=np.full(20, 6.0))
    test = field_test(on, half, 1.1001e9, PLAIN)
    assert test.field_ratio_squared == 0.25
    assert test.off_strength == pytest.approx(0.25 * test.strength, abs=4 * test.off_error)
    assert test.decisive
    assert test.axion_like
    unchanged = field_test(on, replace(on, magnet_field_t=np.full(20, 6.0)), 1.1001e9, PLAIN)
    assert unchanged.decisive
    assert not unchanged.axion_like


def test_a_field_test_that_cannot_tell_says_so() -> None:
    silent = make(scan_targets(20), seed=9)
    off = replace(silent, magnet_field_t=np.zeros(20))
    assert not field_test(silent, off, 1.1001e9, PLAIN).decisive
    with pytest.raises(ValueError, match=r"12\.0 T with the field on and 12\.0 T with it off"):
        field_test(silent, silent, 1.1001e9, PLAIN)
    uneven = replace(silent, magnet_field_t=np.linspace(11, 12, 20))
    with pytest.raises(ValueError, match=r"fields from 11\.000 T to 12\.000 T in one stack"):
        field_test(uneven, off, 1.1001e9, PLAIN)
