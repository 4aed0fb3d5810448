"""What is said of axions that a search finds: their coupling, their strength, and no exclusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from haloscope.analysis.chain.signal import inject
from haloscope.analysis.exchange.files import save_limit
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.report.figures import limit as limit_figure
from haloscope.analysis.statistics.candidates import Candidate, excluded
from haloscope.analysis.statistics.limits import dfsz
from haloscope.axion import mass_ev
from tests.physics.analysis.generator import make, scan_targets


@pytest.fixture(scope="module")
def found_axions() -> list[tuple[float, float, Result]]:
    """Axions of random place and strength, in DFSZ units, and the searches that hold them."""
    random, made = np.random.default_rng(3), []
    for seed in range(40):
        axion_hz, times = 1.1e9 + 90e3 + random.uniform(0, 10e3), random.uniform(1.3, 1.8)
        spectra = make(scan_targets(20), seed=100 + seed)
        coupling = times * float(dfsz(np.array(axion_hz)))
        made.append((axion_hz, times, analyze(inject(spectra, axion_hz, coupling))))
    return made


def _of(axion_hz: float, result: Result) -> Candidate:
    near = [c for c in result.candidates if abs(c.frequency_hz - axion_hz) < 4e3]
    return max(near, key=lambda c: c.excess)


def test_a_candidate_s_coupling_is_the_axion_s_within_its_error(
    found_axions: list[tuple[float, float, Result]],
) -> None:
    ratios, pulls = [], []
    for axion_hz, times, result in found_axions:
        candidate = _of(axion_hz, result)
        truth = times * float(dfsz(np.array(axion_hz)))
        ratios.append(candidate.coupling_per_gev / truth)
        pulls.append((candidate.coupling_per_gev - truth) / candidate.coupling_error_per_gev)
    assert np.mean(ratios) == pytest.approx(1.0, abs=3 * 0.05 / np.sqrt(40))
    assert 0.6 < np.std(pulls) < 1.2
    assert abs(np.mean(pulls)) < 0.5


def test_the_strength_of_the_steps_at_a_candidate_is_the_axion_s(
    found_axions: list[tuple[float, float, Result]],
) -> None:
    ratios, pulls = [], []
    for axion_hz, times, result in found_axions:
        nu, passed = _of(axion_hz, result).frequency_hz, result.calibration.line_transmission
        (said,) = [v for v in result.vetoes if v.frequency_hz == nu]
        assert said.steps is not None
        strength, error = said.steps.mean / passed, said.steps.mean_error / passed
        ratios.append(strength / times**2)
        pulls.append((strength - times**2) / error)
    assert np.mean(ratios) == pytest.approx(1.0, abs=3 * 0.08 / np.sqrt(40))
    assert np.std(pulls) == pytest.approx(1.0, abs=3 / np.sqrt(80))


def test_no_more_of_them_are_vetoed_than_is_said(
    found_axions: list[tuple[float, float, Result]],
) -> None:
    lost = [_of(axion_hz, result) in result.vetoed for axion_hz, _, result in found_axions]
    assert sum(lost) <= 2  # 0.4 expected at most


def test_nothing_is_excluded_where_a_candidate_stands(
    found_axions: list[tuple[float, float, Result]], tmp_path: Path
) -> None:
    axion_hz, _, result = found_axions[0]
    gap = ~result.excluded
    assert gap[np.argmin(np.abs(result.frequency_hz - axion_hz))]
    near = np.abs(result.frequency_hz - axion_hz) < 4e3
    assert gap[near].all()
    assert 1 < gap.sum() / near.sum() < 5
    save_limit(tmp_path / "limit.txt", result, "a search")
    mass, coupling = np.loadtxt(tmp_path / "limit.txt").T
    at = mass_ev(1.0) * axion_hz
    below, above = int(np.searchsorted(mass, at)) - 1, int(np.searchsorted(mass, at))
    assert coupling[below] == coupling[above] == 1.0  # the walls of the gap
    figure = limit_figure(result)
    assert "candidates (1): not excluded" in [
        text.get_text() for text in figure.axes[0].get_legend().get_texts()
    ]


def test_without_candidates_everything_is_excluded(noise_result: Result) -> None:
    assert excluded(noise_result.frequency_hz, [], 4050.0).all()
