"""Copies that are not where they were: the same noise further along, backwards, or mixed.

Module ``distinct`` compares spectra bin by bin. A copy about another target, or with another start
of its axis, is shifted by any number of bins: it is found by landmarks, bins higher than all within
a block on either side, and by the noise around them. A spectrum made of several others (their mean,
added to them) has noise of which each holds a little: of spectra of one place the noise of each is
fitted by that of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from haloscope.analysis.blocks import PowerRows, worked
from haloscope.analysis.distinct import (
    SameDataError,
    alike_above,
    fingerprints,
    fingerprints_of,
    second_differences,
)
from haloscope.analysis.ranges import FloatArray

__all__ = [
    "CONFIRMED",
    "LOOKED_UP",
    "NEAR",
    "Landmarks",
    "confirmed",
    "demand_none_elsewhere",
    "demand_none_mixed",
    "landmarks",
]

_BLOCK: Final = 128
#: Bins from a landmark whose sums on both sides describe it: the same read backwards. A tone makes
#: a landmark, and reaches two bins.
_AROUND: Final = np.arange(3, 15)
#: Of the twelve numbers, those that are looked up; the others confirm.
LOOKED_UP: Final = slice(0, 12, 3)
NEAR: Final = 0.03
#: What any of the twelve may be apart.
CONFIRMED: Final = 0.06
#: Spectra whose landmarks are looked for at a time. More of them free a megabyte at once, which
#: goes back to the system and is asked for again page by page: as long as the search itself.
_FEW_ROWS: Final = 2
#: Pairs that are confirmed together: of long stacks many agree by chance.
_AT_ONCE: Final = 1 << 16
#: Share of a spectrum's noise that others explain, of which it is made of them.
_MIXED: Final = 0.5


class Landmarks:
    """Landmarks of spectra.

    Attributes:
        row: Spectrum of each, shape (k,).
        place: Its bin, shape (k,).
        around: The noise about it, of unit length, shape (k, 12).
    """

    def __init__(
        self, row: NDArray[np.int64], place: NDArray[np.int64], around: NDArray[np.float32]
    ) -> None:
        self.row, self.place, self.around = row, place, around

    @classmethod
    def none(cls) -> Landmarks:
        """No landmark."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, np.zeros((0, len(_AROUND)), np.float32))

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def together(cls, parts: Sequence[Landmarks]) -> Landmarks:
        """Those of several lots of spectra."""
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.place for part in parts]),
            np.concatenate([part.around for part in parts]),
        )


def landmarks(power: PowerRows, first_row: int = 0) -> Landmarks:
    """Landmarks of spectra, shape (n, bins), numbered from ``first_row``; read block by block."""

    def work(rows: slice) -> Landmarks:
        block, first = power[rows], first_row + rows.start
        few = range(0, len(block), _FEW_ROWS)
        return Landmarks.together([_of_rows(block[k : k + _FEW_ROWS], first + k) for k in few])

    return Landmarks.together(list(worked(work, len(power))))


