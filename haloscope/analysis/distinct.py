"""The same data told apart from data that are alike.

Nothing may enter an analysis twice: a limit from every spectrum doubled is 16 % too strong.
Spectra are the same if they have one label, or if they carry the same noise, whatever was done to
their scale, precision or length since.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.blocks import PowerRows, worked
from haloscope.analysis.ranges import FloatArray
from instruments.random import generator

__all__ = [
    "Noises",
    "SameDataError",
    "alike_above",
    "bin_scatter",
    "demand_own_labels",
    "demand_own_noise",
    "fingerprints",
    "fingerprints_of",
    "random_signs",
    "second_differences",
]

_BINS = 1024  # What is compared of each spectrum.
_ALIKE = 0.5  # Correlation of two noises of which at least half is one.
_TONE_SIGMA = 2.5  # What sticks out further is left out: tones that all have make none alike.
_NO_NOISE = 0.1  # Scatter below this share of the radiometer equation's is none.
_OF_WHITE_NOISE = math.sqrt(6) / 4  # Second difference over four times the mean, per bin's sigma.
_AT_ONCE = 512
_FEW = 2048  # Of so many the products of all pairs are soon made.
_FOLD = 3  # Numbers of a fingerprint that are summed before many are compared.
_BY_CHANCE_SIGMA = 3.0  # Sums of spectra that share nothing: one pair in a thousand is above.
_FOLDED_SIGMA = 6.0  # What such sums may be off: one pair in a thousand million by more.
_KNOWN_BY = 512  # Bins by which spectra in sums are known again.
_WAITING = 64  # Spectra in sums whose noise nobody has asked for yet.


class SameDataError(ValueError):
    """The same spectrum stands in a stack twice; names both."""


def demand_own_labels(labels: Sequence[str], numbers: Sequence[int] | None = None) -> None:
    """Refuse labels of which two are one.

    Args:
        labels: Of n spectra, or none.
        numbers: Theirs, shape (n,); counted from 0 if not given.

    Raises:
        SameDataError: Names the spectra and the label.
    """
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        named = range(len(labels)) if numbers is None else numbers
        rows = [row for row, label in zip(named, labels, strict=True) if label == twice[0]]
        more = f" ({len(twice) - 1} more labels likewise)" if len(twice) > 1 else ""
        raise SameDataError(
            f"spectra: spectra {rows[0]} and {rows[1]} are both labelled {twice[0]!r}: the same "
            f"data twice, or a label that is not one; leave one of them out{more}"
        )


def demand_own_noise(power: PowerRows, averages: FloatArray, name: Callable[[int], str]) -> None:
    """Refuse spectra of which two carry the same noise.

    Args:
        power: Shape (n, bins); read block by block.
        averages: Periodograms in each, shape (n,).
        name: Of a spectrum, by its number.

    Raises:
        SameDataError: Names both, and counts the others.
    """
    pairs = list(_copies(power, averages))
    if pairs:
        one, other, alike = pairs[0]
        more = f" ({len(pairs) - 1} more pairs likewise)" if len(pairs) > 1 else ""
        raise SameDataError(
            f"spectra: {name(one)} and {name(other)} carry the same noise (correlation "
            f"{alike:.2f}): the same data twice; leave one of them out{more}"
        )


def _copies(power: PowerRows, averages: FloatArray) -> Iterator[tuple[int, int, float]]:
    """Pairs of spectra that carry the same noise, with the correlation of it."""
    marks, noisy = fingerprints_of(power, averages)
    yield from _alike_pairs(marks, alike_above(marks.shape[1]))
    seen: dict[bytes, int] = {}
    for row in np.flatnonzero(~noisy).tolist():
        first = seen.setdefault(hashlib.sha256(power[row : row + 1].tobytes()).digest(), row)
        if first != row:
            yield first, row, 1.0


def _alike_pairs(marks: NDArray[np.float32], limit: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of vectors of unit length, shape (n, k), whose product is above a limit, in order.

    Of many vectors the products of all pairs are more work than the analysis. Then vectors of a
    third of the length are compared first: sums of three numbers with signs drawn at random, whose
    products are those of the vectors within ``_FOLDED_SIGMA`` standard errors. Where that is so
    much that pairs pass by chance, as of short vectors, nothing is gained by it.
    """
    count, size = marks.shape
    near, first = marks, limit
    least = limit - _FOLDED_SIGMA * math.sqrt((1 + limit**2) * (_FOLD - 1) / size)
    if count > _FEW and least > _BY_CHANCE_SIGMA * math.sqrt(_FOLD / size):
        near, first = _folded(marks), least
    for start in range(0, count, _AT_ONCE):
        product = near[start : start + _AT_ONCE] @ near[start:].T
        one, other = np.nonzero(product > first)
        after = other > one
        one, other = one[after], other[after]
        alike = product[one, other]
        if near is not marks:
            alike = _products(marks, one + start, other + start)
        for k in np.flatnonzero(alike > limit).tolist():
            yield int(one[k]) + start, int(other[k]) + start, float(alike[k])


