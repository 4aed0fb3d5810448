"""Spectra that came before, to tell one that comes again: ``distinct`` and ``copies``, live."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from haloscope.analysis.copies import Landmarks, landmarks
from haloscope.analysis.distinct import fingerprints
from haloscope.analysis.known import KnownLandmarks, KnownMarks

_MOST_BINS: Final = 16_384
#: Landmarks that agree on a shift: by chance not even one does.
_FEWEST: Final = 2


class Seen:
    """Spectra that came before: tells one that comes again."""

    def __init__(self) -> None:
        self._labels: set[str] = set()
        self._names: list[str] = []
        self._marks: dict[int, KnownMarks] = {}
        self._landmarks = KnownLandmarks()

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
        if len(mark) not in self._marks:
            self._marks[len(mark)] = KnownMarks(len(mark))
        marks = self._marks[len(mark)]
        for k, alike in marks.alike(mark) if noisy else ():
            return f"it carries the noise of {self._names[k]} (correlation {alike:.2f})"
        first = max((len(power) - _MOST_BINS) // 2, 0)
        own = landmarks(power[None, first : first + _MOST_BINS], len(self._names))
        if noisy and (words := self._elsewhere(own)):
            return words
        self._labels.add(label)
        marks.add(mark, len(self._names))
        self._names.append(name)
        self._landmarks.add(own)
        return ""

    def _elsewhere(self, own: Landmarks) -> str:
        """An earlier spectrum that has these landmarks at one shift, in words."""
        shifts: Counter[tuple[int, str, int]] = Counter()
        for row, at, there in self._landmarks.same(own):
            shifts[row, "shifted", at - there] += 1
            shifts[row, "backwards", at + there] += 1
        for (row, way, _), count in shifts.most_common(1):
            if count >= _FEWEST:
                return f"it carries the noise of {self._names[row]}, {way}"
        return ""
