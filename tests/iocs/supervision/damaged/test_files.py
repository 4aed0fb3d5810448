"""Files that are no state, or another make of one: told in one line, and nothing is taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iocs.ioc import Ioc
from iocs.supervision import storage
from iocs.supervision.state_store import FORMAT
from tests.iocs.plants import make
from tests.iocs.supervision.damaged.conftest import WRONG


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


LAYOUTS = {("haloscope", 5): "f2a42ae622d3", ("amrr", 5): "95f7ae2c14fd"}


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
