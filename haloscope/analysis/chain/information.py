"""What spectra say of the parameters of a shape: the information matrix, and its inverse."""

from __future__ import annotations

import numpy as np

from haloscope.analysis.chain.shapes import Shape
from haloscope.analysis.spectra import FloatArray

# Directions of less than this share of the best one's information are not determined by the data.
_UNDETERMINED = 1e-10


def square(jacobian: FloatArray, weight: FloatArray) -> FloatArray:
    """J W J^T, shape (n, p, p), of J (n, p, blocks) and W (n, blocks) or (n, 1)."""
    # Weights go in first, also where they are all one: a matrix times its own transpose BLAS rounds
    # otherwise, and a spectrum would depend on whether a bin of another one was cut.
    return (jacobian * weight[:, None]) @ jacobian.transpose(0, 2, 1)


def information(
    shape: Shape, theta: FloatArray, ub: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Derivatives J (n, p, blocks) and J W J^T + P (n, p, p).

    Args:
        shape: The function.
        theta: Its parameters, shape (n, p).
        ub: Reduced frequency of the blocks, shape (n, blocks).
        weight: W, of each block, shape (n, blocks) or (n, 1).
    """
    jacobian = shape.log_jacobian(theta, ub)
    matrix = square(jacobian, weight)
    diagonal = np.arange(theta.shape[1])
    matrix[:, diagonal, diagonal] += shape.prior_weight
    return jacobian, matrix


def root_inverse(matrix: FloatArray, damping: FloatArray | None = None) -> FloatArray:
    """R with R R^T the inverse of ``matrix``, each (n, p, p), in the directions it determines.

    Scaling to a unit diagonal keeps the solution accurate when parameters nearly trade against each
    other; directions without information are left out (a pseudo-inverse).

    Args:
        matrix: Symmetric, not negative.
        damping: Added to each eigenvalue of the scaled matrix, shape (n,).
    """
    unit = np.sqrt(np.einsum("nii->ni", matrix))
    unit = np.where(unit > 0, unit, 1.0)
    scaled = matrix / (unit[:, :, None] * unit[:, None, :])
    values, vectors = np.linalg.eigh(np.where(np.isfinite(scaled), scaled, 0.0))
    known = values > _UNDETERMINED * values[:, -1:]
    if damping is not None:
        values = values + damping[:, None]
    inverse = np.where(known, 1 / np.sqrt(np.where(known, values, 1.0)), 0.0)
    return vectors * inverse[:, None, :] / unit[:, :, None]
