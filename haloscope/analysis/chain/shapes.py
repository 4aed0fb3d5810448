"""Functions that a receiver's noise power may follow, batched over spectra, with their derivatives.

All take the parameters ``theta`` (n, p) and a reduced frequency u (n, m), the detuning from the
target in units of half the window, and return the value (n, m) and the derivative of its logarithm
(n, p, m): the fit works on logarithms because the noise of a power spectrum is proportional to its
mean.

Letter: the product of a five-parameter function (Asztalos et al., Phys. Rev. D 64, 092003 (2001)),
the JPA's Lorentzian gain and a quadratic with its minimum at the JPA's resonance. The five
parameters enter here as

    s + (q0 + q1 u)/D,    D = 1 + 4 ((u - u0)/w)^2,

which are the same functions as (a1 + 8 a3 x^2 + 4 a4 x)/(1 + 4 x^2), with x = (u - u0)/w. In this
form a spectrum without a bump (q0 = q1 = 0) leaves u0 and w undetermined and everything else as it
is: no parameter has to follow the pole about.

Pade: polynomial over quadratic, likewise as a polynomial and a bump; of degree 3 it contains the
pole-zero ratio times a line of QUAX (arXiv:2304.07505).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from haloscope.analysis.spectra import FloatArray, IntArray


class Shape(Protocol):
    """What the fit needs to know of a function."""

    @property
    def prior_mean(self) -> FloatArray:
        """Expected parameters, shape (n, p); matters where the weight is above zero."""

    @property
    def prior_weight(self) -> FloatArray:
        """1/sigma^2 of a Gaussian prior on each parameter, shape (n, p); zero for none."""

    @property
    def linear(self) -> slice:
        """Parameters that the function is linear in."""

    def start(self, u: FloatArray, y: FloatArray) -> FloatArray:
        """First parameters (n, p) for data ``y`` (n, m) of mean one."""

    def flat(self, u: FloatArray) -> FloatArray:
        """Parameters (n, p) of a function as flat as it can be, of about one and positive."""

    def value(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """The function, (n, m)."""

    def log_jacobian(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """Derivative of its logarithm with respect to each parameter, (n, p, m)."""

    def rows(self, index: slice | IntArray) -> Shape:
        """The same function for part of the spectra."""


@dataclass(frozen=True)
class LetterShape:
    """Five-parameter function x JPA Lorentzian x quadratic; theta = s q0 q1 u0 ln(w) c ln(B).

    The Lorentzian is 1/(1 + t), t = (2 (f - f_J)/B)^2, not the gain G = 1 + (G_0 - 1)/(1 + t):
    noise S before the JPA and T behind it give G S + T = [(G_0 + t) S + T (1 + t)]/(1 + t), a
    quadratic with its minimum at f_J over the Lorentzian, so that the product fits exactly where S
    is flat. With G instead the misfit is 8e-5 of the power.

    Attributes:
        jpa_u: JPA resonance in reduced frequency, shape (n,).
        log_bandwidth: Logarithm of the measured JPA bandwidth in reduced frequency, shape (n,).
        log_bandwidth_sigma: Standard deviation of the prior on it, shape (n,).
        cavity_u: Measured cavity frequency in reduced frequency, shape (n,).
        cavity_width_u: Measured cavity linewidth in reduced frequency, shape (n,).
        sigma_place: Standard deviation of a prior on u0, in widths of the cavity. It keeps a bump
            too faint to tell its own place at the measured cavity, and from an axion's line.
        sigma_log_width: The same of a prior on ln w.
    """

    jpa_u: FloatArray
    log_bandwidth: FloatArray
    log_bandwidth_sigma: FloatArray
    cavity_u: FloatArray
    cavity_width_u: FloatArray
    sigma_place: float
    sigma_log_width: float

    @cached_property
    def prior_mean(self) -> FloatArray:
        """Expected parameters, shape (n, p)."""
        mean = np.zeros((len(self.jpa_u), 7))
        mean[:, 3] = self.cavity_u
        mean[:, 4] = np.log(self.cavity_width_u)
        mean[:, 6] = self.log_bandwidth
        return mean

    @cached_property
    def prior_weight(self) -> FloatArray:
        """1/sigma^2 of the Gaussian prior, shape (n, p)."""
        weight = np.zeros((len(self.jpa_u), 7))
        weight[:, 3] = (self.sigma_place * self.cavity_width_u) ** -2.0
        weight[:, 4] = self.sigma_log_width**-2.0
        weight[:, 6] = self.log_bandwidth_sigma**-2.0
        return weight

    @property
    def linear(self) -> slice:
        """Parameters that the function is linear in: s, q0 and q1."""
        return slice(0, 3)

    def rows(self, index: slice | IntArray) -> LetterShape:
        """The same for part of the spectra."""
        return LetterShape(
            self.jpa_u[index],
            self.log_bandwidth[index],
            self.log_bandwidth_sigma[index],
            self.cavity_u[index],
            self.cavity_width_u[index],
            self.sigma_place,
            self.sigma_log_width,
        )

    def start(self, u: FloatArray, y: FloatArray) -> FloatArray:
        """First parameters (n, p), linear ones solved for."""
        theta = self.prior_mean.copy()
        # Noise behind the JPA, 1.2 K / G, is about a tenth of the rest at resonance and grows as
        # the gain falls.
        theta[:, 5] = 0.085 * 4 * np.exp(-2 * theta[:, 6])
        bump = 1 / _pole(u, theta[:, 3], theta[:, 4])
        basis = np.stack([np.ones_like(u), bump, bump * u], axis=1)
        theta[:, :3] = _linear(basis, y / self._factors(theta, u))
        return theta

    def flat(self, u: FloatArray) -> FloatArray:
        """No bump, and the quadratic against the Lorentzian: exactly one everywhere."""
        theta = self.prior_mean.copy()
        theta[:, 0] = 1.0
        theta[:, 5] = 4 * np.exp(-2 * theta[:, 6])
        return theta

    def _factors(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        squared = (u - self.jpa_u[:, None]) ** 2
        bandwidth = 4 * np.exp(-2 * theta[:, 6, None])
        return (1 + theta[:, 5, None] * squared) / (1 + bandwidth * squared)

    def value(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """The function, (n, m)."""
        # In place throughout: this is where most of a fit's time goes.
        s, q0, q1, u0, log_w, c, log_b = theta.T[:, :, None]
        squared = u - self.jpa_u[:, None]
        squared *= squared
        pole = u - u0
        pole *= pole
        pole *= 4 * np.exp(-2 * log_w)
        pole += 1
        out = u * q1
        out += q0
        out /= pole
        out += s
        pole = np.multiply(squared, 4 * np.exp(-2 * log_b), out=pole)
        pole += 1
        squared *= c
        squared += 1
        out *= squared
        out /= pole
        return out

    def log_jacobian(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """Derivative of its logarithm, (n, p, m)."""
        s, q0, q1, u0, log_w, c, log_b = theta.T[:, :, None]
        out = np.empty((u.shape[0], 7, u.shape[1]))
        _bump_derivatives(out[:, 1:5], s, q0, q1, u0, log_w, u)
        pole = _pole(u, theta[:, 3], theta[:, 4])
        out[:, 0] = 1 / (s + (q0 + q1 * u) / pole)
        squared = (u - self.jpa_u[:, None]) ** 2
        out[:, 5] = squared / (1 + c * squared)
        t = 4 * np.exp(-2 * log_b) * squared
        out[:, 6] = 2 * t / (1 + t)
        return out


@dataclass(frozen=True)
class PadeShape:
    """G_J [a0 + ... + a_{k-2} u^{k-2} + (q0 + q1 u)/D]; theta = a0 ... q0 q1 u0 ln(w).

    The measured JPA gain G_J is divided out: no short polynomial follows its 6 dB over the window.

    Attributes:
        cavity_u: Measured cavity frequency in reduced frequency, shape (n,).
        cavity_width_u: Measured linewidth in reduced frequency, shape (n,).
        jpa_u: JPA resonance in reduced frequency, shape (n,).
        jpa_width_u: JPA bandwidth in reduced frequency, shape (n,).
        jpa_excess: G_0 - 1, shape (n,); 0 for a receiver without a JPA.
        sigma_place: Standard deviation of a prior on u0, in widths of the cavity. It keeps the pole
            near the cavity, and from an axion's line.
        sigma_log_width: The same of a prior on ln w.
        degree: Degree k >= 2 of the polynomial over the quadratic. Noise behind the JPA grows as a
            quadratic beside the cavity's Lorentzian, which takes 4; a receiver of flat gain is
            served by 3.
    """

    cavity_u: FloatArray
    cavity_width_u: FloatArray
    jpa_u: FloatArray
    jpa_width_u: FloatArray
    jpa_excess: FloatArray
    sigma_place: float
    sigma_log_width: float
    degree: int

    @cached_property
    def prior_mean(self) -> FloatArray:
        """Expected parameters, shape (n, p)."""
        mean = np.zeros((len(self.cavity_u), self.degree + 3))
        mean[:, -2] = self.cavity_u
        mean[:, -1] = np.log(self.cavity_width_u)
        return mean

    @cached_property
    def prior_weight(self) -> FloatArray:
        """1/sigma^2 of the Gaussian prior, shape (n, p)."""
        weight = np.zeros((len(self.cavity_u), self.degree + 3))
        weight[:, -2] = (self.sigma_place * self.cavity_width_u) ** -2.0
        weight[:, -1] = self.sigma_log_width**-2.0
        return weight

    @property
    def linear(self) -> slice:
        """Parameters that the function is linear in: all but the pole's place and width."""
        return slice(0, -2)

    def rows(self, index: slice | IntArray) -> PadeShape:
        """The same for part of the spectra."""
        return PadeShape(
            self.cavity_u[index],
            self.cavity_width_u[index],
            self.jpa_u[index],
            self.jpa_width_u[index],
            self.jpa_excess[index],
            self.sigma_place,
            self.sigma_log_width,
            self.degree,
        )

    def _gain(self, u: FloatArray) -> FloatArray:
        t = (2 * (u - self.jpa_u[:, None]) / self.jpa_width_u[:, None]) ** 2
        return (1 + self.jpa_excess[:, None] / (1 + t)) / (1 + self.jpa_excess[:, None])

    def _powers(self) -> range:
        return range(self.degree - 1)

    def _polynomial(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        out = np.zeros_like(u)
        for power in reversed(self._powers()):
            out = out * u + theta[:, power, None]
        return out

    def start(self, u: FloatArray, y: FloatArray) -> FloatArray:
        """First parameters (n, p), linear ones solved for."""
        theta = self.prior_mean.copy()
        bump = 1 / _pole(u, theta[:, -2], theta[:, -1])
        basis = np.stack([*(u**k for k in self._powers()), bump, bump * u], axis=1)
        theta[:, :-2] = _linear(basis, y / self._gain(u))
        return theta

    def flat(self, u: FloatArray) -> FloatArray:
        """The measured JPA gain alone, its mean over the window brought to one."""
        theta = self.prior_mean.copy()
        theta[:, 0] = 1 / self._gain(u).mean(axis=1)
        return theta

    def value(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """The function, (n, m)."""
        bump = (theta[:, -4, None] + theta[:, -3, None] * u) / _pole(u, theta[:, -2], theta[:, -1])
        return (self._polynomial(theta, u) + bump) * self._gain(u)

    def log_jacobian(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """Derivative of its logarithm, (n, p, m)."""
        out = np.empty((u.shape[0], self.degree + 3, u.shape[1]))
        smooth = self._polynomial(theta, u)
        q0, q1, u0, log_w = theta[:, -4:].T[:, :, None]
        _bump_derivatives(out[:, -4:], smooth, q0, q1, u0, log_w, u)
        pole = _pole(u, theta[:, -2], theta[:, -1])
        out[:, 0] = 1 / (smooth + (q0 + q1 * u) / pole)
        for power in self._powers()[1:]:
            out[:, power] = out[:, power - 1] * u
        return out


def _pole(u: FloatArray, u0: FloatArray, log_w: FloatArray) -> FloatArray:
    """D = 1 + 4 ((u - u0)/w)^2, shape (n, m)."""
    return 1 + 4 * np.exp(-2 * log_w[:, None]) * (u - u0[:, None]) ** 2


def _bump_derivatives(
    out: FloatArray,
    smooth: FloatArray,
    q0: FloatArray,
    q1: FloatArray,
    u0: FloatArray,
    log_w: FloatArray,
    u: FloatArray,
) -> None:
    """Derivatives of ln(smooth + (q0 + q1 u)/D) for q0, q1, u0 and ln w into ``out`` (n, 4, m)."""
    scale = 4 * np.exp(-2 * log_w)
    shifted = u - u0
    inverse = 1 / (1 + scale * shifted**2)
    height = (q0 + q1 * u) * inverse
    out[:, 0] = inverse / (smooth + height)
    out[:, 1] = out[:, 0] * u
    out[:, 2] = 2 * scale * shifted * height * out[:, 0]
    out[:, 3] = out[:, 2] * shifted


def _linear(basis: FloatArray, y: FloatArray) -> FloatArray:
    """Least-squares coefficients (n, k) of ``y`` (n, m) over ``basis`` (n, k, m)."""
    return (np.linalg.pinv(basis.transpose(0, 2, 1), rcond=1e-8) @ y[:, :, None])[:, :, 0]
