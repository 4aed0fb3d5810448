"""Probabilities beyond a value are those of ``scipy.stats``, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, norm, poisson

from haloscope.analysis.statistics.tails import above_chi_square, above_normal, above_poisson

VALUES = [*np.linspace(-5.0, 60.0, 131), 1e-300, 1e300, -1e300, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("value", VALUES)
def test_beyond_a_value(value: float) -> None:
    same = {"rtol": 0.0, "atol": 0.0, "equal_nan": True}
    np.testing.assert_allclose(above_normal(value), norm.sf(value), **same)
    for degrees in (0.5, 1, 2, 7, 100, 999.5):
        found = above_chi_square(value, degrees)
        np.testing.assert_allclose(found, chi2.sf(value, degrees), **same)


@pytest.mark.parametrize("count", [-1, 0, 1, 4, 30, 500])
@pytest.mark.parametrize("mean", [1e-9, 0.003, 0.5, 3.0, 12.7, 400.0])
def test_more_than_a_count(count: int, mean: float) -> None:
    assert above_poisson(count, mean) == poisson.sf(count, mean)
