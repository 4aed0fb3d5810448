import numpy as np
import pytest
from scipy.signal import savgol_filter

from haloscope.analysis.chain.smoothing import savgol, savgol_matrix, savgol_weights


@pytest.mark.parametrize("window", [11, 401, 2001, 3001, 10001])
def test_weights_sum_to_one_and_kill_the_next_even_moments(window: int) -> None:
    weights = savgol_weights(window, 4)
    x = np.linspace(-1, 1, window)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights @ x**2 == pytest.approx(0, abs=1e-12)
    assert weights @ x**4 == pytest.approx(0, abs=1e-12)
    assert abs(weights @ x**6) > 1e-4


def test_a_polynomial_of_the_filter_s_degree_passes_unchanged_ends_included() -> None:
    x = np.linspace(-1, 1, 700)
    y = np.stack([1 + x - 2 * x**2 + 0.5 * x**3 + x**4, 3 - x**3])
    assert savgol(y, 401, 4) == pytest.approx(y, abs=1e-11)


def test_short_windows_agree_with_scipy() -> None:
    y = np.random.default_rng(1).normal(size=(3, 200))
    assert savgol(y, 21, 4) == pytest.approx(savgol_filter(y, 21, 4, mode="interp"), abs=1e-10)


def test_the_matrix_is_the_filter() -> None:
    y = np.random.default_rng(2).normal(size=(2, 120))
    assert y @ savgol_matrix(120, 41, 4).T == pytest.approx(savgol(y, 41, 4), abs=1e-12)


def test_windows_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="window of 10 points must be odd"):
        savgol_weights(10, 4)
    with pytest.raises(ValueError, match="window of 201 bins on a spectrum of 100 bins"):
        savgol(np.ones((1, 100)), 201, 4)
