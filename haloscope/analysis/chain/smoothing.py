"""Savitzky-Golay smoothing with windows of thousands of points, many spectra at once.

The usual recipe solves normal equations in powers of the index, which lose all digits at these
lengths (scipy 1.17's ``savgol_coeffs(2001, 4)`` sums to 0.99997 and from 3001 points on returns
zeros). Here the weights come from an orthonormal basis: a QR decomposition of Legendre polynomials
on [-1, 1].
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre
from scipy.fft import next_fast_len

from haloscope.analysis.spectra import FloatArray


@lru_cache(maxsize=16)
def _basis(window: int, degree: int) -> FloatArray:
    x = np.linspace(-1.0, 1.0, window)
    q, _ = np.linalg.qr(legendre.legvander(x, degree))
    q.setflags(write=False)
    return q


def savgol_weights(window: int, degree: int) -> FloatArray:
    """Weights of the smoothed value at the centre of ``window`` points; their sum is 1 to 1e-14.

    Raises:
        ValueError: ``window`` is even or not above ``degree``.
    """
    if window % 2 == 0 or window <= degree:
        raise ValueError(
            f"Savitzky-Golay: window of {window} points must be odd and above {degree}"
        )
    q = _basis(window, degree)
    return q @ q[window // 2]


def savgol(y: FloatArray, window: int, degree: int) -> FloatArray:
    """Smooth the last axis of ``y`` (n, m).

    The half windows at the ends follow the polynomial of the first and the last whole window.

    Raises:
        ValueError: The window does not fit into the spectrum, or is even, or not above ``degree``.
    """
    bins = y.shape[-1]
    if window > bins:
        raise ValueError(f"Savitzky-Golay: window of {window} bins on a spectrum of {bins} bins")
    weights = savgol_weights(window, degree)
    length = next_fast_len(bins + window - 1, real=True)
    kernel = np.fft.rfft(weights, length)
    # The weights are symmetric, so correlation and convolution are the same.
    full = np.fft.irfft(np.fft.rfft(y, length, axis=-1) * kernel, length, axis=-1)
    half = window // 2
    out = full[..., half : half + bins]
    q = _basis(window, degree)
    out[..., :half] = (y[..., :window] @ q) @ q[:half].T
    out[..., bins - half :] = (y[..., bins - window :] @ q) @ q[window - half :].T
    return out


def savgol_matrix(bins: int, window: int, degree: int) -> FloatArray:
    """The smoother as a matrix H (bins, bins), ends included: ``savgol(y) = y @ H.T``."""
    return savgol(np.eye(bins), window, degree).T


@lru_cache(maxsize=4)
def cached_matrix(bins: int, window: int, degree: int) -> FloatArray:
    """``savgol_matrix``, made once."""
    matrix = savgol_matrix(bins, window, degree)
    matrix.setflags(write=False)
    return matrix
