"""Fits of measured S-parameters: resonance, loaded Q and coupling, each with its uncertainty.

Knows data only. The models, with x = (nu - nu0) / nu0:

    transmission  |S21|^2 = P / (1 + (2 Q_L x)^2) + background
    reflection    S11 = A exp(i phase) [ d / (1 + 2 i Q_L x) - 1 ],   d = 2 beta / (1 + beta)

The phase is a quadratic in frequency: cables make it linear, an amplifier in the line bends it.
Over- and undercoupling differ in phase alone: the circle of diameter d encloses the origin for d >
1 (beta > 1). Start: the linear fractional fit of Kajfez ("Linear fractional curve fitting for
measurement of high Q factors", IEEE Trans. MTT 42, 1149 (1994)); then Gauss-Newton. Uncertainties
are one standard deviation, scaled by the residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: A fit whose residual is below this share of the largest reflection is no false minimum: those
#: miss the resonance, and their residual is as large as the circle.
_GOOD_FIT = 0.03

__all__ = ["Reflection", "Transmission", "fit_reflection", "fit_transmission"]


@dataclass(frozen=True)
class Transmission:
    """Result of a fit of |S21|^2.

    Attributes:
        frequency_hz: Resonance nu0.
        loaded_q: Q_L.
        peak: Power transmission on resonance above the background (ratio).
        background: Power transmission far from resonance, with the noise's own power.
    """

    frequency_hz: float
    frequency_hz_error: float
    loaded_q: float
    loaded_q_error: float
    peak: float
    peak_error: float
    background: float


@dataclass(frozen=True)
class Reflection:
    """Result of a fit of the complex S11.

    Attributes:
        frequency_hz: Resonance nu0.
        loaded_q: Q_L.
        beta: Coupling; above 1 overcoupled.
        amplitude: |A|, the full reflection through the line.
        delay_s: Delay of the line at the resonance.
    """

    frequency_hz: float
    frequency_hz_error: float
    loaded_q: float
    loaded_q_error: float
    beta: float
    beta_error: float
    amplitude: float
    delay_s: float

    @property
    def overcoupled(self) -> bool:
        """True if beta is above 1, as the phase shows."""
        return self.beta > 1

    @property
    def unloaded_q(self) -> float:
        """Q_0 = Q_L (1 + beta), the weak port neglected."""
        return self.loaded_q * (1 + self.beta)


def fit_transmission(frequency_hz: ArrayLike, s21: ArrayLike) -> Transmission:
    """Fit a transmission resonance.

    Args:
        frequency_hz: Frequencies in Hz, ascending, (P,); P at least 8.
        s21: Complex or real transmission, (P,).

    Raises:
        ValueError: Wrong shapes, values that are not finite, or no resonance within the span.
    """
    nu, s = _checked(frequency_hz, s21)
    power = np.abs(s) ** 2
    scale = float(power.max())
    middle, span = 0.5 * (nu[0] + nu[-1]), nu[-1] - nu[0]
    x = (nu - middle) / span

    def model(p: FloatArray) -> tuple[FloatArray, FloatArray]:
        t = (x - p[0]) / p[1]
        shape = 1 / (1 + t**2)
        slope = 2 * p[2] * t * shape**2 / p[1]
        return p[2] * shape + p[3], np.stack([slope, slope * t, shape, np.ones_like(x)], axis=1)

    def weight(p: FloatArray) -> FloatArray:
        # |s + noise|^2 scatters as its own root: proportional to |s| above the noise's power.
        return 1 / np.sqrt(np.maximum(model(p)[0], 1e-3 * p[2]))

    start = _transmission_start(x, power / scale)
    best, covariance = _gauss_newton(model, power / scale, start, weight)
    centre, half_width, peak, background = best
    nu0 = middle + span * centre
    if not (peak > 0 and abs(centre) <= 0.5 and abs(half_width) < 2):
        raise ValueError(f"no resonance between {nu[0]:.0f} and {nu[-1]:.0f} Hz")
    error = np.sqrt(np.maximum(np.diag(covariance), 0))
    if not (error[0] > 0 and peak > 5 * error[2]):
        raise ValueError(f"no resonance above the noise, {nu[0]:.0f} to {nu[-1]:.0f} Hz")
    loaded_q = nu0 / (2 * span * abs(half_width))
    return Transmission(
        frequency_hz=float(nu0),
        frequency_hz_error=float(span * error[0]),
        loaded_q=float(loaded_q),
        loaded_q_error=float(loaded_q * error[1] / abs(half_width)),
        peak=float(scale * peak),
        peak_error=float(scale * error[2]),
        background=float(scale * background),
    )


def fit_reflection(frequency_hz: ArrayLike, s11: ArrayLike) -> Reflection:
    """Fit a reflection resonance; the phase decides between over- and undercoupling.

    Args:
        frequency_hz: Frequencies in Hz, ascending, (P,); P at least 8. The span should hold several
            linewidths.
        s11: Complex reflection through any line, (P,).

    Raises:
        ValueError: Wrong shapes, values that are not finite, or no resonance within the span.
    """
    nu, s = _checked(frequency_hz, s11)
    scale = float(np.abs(s).max())
    middle, span = 0.5 * (nu[0] + nu[-1]), nu[-1] - nu[0]
    x = (nu - middle) / span
    data = s / scale
    best, covariance = _best_reflection(x, data)
    centre, half_width, d, re, im, slope, bend = best
    if not (abs(centre) <= 0.5 and 0 < half_width < 1 and 0 < d < 2):
        raise ValueError(f"no resonance between {nu[0]:.0f} and {nu[-1]:.0f} Hz")
    error = np.sqrt(np.maximum(np.diag(covariance), 0))
    if not (error[0] > 0 and d > 5 * error[2]):
        raise ValueError(f"no resonance above the noise, {nu[0]:.0f} to {nu[-1]:.0f} Hz")
    nu0 = middle + span * centre
    loaded_q = nu0 / (2 * span * half_width)
    return Reflection(
        frequency_hz=float(nu0),
        frequency_hz_error=float(span * error[0]),
        loaded_q=float(loaded_q),
        loaded_q_error=float(loaded_q * error[1] / half_width),
        beta=float(d / (2 - d)),
        beta_error=float(2 * error[2] / (2 - d) ** 2),
        amplitude=float(scale * np.hypot(re, im)),
        delay_s=float(-(slope + 2 * bend * centre) / (2 * np.pi * span)),
    )


def _checked(frequency_hz: ArrayLike, s: ArrayLike) -> tuple[FloatArray, ComplexArray]:
    nu, values = np.asarray(frequency_hz, dtype=np.float64), np.asarray(s, dtype=np.complex128)
    if nu.ndim != 1 or nu.shape != values.shape or nu.size < 8:
        raise ValueError(
            f"need two arrays of one length of 8 or more, have {nu.shape}, {values.shape}"
        )
    if not (np.isfinite(nu).all() and np.isfinite(values).all() and np.all(np.diff(nu) > 0)):
        raise ValueError("frequencies must be finite and ascending, S-parameters finite")
    if not np.abs(values).max() > 0:
        raise ValueError("the trace is zero everywhere")
    return nu, values


def _transmission_start(x: FloatArray, power: FloatArray) -> FloatArray:
    """Centre, half width, peak, background from the largest point and those above half of it."""
    kernel = np.ones(3) / 3
    smooth = np.convolve(power, kernel, mode="same")
    floor = float(np.quantile(smooth, 0.1))
    top = int(np.argmax(smooth))
    above = smooth - floor > 0.5 * (smooth[top] - floor)
    low, high = top, top
    while low > 0 and above[low - 1]:
        low -= 1
    while high < x.size - 1 and above[high + 1]:
        high += 1
    half_width = max(0.5 * (x[high] - x[low]), 0.5 * (x[1] - x[0]))
    return np.array([x[top], half_width, smooth[top] - floor, floor])


def _best_reflection(x: FloatArray, data: ComplexArray) -> tuple[FloatArray, FloatArray]:
    """Gauss-Newton from two starts: with the slope of the phase at the ends, and without a slope.

    The second is for traces with short ends; a fit good to a few percent needs no second.
    """
    stacked = _stack(data)
    found = []
    for slope in (_end_slope(x, data), 0.0):
        start = _reflection_start(x, data * np.exp(-1j * slope * x))
        start[5] = slope
        best, covariance = _gauss_newton(lambda p: _reflection(p, x), stacked, start, None)
        residual = stacked - _reflection(best, x)[0]
        found.append((float(residual @ residual), best, covariance))
        if found[-1][0] < _GOOD_FIT**2 * data.size:
            break
    return min(found, key=lambda entry: entry[0])[1:]


def _end_slope(x: FloatArray, data: ComplexArray) -> float:
    """Slope of the phase in the outer eighths of the span, where the resonance matters little."""
    count = max(3, x.size // 8)
    slopes = []
    for part in (slice(0, count), slice(-count, None)):
        phase = np.unwrap(np.angle(data[part]))
        slopes.append(np.polyfit(x[part], phase, 1)[0])
    return float(np.mean(slopes))


def _reflection_start(x: FloatArray, data: ComplexArray) -> FloatArray:
    """Kajfez: Gamma = (a1 t + a2) / (a3 t + 1) is linear in a1, a2, a3 given t.

    With t = x - c, 1 + i t/w in the denominator means a3 = i/w at c = nu0; for any other c the pole
    x_p = c - 1/a3 still gives nu0 = Re x_p and w = |Im x_p|. a1/a3 is the reflection far off
    resonance.
    """
    c = x[np.argmin(np.abs(data))]
    t = x - c
    matrix = np.stack([t, np.ones_like(t), -t * data], axis=1)
    a1, a2, a3 = np.linalg.lstsq(matrix, data, rcond=None)[0]
    pole = c - 1 / a3
    centre = float(np.clip(pole.real, -0.5, 0.5))
    half_width = float(np.clip(abs(pole.imag), 2 * (x[1] - x[0]), 0.5))
    amplitude = -a1 / a3
    on_resonance = (a1 * (pole.real - c) + a2) / (a3 * (pole.real - c) + 1)
    d = float(np.clip((on_resonance / amplitude + 1).real, 0.05, 1.95))
    return np.array([centre, half_width, d, amplitude.real, amplitude.imag, 0.0, 0.0])


def _reflection(p: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Model (2P,) and Jacobian (2P, 7), real parts before imaginary parts."""
    centre, half_width, d, re, im, slope, bend = p
    t = (x - centre) / half_width
    turn = np.exp(1j * (slope * x + bend * x**2))
    circle = 1 / (1 + 1j * t)
    unit = turn * (d * circle - 1)
    amplitude = re + 1j * im
    value = amplitude * unit
    by_t = -1j * amplitude * turn * d * circle**2
    columns = [
        -by_t / half_width,
        -by_t * t / half_width,
        amplitude * turn * circle,
        unit,
        1j * unit,
        1j * x * value,
        1j * x**2 * value,
    ]
    jacobian = np.stack(columns, axis=1)
    return _stack(value), np.concatenate([jacobian.real, jacobian.imag])


