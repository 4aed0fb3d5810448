"""The circle of a reflection resonance in the complex plane: its model, and where fits begin.

    S11 = A' T [delta / (1 + i t) - 1 - g x],   t = (x - centre) / half width

with T = exp(i x (slope + bend x + twist x^2)), x in units of the span. Parameters, in this order:
centre, half width, Re and Im of delta, Re and Im of A', slope, bend, g and, maybe, twist.

Starts: the linear fractional fit of Kajfez ("Linear fractional curve fitting for measurement of
high Q factors", IEEE Trans. MTT 42, 1149 (1994)), weighted by its own last denominator (C.
Sanathanan and J. Koerner, IEEE Trans. Autom. Control 8, 56 (1963)); what stands out of a parabolic
phase; and the mirror of a fit.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.measuring.traces import Swept

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

__all__ = [
    "BENT",
    "TWISTED",
    "in_parts",
    "kajfez",
    "line_alone",
    "mirrored",
    "model",
    "more_starts",
]

#: Number of parameters without and with the twist.
BENT, TWISTED = 9, 10
#: Slopes of the phase that a start is looked for among, rad over the span.
_SLOPES: Final = np.linspace(-12.0, 12.0, 49)
#: So many of the starts that miss the trace least are worth a fit.
_WORTH_A_FIT: Final = 3
#: Starts have a diameter of at least this, and of at most this below 2.
_SMALLEST: Final = 0.05
#: What keeps the equations of a start solvable for a trace without a circle.
_RIDGE: Final = 1e-12


def in_parts(z: ComplexArray) -> FloatArray:
    """Real parts before imaginary parts, along the first axis."""
    return np.concatenate([z.real, z.imag])


def model(p: FloatArray, x: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """Trace (P,) and its derivatives (P, number of parameters)."""
    centre, half_width = p[:2]
    delta, amplitude = complex(p[2], p[3]), complex(p[4], p[5])
    slope, bend, growth = p[6:9]
    twist = p[9] if p.size > BENT else 0.0
    t = (x - centre) / half_width
    turn = np.exp(1j * (slope + (bend + twist * x) * x) * x)
    line, circle = amplitude * turn, 1 / (1 + 1j * t)
    unit = turn * (delta * circle - 1 - growth * x)
    value, by_delta = amplitude * unit, line * circle
    jacobian = np.empty((x.size, p.size), dtype=np.complex128)
    jacobian[:, 0] = (1j * delta / half_width) * by_delta * circle
    jacobian[:, 1] = jacobian[:, 0] * t
    jacobian[:, 2], jacobian[:, 3] = by_delta, 1j * by_delta
    jacobian[:, 4], jacobian[:, 5] = unit, 1j * unit
    jacobian[:, 6] = 1j * x * value
    jacobian[:, 7] = x * jacobian[:, 6]
    jacobian[:, 8] = -x * line
    if p.size > BENT:
        jacobian[:, 9] = x * jacobian[:, 7]
    return value, jacobian


def kajfez(trace: Swept) -> FloatArray:
    """The start for a trace whose ends tell the slope of the line's phase."""
    return _kajfez_at(trace, _end_slope(trace))


def more_starts(trace: Swept) -> list[FloatArray]:
    """Starts for a trace whose ends do not: of many slopes the best, and what stands out most."""
    starts = sorted((_kajfez_at(trace, slope) for slope in _SLOPES), key=partial(_miss, trace))
    return [*starts[:_WORTH_A_FIT], _standing_out(trace)]


def mirrored(p: FloatArray, x: FloatArray) -> FloatArray:
    """A start with the magnitude of a fit, 1 / beta, and the circle run through the other way.

    d / (1 + i t) - 1 = -exp(-2 i arctan(t)) [(2 - d) / (1 - i t) - 1], and the parabola in the
    phase between the two goes into the line.
    """
    size = np.abs(model(p, x)[0])
    between = 2 * np.arctan((x - p[0]) / p[1])
    turn, slope, bend = np.polynomial.polynomial.polyfit(x, between, 2, w=size)
    line = -complex(p[4], p[5]) * np.exp(-1j * turn)
    d = float(np.clip(p[2], _SMALLEST, 2 - _SMALLEST))
    other = [p[0], -p[1], 2 - d, -p[3], line.real, line.imag, p[6] - slope, p[7] - bend, p[8]]
    return np.array(other)


