"""Fit of a transmission resonance: |S21|^2, with what leaks past the resonator.

The resonator, and a leak that reaches the receiver without it (crosstalk, the tail of a mode far
off), add as amplitudes. With t = 2 Q_L (nu - nu0) / nu0:

    S21 = D / (1 + i t) + L        |S21|^2 = (P + F t) / (1 + t^2) + B0 + B1 t + B2 t^2

P + F t is Fano's shape (U. Fano, Phys. Rev. 124, 1866 (1961)): F = 2 Im(conj(D) L) makes the
resonance lean, P = |D|^2 + 2 Re(conj(D) L), B0 = |L|^2 and the noise's own power. B1 and B2 are for
a leak that changes over the span: they are fitted only where the trace asks for them, and what B2
changes is added to the errors. The power
has no phase: cables, amplifiers and the sign of the analyser's phase do not matter. A resonator
beside the line (notch, hanger) is a dip below B0: it is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from haloscope.measuring.goodness import Goodness, goodness_of, noise_of
from haloscope.measuring.minimum import Minimum, minimise
from haloscope.measuring.traces import Swept, swept

FloatArray = NDArray[np.float64]

__all__ = ["Transmission", "fit_transmission"]

#: Of a trace much wider than its resonance so many half widths to each side are fitted.
_WINDOW: Final = 12.0
#: Parameters with a leak that is the same over the span, and with one that changes: by its level,
#: and by its level and slope.
_STEADY, _TILTED, _CURVED = 5, 6, 7
#: A fit is repeated with the weights of what it found, at most so often, until these are what they
#: were within this factor, save for a common one.
_ROUNDS: Final = 3
_LIKE: Final = 1.5
#: A linewidth below this share of the distance of the points shows in one point alone, as noise
#: does.
_LEAST: Final = 0.5
#: A resonance stands so many standard deviations of a Gaussian above the noise.
_CLEAR: Final = 5.0


@dataclass(frozen=True)
class Transmission:
    """Result of a fit of |S21|^2; errors are one standard deviation.

    Attributes:
        frequency_hz: Resonance nu0.
        loaded_q: Q_L.
        peak: Power transmission on resonance above the background (ratio).
        background: Power transmission far from resonance, with the noise's own power.
        leak: Amplitude of the leak over that of the resonance, as far as it is at right angles to
            it: F / 2P. What is in phase with it looks like a larger or smaller resonance.
        goodness: How well the fit describes the trace.
    """

    frequency_hz: float
    frequency_hz_error: float
    loaded_q: float
    loaded_q_error: float
    peak: float
    peak_error: float
    background: float
    leak: float
    leak_error: float
    goodness: Goodness


def fit_transmission(frequency_hz: ArrayLike, s21: ArrayLike) -> Transmission:
    """Fit a transmission resonance.

    Args:
        frequency_hz: Frequencies in Hz, ascending or descending, (P,); P at least 8.
        s21: Complex or real transmission, (P,).

    Raises:
        ValueError: Wrong shapes, values that are not finite, no resonance within the span, or a
            resonator beside the line (notch).
    """
    trace = swept(frequency_hz, s21)
    power = np.abs(trace.values) ** 2
    found = _fit_about(trace, power, *_summit(trace.x, power))
    why = found.why_none()
    if why:
        dip = _fit_about(trace, power, *_summit(trace.x, -power))
        if dip.notch:
            why = (
                f"a notch of {dip.depth_db:.1f} dB: the resonator is beside the line, not in it, "
                "or its reflection was taken"
            )
        raise ValueError(f"{why}, {trace}")
    if found.notch:
        raise ValueError(f"what leaks past the resonator is stronger than the resonance, {trace}")
    return found.result()


@dataclass(frozen=True)
class _Fit:
    """A minimum over the places u = (x - x0) / w0 of a window of a trace.

    Parameters: centre, half width, P, F, B0 and, maybe, B1, B2, all of the trace's own scale.
    """

    trace: Swept
    x0: float
    w0: float
    minimum: Minimum
    goodness: Goodness
    errors: FloatArray

    def widened(self, other: _Fit) -> _Fit:
        """The same with the distance to another model's minimum as a systematic error."""
        count = other.minimum.parameters.size
        shift = np.zeros_like(self.errors)
        shift[:count] = self.minimum.parameters[:count] - other.minimum.parameters
        return replace(self, errors=np.hypot(self.errors, shift))

    @property
    def notch(self) -> bool:
        """Whether the background stands above what the resonance adds to it at most."""
        _, _, peak, lean, floor = self.minimum.parameters[:5]
        rise = 0.5 * (peak + np.hypot(peak, lean))
        above = floor - rise > self.goodness.clear(_CLEAR) * self.errors[4]
        return bool(above and self._inside() and self._significant())

    @property
    def depth_db(self) -> float:
        """Of a notch, the deepest point below the background."""
        _, _, peak, lean, floor = self.minimum.parameters[:5]
        deepest = floor + 0.5 * (peak - np.hypot(peak, lean))
        return float(10 * np.log10(floor / max(deepest, 1e-12 * floor)))

    def why_none(self) -> str:
        """Why this is no resonance of the trace; empty if it is one."""
        if not self._inside():
            return "no resonance"
        if not (self.minimum.parameters[2] > 0 and self._significant()):
            if self.goodness.good:
                return "no resonance above the noise"
            return f"no single resonance: {self.goodness}"
        return ""

    def _inside(self) -> bool:
        centre, half_width = self.minimum.parameters[:2]
        width = 2 * abs(half_width) * self.w0
        inside = abs(self.x0 + self.w0 * centre) <= 0.5
        return bool(self.minimum.converged and inside and _LEAST * self.trace.step < width < 4)

    def _significant(self) -> bool:
        """Whether what stands out, or is missing, stands out of the noise."""
        _, half_width, peak, lean = self.minimum.parameters[:4]
        centre_error, width_error, *errors = self.errors[:4]
        stands_out = np.hypot(peak, lean) > self.goodness.clear(_CLEAR) * np.hypot(*errors)
        return bool(centre_error > 0 and 2 * width_error < abs(half_width) and stands_out)

    def result(self) -> Transmission:
        """In units of the instrument."""
        centre, half_width, peak, lean, floor = self.minimum.parameters[:5]
        width = abs(half_width) * self.w0
        frequency = self.trace.middle_hz + self.trace.span_hz * (self.x0 + self.w0 * centre)
        loaded_q = frequency / (2 * self.trace.span_hz * width)
        power = self.trace.scale**2
        return Transmission(
            frequency_hz=float(frequency),
            frequency_hz_error=float(self.trace.span_hz * self.w0 * self.errors[0]),
            loaded_q=float(loaded_q),
            loaded_q_error=float(loaded_q * self.errors[1] / abs(half_width)),
            peak=float(power * peak),
            peak_error=float(power * self.errors[2]),
            background=float(power * floor),
            leak=float(0.5 * lean / peak),
            leak_error=float(0.5 * self.errors[3] / peak),
            goodness=self.goodness,
        )


