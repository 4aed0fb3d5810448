"""How far a move is, told in calls of all functions, and as ophyd tells it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
from ophyd import SoftPositioner
from ophyd.status import MoveStatus

from cryohalo.live.bars import Step, following
from devices.waiting.moves import Moving
from tests.costs.counting import EVERYWHERE, calls

#: Measured on 2026-11-28, the bar's own included; with ophyd's and every note written: 23.
CALLS_OF_A_PLACE = 4
PLACES = (0.0, 1.0, 3.5, -2.0, 1e308, -1e308, math.inf, math.nan, 2, None)


def move(start: Any, target: Any, watcher: Callable[..., None]) -> Any:
    """A move that is watched."""
    positioner = SoftPositioner(name="x", egu="mm")
    positioner._position = start
    status = Moving(positioner, target)
    status.watch(watcher)
    return status


def test_a_place_is_told_in_a_few_calls() -> None:
    step = Step("x")
    status = move(0.0, 4.0, following(step))
    found = calls(partial(status._notify_watchers, 1.0), EVERYWHERE)
    assert 0 < found - calls(int, EVERYWHERE) <= CALLS_OF_A_PLACE
    assert (step.done, step.note) == (0.25, "1 of 4 mm")
    status.set_finished()
    status.wait(5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_place_is_told_as_by_ophyd() -> None:
    told: list[dict[str, Any]] = []
    status = move(0.0, 1.0, lambda **what: told.append({**what, "time_elapsed": None}))
    for start, target, now in product(PLACES, PLACES, PLACES):
        if None in (target, now):
            continue
        status.start_pos, status.target = start, target
        told.clear()
        status._notify_watchers(now)
        MoveStatus._notify_watchers(status, now)
        ours, own = told
        assert repr(_plain(ours)) == repr(_plain(own))
    status.set_finished()
    status.wait(5)


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    fraction = told["fraction"]
    return {**told, "fraction": None if fraction is None else float(fraction)}
