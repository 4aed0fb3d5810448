"""Metadata that no document can hold are refused before the run opens, by the name of their key."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from bluesky import RunEngine
from ophyd.sim import det

from cryohalo.catalog import Catalog, DocumentWriter, UnfitError
from cryohalo.run_engine import close_run_engine, make_run_engine


class Colour(enum.Enum):
    RED = "red"


class Word(str, enum.Enum):  # noqa: UP042  (its str() is the member's name, unlike StrEnum's)
    WARM = "warm"


def circle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["again"] = made
    return made


def nested() -> list[Any]:
    made: list[Any] = []
    for _ in range(200):
        made = [made]
    return made


REFUSED = {
    "a set": ({1, 2}, "note is of type set"),
    "a function": (lambda: None, "note is of type function"),
    "a device": (det, "note is of type SynGauss"),
    "an object": (object(), "note is of type object"),
    "a class": (Path, "note is of type type"),
    "an open file": (open(__file__), "note is of type TextIOWrapper"),  # noqa: SIM115
    "an integer of 71 bits": (2**70, "note is an integer of 71 bits"),
    "a key that is a number": ({1: 2}, "note has the key 1; keys must be texts"),
    "a key that is a tuple": ({(1, 2): 3}, r"note has the key \(1, 2\)"),
    "an array of objects": (np.array([None]), "note: an array of dtype object"),
    "an array of fields": (np.zeros(2, "i4,f4"), "note: an array of dtype"),
    "a masked array": (np.ma.array([1], mask=[1]), "note is a masked array"),
    "a time span": (datetime.timedelta(1), "note is of type timedelta"),
    "a span of NumPy": (np.timedelta64(1, "s"), "note: an array of dtype timedelta64"),
    "no character": ("\ud800", "is no text in UTF-8"),
    "itself": (circle(), "nested deeper than"),
    "deep lists": (nested(), "nested deeper than"),
    "inside a list": ([{"a": [1, {2}]}], r"note\[0\]\.a\[1\] is of type set"),
}
REFUSED["an open file"][0].close()

KEPT = {
    "a path": (Path("/a/b"), "/a/b"),
    "a time": (datetime.datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),
    "a date": (datetime.date(2026, 1, 2), "2026-01-02"),
    "a time of NumPy": (np.datetime64("2026-01-02"), "2026-01-02"),
    "a tuple": ((1, (2, 3)), [1, [2, 3]]),
    "a member": (Colour.RED, "red"),
    "a member that is a text": (Word.WARM, "warm"),
    "bytes": (bytearray(b"ab"), b"ab"),
    "a complex number": (1 + 2j, 1 + 2j),
    "infinity": (float("inf"), float("inf")),
    "a number of NumPy": (np.float32(0.5), np.float32(0.5)),
    "the largest integer": (2**64 - 1, 2**64 - 1),
    "nothing": (None, None),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[RunEngine]:
    engine = make_run_engine({"operator": "test"})
    yield engine
    close_run_engine(engine)


@pytest.fixture
def recorded(engine: RunEngine, tmp_path: Path) -> Iterator[tuple[Catalog, list[str]]]:
    """The catalog that the engine writes to, and the names of the documents it emits."""
    writer, names = DocumentWriter(tmp_path), []
    tokens = [engine.subscribe(writer), engine.subscribe(lambda name, _: names.append(name))]
    yield Catalog(tmp_path), names
    for token in tokens:
        engine.unsubscribe(token)
    writer.close()


def runs_with(engine: RunEngine, way: str, value: Any) -> None:
    """Count once, the value given in one of the three ways that metadata come."""
    if way == "plan":
        engine(bp.count([det], md={"note": value}))
    elif way == "call":
        engine(bp.count([det]), note=value)
    else:
        engine.md["note"] = value
        try:
            engine(bp.count([det]))
        finally:
            del engine.md["note"]


@pytest.mark.parametrize("way", ["plan", "call", "session"])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_kept_is_refused_before_the_run_opens(
    engine: RunEngine, recorded: tuple[Catalog, list[str]], kind: str, way: str
) -> None:
    value, reason = REFUSED[kind]
    catalog, names = recorded
    with pytest.raises(UnfitError, match=f"metadata: note.*|{reason}") as told:
        runs_with(engine, way, value)
    told.match(reason)
    assert not names
    assert not list(catalog.root.iterdir())


@pytest.mark.parametrize("kind", KEPT)
def test_what_has_a_plain_form_is_kept_in_it(
    engine: RunEngine, recorded: tuple[Catalog, list[str]], kind: str
) -> None:
    value, kept = KEPT[kind]
    catalog, names = recorded
    runs_with(engine, "plan", value)
    assert names == ["start", "descriptor", "event", "stop"]
    assert catalog[-1].start["note"] == kept


def test_nan_is_kept(engine: RunEngine, recorded: tuple[Catalog, list[str]]) -> None:
    runs_with(engine, "plan", float("nan"))
    assert np.isnan(recorded[0][-1].start["note"])


def test_what_bluesky_itself_demands_still_holds(engine: RunEngine) -> None:
    with pytest.raises(ValueError, match="'sample' metadata"):
        engine(bp.count([det]), sample=[1, 2])


MISPLACED = {
    "its uid": ({"uid": "mine"}, "uid is given to each run"),
    "its time": ({"time": 5.0}, "time is given to each run"),
    "a number that is a text": ({"scan_id": "x"}, "scan_id: 'x' is not of type 'integer'"),
    "hints that are a number": ({"hints": 5}, "hints: 5 is not of type 'object'"),
    "a dot in a key": ({"a.b": 1}, "'a.b' does not match"),
    "no key": ({"": 1}, "'' does not match"),
    "a plan's name that is a number": ({"plan_name": 5}, "its plan_name is 5, not a text"),
    "a campaign that is a list": ({"campaign": ["a"]}, r"its campaign is \['a'\], not a text"),
    "what has no copy": ({"note": memoryview(b"a")}, "note cannot be copied"),
    "no copy within": ({"note": {"a": MappingProxyType({})}}, "note cannot be copied"),
}


@pytest.mark.parametrize("kind", MISPLACED)
def test_what_makes_no_start_is_refused_before_the_run_opens(
    engine: RunEngine, recorded: tuple[Catalog, list[str]], kind: str, caplog: Any
) -> None:
    metadata, reason = MISPLACED[kind]
    catalog, names = recorded
    for plan, more in ((opened(metadata), {}), (bp.count([det]), metadata)):
        with pytest.raises(UnfitError, match=f"metadata: {reason}") as told:
            engine(plan, **more)
        assert len(str(told.value)) < 300
    assert not names
    assert not list(catalog.root.iterdir())
    assert not any("Failed to close" in record.message for record in caplog.records)
    engine(bp.count([det]))
    assert catalog[-1].stop is not None


def opened(metadata: dict[str, Any]) -> Any:
    """A plan of one run and nothing in it."""
    yield from bps.open_run(metadata)
    yield from bps.close_run()


def test_a_session_whose_last_run_has_no_number_says_so(engine: RunEngine) -> None:
    before = dict(engine.md)
    engine.md["scan_id"] = "x"
    try:
        with pytest.raises(UnfitError, match="metadata: scan_id is 'x', not a whole number"):
            engine(bp.count([det]))
    finally:
        engine.md.clear()
        engine.md.update(before)


def test_metadata_of_a_session_are_refused_when_it_opens() -> None:
    with pytest.raises(UnfitError, match="metadata: who is of type set"):
        make_run_engine({"who": {1}})
