"""A stack with an axion, analysed once for the tests of a folder."""

from __future__ import annotations

import pytest

from haloscope.analysis.pipeline import Result, analyze
from tests.physics.analysis.generator import make, scan_targets


@pytest.fixture(scope="package")
def with_axion() -> Result:
    """An axion of 14 standard deviations in 60 spectra."""
    return analyze(make(scan_targets(60), seed=5, axions={1.1003e9: 2.2}))
