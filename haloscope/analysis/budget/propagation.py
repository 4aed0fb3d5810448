"""From errors of what was measured to that of the expected power in every grand bin.

The strength of an axion in a grand bin is the mean over its spectra with weights w_i, the squares
of their SNRs. A relative error d_i of the power expected in spectrum i therefore moves it by sum
w_i d_i / sum w_i, all of one sign where the error is common, and by the root of the sum of squares
where each spectrum has its own. With x = 2 Q (nu - nu_c)/nu_c and L = 1/(1 + x^2),

    d ln P / d ln Q = (1 - x^2)/(1 + x^2),   d ln P / d ln beta = 1/(1 + beta),
    d ln P / d nu_c = 4 Q x L / nu_c,        twice the relative error of the field.

The error of the coupling is half of the power's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.budget.contributions import Contributions, Origin
from haloscope.analysis.budget.terms import TERMS, Term
from haloscope.analysis.spectra import FloatArray
from haloscope.axion import bin_fractions
from haloscope.lorentzian import lorentzian

__all__ = ["Budget", "Line", "added_by", "constant_budget", "of_sums", "propagated"]

_DB = np.log(10) / 10
#: Span of 99 % of the standard halo's line over its frequency, and into how many parts it is cut.
_SPAN, _PARTS = 2.4e-6, 16
#: A cavity of so many spans sees the whole line with one response.
_WIDE = 10.0


@dataclass(frozen=True)
class Line:
    """One term of a budget.

    Attributes:
        term: What of.
        origin: Measured, stated or assumed.
        power: Relative standard error of the expected power by it, shape (k,), per grand bin.
    """

    term: Term
    origin: Origin
    power: FloatArray

    @property
    def typical(self) -> float:
        """Relative error of the power in the median bin."""
        return float(np.median(self.power))


@dataclass(frozen=True)
class Budget:
    """Errors of the power that a DFSZ axion should have, per grand bin.

    Attributes:
        frequency_hz: Of the grand bins, shape (k,), Hz.
        lines: The terms, in the order of ``TERMS``.
    """

    frequency_hz: FloatArray
    lines: tuple[Line, ...]

    @property
    def total(self) -> FloatArray:
        """Relative error of the power by all terms, shape (k,)."""
        return self._of(lambda term: True)

    @property
    def common(self) -> FloatArray:
        """By the terms that all spectra share, shape (k,)."""
        return self._of(lambda term: term.common)

    @property
    def own(self) -> FloatArray:
        """By what each spectrum measured anew, shape (k,)."""
        return self._of(lambda term: not term.common)

    @property
    def noise(self) -> FloatArray:
        """By the systematic of T_n alone, shape (k,): all that the letter reckons with."""
        return self._of(lambda term: term.name == "noise_temperature")

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of the terms whose error nobody measured or stated for all spectra."""
        known = (Origin.MEASURED, Origin.STATED)
        return tuple(line.term.name for line in self.lines if line.origin not in known)

    def _of(self, wanted: Callable[[Term], bool]) -> FloatArray:
        squares = np.zeros(len(self.frequency_hz))
        # One by one: of a long scan all of them at once are more than anything else is then.
        for line in self.lines:
            if wanted(line.term):
                squares += np.square(line.power)
        return np.sqrt(squares, out=squares)


def constant_budget(frequency_hz: FloatArray, systematic: float) -> Budget:
    """A budget of T_n alone: for sums of which nothing else is known."""
    power = np.full(len(frequency_hz), systematic)
    line = Line(TERMS["noise_temperature"], Origin.ASSUMED, power)
    return Budget(np.asarray(frequency_hz, dtype=np.float64), (line,))


def propagated(rows: Contributions, frequency_hz: FloatArray) -> Budget:
    """The budget of spectra in grand bins.

    Args:
        rows: The spectra used.
        frequency_hz: Of the grand bins, ascending, shape (k,), Hz.
    """
    nu = np.asarray(frequency_hz, dtype=np.float64)
    names = tuple(rows.errors)
    total, sums = np.zeros(len(nu)), np.zeros((len(names), len(nu)))
    low, high = np.searchsorted(nu, (rows.low_hz, rows.high_hz))
    for row in np.flatnonzero(low < high).tolist():
        here = slice(int(low[row]), int(high[row]))
        weight, parts = added_by(rows, row, nu[here], names)
        total[here] += weight
        sums[:, here] += parts
    return of_sums(nu, total, sums, {name: rows.origins[name] for name in names})