def _summit(x: FloatArray, power: FloatArray) -> tuple[float, float]:
    """Place and half width of what stands out most."""
    smooth = np.convolve(power, np.ones(3) / 3, mode="valid")
    top = int(np.argmax(smooth))
    floor = float(np.partition(smooth, smooth.size // 10)[smooth.size // 10])
    below = np.flatnonzero(smooth - floor <= 0.5 * (smooth[top] - floor))
    split = int(np.searchsorted(below, top))
    low = below[split - 1] + 1 if split > 0 else 0
    high = below[split] - 1 if split < below.size else smooth.size - 1
    return float(x[top + 1]), 0.5 * max(float(x[high + 1] - x[low + 1]), 1 / (x.size - 1))


def _fit_about(trace: Swept, power: FloatArray, x0: float, w0: float) -> _Fit:
    """Fit the window about a place by the simplest leak that describes it."""
    near = np.flatnonzero(np.abs(trace.x - x0) <= _WINDOW * w0)
    window = slice(int(near[0]), int(near[-1]) + 1)
    values = trace.values[window]
    noise = noise_of(values if values.imag.any() else values.real, 1.0)
    u, data = (trace.x[window] - x0) / w0, power[window]

    def fitted(count: int) -> _Fit:
        minimum = _minimum(u, data, noise, count)
        goodness = _goodness(minimum, data, noise)
        variance = minimum.cost / goodness.dof * goodness.stretch
        errors = np.sqrt(np.maximum(np.diag(minimum.covariance(variance)), 0))
        return _Fit(trace, x0, w0, minimum, goodness, errors)

    found = fitted(_STEADY)
    if found.goodness.doubtful and data.size > _CURVED + 2:
        curved = fitted(_CURVED)
        if curved.minimum.converged and curved.goodness.improves(found.goodness):
            # How a leak changes is not known: two ways differ by what that may matter.
            return curved.widened(fitted(_TILTED))
    return found


def _minimum(u: FloatArray, power: FloatArray, noise: float, count: int) -> Minimum:
    """Fit ``count`` parameters; the weights are those of a model, not of the data themselves."""
    columns = _columns(u, 0.0, 1.0, count)
    flat = columns / (power + noise**2)[:, None]
    found = np.concatenate([[0.0, 1.0], np.linalg.solve(columns.T @ flat, flat.T @ power)])
    weights = _weights(columns @ found[2:], noise)
    for _ in range(_ROUNDS):
        minimum = minimise(partial(_residuals, u=u, power=power, weights=weights), found)
        found, before = minimum.parameters, weights
        weights = _weights(power + minimum.residual / before, noise)
        ratio = weights / before
        if ratio.max() < _LIKE * ratio.min():
            break
    return minimum


def _columns(u: FloatArray, centre: float, half_width: float, count: int) -> FloatArray:
    """What P, F, B0, B1, B2 multiply (P, count - 2)."""
    t = (u - centre) / half_width
    columns = np.empty((u.size, count - 2))
    columns[:, 0] = 1 / (1 + t * t)
    columns[:, 1] = t * columns[:, 0]
    columns[:, 2] = 1
    for power in range(1, count - 4):
        columns[:, 2 + power] = u**power
    return columns


def _weights(model: FloatArray, noise: float) -> FloatArray:
    """Weights that turn powers into amplitudes, whose noise is the same everywhere.

    With n the noise of each part, |s + n|^2 has the mean m = |s|^2 + 2 n^2 and the variance
    4 n^2 (m - n^2).
    """
    least = max(noise**2, 1e-9 * float(model.max()), 1e-30)
    return 0.5 / np.sqrt(np.maximum(model - noise**2, least))


def _residuals(
    p: FloatArray, u: FloatArray, power: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Model minus data, and derivatives, weighted."""
    jacobian = np.empty((u.size, p.size))
    jacobian[:, 2:] = _columns(u, p[0], p[1], p.size)
    t = (u - p[0]) / p[1]
    shape, leaning = jacobian[:, 2], jacobian[:, 3]
    by_t = shape * (p[3] - 2 * (p[2] * leaning + p[3] * t * leaning))
    residual = jacobian[:, 2:] @ p[2:] - power
    jacobian[:, 0] = by_t / -p[1]
    jacobian[:, 1] = jacobian[:, 0] * t
    jacobian *= weights[:, None]
    return weights * residual, jacobian


def _goodness(minimum: Minimum, power: FloatArray, noise: float) -> Goodness:
    p = minimum.parameters
    height = float(np.sqrt(max(np.hypot(p[2], p[3]), 1e-30)))
    return goodness_of(minimum.residual, p.size, height, largest=1.0, converged=minimum.converged)
