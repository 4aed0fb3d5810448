"""Chi-square on the scale of the line: its mean and spread are those of noise, a misfit is seen."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.chain.response import TakenUp
from haloscope.analysis.chain.template import line_table
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import analyze
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.quality.linescale import line_scale
from haloscope.analysis.quality.residuals import Residuals
from haloscope.analysis.quality.verdicts import QualityError
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.generator import make, scan_targets
from tests.physics.analysis.quality.nasty import OPTIONS, options_of, shapes

SHAPES = dict(shapes())
KEEP = Demands(bad_spectra="keep")


def residuals_of(baseline: str, spectra: Spectra, **changes: object) -> Residuals:
    return analyze(spectra, replace(options_of(baseline), demands=KEEP, **changes)).checks


@pytest.fixture(scope="module")
def noisy() -> list[Spectra]:
    """250 spectra of noise about one smooth mean."""
    rng = np.random.default_rng(23)
    one = SHAPES["bump 1 %, N 1e+05"]({})
    return [
        replace(one.spectra, power_w=one.truth * rng.standard_gamma(1e5, one.truth.shape) / 1e5)
        for _ in range(10)
    ]


@pytest.mark.parametrize("baseline", ["letter", "pade 4", "savgol"])
@pytest.mark.parametrize("cut", [False, True])
def test_mean_and_spread_are_those_of_noise(noisy: list[Spectra], baseline: str, cut: bool) -> None:
    masked = np.zeros(noisy[0].power_w.shape, dtype=bool)
    masked[:, 200:800:3] = cut
    seen = [residuals_of(baseline, replace(s, masked=masked if cut else None)) for s in noisy]
    pull = np.concatenate([(s.line_chi2 - s.line_mean) / np.sqrt(s.line_variance) for s in seen])
    # A smoother's expectation knows of no cut bins but their number: roughly right.
    off = 0.35 if cut and baseline == "savgol" else 4 / np.sqrt(len(pull))
    assert abs(pull.mean()) < off
    assert pull.std() == pytest.approx(1, abs=0.25 if cut else 0.2)
    ratio = np.concatenate([s.chi2_per_dof for s in seen])
    assert ratio.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 750 / len(ratio)) + 1e-4)
    probability = np.concatenate([s.chi2_probability for s in seen])
    assert probability.min() > 1e-5


def test_the_neighbours_correlation_is_the_one_that_the_fit_leaves(noisy: list[Spectra]) -> None:
    for baseline in ("letter", "pade 3", "savgol"):
        seen = [residuals_of(baseline, spectra) for spectra in noisy]
        found = np.concatenate([s.neighbour_correlation for s in seen])
        expected = np.concatenate([s.expected_correlation for s in seen])
        error = 1 / np.sqrt(750 * len(found))
        assert abs(found.mean() - expected.mean()) < 4 * error
        assert expected.mean() < -3 * error  # seen as clean noise, and not as zero


def test_a_line_of_an_axion_is_no_misfit() -> None:
    """Up to that of a KSVZ axion, which stands out by 20 sigma in single spectra."""
    faint, strong = (
        make(scan_targets(20), seed=29, axions={1.1001e9: times}) for times in (1.3, 2.7)
    )
    assert analyze(faint).quality.cut == 0
    found = analyze(strong)
    assert found.quality.cut == 0
    assert found.checks.lines.sum() >= 5
    assert found.believed
    top = max(found.candidates, key=lambda candidate: candidate.excess)
    assert abs(top.frequency_hz - 1.1001e9) < 4050
    assert top.excess > 20


def test_two_lines_of_axions_are_no_misfit_either() -> None:
    two = make(scan_targets(20), seed=29, axions={1.10007e9: 2.4, 1.10011e9: 2.4})
    found = analyze(two)
    assert found.quality.cut == 0
    assert found.checks.lines.max() >= 2
    assert found.believed


def test_a_faint_line_in_a_window_of_few_lines_is_no_misfit_and_a_dip_is() -> None:
    """As in QUAX' windows, of three lines' width: the line is most of what chi-square sees."""
    settings = Options(fine_merge=1, coarse_merge=1, line_bins=60)
    weights = line_table(np.array([10.35e9]), 651.0, settings).weights("aligned")[0]
    line = np.zeros(200)
    line[70:130] = weights / np.sqrt(weights @ weights)
    nothing = TakenUp(np.zeros((1000, 1, 200)), np.zeros((1000, 1, 1)))
    rng = np.random.default_rng(67)
    pulls = rng.normal(size=(1000, 200))
    pulls += (4.3 - pulls @ line)[:, None] * line
    up, down = (line_scale(p, None, nothing, weights, 1).probability for p in (pulls, -pulls))
    # Upside down they have the same chi-square, and nothing excuses it.
    improbable = down < 1e-4
    assert improbable.sum() > 20
    assert np.mean(up[improbable] > 1e-3) > 0.9


def test_a_misfit_as_wide_as_a_line_is_seen_where_white_residuals_hide_it() -> None:
    spectra = make(scan_targets(20), seed=31)
    # A hundredth of what one bin scatters by, up and down over two lines' width.
    wave = 1 + 2.5e-3 * np.sin(np.arange(15000) / 150)
    spectra.power_w[:] *= wave.astype(np.float32)
    kept = analyze(spectra, Options(demands=KEEP))
    assert np.all(kept.checks.chi2_probability > 1e-6)
    assert np.mean(kept.checks.line_probability < 1e-6) > 0.5
    with pytest.raises(QualityError, match="misfit on the scale of the line"):
        analyze(spectra)


def test_a_dip_is_a_misfit() -> None:
    spectra = make(scan_targets(20), seed=37)
    frequency = spectra.frequency_start_hz[:, None] + 10.0 * np.arange(15000)
    dip = 1 - 0.02 * np.exp(-0.5 * ((frequency - 1.1001e9) / 500) ** 2)
    spectra.power_w[:] *= dip.astype(np.float32)
    kept = analyze(spectra, Options(demands=KEEP))
    assert not kept.believed
    assert analyze(make(scan_targets(20), seed=37)).believed


def test_a_faint_line_excuses_one_place_and_not_a_ripple() -> None:
    case = SHAPES["ripple 1 %, 60 rad, N 1e+05"]({})
    with pytest.raises(QualityError, match="25 misfit on the scale of the line"):
        analyze(case.spectra, replace(OPTIONS, baseline="pade"))


def test_a_wide_window_costs_no_matrix_between_all_its_bins() -> None:
    """Of a cavity of Q 1e3 a window has thousands of lines: 20 000 bins squared are 3.2 GB."""
    bins, weights = 20_000, np.full(9, 1 / 3)
    rng = np.random.default_rng(1)
    factor = np.linalg.qr(rng.standard_normal((bins, 6)))[0].T[None]
    pull = rng.standard_normal((1, bins))
    pull[0, 7000:7009] += 5.0
    tracemalloc.start()
    found = line_scale(pull, None, TakenUp(factor, np.eye(6)[None]), weights, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.lines[0] == 1
    assert peak < 100e6