def of_sums(
    frequency_hz: FloatArray, total: FloatArray, sums: FloatArray, origins: Mapping[str, Origin]
) -> Budget:
    """The budget by what spectra have added up to.

    Args:
        frequency_hz: Of the grand bins, shape (k,), Hz.
        total: Of their weights, shape (k,).
        sums: Of the weighted errors, or of their squares where each spectrum has its own
            (``added_by``), shape (terms, k). They become the budget: of a long scan they are the
            most that is held, and are not copied.
        origins: By the names of the terms, in their order.
    """
    seen = total > 0
    for number in _own(tuple(origins)):
        np.sqrt(sums[number], out=sums[number])
    sums /= np.where(seen, total, 1.0)
    _fill(sums, seen)
    pairs = zip(origins.items(), sums, strict=True)
    return Budget(frequency_hz, tuple(Line(TERMS[name], of, power) for (name, of), power in pairs))


def _fill(value: FloatArray, seen: NDArray[np.bool_]) -> None:
    """Give bins at the very edge of the windows the error of the nearest others; (terms, k)."""
    known, others = np.flatnonzero(seen), np.flatnonzero(~seen)
    if not known.size or not others.size:
        return
    place = np.interp(others, known, np.arange(known.size))
    before = place.astype(np.int64)
    after = np.minimum(before + 1, known.size - 1)
    share = place - before
    value[:, others] = (1 - share) * value[:, known[before]] + share * value[:, known[after]]


@lru_cache(maxsize=2)
def _line(wide: bool) -> tuple[tuple[float, float], ...]:
    """Parts of a line: how far above the axion, over its frequency, and share of its SNR^2."""
    if wide:
        return ((0.0, 1.0),)
    edges = np.linspace(0.0, _SPAN, _PARTS + 1)
    share = bin_fractions(1 + edges, 1.0) ** 2
    middle = 0.5 * (edges[1:] + edges[:-1])
    return tuple(zip(middle.tolist(), (share / share.sum()).tolist(), strict=True))


def added_by(
    rows: Contributions, row: int, nu: FloatArray, names: tuple[str, ...]
) -> tuple[FloatArray, FloatArray]:
    """What one spectrum adds to the sums of ``of_sums``: its weights (k,), its errors (terms, k).

    Over the whole line: a cavity that is no wider than it sees each part with another response.

    Args:
        rows: The spectra used.
        row: Which.
        nu: Of the grand bins, shape (k,), Hz.
        names: Of the terms.
    """
    total = np.zeros(len(nu))
    shaped: dict[str, FloatArray | float] = {}
    for above, share in _line(rows.loaded_q[row] * _SPAN * _WIDE < 1):
        at = nu * (1 + above)
        weight = share * rows.weight(row, at)
        total += weight
        for name, effect in _by_frequency(rows, row, at).items():
            shaped[name] = shaped.get(name, 0.0) + weight * effect
    of_beta = 1 / (1 + rows.beta[row])
    same = {**_SAME, "beta": of_beta, "beta_leak": of_beta}
    sums = np.multiply.outer(np.array([same.get(name, 0.0) for name in names]), total)
    for number, name in enumerate(names):
        if name in shaped:
            sums[number] = shaped[name]
    np.abs(sums, out=sums)
    sums *= np.array([rows.errors[name][row] for name in names])[:, None]
    sums[_own(names)] **= 2
    return total, sums


@lru_cache(maxsize=32)
def _own(names: tuple[str, ...]) -> list[int]:
    """Which terms each spectrum measured anew."""
    return [number for number, name in enumerate(names) if not TERMS[name].common]


#: Relative change of the expected power per unit of a term's error, where it is one number.
_SAME: Final = {
    **{term.name: _DB if term.unit == "dB" else 1.0 for term in TERMS.values()},
    "field": 2.0,
}


def _by_frequency(rows: Contributions, row: int, nu: FloatArray) -> dict[str, FloatArray]:
    """The same where it depends on the frequency."""
    cavity, q = rows.cavity_hz[row], rows.loaded_q[row]
    x = 2 * q * (nu - cavity) / cavity
    response = 1 / (1 + x**2)
    return {
        "loaded_q": (1 - x**2) * response,
        "cavity_frequency": 4 * q * x * response / cavity,
        **_of_the_jpa(rows, row, nu),
    }


def _of_the_jpa(rows: Contributions, row: int, nu: FloatArray) -> dict[str, FloatArray]:
    """Of its gain G = 1 + (G_0 - 1) l, l a Lorentzian: the power is divided by it."""
    peak, width = rows.jpa_gain[row], rows.jpa_bandwidth_hz[row]
    offset = nu - rows.jpa_hz[row]
    shape = lorentzian(offset, width)
    gain = 1 + (peak - 1) * shape
    slope = (peak - 1) * shape**2 / gain
    return {
        "jpa_gain_peak": _DB * peak * shape / gain,
        "jpa_bandwidth": 8 * slope * (offset / width) ** 2,
        "jpa_resonance": 8 * slope * offset / width**2,
    }
