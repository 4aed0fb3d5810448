"""A state with one wrong value: it is told in one line, and nothing of it is taken."""

from __future__ import annotations

import copy
import logging
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amrr.controls import thermometry
from iocs.ioc import Ioc
from tests.iocs.supervision.damaged.conftest import WRONG, Path_, at, named, replaced, write

SEED = 12


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def damaged(state: dict[str, Any]) -> Iterator[tuple[str, Path_, dict[str, Any]]]:
    """All damaged states, each with what was done to which value."""
    chance = random.Random(SEED)
    for path in leaves(state):
        value = at(state, path)
        if isinstance(path[-1], str):
            without = copy.deepcopy(state)
            del at(without, path[:-1])[path[-1]]
            yield "missing", path, without
        for kind, wrong in WRONG.items():
            if not (kind == "true" and isinstance(value, bool)) and value is not wrong:
                yield kind, path, replaced(state, path, wrong)
        if isinstance(value, np.ndarray):
            for kind, array in damaged_arrays(value, chance):
                yield kind, path, replaced(state, path, array)
    for path in {path[:-1] for path in leaves(state)}:
        changed = copy.deepcopy(state)
        place = at(changed, path)
        if isinstance(place, dict):
            place["colour"] = 1.0
            yield "unknown key", (*path, "colour"), changed
        else:
            place.append(1.0)
            yield "one more", path, changed


def damaged_arrays(array: np.ndarray, chance: random.Random) -> Iterator[tuple[str, Any]]:
    for _ in range(4):
        place = tuple(chance.randrange(side) for side in array.shape)
        for kind, wrong in (("nan", math.nan), ("inf", math.inf), ("1e300", 1e300)):
            changed = array.copy()
            changed[place] = wrong
            yield f"{kind} at {place}", changed
    # A thermometer fewer is a state of before one was added, and taken: tests/physics/amrr.
    if array.shape != (thermometry.STATE_ROWS, thermometry.COUNT):
        yield "a row fewer", array[:-1] if array.ndim == 1 else array[:, :-1]
    yield "a row more", np.concatenate([array, array[-1:]])
    yield "texts", array.astype(str)
    yield "whole numbers", array.real.astype(np.int64)
    yield "numbers", array.tolist()


def test_a_state_that_was_not_damaged_is_taken(
    ioc: Ioc, folder: Path, state: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fresh = ioc.plant.machine.state()
    write(ioc, folder, state)
    ioc.restore()
    np.testing.assert_equal(ioc.plant.machine.state(), state)
    ioc.plant.machine.restore(fresh)
    assert not caplog.records


def test_every_damaged_value_is_told_in_one_line_and_nothing_is_taken(
    ioc: Ioc, folder: Path, state: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fresh = ioc.plant.machine.state()
    count = 0
    for kind, path, wrong in damaged(state):
        caplog.clear()
        write(ioc, folder, wrong)
        ioc.restore()
        what = f"{path}: {kind}"
        np.testing.assert_equal(ioc.plant.machine.state(), fresh, err_msg=what)
        (record,) = caplog.records
        line = record.getMessage()
        assert record.levelno == logging.ERROR, what
        assert record.exc_info is None, what
        assert "\n" not in line, what
        assert line.startswith(f"{folder / 'snapshot.json'} is not used: "), what
        assert named(path) in line, f"{what}: {line}"
        assert "kept as snapshot.bad" in line, what
        assert not (folder / "snapshot.json").exists(), what
        count += 1
    assert count > 300


COUNTS_AND_STATES: dict[str, list[tuple[Path_, Any]]] = {
    "haloscope": [
        (("switch",), 3),
        (("switch",), -1),
        (("time_ns",), -1),
        (("time_ns",), 2**63),
        (("rod", "count"), -1),
        (("rod", "move", "since_ns"), 10**18),
        (("rod", "done_ns"), 10**17),
        (("vna", "path"), 7),
        (("vna", "settings", "points"), 401.5),
        (("vna", "settings", "points"), 2.0),
        (("vna", "times", 5), 99),
        (("digitizer", "times", 1), 0),
        (("digitizer", "times", 2), False),
        (("digitizer", "settings", 0), 12),
        (("digitizer", "pending"), None),
        (("magnet", 3), 9.0),
        (("magnet", 3), 1.5),
        (("magnet", 0), 1e4),
        (("noise_source", "relaxation", 2), 0.0),
        (("coil", "normal_fraction"), 1.5),
    ],
    "amrr": [
        (("machine", 1), -1.0),
        (("machine", 1), 7.5),
        (("machine", 0), 77.0),
        (("machine", 11), float(thermometry.COUNT)),
        (("machine", 11), 1.0),
        (("supplies", (2, 3)), 7.0),
        (("supplies", (0, 0)), 5.5),
        (("coils", (1, 5)), -0.1),
        (("cycle", 0), 6.0),
        (("cycle", 1), 5.0),
        (("cycle", 3), -3.0),
        (("cycle", 21), 9.0),
        (("nodes", (0, 12)), 1.0),
        (("nodes", (0, 12)), -4.0),
        (("nodes", (3, 12)), 0.2),
        (("thermometers", (3, 1)), 0.5),
        (("bath", 0), 1e9),
        (("seed",), 5),
        (("dwell", 0), 0.0),
    ],
}


def test_counts_and_states_that_cannot_be_are_refused(
    ioc: Ioc, name: str, folder: Path, state: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fresh = ioc.plant.machine.state()
    for path, value in COUNTS_AND_STATES[name]:
        caplog.clear()
        write(ioc, folder, replaced(state, path, value))
        ioc.restore()
        np.testing.assert_equal(ioc.plant.machine.state(), fresh, err_msg=f"{path} = {value}")
        (record,) = caplog.records
        assert named(path) in record.getMessage() or "time" in record.getMessage()