def _folded(marks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of ``_FOLD`` numbers each, with signs, shape (n, k/_FOLD)."""
    size = marks.shape[1]
    signs = random_signs("folded fingerprints", size)
    folded = np.zeros((len(marks), -(-size // _FOLD)), np.float32)
    for part in range(_FOLD):
        own = marks[:, part::_FOLD] * signs[part::_FOLD]
        folded[:, : own.shape[1]] += own
    return folded


@lru_cache(maxsize=64)
def random_signs(purpose: str, size: int) -> NDArray[np.float32]:
    """Ones with signs drawn at random, the same ones whenever for one purpose, shape (size,)."""
    drawn = generator(0, purpose, size).integers(0, 2, size)
    return (2.0 * drawn - 1.0).astype(np.float32)


def _products(
    marks: NDArray[np.float32], one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Scalar products of pairs, shape (pairs,)."""
    found = np.empty(len(one), np.float32)
    for start in range(0, len(one), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        found[part] = np.einsum("nk,nk->n", marks[one[part]], marks[other[part]])
    return found


def alike_above(bins: int) -> float:
    """Correlation above which marks of this many bins are of one noise, not by chance.

    Second differences of white noise are correlated, so that ``bins`` of them are worth half as
    many.
    """
    return min(max(_ALIKE, 6 * math.sqrt(1.94 / bins)), 0.95)


def fingerprints(
    power: NDArray[np.floating], averages: FloatArray, bins: int = _BINS
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The noise of spectra as vectors of unit length: their scalar product is its correlation.

    The relative second difference along the spectrum depends neither on the gain nor on a smooth
    baseline.

    Args:
        power: Shape (n, bins).
        averages: Periodograms in each, shape (n,).
        bins: Most that are compared, about the middle.

    Returns:
        Vectors, shape (n, k), zero for spectra without noise, and which spectra have noise.
    """
    mark = second_differences(power, bins)
    if not mark.shape[1]:
        return np.zeros((len(power), 1), np.float32), np.zeros(len(power), dtype=bool)
    spread = 1.4826 * np.median(np.abs(mark), axis=1)
    noisy = spread > _NO_NOISE * _OF_WHITE_NOISE / np.sqrt(averages)
    mark /= np.where(noisy, spread, np.inf)[:, None]
    mark[np.abs(mark) > _TONE_SIGMA] = 0.0
    mark /= np.maximum(np.sqrt((mark**2).sum(axis=1)), 1e-300)[:, None]
    return mark.astype(np.float32), noisy


def fingerprints_of(
    power: PowerRows,
    averages: FloatArray,
    bins: int = _BINS,
    *,
    rows: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """``fingerprints`` of spectra that are read block by block: of ``rows``, or of all."""
    count = len(power) if rows is None else len(rows)
    marks = np.empty((count, max(min(power.shape[1], bins) - 2, 1)), np.float32)
    noisy = np.empty(count, dtype=bool)

    def work(part: slice) -> None:
        own = part if rows is None else rows[part]
        marks[part], noisy[part] = fingerprints(power[own], averages[own], bins)

    for _ in worked(work, count):
        pass
    return marks, noisy


class Noises:
    """The noise of spectra by some of their bins, to know them again in other sums."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.float32]] = []
        self._waiting: list[tuple[NDArray[np.floating], FloatArray]] = []

    def add(self, power: NDArray[np.floating], averages: FloatArray) -> None:
        """Keep that of spectra of relative power, shape (n, bins)."""
        first = max((power.shape[1] - _KNOWN_BY) // 2, 0)
        for row, own in enumerate(power[:, first : first + _KNOWN_BY]):
            self._waiting.append((own[None].copy(), averages[row : row + 1]))
            if len(self._waiting) >= _WAITING:
                self._look()

    def take(self, power: NDArray[np.floating], averages: FloatArray) -> None:
        """Forget that of spectra."""
        gone = fingerprints(power, averages, _KNOWN_BY)[0]
        marks = self._marks()
        self._parts = [marks[~_alike(marks, gone).any(axis=1)]]

    def shared(self, other: Noises) -> int:
        """How many of these spectra are among the others."""
        return int(_alike(self._marks(), other._marks()).any(axis=1).sum())

    def join(self, other: Noises) -> None:
        """Keep those of others too."""
        self._look()
        self._parts.append(other._marks())

    def _marks(self) -> NDArray[np.float32]:
        """Of all of them, shape (n, k)."""
        self._look()
        held = [part for part in self._parts if len(part)]
        self._parts = [np.concatenate(held)] if held else [np.zeros((0, 1), np.float32)]
        return self._parts[0]

    def _look(self) -> None:
        """Find the noise of those that wait for it: of many at once it takes no longer."""
        if self._waiting:
            power, averages = (np.concatenate(both) for both in zip(*self._waiting, strict=True))
            self._parts.append(fingerprints(power, averages, _KNOWN_BY)[0])
            self._waiting = []


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    if one.shape[1] != other.shape[1]:
        return np.zeros((len(one), len(other)), dtype=bool)
    return one @ other.T > alike_above(one.shape[1])


def bin_scatter(power: NDArray[np.floating]) -> FloatArray:
    """Relative standard deviation of a bin, from second differences in the middle, shape (n,).

    A smooth baseline has no part in it, nor have tones in a few bins.
    """
    mark = second_differences(power)
    if not mark.shape[1]:
        return np.zeros(len(power))
    spread: FloatArray = 1.4826 * np.median(np.abs(mark), axis=1) / _OF_WHITE_NOISE
    return spread


def second_differences(power: NDArray[np.floating], bins: int = _BINS) -> FloatArray:
    """Relative to the mean, of ``bins`` bins in the middle, shape (n, k); 0 where none is one."""
    first = max((power.shape[1] - bins) // 2, 0)
    part = power[:, first : first + bins].astype(np.float64)
    with np.errstate(all="ignore"):
        outer = part[:, 2:] + part[:, :-2]
        inner = 2 * part[:, 1:-1]
        mark: FloatArray = outer - inner
        mark /= np.add(outer, inner, out=outer)
    none = ~np.isfinite(mark)
    if none.any():
        mark[none] = 0.0
    return mark
