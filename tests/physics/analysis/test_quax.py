"""Measured spectra of another haloscope (QUAX); skipped where they are not at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from haloscope.analysis.chain.reduce import reduce_stack
from haloscope.analysis.chain.selection import select
from haloscope.analysis.exchange import quax
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import Spectra
from haloscope.analysis.statistics.injection import inject, recovery
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


def test_residuals_are_gaussian_within_their_statistics(measured: Spectra) -> None:
    options = quax.options(measured.step_hz)
    reduction = reduce_stack(measured, select(measured, options), options)
    pulls = np.concatenate([r.pull for _, r, _ in reduction.chunks()])
    n = pulls.size
    for row in pulls:
        assert stats.kstest(row / row.std(), "norm").pvalue > 1e-3
    flat = pulls.ravel()
    assert stats.kstest(flat / flat.std(), "norm").pvalue > 1e-2
    assert abs(stats.skew(flat)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(flat)) < 4 * np.sqrt(24 / n)
    # Neighbours are independent but for what six fit parameters take from 200 bins.
    near = np.mean(pulls[:, 1:] * pulls[:, :-1]) / np.mean(pulls**2)
    assert abs(near + 6 / 200) < 4 / np.sqrt(n)


def test_a_limit_comes_out(result: Result) -> None:
    coupling = result.limit.coupling_per_gev
    assert np.isfinite(coupling).all()
    assert 5e-14 < coupling.min() < 5e-13
    assert np.abs(result.normalised).max() < 5
    assert len(quax.ASSUMPTIONS) >= 5


def test_a_line_put_in_is_recovered_with_the_claimed_efficiency(
    measured: Spectra, result: Result
) -> None:
    options = quax.options(measured.step_hz)
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


def test_a_missing_folder_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"runs\.csv"):
        quax.read(tmp_path)