def _stack(z: ComplexArray) -> FloatArray:
    return np.concatenate([z.real, z.imag])


def _gauss_newton(
    model: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    data: FloatArray,
    start: FloatArray,
    weight: Callable[[FloatArray], FloatArray] | None,
) -> tuple[FloatArray, FloatArray]:
    """Damped Gauss-Newton (Levenberg-Marquardt); returns parameters and their covariance."""
    p, damping = start.copy(), 1e-3
    w = weight(p) if weight else None
    value, jacobian = model(p)
    cost = _cost(data - value, w)
    for _ in range(60):
        normal, gradient = _normal_equations(jacobian, data - value, w)
        # Marquardt's damping, relative to the diagonal: parameters of any scale are damped alike.
        # The tiny constant keeps one without influence from making the matrix singular.
        damped = normal.copy()
        damped.flat[:: p.size + 1] *= 1 + damping
        damped.flat[:: p.size + 1] += 1e-300
        step = np.linalg.solve(damped, gradient)
        trial, trial_jacobian = model(p + step)
        trial_cost = _cost(data - trial, w)
        if trial_cost <= cost:
            # A small gain counts as the end only with little damping: damped steps are short.
            done = cost - trial_cost <= 1e-12 * cost and damping < 1e-2
            p, value, jacobian, cost = p + step, trial, trial_jacobian, trial_cost
            damping *= 0.1
            if weight:  # other weights: the old cost cannot be compared with
                w = weight(p)
                cost = _cost(data - value, w)
            if done:
                break
        else:
            damping *= 10
            if damping > 1e8:
                break
    normal, _ = _normal_equations(jacobian, data - value, w)
    variance = cost / max(1, data.size - p.size)
    return p, np.asarray(np.linalg.pinv(normal) * variance, dtype=np.float64)


def _cost(residual: FloatArray, w: FloatArray | None) -> float:
    weighted = residual if w is None else residual * w
    return float(weighted @ weighted)


def _normal_equations(
    jacobian: FloatArray, residual: FloatArray, w: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """J^T W J and J^T W r."""
    if w is not None:
        jacobian, residual = jacobian * w[:, None], residual * w
    return jacobian.T @ jacobian, jacobian.T @ residual