def _of_rows(power: NDArray[np.floating], first_row: int) -> Landmarks:
    mark = second_differences(power, power.shape[1])
    blocks = mark[:, : mark.shape[1] // _BLOCK * _BLOCK].reshape(len(power), -1, _BLOCK)
    if not blocks.shape[1]:
        return Landmarks.none()
    at = blocks.argmax(axis=2)
    top = np.take_along_axis(blocks, at[:, :, None], axis=2)[:, :, 0]
    place = at + _BLOCK * np.arange(blocks.shape[1])
    near = np.diff(place, axis=1) <= _BLOCK
    highest = top > 0
    highest[:, 1:] &= ~(near & (top[:, :-1] >= top[:, 1:]))
    highest[:, :-1] &= ~(near & (top[:, 1:] > top[:, :-1]))
    highest &= (place > _AROUND[-1]) & (place < mark.shape[1] - _AROUND[-1] - 1)
    row, column = np.nonzero(highest)
    where = place[row, column]
    around = mark[row[:, None], where[:, None] + _AROUND]
    around = around + mark[row[:, None], where[:, None] - _AROUND]
    length = np.sqrt((around**2).sum(axis=1))
    some = length > 0
    unit = (around[some] / length[some, None]).astype(np.float32)
    return Landmarks(row[some] + first_row, where[some], unit)


def demand_none_elsewhere(
    power: PowerRows, averages: FloatArray, name: Callable[[int], str]
) -> None:
    """Refuse spectra of which two carry the same noise, anywhere and in either direction.

    Args:
        power: Shape (n, bins); read block by block.
        averages: Periodograms in each, shape (n,).
        name: Of a spectrum, by its number.

    Raises:
        SameDataError: Names two, and by how much one is shifted.
    """
    marks = landmarks(power)
    if len(marks) < 2:
        return
    pairs = cKDTree(marks.around[:, LOOKED_UP]).query_pairs(NEAR, output_type="ndarray")
    for one, other in confirmed(marks, marks, pairs):
        first, second = sorted((one, other), key=lambda mark: int(marks.row[mark]))
        rows = int(marks.row[first]), int(marks.row[second])
        if rows[0] == rows[1]:
            continue
        one_power, other_power = (power[row : row + 1][0] for row in rows)
        words = _same_noise(
            one_power, other_power, int(marks.place[first]), int(marks.place[second]),
            averages[list(rows)],
        )  # fmt: skip
        if words:
            raise SameDataError(
                f"spectra: {name(rows[0])} and {name(rows[1])} carry the same noise, {words}: the "
                "same data twice; leave one of them out"
            )


def confirmed(
    one: Landmarks, other: Landmarks, pairs: NDArray[np.integer]
) -> Iterator[tuple[int, int]]:
    """Of pairs that were looked up, shape (n, 2), those about which the noise is the same."""
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        apart = np.abs(one.around[some[:, 0]] - other.around[some[:, 1]]).max(axis=1)
        yield from some[apart < CONFIRMED].tolist()


def _same_noise(
    one: NDArray[np.floating],
    other: NDArray[np.floating],
    place: int,
    other_place: int,
    averages: FloatArray,
) -> str:
    """In which way two spectra carry the same noise, in words; "" if they do not.

    Args:
        one: Shape (bins,).
        other: Shape (other bins,).
        place: Bin of a landmark in the first.
        other_place: Bin of it in the second, if it is the same.
        averages: Periodograms in both.
    """
    marks = [fingerprints(p[None], averages[k : k + 1], len(p)) for k, p in enumerate((one, other))]
    if not all(noisy[0] for _, noisy in marks):
        return ""
    (first,), (second,) = (mark for mark, _ in marks)
    backwards = second[::-1]
    for read, at, way in (
        (second, other_place, "shifted"),
        (backwards, len(second) - 1 - other_place, "backwards, shifted"),
    ):
        shift = place - at
        low, high = max(shift, 0), min(len(first), len(read) + shift)
        a, b = first[low:high], read[low - shift : high - shift]
        length = float(np.sqrt((a @ a) * (b @ b)))
        if length > 0 and (alike := float(a @ b) / length) > alike_above(len(a)):
            return f"{way} by {abs(shift)} bins (correlation {alike:.2f})"
    return ""


def demand_none_mixed(
    power: PowerRows,
    place: NDArray[np.integer],
    averages: FloatArray,
    name: Callable[[int], str],
) -> None:
    """Refuse a spectrum made of others of its place: their mean, or a sum that goes on.

    Args:
        power: Shape (n, bins); read block by block.
        place: Number of the first bin of each on the frequency axis, shape (n,).
        averages: Periodograms in each, shape (n,).
        name: Of a spectrum, by its number.

    Raises:
        SameDataError: Names it, and those that it is made of.
    """
    order = np.argsort(place, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        if len(rows) < 3 or len(rows) > power.shape[1] // 8:
            continue
        known, noisy = fingerprints_of(power, averages, max(1024, 32 * len(rows)), rows=rows)
        rows, marks = rows[noisy], known[noisy].astype(np.float64)
        inverse = np.linalg.inv(marks @ marks.T + 1e-6 * np.eye(len(rows)))
        explained = 1 - 1 / np.diag(inverse)
        made = np.flatnonzero(explained > _MIXED)
        if not made.size:
            continue
        # Of a sum and its parts each is given by the others: the sum has the most periodograms.
        whole = int(made[np.lexsort((made, averages[rows[made]]))[-1]])
        share = np.abs(inverse[whole])
        share[whole] = 0
        parts = np.flatnonzero(share > 0.3 * share.max())
        named = ", ".join(name(int(rows[k])) for k in parts[:5])
        raise SameDataError(
            f"spectra: {name(int(rows[whole]))} is made of others of its place ({named}"
            f"{', ...' if len(parts) > 5 else ''}; {explained[whole]:.0%} of its noise is theirs): "
            "the same data twice; leave it out"
        )
