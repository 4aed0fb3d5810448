"""States that are whole files, and wrong: each is told in one line, and nothing of it is taken.

Every value of both machines' states is damaged in every way that somebody with an editor, another
version or another machine might damage it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import math
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amrr.controls import thermometry
from iocs.ioc import Ioc
from iocs.supervision import storage
from iocs.supervision.state_store import FORMAT
from tests.iocs.plants import make

SEED = 12
Path_ = tuple[Any, ...]

WRONG: dict[str, Any] = {
    "none": None,
    "text": "forty-two",
    "true": True,
    "nan": math.nan,
    "inf": math.inf,
    "minus inf": -math.inf,
    "1e300": 1e300,
    "-1e300": -1e300,
    "huge whole": 10**400,
    "list": [1.0],
    "empty": {},
}
"""Never right, whatever a value stands for; a truth value is, for a flag."""


def busy_haloscope(machine: Any) -> None:
    """Everything under way: moves, a ramp, a heater, a sweep and a spectrum half done."""
    machine.jpa.pump_on = True
    machine.noise_source.setpoint_k = 0.1
    machine.magnet.set_field(11.0)
    machine.vna.bandwidth_hz = 10.0
    machine.digitizer.averages = 400
    machine.vna.acquire()
    machine.digitizer.acquire()
    machine.step(35.0)
    machine.rod.move_to(machine.rod.position + 2.0)
    machine.step(0.25)
    assert machine.digitizer.state()["pending"] is not None
    assert machine.vna.state()["pending"] is not None


def busy_amrr(machine: Any) -> None:
    machine.cycle.run()
    machine.step(60.0)
    machine.bath.losing = True
    machine.chx_heater.closed_loop = True
    machine.step(30.0)


BUSY = {"haloscope": busy_haloscope, "amrr": busy_amrr}


@pytest.fixture(params=["haloscope", "amrr"], scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", autouse=True)
def fast_disk() -> Iterator[None]:
    """What is written here need not survive the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def options(name: str, folder: Path) -> tuple[str, ...]:
    if name == "amrr":
        return ()
    small = folder / "small.toml"
    small.write_text("[digitizer]\nbins = 1000\n")
    return ("--parameters", str(small))


@pytest.fixture(scope="module")
def state(name: str, options: tuple[str, ...]) -> dict[str, Any]:
    machine = make(name, *options).plant.machine
    BUSY[name](machine)
    return machine.state()


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(name)


@pytest.fixture(scope="module")
def ioc(name: str, folder: Path, options: tuple[str, ...]) -> Ioc:
    return make(name, "--state-dir", str(folder), *options)


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def at(state: Any, path: Path_) -> Any:
    for key in path:
        state = state[key]
    return state


