"""What is found among many spectra is what comparing with each of them finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from haloscope.analysis.copies import LOOKED_UP, NEAR, Landmarks, confirmed, landmarks
from haloscope.analysis.distinct import alike_above, fingerprints
from haloscope.analysis.known import KnownLandmarks, KnownMarks

AVERAGES = 500
Marks = NDArray[np.float32]


def noise(rng: np.random.Generator, count: int, bins: int) -> NDArray[np.float64]:
    power: NDArray[np.float64] = rng.standard_gamma(AVERAGES, (count, bins)) / AVERAGES
    return power


def marks_of(power: NDArray[np.floating]) -> Marks:
    return fingerprints(power, np.full(len(power), float(AVERAGES)))[0]


def half_of_the_bins(mark: Marks, other: Marks, share: float) -> Marks:
    taken = np.arange(len(mark)) < share * len(mark)
    return np.where(taken, mark, other)


def the_largest(mark: Marks, other: Marks, share: float) -> Marks:
    return np.where(np.abs(mark) >= np.quantile(np.abs(mark), 1 - share), mark, other)


def the_largest_against_the_rest(mark: Marks, other: Marks, share: float) -> Marks:
    return np.where(np.abs(mark) >= np.quantile(np.abs(mark), 1 - share), mark, -0.3 * mark)


def mixed(mark: Marks, other: Marks, share: float) -> Marks:
    return np.asarray(share * mark + (1 - share) * other)


def a_few_bins(mark: Marks, other: Marks, share: float) -> Marks:
    """Hardly noise any more: all of it in a few bins."""
    return np.where(np.arange(len(mark)) % 50 == 0, np.sign(mark), 1e-3 * other)


MADE: dict[str, Callable[[Marks, Marks, float], Marks]] = {
    "half of the bins": half_of_the_bins,
    "the largest bins": the_largest,
    "the largest bins, the rest upside down": the_largest_against_the_rest,
    "noise added": mixed,
    "a few bins": a_few_bins,
}


@pytest.mark.parametrize("bins", [4, 9, 30, 66, 200, 1024, 3000])
@pytest.mark.parametrize("how", MADE)
def test_a_sketch_loses_no_spectrum_that_the_product_finds(bins: int, how: str) -> None:
    rng = np.random.default_rng(bins)
    own = marks_of(noise(rng, 300, bins))
    known = KnownMarks(own.shape[1])
    for number, mark in enumerate(own):
        known.add(mark, 7 * number)
    limit, found = alike_above(own.shape[1]), 0
    for share in np.linspace(0.02, 1.0, 60):
        row = int(rng.integers(300))
        new = MADE[how](own[row], marks_of(noise(rng, 1, bins))[0], float(share))
        new = (new / max(float(np.linalg.norm(new)), 1e-9)).astype(np.float32)
        products = own @ new
        if np.any(np.abs(products - limit) < 1e-5):
            continue
        expected = [(7 * int(k), float(products[k])) for k in np.flatnonzero(products > limit)]
        assert list(known.alike(new)) == [(k, pytest.approx(p, abs=1e-5)) for k, p in expected]
        found += len(expected)
    assert found > 0 or bins < 10 or how == "a few bins"


def test_of_spectra_at_the_very_limit_none_is_lost_and_few_others_are_looked_at() -> None:
    rng = np.random.default_rng(1)
    own = marks_of(noise(rng, 2000, 1024))
    known = KnownMarks(own.shape[1])
    for number, mark in enumerate(own):
        known.add(mark, number)
    limit = alike_above(own.shape[1])
    other = marks_of(noise(rng, 2000, 1024))
    along = (own * other).sum(axis=1, keepdims=True)
    across = other - along * own
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    for above in (limit + 1e-3, limit + 0.1):
        made = (above * own + np.sqrt(1 - above**2) * across).astype(np.float32)
        assert all(number in dict(known.alike(made[number])) for number in range(2000))
    looked_at = 0

    class Counted(list):  # type: ignore[type-arg]
        def __getitem__(self, at):  # type: ignore[no-untyped-def]
            nonlocal looked_at
            looked_at += 1
            return super().__getitem__(at)

    known._blocks = Counted(known._blocks)
    for mark in other[:50]:
        assert not list(known.alike(mark))
    assert looked_at < 5  # of 100 000


def by_one_tree(own: Landmarks, known: Landmarks) -> list[tuple[int, int, int]]:
    near = cKDTree(known.around[:, LOOKED_UP]).query_ball_point(own.around[:, LOOKED_UP], NEAR)
    pairs = [(mine, theirs) for mine, many in enumerate(near) for theirs in many]
    looked_up = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return sorted(
        (int(known.row[theirs]), int(own.place[mine]), int(known.place[theirs]))
        for mine, theirs in confirmed(own, known, looked_up)
    )


@pytest.mark.parametrize("before", [0, 1, 15, 16, 17, 47, 48, 100])
def test_landmarks_in_many_trees_are_those_of_one_tree(before: int) -> None:
    rng = np.random.default_rng(before)
    power = noise(rng, before + 3, 4096)
    known, parts = KnownLandmarks(), []
    for row in range(before):
        parts.append(landmarks(power[row : row + 1], row))
        known.add(parts[-1])
    every, found = Landmarks.together(parts), 0
    for row in {0, before // 2, max(before - 1, 0), before}:
        for share in (1.0, 0.995, 0.98, 0.95, 0.9, 0.5):
            mixed_power = share * power[row] + (1 - share) * power[before + 1]
            for read in (np.roll(mixed_power, 37), mixed_power[::-1]):
                own = landmarks(read[None], before)
                expected = by_one_tree(own, every) if len(every) else []
                assert sorted(known.same(own)) == expected
                found += len(expected)
    assert found > 20 or before == 0


def test_spectra_without_landmarks_are_none_to_be_found() -> None:
    known, none = KnownLandmarks(), landmarks(np.ones((1, 500)))
    for _ in range(40):
        known.add(none)
        assert not list(known.same(none))
    known.add(landmarks(noise(np.random.default_rng(0), 1, 4096), 40))
    assert not list(known.same(none))