def _end_slope(trace: Swept) -> float:
    """Slope of the phase in the outer eighths of the span, where the resonance matters little."""
    count = max(3, trace.x.size // 8)
    slopes = []
    for part in (slice(0, count), slice(-count, None)):
        phase = np.unwrap(np.angle(trace.values[part]))
        x = trace.x[part] - trace.x[part].mean()
        slopes.append(float(x @ phase) / float(x @ x))
    return 0.5 * (slopes[0] + slopes[1])


def _kajfez_at(trace: Swept, slope: float) -> FloatArray:
    """Kajfez: Gamma = (a1 u + a2) / (a3 u + 1) is linear in a1, a2, a3, once the line is undone.

    With u = x - c the pole c - 1 / a3 lies at nu0 + i w, and a1 / a3 is the reflection far off
    resonance.
    """
    x, data = trace.x, trace.values * np.exp(-1j * slope * trace.x)
    c = float(x[np.argmin(np.abs(data))])
    u = x - c
    matrix = np.stack([u, np.ones_like(u), -u * data], axis=1)
    weights = np.ones_like(u)
    for _ in range(2):  # the second spares a fit every third evaluation
        flat = matrix.conj() * weights[:, None]
        normal = flat.T @ matrix
        normal.flat[::4] *= 1 + _RIDGE
        a1, a2, a3 = np.linalg.solve(normal, flat.T @ data)
        weights = 1 / np.maximum(np.abs(1 + a3 * u) ** 2, 1e-12)
    pole = c - 1 / (a3 or _RIDGE)
    centre = float(np.clip(pole.real, -0.5, 0.5))
    half_width = float(np.clip(abs(pole.imag), 2 * trace.step, 0.5)) * (1 if pole.imag > 0 else -1)
    off = a1 / (a3 or _RIDGE) or _RIDGE
    on = (a1 * (centre - c) + a2) / (a3 * (centre - c) + 1)
    delta = 1 - on / off
    d = float(np.clip(delta.real, _SMALLEST, 2 - _SMALLEST))
    lean = float(np.clip(delta.imag, -0.5 * d, 0.5 * d))
    return np.array([centre, half_width, d, lean, -off.real, -off.imag, slope, 0.0, 0.0])


def line_alone(trace: Swept) -> FloatArray:
    """A start without a resonance: the line's phase, a parabola through the whole trace."""
    phase = np.unwrap(np.angle(trace.values))
    size = np.abs(trace.values)
    turn, slope, bend = np.polynomial.polynomial.polyfit(trace.x, phase, 2, w=size)
    line = -float(size.mean()) * np.exp(1j * turn)
    return np.array([0.0, 0.25, 0.0, 0.0, line.real, line.imag, slope, bend, 0.0])


def _standing_out(trace: Swept) -> FloatArray:
    """A start from what stands out of the line most, over places, widths and both senses."""
    p = line_alone(trace)
    turn = np.exp(1j * (p[6] + p[7] * trace.x) * trace.x)
    basis = np.linalg.qr(np.stack([np.ones_like(trace.x), trace.x], axis=1))[0]

    def free(rows: ComplexArray) -> ComplexArray:
        return rows - (rows @ basis) @ basis.T

    data = free(trace.values / turn)
    count = int(min(trace.x.size, 100))
    places = np.linspace(-0.5, 0.5, count)
    widths = np.geomspace(0.75 * trace.step, 0.4, 12)
    w, c = (grid.ravel() for grid in np.meshgrid(np.append(widths, -widths), places))
    shapes = free(np.asarray(1 / (1 + 1j * (trace.x - c[:, None]) / w[:, None])))
    size = np.sum(np.abs(shapes) ** 2, axis=1)
    fits = shapes.conj() @ data
    best = int(np.argmax(np.abs(fits) ** 2 / size))
    delta = fits[best] / size[best] / complex(p[4], p[5])
    p[:4] = c[best], w[best], delta.real or _RIDGE, delta.imag
    return p


def _miss(trace: Swept, start: FloatArray) -> float:
    """How far a start misses the trace."""
    return float(np.sum(np.abs(model(start, trace.x)[0] - trace.values) ** 2))
