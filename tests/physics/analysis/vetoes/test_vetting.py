"""Candidates through every veto: interference is told, axions are not lost, the limit is honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import kstest

from cryohalo.blinding import comparison
from haloscope.analysis.chain.signal import inject
from haloscope.analysis.online import Online
from haloscope.analysis.options import BaselineKind, Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.injection import recovery
from haloscope.analysis.statistics.limits import dfsz
from haloscope.analysis.vetoes.vetting import Vetting
from haloscope.axion import AxionLine
from tests.physics.analysis.exchange.test_documents_and_online import documents
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.vetoes.interference import AXION_HZ, hump, in_one_step, timed

SINGLE = Options(filter_average=False)


def at(result: Result, frequency_hz: float) -> Vetting:
    """What is said of the highest candidate near a frequency."""
    near = [
        (found.excess, said)
        for found, said in zip(result.candidates, result.vetoes, strict=True)
        if abs(found.frequency_hz - frequency_hz) < 5e3
    ]
    assert near, "no candidate"
    return max(near, key=lambda pair: pair[0])[1]


def half_the_scan(seed: int) -> Spectra:
    """Interference that went away; targets back and forth, so that time is not detuning."""
    spectra = timed(make(np.tile(scan_targets(20), 2), seed=seed))
    frequency = spectra.frequency_start_hz[:, None] + 10.0 * np.arange(15000)
    line = np.exp(-0.5 * ((frequency - AXION_HZ - 700) / 500) ** 2)
    offset = (AXION_HZ - spectra.cavity_frequency_hz) * 2 * 35000 / AXION_HZ
    height = 1.2e-2 / (1 + offset**2) * (np.arange(40) < 20)
    spectra.power_w[:] *= (1 + height[:, None] * line).astype(np.float32)
    return spectra.subset(np.random.default_rng(1).permutation(40))  # files in any order


KINDS = {
    "one step": lambda: in_one_step(10, 2e-2, 6),
    "a weak one step": lambda: in_one_step(10, 1e-2, 6),
    "detuning": lambda: hump(6e-3, 5),
    "narrow": lambda: hump(8e-3, 8, width_hz=80.0),
    "wide": lambda: hump(3e-3, 8, width_hz=3000.0),
    "halves": lambda: half_the_scan(9),
}
FIRST = {"a weak one step": "one step", "narrow": "width", "wide": "detuning"}


@pytest.mark.parametrize("kind", KINDS)
def test_interference_is_vetoed_in_words(kind: str) -> None:
    result = analyze(KINDS[kind](), SINGLE)
    said = at(result, AXION_HZ)
    assert said.vetoed
    assert FIRST.get(kind, kind) in [test.name for test in said.against]
    assert said.verdict.startswith("vetoed: ")
    if kind in FIRST.values():
        assert said.against[0].name == kind
    assert all(test.words for test in said.tests)
    assert said.false_veto == pytest.approx(0.01)


def test_the_step_with_all_the_power_is_named() -> None:
    said = at(analyze(in_one_step(10, 2e-2, 6)), AXION_HZ)
    assert "power all from spectrum 10: 11.9 sigma in it, 0.8 in the other 14" in said.verdict
    assert said.recorded()["tests"][0]["vetoed"] is True
    assert len(said.recorded()["steps"]["strength_dfsz"]) == 15


def test_a_strong_tone_in_every_spectrum_is_no_axions_line() -> None:
    """Narrow and weak enough in each spectrum to pass the spike filter, high in all together."""
    said = at(analyze(hump(8e-3, 8, width_hz=80.0), SINGLE), AXION_HZ)
    (told,) = [test for test in said.against if test.name == "width"]
    assert "Hz wide at 1100.1007" in told.words


@pytest.mark.parametrize("baseline", ["letter", "pade", "savgol"])
def test_of_hidden_axions_at_most_the_stated_share_is_lost(baseline: BaselineKind) -> None:
    options = replace(SINGLE, baseline=baseline, filter_spikes=False)
    random, p, lost, levels = np.random.default_rng(17), {}, 0, set()
    for seed in range(40):
        axion_hz = AXION_HZ + random.uniform(-5e3, 5e3)
        coupling = random.uniform(1.2, 2.7) * float(dfsz(np.array(axion_hz)))  # up to KSVZ
        spectra = timed(make(scan_targets(20), seed=500 + seed))
        said = at(analyze(inject(spectra, axion_hz, coupling), options), axion_hz)
        lost += said.vetoed
        levels.add(said.level)
        for test in said.tests:
            p.setdefault(test.name, []).append(test.p)
    assert set(p) == {"one step", "steps", "detuning", "width", "line shape", "halves"}
    assert levels == {0.01 / 6}
    assert lost <= 2  # 0.4 expected at most
    for name in ("steps", "detuning", "halves"):
        assert kstest(p[name], "uniform").pvalue > 1e-3, name
    for name in ("one step", "width", "line shape"):  # bounds: large is harmless
        assert kstest(p[name], "uniform", alternative="greater").pvalue > 1e-3, name


@pytest.mark.parametrize("times", [4.0, 6.0])
def test_an_axion_of_a_hundred_sigma_is_one(times: float) -> None:
    """What the fits and the halo leave open is in the tests: statistics alone would veto."""
    coupling = times * float(dfsz(np.array(AXION_HZ)))
    result = analyze(inject(timed(make(scan_targets(20), seed=5)), AXION_HZ, coupling), SINGLE)
    said = at(result, AXION_HZ)
    assert max(c.excess for c in result.candidates) > 60
    assert not said.vetoed, said.verdict


def test_a_vetoed_candidate_raises_the_limit_and_makes_no_gap() -> None:
    spectra = in_one_step(10, 2e-2, 6)
    result, without = analyze(spectra), analyze(spectra, Options(false_veto=0))
    assert result.standing == []
    assert [c.frequency_hz for c in result.vetoed] == [c.frequency_hz for c in without.candidates]
    assert result.excluded.all()
    assert not without.excluded.all()
    over = result.normalised > result.options.threshold
    ratio = result.limit.coupling_per_gev / without.limit.coupling_per_gev
    assert np.all(ratio[~over] == 1)
    seen = result.normalised[over] + ndtri(0.9)
    assert ratio[over] == pytest.approx(np.sqrt(seen / 5))
    density = result.limit.ksvz_density / without.limit.ksvz_density
    assert density == pytest.approx(ratio**2)
    # It is that of an axion as strong as all that was seen: nobody is excluded who may be there.
    observed = result.limit.observed_per_gev[over]
    assert result.limit.coupling_per_gev[over] == pytest.approx(observed, rel=5e-3)
    assert np.all(result.limit.coupling_per_gev[over] >= observed)


def test_a_candidate_that_stands_interrupts_the_limit() -> None:
    result = analyze(timed(make(scan_targets(20), seed=5, axions={AXION_HZ: 1.6})))
    (found,) = result.standing
    assert result.vetoed == []
    assert not result.excluded[np.argmin(np.abs(result.frequency_hz - found.frequency_hz))]
    assert at(result, AXION_HZ).verdict == "stands (6 tests)"
    truth = 1.6 * float(dfsz(np.array(AXION_HZ)))
    assert found.coupling_per_gev == pytest.approx(truth, abs=4 * found.coupling_error_per_gev)
    assert 0 < found.excess - found.global_sigma < 1


def test_what_cannot_be_tested_is_said() -> None:
    noted = analyze(make(scan_targets(20), seed=5, axions={AXION_HZ: 1.6}))
    assert at(noted, AXION_HZ).verdict == (
        "stands (5 tests); not tested: halves (times that nobody noted)"
    )
    assert at(noted, AXION_HZ).level == pytest.approx(0.01 / 5)
    alone = make(np.full(6, AXION_HZ), seed=5, axions={AXION_HZ: 1.6})
    said = at(analyze(timed(alone), SINGLE), AXION_HZ)
    assert "detuning (6 steps at one distance from the cavity)" in said.verdict
    off = analyze(in_one_step(10, 2e-2, 6), Options(false_veto=0))
    assert at(off, AXION_HZ).verdict == (
        "stands (0 tests); not tested: any (the options ask for no veto)"
    )
    with pytest.raises(ValueError, match=r"false_veto is 0\.5, needed 0 to below 0\.5"):
        Options(false_veto=0.5)


def test_online_says_what_offline_says() -> None:
    spectra = in_one_step(10, 2e-2, 6)
    online, forgetful = Online(SINGLE), Online(SINGLE, keep=False)
    for row in range(len(spectra)):
        online.add(spectra.subset([row]))
        forgetful.add(spectra.subset([row]))
    now, later = online.result(), analyze(spectra, SINGLE)
    assert [v.level for v in now.vetoes] == [v.level for v in later.vetoes]
    for mine, theirs in zip(now.vetoes, later.vetoes, strict=True):
        assert [t.p for t in mine.tests] == pytest.approx([t.p for t in theirs.tests], rel=1e-6)
    assert now.limit.coupling_per_gev == pytest.approx(later.limit.coupling_per_gev)
    assert forgetful.result().vetoes == ()
    assert len(forgetful.result().standing) == len(now.candidates)


@pytest.mark.parametrize("field_t", [0.0, 12.0])
def test_spectra_at_no_other_field_do_not_stop_the_end_of_a_scan(field_t: float) -> None:
    hidden = make(scan_targets(20), seed=4, axions={AXION_HZ: 2.0})
    off = replace(make(scan_targets(20), seed=5), magnet_field_t=np.full(20, field_t))
    online = Online(SINGLE)
    for uid, spectra, purpose in (("run-0001", hidden, ""), ("run-0002", off, "field off")):
        for name, document in documents(spectra, uid=uid):
            online(name, {**document, "purpose": purpose} if name == "start" else document)
    result = online.finish()
    tests = {test.name for test in result.vetoes[0].tests}
    assert ("field" in tests) == (field_t == 0.0)
    assert len(result.quality.labels) == 20


def test_an_axion_that_is_vetoed_is_not_called_found() -> None:
    """Beneath interference of one step: what is said of an axion there when all is opened."""
    result = analyze(in_one_step(10, 2e-2, 6))
    seen = recovery(result, AXION_HZ, 1e-16)
    assert seen.found  # its bin is over the threshold
    assert not seen.candidate
    assert seen.vetoed
    said = comparison(result, AxionLine(AXION_HZ, 1e-16))
    assert "found, and vetoed as interference, excess" in said


def test_a_narrow_line_on_an_axion_does_not_veto_it() -> None:
    """A clock's harmonic too weak for the spike filter on a line; and a stronger one alone."""
    unfiltered = replace(SINGLE, filter_spikes=False)
    strong = {AXION_HZ + 805: 8e-24}
    alone = analyze(timed(make(scan_targets(20), seed=5, tones=strong)), unfiltered)
    assert at(alone, AXION_HZ).against[0].name == "width"
    tone = {AXION_HZ + 805: 1.5e-24}
    spectra = timed(make(scan_targets(20), seed=5, tones=tone, axions={AXION_HZ: 1.4}))
    result = analyze(spectra, SINGLE)
    said = at(result, AXION_HZ)
    assert not said.vetoed, said.verdict
    assert "stands (6 tests); without the narrow lines on it at 1100.1008" in said.verdict
    assert said.steps is not None
    error = said.steps.mean_error
    assert said.steps.mean == pytest.approx(1.4**2, abs=4 * error)
    ((low, high),) = said.steps.left_out_hz
    assert low < AXION_HZ + 805 < high
    assert high - low < 400


def test_of_one_spectrum_alone_the_line_is_looked_at() -> None:
    """At the very end of a scan nothing can be compared from step to step, but the shape can."""
    frequency = 1.1e9 - 70e3 + 2e3
    hidden = timed(make(scan_targets(20), seed=5, axions={frequency: 8.0}))
    said = at(analyze(hidden, SINGLE), frequency)
    assert not said.vetoed
    assert [test.name for test in said.tests] == ["width", "line shape"]
    assert "one step (one spectrum alone)" in said.verdict
    spectra = timed(make(scan_targets(20), seed=5))
    bins = spectra.frequency_start_hz[0] + 10.0 * np.arange(15000)
    line = np.exp(-0.5 * ((bins - frequency - 700) / 200) ** 2)
    spectra.power_w[0] *= (1 + 3e-2 * line).astype(np.float32)
    assert at(analyze(spectra, SINGLE), frequency).vetoed
