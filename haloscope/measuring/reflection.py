"""Fit of a reflection resonance: the complex S11, with what leaks past the circulator.

With t = 2 Q_L (nu - nu0) / nu0, d = 2 beta / (1 + beta), and a leak e of the wave sent, which comes
back without having seen the cavity (isolation of the circulator, directivity of the coupler):

    S11 = A T [d / (1 + i t) - 1 + e] = A' T [delta / (1 + i t) - 1],     delta = d / (1 - e)

T, the line's phase, is a quadratic in frequency: cables make it linear, an amplifier bends it; a
cubic term is fitted where the trace asks for it. What is reflected off resonance may grow over the
span: a leak that comes another way than the reflection has another delay, and lines ripple.

Over- and undercoupling differ in phase alone: the circle of diameter d encloses the origin for
d > 1 (beta > 1). Where the analyser counts phases the other way, i is -i: the sense in which the
circle is run through tells, and t is taken negative. A trace that leaves the sense open leaves
beta or 1 / beta open, and is refused.

A leak at right angles to the reflection turns the circle: q = Im(delta) / Re(delta) = Im(e) at
Re(e) = 0, and d = |delta| sqrt(1 + q^2). It is always fitted, as far as ``isolation_db`` allows. A
leak in phase with the reflection looks like another coupling, d (1 - Re(e)): no trace tells the
two apart, so that an isolation of I dB leaves d uncertain by 10^(-I/20) / sqrt(2), one standard
deviation over all angles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from haloscope.measuring.circle import (
    BENT,
    TWISTED,
    in_parts,
    kajfez,
    line_alone,
    mirrored,
    model,
    more_starts,
)
from haloscope.measuring.goodness import FEW, Goodness, goodness_of, noise_of
from haloscope.measuring.leaks import leak_part
from haloscope.measuring.minimum import Minimum, minimise
from haloscope.measuring.traces import Swept, swept

FloatArray = NDArray[np.float64]

__all__ = ["Reflection", "fit_reflection"]

#: A resonance stands so many standard deviations above the noise.
_CLEAR: Final = 5.0
#: One whose width is not below this share of the span looks like the phase of a line: it must lower
#: chi2 times degrees of freedom by so much, five standard deviations and what the best of many
#: places explains by chance.
_NARROW: Final = 0.25
_WORTH: Final = 45.0
#: Of a leak so many standard deviations are taken for chance.
_SEEN: Final = 3.0
#: A leak beyond this share of the reflection is no leak.
_LEAKIEST: Final = 0.5
#: The span holds so many linewidths at least, and each linewidth so many points.
_WIDTHS: Final = 1.0
_POINTS: Final = 1.5
#: A trace that does not reach so many half widths to both sides of its resonance is cut off: the
#: other sense may describe it as well.
_BOTH_SIDES: Final = 2.0
#: Greatest diameter of a circle for which a coupling is stated: beta of 200.
_LARGEST: Final = 1.99
#: A fit whose start was so far off that its noise was taken too large by this factor is repeated:
#: the isolation would count too much.
_ROUNDS, _LIKE = 2, 1.5
#: The better of both senses must be better by this much in chi2 times degrees of freedom.
_TOLD: Final = 16.0


@dataclass(frozen=True)
class Reflection:
    """Result of a fit of the complex S11.

    An error is one standard deviation, noise and leak together; a systematic is the leak's share.

    Attributes:
        frequency_hz: Resonance nu0.
        loaded_q: Q_L.
        beta: Coupling; above 1 overcoupled.
        amplitude: |A|, the full reflection through the line.
        delay_s: Delay of the line at the resonance.
        leak: Leak past the circulator as a share of the full reflection, as far as it is at right
            angles to it.
        opposite_phase: Whether the analyser counts phases the other way, as exp(-i omega t).
        goodness: How well the fit describes the trace.
    """

    frequency_hz: float
    frequency_hz_error: float
    frequency_hz_systematic: float
    loaded_q: float
    loaded_q_error: float
    loaded_q_systematic: float
    beta: float
    beta_error: float
    beta_systematic: float
    amplitude: float
    delay_s: float
    leak: float
    leak_error: float
    opposite_phase: bool
    goodness: Goodness

    @property
    def overcoupled(self) -> bool:
        """True if beta is above 1, as told by the phase."""
        return self.beta > 1

    @property
    def unloaded_q(self) -> float:
        """Q_0 = Q_L (1 + beta), the weak port neglected."""
        return self.loaded_q * (1 + self.beta)


def fit_reflection(
    frequency_hz: ArrayLike,
    s11: ArrayLike,
    *,
    isolation_db: float | None = None,
    opposite_phase: bool | None = None,
) -> Reflection:
    """Fit a reflection resonance; the coupling's side is told from the phase.

    Args:
        frequency_hz: Frequencies in Hz, ascending or descending, (P,); P at least 8. The span
            should hold several linewidths.
        s11: Complex reflection through any line, (P,).
        isolation_db: Isolation of the circulator, dB, positive. Without it a leak may be of any
            size, and the coupling's systematic is that of a leak as large as the one seen.
        opposite_phase: How the analyser counts phases, if that is known.

    Raises:
        ValueError: Wrong shapes, values that are not finite or have no phase, an isolation that is
            not above 0 dB, no resonance within the span, or a trace that leaves open on which side
            of 1 the coupling is.
    """
    trace = swept(frequency_hz, s11)
    if not trace.values.imag.any():
        raise ValueError("reflection: the trace is real, its phase is needed to tell the coupling")
    found = _best(trace, leak_part(isolation_db), opposite_phase)
    why = found.why_none()
    if why:
        raise ValueError(f"{why}, {trace}")
    return found.result()


@dataclass(frozen=True)
class _Fit:
    """A minimum over the parameters of ``circle.model``.

    Attributes:
        allowed: Standard deviation of each part of the leak before the trace is looked at.
        covariance: Of the parameters.
    """

    trace: Swept
    allowed: float
    minimum: Minimum
    goodness: Goodness
    covariance: FloatArray

    @property
    def errors(self) -> FloatArray:
        """One standard deviation of each parameter."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))

    @property
    def leak(self) -> tuple[float, float]:
        """The leak at right angles, q, and its error."""
        re, im = self.minimum.parameters[2:4]
        return float(im / re), self._error(-im / re**2, 1 / re)

    @property
    def diameter(self) -> tuple[float, float]:
        """The circle's diameter d and its error, without that of a leak in phase."""
        re, im = self.minimum.parameters[2:4]
        return float((re**2 + im**2) / re), self._error(1 - (im / re) ** 2, 2 * im / re)

    def _error(self, by_re: float, by_im: float) -> float:
        """Error of what changes with the parts of delta by this."""
        by = np.array([by_re, by_im])
        return math.sqrt(max(float(by @ self.covariance[2:4, 2:4] @ by), 0.0))

    @property
    def opposite(self) -> bool:
        """Whether the circle is run through the other way."""
        return bool(self.minimum.parameters[1] < 0)

    @property
    def cut_off(self) -> bool:
        """Whether the span ends near the resonance."""
        centre, half_width = self.minimum.parameters[:2]
        return bool(0.5 - abs(centre) < _BOTH_SIDES * abs(half_width))

    def or_other(self, other: _Fit, opposite: bool | None) -> _Fit:
        """This or its mirror: the better one, or the one of the sense that is known.

        Raises:
            ValueError: Both describe the trace, and the sense is not known.
        """
        if opposite is not None and self.opposite != other.opposite:
            return self if self.opposite == opposite else other
        best = self if self.minimum.cost <= other.minimum.cost else other
        apart = abs(self.minimum.cost - other.minimum.cost) * best.goodness.dof
        both = self.opposite != other.opposite and not (self.why_none() or other.why_none())
        if both and apart < _TOLD * best.minimum.cost * best.goodness.stretch:
            couplings = [d / (2 - d) for d in (self.diameter[0], other.diameter[0])]
            raise ValueError(
                f"beta is {couplings[0]:.3g} or {couplings[1]:.3g}: which, is not to be told from "
                f"this trace, {self.trace}; widen the span, average more, or say how the analyser "
                "counts phases"
            )
        return best

    def why_none(self) -> str:
        """Why this is no resonance of the trace; empty if it is one."""
        centre, half_width = self.minimum.parameters[:2]
        if not (self.minimum.converged and abs(centre) <= 0.5):
            return "no resonance"
        if not 2 * abs(half_width) * _WIDTHS < 1:
            return "no resonance narrower than the span"
        if not 2 * abs(half_width) > _POINTS * self.trace.step:
            return "no resonance as wide as the distance of the points"
        if not self._significant():
            if self.goodness.good:
                return "no resonance above the noise"
            return f"no single resonance: {self.goodness}"
        leak, leak_error = self.leak
        if abs(leak) - _CLEAR * leak_error > _LEAKIEST:
            return (
                f"the circle leans by {leak:.2f} of the reflection off resonance: a leak past the "
                "circulator beyond -6 dB, or a resonator beside the line"
            )
        if self.diameter[0] >= 2:
            return (
                f"the circle's diameter is {self.diameter[0]:.3g} of the reflection off resonance, "
                "must be below 2: a leak past the circulator, or a transmission"
            )
        return ""

    def _significant(self) -> bool:
        """Whether the resonance stands out of the noise."""
        (d, error), width_error = self.diameter, self.errors[1]
        if not (d > _CLEAR * error and 0 < 2 * width_error < abs(self.minimum.parameters[1])):
            return False
        if 2 * abs(self.minimum.parameters[1]) < _NARROW:
            return True
        return self._worth() > _WORTH * (1 + FEW / self.goodness.dof)

    def _worth(self) -> float:
        """By how much the resonance lowers chi2 times degrees of freedom."""
        x, values = self.trace.x, self.trace.values
        start = line_alone(self.trace)

        def residuals(line: FloatArray) -> tuple[FloatArray, FloatArray]:
            value, jacobian = model(np.concatenate([start[:4], line]), x)
            return in_parts(value - values), in_parts(jacobian[:, 4:])

        without = minimise(residuals, start[4:])
        return (without.cost / self.minimum.cost - 1) * self.goodness.dof / self.goodness.stretch

    def result(self) -> Reflection:
        """In units of the instrument."""
        p, errors, trace = self.minimum.parameters, self.errors, self.trace
        centre, half_width, _, _, re, im, slope, bend, _ = p[:9]
        frequency = trace.middle_hz + trace.span_hz * centre
        loaded_q = frequency / (2 * trace.span_hz * abs(half_width))
        d, d_error = self.diameter
        systematic = self._of_the_leak()
        beta_error = 2 * d_error / (2 - d) ** 2
        beta_systematic = self._of_a_leak_in_phase(d)
        delay = -(slope + 2 * bend * centre) / (2 * np.pi * trace.span_hz)
        return Reflection(
            frequency_hz=float(frequency),
            frequency_hz_error=float(trace.span_hz * errors[0]),
            frequency_hz_systematic=float(trace.span_hz * systematic[0]),
            loaded_q=float(loaded_q),
            loaded_q_error=float(loaded_q * errors[1] / abs(half_width)),
            loaded_q_systematic=float(loaded_q * systematic[1] / abs(half_width)),
            beta=float(d / (2 - d)),
            beta_error=float(np.hypot(beta_error, beta_systematic)),
            beta_systematic=float(beta_systematic),
            amplitude=float(trace.scale * np.hypot(re, im)),
            delay_s=float(np.sign(half_width) * delay),
            leak=self.leak[0],
            leak_error=self.leak[1],
            opposite_phase=bool(half_width < 0),
            goodness=self.goodness,
        )

    def _of_the_leak(self) -> FloatArray:
        """What not knowing the leak at right angles adds to each error."""
        re, im = self.minimum.parameters[2:4]
        with_leak = self.covariance[:, 2:4] @ np.array([-im / re**2, 1 / re])
        return np.abs(with_leak) / max(self.leak[1], 1e-150)

    def _of_a_leak_in_phase(self, d: float) -> float:
        """What a leak in phase with the reflection may do to beta: the larger of both sides."""
        leak, error = self.leak
        seen = max(0.0, abs(leak) - _SEEN * error)
        # A leak seen beyond twice what the isolation allows belies it, and is believed.
        believed = seen > 2 * self.allowed or np.isinf(self.allowed)
        size = seen if believed else self.allowed
        low, high = d * (1 - size), min(d * (1 + size), _LARGEST)
        beta = d / (2 - d)
        return max(abs(high / (2 - high) - beta), abs(beta - low / (2 - low)))


