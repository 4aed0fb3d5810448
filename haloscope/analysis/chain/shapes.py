"""Functions that a receiver's noise power may follow, batched over spectra, with their derivatives.

All take the parameters ``theta`` (n, p) and a reduced frequency u (n, m), the detuning from the
target in units of half the window, and return the value (n, m) and the derivative of its logarithm
(n, p, m): the fit works on logarithms because the noise of a power spectrum is proportional to its
mean.

Letter: the product of a five-parameter function (Asztalos et al., Phys. Rev. D 64, 092003 (2001)),
the JPA's Lorentzian gain and a quadratic with its minimum at the JPA's resonance. The five
parameters enter here as

    (p0 + p1 u + p2 u^2)/(1 + 4 ((u - u0)/w)^2),

which spans the same functions as (a1 + 8 a3 x^2 + 4 a4 x)/(1 + 4 x^2).

Pade: polynomial over quadratic; of degree 3 it contains the pole-zero ratio times a line of QUAX
(arXiv:2304.07505).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from haloscope.analysis.spectra import FloatArray


class Shape(Protocol):
    """What the fit needs to know of a function."""

    @property
    def prior_mean(self) -> FloatArray:
        """Expected parameters, shape (n, p); matters where the weight is above zero."""

    @property
    def prior_weight(self) -> FloatArray:
        """1/sigma^2 of a Gaussian prior on each parameter, shape (n, p); zero for none."""

    def start(self, u: FloatArray, y: FloatArray) -> FloatArray:
        """First parameters (n, p) for data ``y`` (n, m) of mean one."""

    def value(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """The function, (n, m)."""

    def log_jacobian(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """Derivative of its logarithm with respect to each parameter, (n, p, m)."""

    def rows(self, index: slice) -> Shape:
        """The same function for part of the spectra."""


@dataclass(frozen=True)
class LetterShape:
    """Five-parameter function x JPA Lorentzian x quadratic; theta = p0 p1 p2 u0 ln(w) c ln(B).

    The Lorentzian is 1/(1 + t), t = (2 (f - f_J)/B)^2, not the gain G = 1 + (G_0 - 1)/(1 + t):
    noise S before the JPA and T behind it give G S + T = [(G_0 + t) S + T (1 + t)]/(1 + t), a
    quadratic with its minimum at f_J over the Lorentzian, so that the product fits exactly where S
    is flat. With G instead the misfit is 8e-5 of the power.

    Attributes:
        jpa_u: JPA resonance in reduced frequency, shape (n,).
        log_bandwidth: ln of the measured JPA bandwidth in reduced frequency, shape (n,).
        log_bandwidth_sigma: Standard deviation of the prior on it, shape (n,).
        cavity_u: Measured cavity frequency in reduced frequency (start of u0), shape (n,).
        cavity_width_u: Measured cavity linewidth in reduced frequency (start of w), shape (n,).
    """

    jpa_u: FloatArray
    log_bandwidth: FloatArray
    log_bandwidth_sigma: FloatArray
    cavity_u: FloatArray
    cavity_width_u: FloatArray

    @property
    def prior_mean(self) -> FloatArray:
        """Expected parameters, shape (n, p)."""
        mean = np.zeros((len(self.jpa_u), 7))
        mean[:, 3] = self.cavity_u
        mean[:, 4] = np.log(self.cavity_width_u)
        mean[:, 6] = self.log_bandwidth
        return mean

    @property
    def prior_weight(self) -> FloatArray:
        """1/sigma^2 of the Gaussian prior, shape (n, p)."""
        weight = np.zeros((len(self.jpa_u), 7))
        weight[:, 6] = self.log_bandwidth_sigma**-2.0
        return weight

    def rows(self, index: slice) -> LetterShape:
        """The same for part of the spectra."""
        return LetterShape(
            self.jpa_u[index],
            self.log_bandwidth[index],
            self.log_bandwidth_sigma[index],
            self.cavity_u[index],
            self.cavity_width_u[index],
        )

    def start(self, u: FloatArray, y: FloatArray) -> FloatArray:
        """First parameters (n, p), linear ones solved for."""
        theta = self.prior_mean
        # Noise behind the JPA, 1.2 K / G, is about a tenth of the rest at resonance and grows as
        # the gain falls.
        theta[:, 5] = 0.085 * 4 * np.exp(-2 * theta[:, 6])
        flat = y / self._factors(theta, u)
        x = (u - theta[:, 3, None]) / np.exp(theta[:, 4, None])
        basis = np.stack([np.ones_like(u), u, u**2], axis=1) / (1 + 4 * x**2)[:, None, :]
        normal = basis @ basis.transpose(0, 2, 1)
        theta[:, :3] = np.linalg.solve(normal, basis @ flat[:, :, None])[:, :, 0]
        return theta

    def _factors(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        squared = (u - self.jpa_u[:, None]) ** 2
        bandwidth = 4 * np.exp(-2 * theta[:, 6, None])
        return (1 + theta[:, 5, None] * squared) / (1 + bandwidth * squared)

    def value(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """The function, (n, m)."""
        # In place throughout: this is where most of a fit's time goes.
        p0, p1, p2, u0, log_w, c, log_b = (theta[:, k, None] for k in range(7))
        squared = u - self.jpa_u[:, None]
        squared *= squared
        denominator = u - u0
        denominator *= denominator
        denominator *= 4 * np.exp(-2 * log_w)
        denominator += 1
        gain = squared * (4 * np.exp(-2 * log_b))
        gain += 1
        denominator *= gain
        out = u * p2
        out += p1
        out *= u
        out += p0
        squared *= c
        squared += 1
        out *= squared
        out /= denominator
        return out

    def log_jacobian(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """Derivative of its logarithm, (n, p, m)."""
        p0, p1, p2, u0, log_w, c, log_b = (theta[:, k, None] for k in range(7))
        out = np.empty((u.shape[0], 7, u.shape[1]))
        out[:, 0] = 1 / ((p2 * u + p1) * u + p0)
        out[:, 1] = out[:, 0] * u
        out[:, 2] = out[:, 1] * u
        scale = 4 * np.exp(-2 * log_w)
        shifted = u - u0
        pull = scale * shifted / (1 + scale * shifted**2)
        out[:, 3] = 2 * pull
        out[:, 4] = 2 * pull * shifted
        squared = (u - self.jpa_u[:, None]) ** 2
        out[:, 5] = squared / (1 + c * squared)
        t = 4 * np.exp(-2 * log_b) * squared
        out[:, 6] = 2 * t / (1 + t)
        return out


@dataclass(frozen=True)
class PadeShape:
    """G_J (b0 + b1 u + ... + bk u^k)/(1 + 4 ((u - u0)/w)^2); theta = b0 ... bk u0 ln(w).

    The measured JPA gain G_J is divided out: no short polynomial follows its 6 dB over the window.

    Attributes:
        cavity_u: Measured cavity frequency in reduced frequency (start of u0), shape (n,).
        cavity_width_u: Measured linewidth in reduced frequency (start of w), shape (n,).
        jpa_u: JPA resonance in reduced frequency, shape (n,).
        jpa_width_u: JPA bandwidth in reduced frequency, shape (n,).
        jpa_excess: G_0 - 1, shape (n,); 0 for a receiver without a JPA.
        degree: k. Noise behind the JPA grows as a quadratic beside the cavity's Lorentzian, which
            takes 4; a receiver of flat gain is served by 3.
        sigma_u: Standard deviation of a loose prior on u0 and ln w that keeps the pole near the
            cavity.
    """

    cavity_u: FloatArray
    cavity_width_u: FloatArray
    jpa_u: FloatArray
    jpa_width_u: FloatArray
    jpa_excess: FloatArray
    degree: int = 4
    sigma_u: float = 0.5

    @property
    def prior_mean(self) -> FloatArray:
        """Expected parameters, shape (n, p)."""
        mean = np.zeros((len(self.cavity_u), self.degree + 3))
        mean[:, -2] = self.cavity_u
        mean[:, -1] = np.log(self.cavity_width_u)
        return mean

    @property
    def prior_weight(self) -> FloatArray:
        """1/sigma^2 of the Gaussian prior, shape (n, p)."""
        weight = np.zeros((len(self.cavity_u), self.degree + 3))
        weight[:, -2:] = self.sigma_u**-2.0
        return weight

    def rows(self, index: slice) -> PadeShape:
        """The same for part of the spectra."""
        return PadeShape(
            self.cavity_u[index],
            self.cavity_width_u[index],
            self.jpa_u[index],
            self.jpa_width_u[index],
            self.jpa_excess[index],
            self.degree,
            self.sigma_u,
        )

    def _gain(self, u: FloatArray) -> FloatArray:
        t = (2 * (u - self.jpa_u[:, None]) / self.jpa_width_u[:, None]) ** 2
        return (1 + self.jpa_excess[:, None] / (1 + t)) / (1 + self.jpa_excess[:, None])

    def _polynomial(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        out = np.broadcast_to(theta[:, self.degree, None], u.shape)
        for power in range(self.degree - 1, -1, -1):
            out = out * u + theta[:, power, None]
        return out

    def start(self, u: FloatArray, y: FloatArray) -> FloatArray:
        """First parameters (n, p), linear ones solved for."""
        theta = self.prior_mean
        flat = y / self._gain(u)
        pole = 1 + 4 * ((u - theta[:, -2, None]) / np.exp(theta[:, -1, None])) ** 2
        basis = np.stack([u**k for k in range(self.degree + 1)], axis=1) / pole[:, None, :]
        normal = basis @ basis.transpose(0, 2, 1)
        solved = np.linalg.solve(normal, basis @ flat[:, :, None])[:, :, 0]
        theta[:, : self.degree + 1] = solved
        return theta

    def value(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """The function, (n, m)."""
        denominator = 1 + 4 * np.exp(-2 * theta[:, -1, None]) * (u - theta[:, -2, None]) ** 2
        return self._polynomial(theta, u) / denominator * self._gain(u)

    def log_jacobian(self, theta: FloatArray, u: FloatArray) -> FloatArray:
        """Derivative of its logarithm, (n, p, m)."""
        out = np.empty((u.shape[0], self.degree + 3, u.shape[1]))
        out[:, 0] = 1 / self._polynomial(theta, u)
        for power in range(1, self.degree + 1):
            out[:, power] = out[:, power - 1] * u
        scale = 4 * np.exp(-2 * theta[:, -1, None])
        shifted = u - theta[:, -2, None]
        out[:, -2] = 2 * scale * shifted / (1 + scale * shifted**2)
        out[:, -1] = out[:, -2] * shifted
        return out
