"""What is known of earlier spectra, held so that one more is found among many of them quickly.

Fingerprints (module ``distinct``) are compared by their scalar product. What is not near is told by
a sketch first: the signs of a fingerprint that was turned at random. Of two unit vectors at an
angle, a share angle/pi of these signs differs, whatever the vectors are made of (Charikar, STOC
2002), so that 128 bytes say which of the others, of 4 kB, are worth the product.

Landmarks (module ``copies``) are looked up in trees. Each tree holds the landmarks of about twice
as many spectra as the next one, so that few trees are asked and a landmark is sorted in again only
when the number of spectra has doubled (Bentley and Saxe, J. Algorithms 1, 301 (1980)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from haloscope.analysis.copies import CONFIRMED, LOOKED_UP, NEAR, Landmarks, confirmed
from haloscope.analysis.distinct import alike_above, random_signs

__all__ = ["KnownLandmarks", "KnownMarks"]

_BLOCK: Final = 256
_WORD: Final = 64
#: Standard deviations of the number of differing signs that are granted: one copy in a thousand
#: million is missed at the very limit of what counts as one, none above it.
_GRANTED: Final = 6.0
#: Spectra whose landmarks are not in a tree yet.
_YOUNG: Final = 16
#: Scalar product of the noise about two landmarks that may be one, at least.
_LEAST_PRODUCT: Final = 1 - 0.5 * (NEAR**2 + 8 * CONFIRMED**2) - 1e-5


class KnownMarks:
    """Fingerprints of one length.

    Args:
        size: Their length.
    """

    def __init__(self, size: int) -> None:
        self._blocks: list[NDArray[np.float32]] = []
        self._numbers: list[int] = []
        self._sketches = np.zeros((-(-size // _WORD), _BLOCK), np.uint64)
        self._last: tuple[NDArray[np.float32], NDArray[np.uint64]] | None = None
        self._limit = alike_above(size)
        share = math.acos(self._limit) / math.pi
        self._most_differing = size * share + _GRANTED * math.sqrt(size * share * (1 - share))

    def alike(self, mark: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
        """Numbers of those that carry the same noise, in their order, with its correlation."""
        held = self._sketches[:, : len(self._numbers)]
        differing = np.bitwise_count(held ^ self._sketch(mark)[:, None]).sum(0, dtype=np.uint16)
        for row in np.flatnonzero(differing <= self._most_differing).tolist():
            correlation = float(self._blocks[row // _BLOCK][row % _BLOCK] @ mark)
            if correlation > self._limit:
                yield self._numbers[row], correlation

    def add(self, mark: NDArray[np.float32], number: int) -> None:
        """Keep the fingerprint of spectrum ``number``."""
        row = len(self._numbers)
        if row % _BLOCK == 0:
            self._blocks.append(np.empty((_BLOCK, len(mark)), np.float32))
        if row == self._sketches.shape[1]:
            self._sketches = np.concatenate([self._sketches, np.zeros_like(self._sketches)], axis=1)
        self._blocks[-1][row % _BLOCK] = mark
        self._sketches[:, row] = self._sketch(mark)
        self._numbers.append(number)

    def _sketch(self, mark: NDArray[np.float32]) -> NDArray[np.uint64]:
        """Of one that is looked for, and then most often kept."""
        if self._last is None or self._last[0] is not mark:
            self._last = mark, _sketch(mark)
        return self._last[1]


def _sketch(mark: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Signs of a fingerprint that was turned: as many bits as it has numbers, shape (words,)."""
    # With signs at random the Fourier transform of anything looks like noise.
    turned = np.fft.rfft(mark * random_signs("sketch of a spectrum", len(mark)))
    signs = np.zeros(-(-len(mark) // _WORD) * _WORD, dtype=bool)
    signs[: len(turned)] = turned.real > 0
    signs[len(turned) : len(mark)] = turned.imag[1 : (len(mark) + 1) // 2] > 0
    return np.packbits(signs).view(np.uint64)


@dataclass(frozen=True)
class _Tree:
    """Landmarks of some spectra, sorted."""

    spectra: int
    marks: Landmarks
    tree: cKDTree

    @classmethod
    def of(cls, spectra: int, marks: Landmarks) -> _Tree:
        return cls(spectra, marks, cKDTree(_stretched(marks.around)))

    def near(self, around: NDArray[np.float32]) -> NDArray[np.int64]:
        """Pairs of landmarks, ``_stretched``, and of these that may be one."""
        within = CONFIRMED * (1 + 1e-6)
        # Whether there is any is asked first: to list them costs ten times more.
        nearest, _ = self.tree.query(around, p=np.inf, distance_upper_bound=within)
        some = np.flatnonzero(np.isfinite(nearest))
        if not some.size:
            return np.zeros((0, 2), np.int64)
        listed: Any = self.tree.query_ball_point(around[some], within, p=np.inf)
        pairs = [(mine, theirs) for mine, many in zip(some, listed, strict=True) for theirs in many]
        return np.array(pairs, dtype=np.int64)


def _stretched(around: NDArray[np.float32]) -> NDArray[np.float32]:
    """Numbers about landmarks, of which none of two that may be one differ by above CONFIRMED."""
    stretched = around.copy()
    stretched[:, LOOKED_UP] *= CONFIRMED / NEAR
    return stretched


class KnownLandmarks:
    """Landmarks of spectra, numbered."""

    def __init__(self) -> None:
        self._trees: list[_Tree] = []
        self._young: list[Landmarks] = []

    def same(self, own: Landmarks) -> Iterator[tuple[int, int, int]]:
        """Spectra that have a landmark of these.

        Returns:
            For each pair the number of the earlier spectrum and the landmark's bin in the new one
            and in that.
        """
        if not len(own):
            return
        young = Landmarks.together(self._young)
        around = _stretched(own.around)
        looked_up = [(tree.marks, tree.near(around)) for tree in self._trees]
        looked_up.append((young, np.argwhere(own.around @ young.around.T > _LEAST_PRODUCT)))
        for known, pairs in looked_up:
            apart = own.around[pairs[:, 0], LOOKED_UP] - known.around[pairs[:, 1], LOOKED_UP]
            near = (apart.astype(np.float64) ** 2).sum(axis=1) <= NEAR**2
            for mine, theirs in confirmed(own, known, pairs[near]):
                yield int(known.row[theirs]), int(own.place[mine]), int(known.place[theirs])

    def add(self, own: Landmarks) -> None:
        """Keep the landmarks of one more spectrum."""
        self._young.append(own)
        if len(self._young) < _YOUNG:
            return
        spectra, marks = _YOUNG, self._young
        while self._trees and self._trees[-1].spectra <= spectra:
            before = self._trees.pop()
            spectra, marks = spectra + before.spectra, [before.marks, *marks]
        self._trees.append(_Tree.of(spectra, Landmarks.together(marks)))
        self._young = []