def _best(trace: Swept, allowed: float, opposite: bool | None) -> _Fit:
    """Fit by the simplest model that describes the trace, from as many starts as it takes."""
    found = _fit(trace, allowed, kajfez(trace), BENT)
    if found.goodness.doubtful or found.why_none():
        others = [_fit(trace, allowed, start, BENT) for start in more_starts(trace)]
        found = min(found, *others, key=lambda fit: fit.minimum.cost)
    if found.cut_off or found.goodness.doubtful or opposite not in (None, found.opposite):
        mirror = mirrored(found.minimum.parameters, trace.x)
        found = found.or_other(_fit(trace, allowed, mirror, BENT), opposite)
    if found.goodness.doubtful:
        twisted = _fit(trace, allowed, found.minimum.parameters, TWISTED)
        if twisted.minimum.converged and twisted.goodness.improves(found.goodness):
            return twisted
    return found


def _fit(trace: Swept, allowed: float, start: FloatArray, count: int) -> _Fit:
    """Fit ``count`` parameters from a start (9,) or more."""
    found = np.concatenate([start, np.zeros(count - start.size)])
    noise = noise_of(model(found, trace.x)[0] - trace.values, 1.0)
    for _ in range(_ROUNDS):
        minimum = minimise(partial(_residuals, trace=trace, weight=noise / allowed), found)
        found, before = minimum.parameters, noise
        left = minimum.residual[: 2 * trace.x.size].reshape(2, -1)
        noise = noise_of(left[0] + 1j * left[1], 1.0)
        if np.isinf(allowed) or before < _LIKE * noise:
            break
    height = float(abs(complex(*found[2:4])) * np.hypot(*found[4:6]))
    goodness = goodness_of(
        left[0] + 1j * left[1], count, height, largest=1.0, converged=minimum.converged
    )
    variance = float(np.sum(left**2)) / goodness.dof * goodness.stretch
    return _Fit(trace, allowed, minimum, goodness, minimum.covariance(variance))


def _residuals(p: FloatArray, trace: Swept, weight: float) -> tuple[FloatArray, FloatArray]:
    """Model minus trace, and last, on the scale of the noise, what the isolation says of q."""
    value, jacobian = model(p, trace.x)
    residual, by = in_parts(value - trace.values), in_parts(jacobian)
    if not weight:
        return residual, by
    leak = np.zeros((1, p.size))
    leak[0, 2:4] = -p[3] / p[2] ** 2, 1 / p[2]
    return np.append(residual, weight * p[3] / p[2]), np.vstack([by, weight * leak])
