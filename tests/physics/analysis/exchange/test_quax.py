"""Measured spectra of another haloscope (QUAX); skipped where they are not at hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from cryohalo import cli
from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.chain.signal import inject
from haloscope.analysis.exchange import published, quax
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.quality.stack import grand_errors
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.injection import recovery
from haloscope.analysis.statistics.limits import dfsz


@pytest.fixture(scope="module")
def measured(quax_folder: Path) -> Spectra:
    return quax.read(quax_folder)


@pytest.fixture(scope="module")
def result(measured: Spectra) -> Result:
    return analyze(measured, quax.options(measured.step_hz))


def test_every_slice_has_the_spread_of_the_radiometer_equation(result: Result) -> None:
    assert result.checks.all_converged
    assert np.all(np.abs(result.checks.width - 1) < 0.15)
    assert result.checks.width.mean() == pytest.approx(1, abs=0.05)


def test_the_model_chosen_leaves_a_grand_spectrum_as_wide_as_noise(
    measured: Spectra, result: Result
) -> None:
    assert result.believed, result.verdict()
    assert result.quality.cut == 0
    widths = [analyze(noise_copy(measured, result, seed), result.options) for seed in range(24)]
    copies = np.array([copy.normalised.std() for copy in widths])
    assert abs(result.normalised.std() - copies.mean()) < 2 * copies.std()
    # Its own error says what the copies scatter by.
    _, error = grand_errors(result.grand, measured.step_hz, result.options)
    assert copies.std() == pytest.approx(error, rel=0.5)


def noise_copy(measured: Spectra, result: Result, seed: int) -> Spectra:
    """Noise about the fitted baselines."""
    reduction = reduce_stack(measured, select(measured, result.options), result.options)
    baseline, windows = reduction.baseline(), reduction.job.windows
    power, n = measured.power_w.copy(), measured.num_averages[:, None]
    for row, start in enumerate(windows.first_column):
        power[row, start : start + baseline.power.shape[1]] = baseline.power[row]
    noise = np.random.default_rng(seed).standard_gamma(n, power.shape) / n
    return replace(measured, power_w=power * noise)


def test_the_paper_s_cubic_is_told_to_leave_a_bend(measured: Spectra, result: Result) -> None:
    cubic = analyze(measured, replace(result.options, baseline="pade", pade_degree=3))
    assert cubic.normalised.std() > 1.25
    (doubt,) = cubic.doubts
    assert doubt.name == "no richer model describes the data better"


def test_the_limit_is_as_deep_as_the_published_one(result: Result) -> None:
    frequency, coupling = published.quax()
    inside = (frequency > result.frequency_hz[0]) & (frequency < result.frequency_hz[-1])
    ours = np.interp(frequency[inside], result.frequency_hz, result.limit.observed_per_gev)
    assert inside.sum() > 15
    assert np.median(coupling[inside] / ours) == pytest.approx(0.85, abs=0.25)


def test_residuals_are_gaussian_within_their_statistics(measured: Spectra, result: Result) -> None:
    options = result.options
    reduction = reduce_stack(measured, select(measured, options), options)
    pulls = np.concatenate([r.pull for _, r, _ in reduction.chunks()])
    n = pulls.size
    for row in pulls:
        assert stats.kstest(row / row.std(), "norm").pvalue > 1e-3
    flat = pulls.ravel()
    assert stats.kstest(flat / flat.std(), "norm").pvalue > 1e-2
    assert abs(stats.skew(flat)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(flat)) < 4 * np.sqrt(24 / n)
    # Neighbours are independent but for what the fit's parameters take from 200 bins.
    near = np.mean(pulls[:, 1:] * pulls[:, :-1]) / np.mean(pulls**2)
    assert abs(near - result.checks.expected_correlation.mean()) < 4 / np.sqrt(n)


def test_a_limit_comes_out(result: Result) -> None:
    coupling = result.limit.coupling_per_gev
    assert np.isfinite(coupling).all()
    assert 5e-14 < coupling.min() < 5e-13
    assert np.abs(result.normalised).max() < 5
    assert len(quax.ASSUMPTIONS) >= 5


def test_a_line_put_in_is_recovered_with_the_claimed_efficiency(
    measured: Spectra, result: Result
) -> None:
    options = result.options
    rises, fates = [], []
    places = np.linspace(40, len(result.grand) - 40, 12).astype(int)
    for at in places:
        axion_hz = float(result.frequency_hz[at])
        coupling = float(dfsz(np.array(axion_hz)) * np.sqrt(6 / result.limit.expected_snr[at]))
        after = analyze(inject(measured, axion_hz, coupling, options), options)
        fate = recovery(after, axion_hz, coupling)
        rises.append((fate.observed - result.normalised[at]) / fate.expected)
        fates.append(fate)
    # Superposition: the rise is the claimed mean, whatever the noise at that place.
    assert np.array(rises) == pytest.approx(np.ones(12), abs=0.05)
    found = sum(f.found for f in fates)
    expected = sum(f.probability for f in fates)
    assert abs(found - expected) <= 3


def test_the_command_line_alone(quax_folder: Path, tmp_path: Path) -> None:
    """By the example's description, with the paper's window and bins of the line's width."""
    example = (Path(__file__).parents[4] / "examples/foreign/quax.toml").read_text()
    path = tmp_path / "quax.toml"
    path.write_text(example.replace('folder = "."', f'folder = "{quax_folder}"'))
    done = CliRunner().invoke(
        cli.app, ["analyze", str(path), "--beside", "quax", "--output", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert "all 23 spectra used" in done.output
    assert "window 130.208 kHz; bins of 651.042 Hz" in done.output
    theirs = re.search(r"beside quax: .* expected, ([0-9.]+) ", done.output)
    assert theirs is not None
    assert float(theirs[1]) == pytest.approx(0.87, abs=0.02)


def test_a_missing_folder_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"runs\.csv"):
        quax.read(tmp_path)
