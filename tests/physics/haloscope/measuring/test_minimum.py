"""The minimiser: that it says how it ended, and where."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import least_squares

from haloscope.measuring.goodness import Goodness, goodness_of, noise_of
from haloscope.measuring.minimum import minimise


def line(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(0, 1, 11)
    return p[0] + p[1] * x - (2 + 3 * x + np.sin(40 * x)), np.stack([np.ones(11), x], axis=1)


def valley(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rosenbrock's function as residuals."""
    residual = np.array([10 * (p[1] - p[0] ** 2), 1 - p[0]])
    return residual, np.array([[-20 * p[0], 10.0], [-1.0, 0.0]])


def test_residual_and_covariance_are_those_of_the_last_point():
    found = minimise(line, np.array([10.0, -7.0]))
    residual, jacobian = line(found.parameters)
    assert found.converged
    assert found.residual == pytest.approx(residual, abs=0)
    assert found.cost == pytest.approx(float(residual @ residual))
    assert found.covariance(2.0) == pytest.approx(2 * np.linalg.inv(jacobian.T @ jacobian))


def test_the_minimum_is_scipys():
    start = np.array([-1.2, 1.0])
    ours = minimise(valley, start)
    theirs = least_squares(lambda p: valley(p)[0], start, jac=lambda p: valley(p)[1])
    assert ours.converged
    assert ours.parameters == pytest.approx(theirs.x, abs=1e-6)


def test_a_fit_that_does_not_end_says_so():
    downhill = minimise(lambda p: (np.exp(-p), -np.diag(np.exp(-p))), np.zeros(2))
    assert not downhill.converged
    assert "calls to function has reached" in downhill.message
    nowhere = minimise(lambda p: (np.full(3, np.nan), np.full((3, 2), np.nan)), np.zeros(2))
    assert not nowhere.converged


def test_a_parameter_that_does_nothing_leaves_the_others_errors():
    jacobian = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = minimise(lambda p: (np.array([p[0] - 1, p[0] + 1]), jacobian), np.ones(2))
    assert found.covariance(1.0)[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("points", [24, 101, 2001])
@pytest.mark.parametrize("parts", [1, 2])
def test_of_a_right_model_chi2_is_within_its_limit(points, parts):
    random, found = np.random.default_rng(1), []
    x = np.linspace(-1, 1, points)
    basis = np.linalg.qr(np.vander(x, 4))[0]
    for _ in range(500):
        z = random.standard_normal((parts, points))
        left = (z - (z @ basis) @ basis.T) * 3.0
        residual = left[0] + 1j * left[1] if parts == 2 else left[0]
        found.append(goodness_of(residual, 4 * parts, 100.0, largest=1.0, converged=True))
    assert np.mean([g.chi2 for g in found]) == pytest.approx(1.0, abs=0.12)
    assert np.mean([g.good for g in found]) > 0.99
    assert np.median([g.noise for g in found]) == pytest.approx(0.03, rel=0.12)
    assert np.mean([g.stretch for g in found]) < 1.02


def test_noise_is_told_from_what_is_smooth_and_from_a_wild_point():
    random = np.random.default_rng(2)
    smooth = 50 * np.cos(np.linspace(0, 3, 400))
    residual = smooth + random.standard_normal(400)
    residual[100] = 1e6
    assert noise_of(residual) == pytest.approx(1.0, rel=0.2)
    judged = goodness_of(residual, 3, 100.0, largest=100.0, converged=True)
    assert not judged.good
    assert noise_of(np.zeros(9), 7.0) == pytest.approx(7e-12)


def test_what_a_wrong_model_leaves_stretches_the_errors():
    random = np.random.default_rng(3)
    wrong = np.cos(np.linspace(0, 9, 400)) + 0.05 * random.standard_normal(400)
    judged = goodness_of(wrong, 3, 10.0, largest=10.0, converged=True)
    assert judged.doubtful
    assert not judged.good
    assert judged.correlation > 0.95
    assert judged.misfit == pytest.approx(0.07, rel=0.1)
    assert judged.stretch > 10
    slight = goodness_of(wrong, 3, 1000.0, largest=1000.0, converged=True)
    assert slight.good  # by less than the lines ripple
    assert not slight.doubtful
    assert "chi2/dof" in str(judged)
    assert "limit" in str(judged)


def test_a_model_that_misses_by_a_few_times_the_noise_is_not_good():
    random, x = np.random.default_rng(4), np.linspace(0, 9, 101)
    z = random.standard_normal((2, 101))
    right = goodness_of(z[0] + 1j * z[1], 8, 100.0, largest=100.0, converged=True)
    assert 1.5 < right.limit < 2.5
    assert right.good
    wrong = goodness_of(z[0] + 1j * z[1] + 3 * np.cos(x), 8, 100.0, largest=100.0, converged=True)
    assert wrong.limit < wrong.chi2 < 10
    assert wrong.misfit == pytest.approx(0.03 / np.sqrt(2), rel=0.15)
    assert not wrong.good


@pytest.mark.parametrize(("dof", "falls", "improves"), [
    (200, 20.0, False), (200, 40.0, True), (10, 40.0, False), (10, 120.0, True),
])  # fmt: skip
def test_a_model_with_more_terms_is_better_only_beyond_chance(dof, falls, improves):
    # Of a right model the sum of squares over the variance is dof.
    plain, richer = (
        Goodness(1.0, dof, 2.0, 0.0, 0.0, 0.01, square=dof + more) for more in (falls, 0.0)
    )
    assert richer.improves(plain) == improves
    assert not plain.improves(richer)


def test_a_fit_that_did_not_converge_is_never_good():
    judged = Goodness(1.0, 100, 2.0, 0.0, 0.0, 0.01, converged=False)
    assert not judged.good
    assert judged.doubtful
    assert "did not converge" in str(judged)


def test_no_point_is_looked_at_twice_in_turn():
    seen = []

    def noted(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(tuple(p))
        return valley(p)

    found = minimise(noted, np.array([-1.2, 1.0]))
    assert found.converged
    assert len(seen) > 5
    assert all(before != after for before, after in pairwise(seen))
    residual, jacobian = valley(found.parameters)
    assert np.array_equal(found.residual, residual)
    assert np.array_equal(found.jacobian, jacobian)
