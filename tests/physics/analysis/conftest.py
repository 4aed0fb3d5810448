"""Stacks and results that several test files look at; made once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.generator import make, scan_targets


@pytest.fixture(scope="session")
def noise_stack() -> Spectra:
    """150 windows of pure noise, 10 kHz apart."""
    return make(scan_targets(150), seed=3)


@pytest.fixture(scope="session")
def noise_result(noise_stack: Spectra) -> Result:
    return analyze(noise_stack)


@pytest.fixture(scope="session")
def overlapping() -> Spectra:
    """The 15 windows that overlap at one frequency, without noise: their means are the truth."""
    return make(scan_targets(15, 1.1e9 - 70e3), noise=False, dtype=float)


@pytest.fixture(scope="session")
def quax_folder() -> Path:
    """Folder of the measured QUAX spectra, from CRYOHALO_QUAX."""
    named = os.environ.get("CRYOHALO_QUAX")
    folder = Path(named or "")
    if not (named and (folder / "runs.csv").is_file()):
        pytest.skip(
            "measured QUAX spectra are not here: name their folder (runs.csv, run_N.csv) in "
            "CRYOHALO_QUAX"
        )
    return folder
