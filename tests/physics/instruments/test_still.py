"""A mark is the same one exactly as long as nothing has changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from instruments.still import Contents, Same, Still


@dataclass
class Thing:
    number: float = 1.0
    text: str = ""


@pytest.mark.parametrize("value", [1, True, -1.0, math.nan, None])
def test_any_other_object_gives_another_mark(value: Any) -> None:
    thing, other = Thing(), Thing()
    still = Still(thing, other)
    before = still()
    assert before is not None
    assert still() is before
    other.number = value
    after = still()
    assert after is not before
    assert still() is after


def test_a_new_attribute_gives_another_mark() -> None:
    thing = Thing()
    still = Still(thing)
    before = still()
    thing.more = 1  # type: ignore[attr-defined]
    assert still() is not before


def test_a_part_that_cannot_say_leaves_the_whole_unknown() -> None:
    marks: list[object] = ["same", "same", None, "same", "other"]
    found = [still() for still in [Still(Thing(), parts=(iter(marks).__next__,))] * len(marks)]
    assert found[0] is found[1] is found[3]
    assert found[2] is None
    assert found[4] is not found[0]


def test_nothing_never_changes() -> None:
    still = Still()
    assert still() is not None
    assert still() is still()


def test_an_array_is_compared_by_what_it_holds() -> None:
    array = np.array([0.0, 1.0])
    contents = Contents(array)
    before = contents()
    array[1] = 1.0
    assert contents() is before
    array[0] = -0.0
    assert contents() is not before


def test_an_object_is_told_from_one_that_comes_to_stand_where_it_was() -> None:
    given = [np.zeros(3)]
    same = Same(lambda: given[0])
    seen = [same()]
    for _ in range(50):
        assert same() is seen[-1]
        given[0] = np.zeros(3)
        given[0] = np.zeros(3)  # the first of them has gone
        seen.append(same())
    assert all(mark is not before for before, mark in pairwise(seen))
