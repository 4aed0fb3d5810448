"""The simplest model that describes the data is found, and a simpler one in use is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.chain.baseline import fit_baseline
from haloscope.analysis.chain.selection import windows_of
from haloscope.analysis.exchange import files
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality.harm import Harm, measured_harm
from haloscope.analysis.quality.ladder import Adequacy
from haloscope.analysis.quality.stack import RICHER, seen_harmless
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.quality.nasty import options_of, shapes

SHAPES = dict(shapes())


def settled(name: str, baseline: str = "auto") -> Result:
    return analyze(SHAPES[name]({}).spectra, options_of(baseline))


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("flat, N 1e+05", "pade 2"),
        ("slope 30 %, N 1e+05", "pade 3"),
        ("parabola -20 %, N 1e+05", "pade 4"),
        ("bump 30 %, N 1e+07", "pade 2"),
        ("Fano 5 %, N 1e+07", "pade 2"),
        ("ripple 0.1 %, 20 rad, N 1e+03", "pade 2"),
        ("ripple 0.1 %, 20 rad, N 1e+07", "savgol"),
    ],
)
def test_the_simplest_that_describes_it(name: str, model: str) -> None:
    result = settled(name)
    chosen = next(rung for rung in result.ladder if rung.chosen)
    assert str(chosen).startswith(model), result.ladder
    assert result.options.baseline == model.split()[0]
    assert result.believed, result.verdict()
    assert f"{model}, of pade 2 (deviance" in files.summary(result)["baseline"]


def test_behind_a_jpa_the_letter_s_model_is_among_them() -> None:
    result = analyze(make(scan_targets(30), seed=41), Options(baseline="auto"))
    assert "letter" in [rung.baseline for rung in result.ladder]
    assert result.believed
    named = analyze(make(scan_targets(30), seed=41))
    at = np.isin(named.frequency_hz, result.frequency_hz)
    assert result.limit.coupling_per_gev == pytest.approx(
        named.limit.coupling_per_gev[at], rel=0.02
    )


@pytest.mark.parametrize(
    ("name", "baseline", "harm"),
    [
        ("kink, N 1e+03", "pade 4", "power"),
        ("step 2 %, N 1e+03", "pade 3", "power"),
        ("slope 1 %, N 1e+03", "letter", "width"),
    ],
)
def test_a_model_that_leaves_out_what_matters_is_not_believed(
    name: str, baseline: str, harm: str
) -> None:
    result = settled(name, baseline)
    assert RICHER in [doubt.name for doubt in result.doubts]
    held = result.adequacy
    assert held is not None
    assert result.better == held.options != result.options
    assert held.probability < 1e-3
    assert held.harm is not None
    assert (held.harm.added > 0.1) == (harm == "width")
    assert (held.harm.recovered < 0.95) == (harm == "power")


def test_what_a_model_leaves_out_without_harm_is_told_and_believed() -> None:
    result = settled("ripple 1 %, 3 rad, N 1e+03", "pade 3")
    assert result.believed
    (told,) = [test for test in result.tests if test.name == RICHER]
    assert not told.passed
    assert "measured" in told.found
    held = result.adequacy
    assert held is not None
    assert held.harm is not None
    assert 0 < held.harm.added < 0.05
    assert held.harm.recovered == pytest.approx(0.99, abs=0.02)


def test_of_noise_alone_a_richer_model_takes_what_chance_takes() -> None:
    case, rng = SHAPES["bump 1 %, N 1e+05"]({}), np.random.default_rng(71)
    found = []
    for _ in range(12):
        noise = rng.standard_gamma(1e5, case.truth.shape) / 1e5
        drawn = replace(case.spectra, power_w=case.truth * noise)
        found.append(measured_harm(drawn, options_of("pade 2"), options_of("pade 4")))
    added = np.array([harm.added for harm in found])
    assert abs(added.mean()) < 4 * added.std() / np.sqrt(len(added))
    assert added.std() < 0.01
    assert np.mean([harm.recovered for harm in found]) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("added", "recovered", "harmless"),
    [(0.02, 0.99, True), (0.2, 0.99, False), (0.02, 0.93, False), (0.02, 1.07, False)],
)
def test_harm_is_what_adds_up_or_takes_power(
    added: float, recovered: float, harmless: bool
) -> None:
    held = Adequacy("pade 5", None, 3.0, 1e-9, 0.4, Harm(added, recovered))
    assert seen_harmless(held) is harmless
    assert not seen_harmless(replace(held, harm=None))


def test_noise_alone_beats_no_model() -> None:
    """The chance that it is told all the same is the one stated."""
    found = []
    rng = np.random.default_rng(43)
    case = SHAPES["bump 1 %, N 1e+05"]({})
    for _ in range(25):
        case.spectra.power_w[:] = case.truth * rng.standard_gamma(1e5, case.truth.shape) / 1e5
        held = analyze(case.spectra, options_of("pade 2")).adequacy
        assert held is not None
        found.append(held.probability)
    assert min(found) > 1e-3
    assert np.median(found) > 0.05


def test_a_strong_axion_makes_no_model_inadequate() -> None:
    result = analyze(make(scan_targets(30), seed=47, axions={1.10015e9: 3.0}))
    assert max(c.excess for c in result.candidates) > 15
    assert result.believed, result.verdict()


def test_what_needs_a_model_says_that_it_has_none() -> None:
    spectra = make(scan_targets(3))
    auto = Options(baseline="auto")
    windows = windows_of(spectra, auto)
    with pytest.raises(ValueError, match="'auto' is settled by an analysis of the stack"):
        fit_baseline(spectra, windows, windows.merged(), slice(0, 3), auto)
    with pytest.raises(ValueError, match="online: needs a fitted baseline, not 'auto'"):
        Online(auto)