def replaced(state: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(state)
    at(changed, path[:-1])[path[-1]] = value
    return changed


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


def named(path: Path_) -> str:
    return str(next(key for key in path if isinstance(key, str)))


def test_a_state_that_was_not_damaged_is_taken(
    ioc: Ioc, folder: Path, state: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    fresh = ioc.plant.machine.state()
    write(ioc, folder, state)
    ioc.restore()
    np.testing.assert_equal(ioc.plant.machine.state(), state)
    ioc.plant.machine.restore(fresh)
    assert not caplog.records


def write(ioc: Ioc, folder: Path, state: Any, **more: Any) -> None:
    assert ioc.store is not None
    content = {"format": FORMAT, "identity": ioc.store.identity, "machine": state, **more}
    storage.save(folder / "snapshot.json", content)
    (folder / "snapshot.old").unlink(missing_ok=True)


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
        (("machine", 11), 10.0),
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


def test_a_state_of_an_older_version_is_taken_and_told(
    name: str,
    ioc: Ioc,
    folder: Path,
    state: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fresh = ioc.plant.machine.state()
    older = {k: v for k, v in state.items() if k != "bath"}
    storage.save(folder / "snapshot.json", {"identity": ioc.store.identity, "machine": older})
    ioc.restore()
    assert ioc.plant.machine.time_s > 0.0
    assert "snapshot.json is of an older version (format 0" in caplog.text
    ioc.plant.machine.restore(fresh)


LAYOUTS = {("haloscope", 1): "223f8398ac18", ("amrr", 1): "5c6c190d871c"}


def layout(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: layout(item) for key, item in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [layout(item) for item in value]
    return [value.dtype.kind, value.shape] if isinstance(value, np.ndarray) else "one value"


def test_who_changes_a_state_counts_up_the_format(name: str) -> None:
    """Its old snapshots are then told from damaged ones; note the new layout here."""
    found = json.dumps(layout(make(name).plant.machine.state()))
    digest = hashlib.sha256(found.encode()).hexdigest()[:12]
    assert digest == LAYOUTS[name, FORMAT], found


CONTENTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda content: [content],
    "a number": lambda content: 7,
    "a text": lambda content: "state",
    "nothing": lambda content: None,
    "no machine": lambda content: {k: v for k, v in content.items() if k != "machine"},
    "machine is a list": lambda content: {**content, "machine": [1, 2]},
    "a later format": lambda content: {**content, "format": FORMAT + 1},
    "a format in words": lambda content: {**content, "format": "new"},
    "no identity": lambda content: {k: v for k, v in content.items() if k != "identity"},
    "identity is a text": lambda content: {**content, "identity": "amrr"},
    "another seed": lambda content: {**content, "identity": {**content["identity"], "seed": 9}},
    "setpoints are a list": lambda content: {**content, "setpoints": [1]},
}


@pytest.mark.parametrize("change", CONTENTS.values(), ids=CONTENTS)
def test_a_file_of_another_make_is_told_in_one_line(
    ioc: Ioc,
    folder: Path,
    state: dict[str, Any],
    change: Callable[[dict[str, Any]], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fresh = ioc.plant.machine.state()
    assert ioc.store is not None
    content = {"format": FORMAT, "identity": ioc.store.identity, "machine": state, "setpoints": {}}
    storage.save(folder / "snapshot.json", change(content))
    ioc.restore()
    np.testing.assert_equal(ioc.plant.machine.state(), fresh)
    (record,) = caplog.records
    assert "snapshot.json is not used: " in record.getMessage()


def test_only_the_bad_setpoint_is_left_out(
    ioc: Ioc, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = ioc.database.saved_values()
    for record_name in good:
        limits = ioc.database[record_name].record.control_range()
        for kind, wrong in {**WRONG, "array": np.zeros(3)}.items():
            if limits is None and kind in ("1e300", "-1e300"):
                continue  # a client may put that too
            caplog.clear()
            storage.save(folder / "setpoints.json", {**good, record_name: wrong})
            ioc.restore()
            (record,) = caplog.records
            line = record.getMessage()
            assert line.startswith(f"{folder / 'setpoints.json'}: {record_name} is left out: "), (
                kind
            )
            assert "\n" not in line
            assert ioc.database.saved_values() == good, f"{record_name}: {kind}"
    (folder / "setpoints.json").unlink()


@pytest.mark.parametrize("content", [None, 3, [1], "all of them"])
def test_setpoints_of_another_make_are_told_in_one_line(
    ioc: Ioc, folder: Path, content: Any, caplog: pytest.LogCaptureFixture
) -> None:
    storage.save(folder / "setpoints.json", content)
    ioc.restore()
    (record,) = caplog.records
    assert "setpoints.json is not used: " in record.getMessage()
    assert (folder / "setpoints.bad").exists()


TEXTS = [
    b"",
    b"\n",
    b"{}",
    b'{"__array__": 5}',
    b'{"__array__": ["<f8", [2], "AAAA"]}',
    b'{"__array__": ["<f8", [-1], ""]}',
    b'{"__array__": ["O", [1], "AAAAAAAAAAA="]}',
    b'{"__array__": ["<f8,<f8", [1], "AAAAAAAAAAAAAAAAAAAAAA=="]}',
    b'{"__tuple__": 5}',
    b"[" * 100_000,
    b'{"a": ' * 50_000,
    b"1" * 10_000,
    b"\xff\xfe",
    b"nul",
]


@pytest.mark.parametrize("body", TEXTS, ids=lambda body: repr(body[:40]))
def test_a_text_that_was_never_written_is_told_in_one_line(
    ioc: Ioc, folder: Path, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    head = hashlib.sha256(body).hexdigest().encode() + b"\n"
    (folder / "snapshot.json").write_bytes(head + body)
    ioc.restore()
    (record,) = caplog.records
    assert "snapshot.json is not used: " in record.getMessage()
    assert "\n" not in record.getMessage()
