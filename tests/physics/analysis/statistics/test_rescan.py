"""What rescans say of candidates: persistence, the vetoes, the field among them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.report.page import write_report
from haloscope.analysis.spectra import Spectra, concatenate
from haloscope.analysis.statistics.candidates import candidate_at
from haloscope.analysis.statistics.limits import dfsz
from haloscope.analysis.statistics.rescan import judge
from haloscope.analysis.vetoes.vetting import Vetting, vetted_near
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.vetoes.interference import hump

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


def test_an_axion_passes_every_check(search: Spectra, first: Result, tmp_path: Path) -> None:
    found = max(first.candidates, key=lambda c: c.excess)
    assert abs(found.frequency_hz - AXION_HZ) < 1000
    more = again(2, {AXION_HZ: 1.1})
    off = replace(again(5), magnet_field_t=np.zeros(20))
    both = concatenate([search, more])
    verdict = judge(found, first, analyze(more, OPTIONS), analyze(both, OPTIONS), spectra=both,
                    field_off=off)  # fmt: skip
    assert verdict.persists
    assert verdict.combined_excess > found.excess
    assert verdict.vetting is not None
    assert "field" in [test.name for test in verdict.vetting.tests]
    assert verdict.objections == ()
    assert verdict.axion_like
    assert verdict.together.global_p > verdict.together.local_p
    truth = 1.1 * float(dfsz(np.array(AXION_HZ)))
    error = verdict.together.coupling_error_per_gev
    assert verdict.together.coupling_per_gev == pytest.approx(truth, abs=4 * error)
    assert verdict.words.startswith("confirmed: ")
    assert f"coupling {verdict.together.coupling_per_gev:.3g} +- " in verdict.words
    page = write_report(tmp_path / "report.html", first, verdicts=[verdict]).read_text("utf-8")
    assert "<h2>Taken again</h2>" in page
    assert f"<td>{verdict.words}</td>" in page


def test_a_fluctuation_does_not_persist(search: Spectra, first: Result) -> None:
    found = max(first.candidates, key=lambda c: c.excess)
    silent = again(3)
    empty, joined = analyze(silent, OPTIONS), analyze(concatenate([search, silent]), OPTIONS)
    gone = judge(found, first, empty, joined)
    assert not gone.persists
    assert "persistence" in gone.objections
    assert not gone.axion_like
    assert gone.words.startswith("gone: ")
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
    spectra, more, off = (hump(6e-3, seed) for seed in (5, 6, 7))
    off = replace(off, magnet_field_t=np.zeros(len(off)))
    alone, rescan = analyze(spectra, PLAIN), analyze(more, PLAIN)
    both = concatenate([spectra, more])
    found = max(alone.candidates, key=lambda c: c.excess)
    verdict = judge(found, alone, rescan, analyze(both, PLAIN), spectra=both, field_off=off)
    assert verdict.persists
    assert {"detuning", "field"} <= set(verdict.objections)
    assert not verdict.axion_like
    assert verdict.words.startswith("vetoed: ")


def of_the_field(on: Spectra, off: Spectra, axion_hz: float = 1.1001e9) -> tuple[float, str]:
    """Probability of an axion to look so, and the words, of the veto of the field."""
    grand = analyze(on, PLAIN)
    snr = grand.limit.expected_snr
    at = np.flatnonzero(np.abs(grand.frequency_hz - axion_hz) < 600)
    candidate = candidate_at(grand.grand, snr, at, grand.step_hz, PLAIN, grand.systematic)
    said: Vetting
    (said,) = vetted_near([candidate], on, PLAIN, field_off=off)
    (field,) = [test for test in said.tests if test.name == "field"]
    return field.p, field.words


def test_an_axion_s_power_goes_as_the_square_of_the_field() -> None:
    on = make(scan_targets(20), seed=4, axions={1.1001e9: 2.0})
    half = make(scan_targets(20), seed=8, axions={1.1001e9: 1.0})  # B/2: a quarter of the power
    p, _ = of_the_field(on, replace(half, magnet_field_t=np.full(20, 6.0)))
    assert p > 0.01
    between = make(scan_targets(20), seed=8, axions={1.1001e9: 2.0**0.5})  # half of the power
    p, _ = of_the_field(on, replace(between, magnet_field_t=np.full(20, 6.0)))
    assert p < 1e-6
    same = make(scan_targets(20), seed=8, axions={1.1001e9: 2.0})
    p, words = of_the_field(on, replace(same, magnet_field_t=np.full(20, 6.0)))
    assert p < 1e-9
    assert words.startswith("power stays without the field: ")
    p, _ = of_the_field(on, replace(same, magnet_field_t=np.zeros(20)))
    assert p < 1e-9


def test_without_a_field_an_axion_fails_by_chance_alone() -> None:
    on = make(scan_targets(20), seed=4, axions={1.1001e9: 1.3})
    off = (make(scan_targets(20), seed=40 + seed) for seed in range(20))
    p = [of_the_field(on, replace(s, magnet_field_t=np.zeros(20)))[0] for s in off]
    assert kstest(p, "uniform").pvalue > 1e-3


def test_a_field_test_that_cannot_tell_says_so() -> None:
    silent = make(scan_targets(20), seed=9)
    off = replace(silent, magnet_field_t=np.zeros(20))
    assert of_the_field(silent, off)[1].endswith("; too weak to tell")
    with pytest.raises(ValueError, match="12 T with the field on and 12 T with it off"):
        of_the_field(silent, silent)
    uneven = replace(silent, magnet_field_t=np.linspace(11, 12, 20))
    with pytest.raises(ValueError, match=r"fields from 11\.\d+ T to 11\.895 T in one stack"):
        of_the_field(uneven, off)
    dead = replace(off, power_w=np.full_like(off.power_w, 1e-12))
    with pytest.raises(ValueError, match="field off: quality: none of 20 spectra can be used"):
        of_the_field(silent, dead)
