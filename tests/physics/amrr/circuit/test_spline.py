"""The tables of the thermodynamics: what a spline does, and the same bits on every host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from amrr.circuit.spline import cells, coefficients

DIGEST = """
import hashlib
from amrr.circuit import tables
from amrr.solids.garnet import MATERIALS
found = [tables.garnet_table(name) for name in sorted(MATERIALS)] + [tables.fluid_table()]
print(hashlib.sha256(b"".join(table.tobytes() for table in found)).hexdigest())
"""


def values(weights: np.ndarray, place: slice) -> np.ndarray:
    """Of a spline at its grid points: each is a sixth, four sixths and a sixth of three weights."""
    return (weights[:-2] + 4.0 * weights[1:-1] + weights[2:])[place] / 6.0


@pytest.mark.parametrize("axis", [0, 1])
def test_it_goes_through_the_samples(axis: int) -> None:
    samples = np.random.default_rng(1).normal(size=(12, 9))
    found = coefficients(samples, axis)
    assert found.shape == tuple(n + 2 * (k == axis) for k, n in enumerate(samples.shape))
    through = values(np.moveaxis(found, axis, 0), slice(None))
    np.testing.assert_allclose(np.moveaxis(through, 0, axis), samples, atol=1e-13)


def test_the_third_derivative_goes_on_at_the_second_and_last_but_one_point() -> None:
    found = coefficients(np.exp(np.linspace(0.0, 2.0, 15)))
    third = np.diff(found, 3)
    assert third[0] == pytest.approx(third[1], abs=1e-12)
    assert third[-1] == pytest.approx(third[-2], abs=1e-12)
    assert abs(third[1] - third[2]) > 1e-6


def test_a_cubic_is_kept_whole() -> None:
    x = np.arange(10.0)
    third = np.diff(coefficients(x**3), 3)
    np.testing.assert_allclose(third, 6.0, atol=1e-9)


def test_a_cell_is_the_surface_between_four_samples() -> None:
    # A bicubic surface is kept whole, so that it is known everywhere, on edges and inside.
    def surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (1.0 + x - 0.5 * x**3) * (2.0 - y**2 + 0.1 * y**3)

    x, y = np.arange(7.0), np.arange(9.0)
    found = cells(surface(x[:, None], y[None, :]))
    assert found.shape == (6, 8, 4, 4)
    for v, u in ((0.0, 0.0), (1.0, 1.0), (0.3, 0.9), (0.5, 0.0)):
        between = np.einsum("ijkl,k,l->ij", found, v ** np.arange(4), u ** np.arange(4))
        expected = surface(x[:-1, None] + v, y[None, :-1] + u)
        np.testing.assert_allclose(between, expected, atol=1e-9)


def test_the_tables_are_the_same_whatever_the_number_of_threads() -> None:
    root = str(Path(__file__).parents[4])
    found = set()
    for threads in "12":
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": root}
        line = [sys.executable, "-c", DIGEST]
        found.add(subprocess.run(line, env=environment, capture_output=True, check=True).stdout)
    assert len(found) == 1
