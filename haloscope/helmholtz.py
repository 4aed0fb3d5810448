"""TM modes of a cylindrical cavity with one conducting rod: exact, in two dimensions.

The axial field of a TM_0n0-like mode obeys (del^2 + k^2) E = 0 in a disc of radius 1 less a disc of
radius a whose centre is displaced by s, with E = 0 on both circles. By separation in the two sets
of polar coordinates,

    E = sum_m A_m J_m(k r) cos(m phi) + B_m Y_m(k rho) cos(m psi);

the condition on the circles at equally spaced angles makes a square system, whose determinant
vanishes at the modes. The series converges geometrically. Integrals over the area become integrals
over the walls:

    int E dA = -(1/k^2) oint dE/dn dl            (Gauss),
    int E^2 dA = 1/(2 k^2) oint (x.n) (dE/dn)^2 dl   (Rellich).

Everything is in units of the cavity radius.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import jv, jvp, yv, yvp

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Mode:
    """The lowest even mode of one geometry.

    Attributes:
        wavenumber: K in units of the inverse cavity radius.
        form_factor: (int E dA)^2 / (A int E^2 dA) with A the area between rod and wall: C of a
            uniform field.
        wall_loss: Oint (dE/dn)^2 dl / k^2 over the barrel, divided by int E^2 dA.
        rod_loss: The same over the rod.
        residual: Largest field on the walls over its largest normal derivative there: the error of
            the solution.
    """

    wavenumber: float
    form_factor: float
    wall_loss: float
    rod_loss: float
    residual: float


def solve(rod_radius: float, rod_offset: float, *, terms: int = 24) -> Mode:
    """Solve for the TM_010-like mode.

    Args:
        rod_radius: A, in cavity radii.
        rod_offset: S, in cavity radii.
        terms: Number of angular orders of either series.

    Raises:
        ValueError: The rod does not fit into the cavity.
    """
    if not (rod_radius > 0 and rod_offset >= 0 and rod_radius + rod_offset < 1):
        raise ValueError(
            f"rod of radius {rod_radius} at offset {rod_offset} does not fit "
            "into a cavity of radius 1"
        )
    k = _lowest_root(rod_radius, rod_offset, terms)
    return _integrals(k, rod_radius, rod_offset, terms)


def _points(rod_radius: float, rod_offset: float, angles: FloatArray) -> tuple[FloatArray, ...]:
    """Coordinates (r, phi, rho, psi) of points on the wall, then on the rod."""
    wall = np.exp(1j * angles)
    rod = rod_offset + rod_radius * np.exp(1j * angles)
    z = np.concatenate([wall, rod])
    w = z - rod_offset
    return np.abs(z), np.angle(z), np.abs(w), np.angle(w)


def _matrix(k: float, rod_radius: float, rod_offset: float, terms: int) -> FloatArray:
    angles = np.pi * (np.arange(terms) + 0.5) / terms
    r, phi, rho, psi = _points(rod_radius, rod_offset, angles)
    m = np.arange(terms)
    return np.hstack(
        [
            jv(m, k * r[:, None]) * np.cos(m * phi[:, None]) / _scale_j(k, terms),
            yv(m, k * rho[:, None]) * np.cos(m * psi[:, None]) / _scale_y(k * rod_radius, terms),
        ]
    )


def _scale_j(k: float, terms: int) -> FloatArray:
    m = np.arange(terms)
    return np.hypot(jv(m, k), jvp(m, k))


def _scale_y(ka: float, terms: int) -> FloatArray:
    return np.abs(yv(np.arange(terms), ka))


def _lowest_root(rod_radius: float, rod_offset: float, terms: int) -> float:
    def determinant(k: float) -> float:
        """The smallest singular value with the determinant's sign: zero at a mode."""
        matrix = _matrix(k, rod_radius, rod_offset, terms)
        sign, _ = np.linalg.slogdet(matrix)
        return float(sign * np.linalg.svd(matrix, compute_uv=False)[-1])

    low, at_low = 2.30, determinant(2.30)
    while low < 7.0:
        high = low + 0.02
        at_high = determinant(high)
        # A pole of the scaling flips the sign too, but does not come near zero.
        if at_low * at_high < 0 and max(abs(at_low), abs(at_high)) < 0.2:
            return float(brentq(determinant, low, high, xtol=1e-13))
        low, at_low = high, at_high
    raise ValueError(f"no mode found for rod radius {rod_radius}, offset {rod_offset}")


def _integrals(k: float, rod_radius: float, rod_offset: float, terms: int) -> Mode:
    matrix = _matrix(k, rod_radius, rod_offset, terms)
    coefficients = np.linalg.svd(matrix)[2][-1]
    angles = np.pi * (np.arange(1024) + 0.5) / 1024
    field, normal, support = _on_walls(k, rod_radius, rod_offset, coefficients, angles)
    # The figure is symmetric: each point stands for itself and its mirror image.
    dl = np.repeat([2 * np.pi / 1024, 2 * np.pi / 1024 * rod_radius], 1024)
    flux = -np.sum(normal * dl) / k**2
    energy = np.sum(support * normal**2 * dl) / (2 * k**2)
    area = np.pi * (1 - rod_radius**2)
    loss = normal**2 * dl / k**2 / energy
    return Mode(
        wavenumber=k,
        form_factor=float(flux**2 / (area * energy)),
        wall_loss=float(loss[:1024].sum()),
        rod_loss=float(loss[1024:].sum()),
        residual=float(np.abs(field).max() / np.abs(normal).max()),
    )


def _on_walls(
    k: float, rod_radius: float, rod_offset: float, coefficients: FloatArray, angles: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Field, its outward normal derivative and x.n: first on the wall, then on the rod."""
    terms = coefficients.size // 2
    r, phi, rho, psi = _points(rod_radius, rod_offset, angles)
    m = np.arange(terms)
    a = coefficients[:terms] / _scale_j(k, terms)
    b = coefficients[terms:] / _scale_y(k * rod_radius, terms)
    field = (jv(m, k * r[:, None]) * np.cos(m * phi[:, None])) @ a
    field += (yv(m, k * rho[:, None]) * np.cos(m * psi[:, None])) @ b
    gradient = _gradient(k, r, phi, a, jv, jvp) + _gradient(k, rho, psi, b, yv, yvp)
    outward = np.concatenate([np.exp(1j * angles), -np.exp(1j * angles)])
    position = r * np.exp(1j * phi)
    return field, np.real(gradient * outward.conj()), np.real(position * outward.conj())


def _gradient(
    k: float,
    radius: FloatArray,
    angle: FloatArray,
    weights: FloatArray,
    bessel: Callable[..., Any],
    derivative: Callable[..., Any],
) -> NDArray[np.complex128]:
    """Gradient of one series as a complex number x + iy at each point."""
    m = np.arange(weights.size)
    argument = k * radius[:, None]
    radial = (k * derivative(m, argument) * np.cos(m * angle[:, None])) @ weights
    turning = (-m * bessel(m, argument) * np.sin(m * angle[:, None])) @ weights / radius
    return (radial + 1j * turning) * np.exp(1j * angle)
