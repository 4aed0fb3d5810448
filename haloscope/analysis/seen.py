"""Spectra that came before, to tell one that comes again: ``distinct`` and ``copies``, live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from haloscope.analysis.copies import LOOKED_UP, NEAR, Landmarks, confirmed, landmarks
from haloscope.analysis.distinct import alike_above, fingerprints

_MOST_BINS: Final = 16_384
#: Spectra whose landmarks are not in the tree yet.
_YOUNG: Final = 64
#: Landmarks that agree on a shift: by chance not even one does.
_FEWEST: Final = 2


class _Marks:
    """Fingerprints of one length in one array: one product compares a spectrum with all of them.

    Args:
        size: Their length.
    """

    def __init__(self, size: int) -> None:
        self._rows = np.empty((_YOUNG, size), np.float32)
        self._numbers: list[int] = []

    def alike(self, mark: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
        """Numbers of those that carry the same noise, in their order, with its correlation."""
        found = self._rows[: len(self._numbers)] @ mark
        for row in np.flatnonzero(found > alike_above(len(mark))):
            yield self._numbers[row], float(found[row])

    def add(self, mark: NDArray[np.float32], number: int) -> None:
        """Keep the fingerprint of spectrum ``number``."""
        if len(self._numbers) == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[len(self._numbers)] = mark
        self._numbers.append(number)


class Seen:
    """Spectra that came before: tells one that comes again."""

    def __init__(self) -> None:
        self._labels: set[str] = set()
        self._names: list[str] = []
        self._marks: dict[int, _Marks] = {}
        self._old, self._young = Landmarks.none(), Landmarks.none()
        self._tree: cKDTree | None = None

    def again(self, power: NDArray[np.floating], averages: float, label: str) -> str:
        """Which earlier spectrum this one is, in words; "" for none. It is kept from now on.

        Args:
            power: Shape (bins,).
            averages: Periodograms in it.
            label: Of it; "" for none.
        """
        if label and label in self._labels:
            return f"a spectrum labelled {label} came before"
        (mark,), (noisy,) = fingerprints(power[None], np.array([averages]))
        name = f"spectrum {len(self._names)}{f' ({label})' if label else ''}"
        marks = self._marks.setdefault(len(mark), _Marks(len(mark)))
        for k, alike in marks.alike(mark) if noisy else ():
            return f"it carries the noise of {self._names[k]} (correlation {alike:.2f})"
        first = max((len(power) - _MOST_BINS) // 2, 0)
        own = landmarks(power[None, first : first + _MOST_BINS], len(self._names))
        if noisy and (words := self._elsewhere(own)):
            return words
        self._labels.add(label)
        marks.add(mark, len(self._names))
        self._names.append(name)
        self._keep(own)
        return ""

    def _elsewhere(self, own: Landmarks) -> str:
        """An earlier spectrum that has these landmarks at one shift, in words."""
        young = cKDTree(self._young.around[:, LOOKED_UP]) if len(self._young) else None
        shifts: Counter[tuple[int, str, int]] = Counter()
        for tree, known in ((self._tree, self._old), (young, self._young)):
            if tree is None or not len(own):
                continue
            # A few landmarks against many: walking both trees at once costs a hundred times more.
            near: Any = tree.query_ball_point(own.around[:, LOOKED_UP], NEAR)  # a list for each
            pairs = [(mine, theirs) for mine, many in enumerate(near) for theirs in many]
            looked_up = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            for mine, theirs in confirmed(own, known, looked_up):
                row, at, there = (
                    int(known.row[theirs]),
                    int(own.place[mine]),
                    int(known.place[theirs]),
                )
                shifts[row, "shifted", at - there] += 1
                shifts[row, "backwards", at + there] += 1
        for (row, way, _), count in shifts.most_common(1):
            if count >= _FEWEST:
                return f"it carries the noise of {self._names[row]}, {way}"
        return ""

    def _keep(self, own: Landmarks) -> None:
        self._young = self._young.joined(own)
        if len(np.unique(self._young.row)) >= _YOUNG:
            self._old, self._young = self._old.joined(self._young), Landmarks.none()
            self._tree = cKDTree(self._old.around[:, LOOKED_UP])
