"""Damaged copies of a good run: each reads to its last whole document or is refused by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryohalo.catalog import Catalog, CatalogError, Document, DocumentWriter, Run

COPIES = 4000

UID = "3f2a6c1e-damaged"


def events(stream: str, count: int) -> list[Document]:
    descriptor = {"uid": stream, "run_start": UID, "name": stream, "data_keys": {"x": {}}}
    data = {"x": 1.5, "n": 3, "text": "ok", "spectrum": np.arange(40.0), "mask": np.ones(3, bool),
            "names": np.array(["a", "bc"]), "one": np.float32(2)}  # fmt: skip
    rows = [{"uid": f"e{k}", "descriptor": stream, "seq_num": k, "data": data, "filled": {}}
            for k in range(1, count + 1)]  # fmt: skip
    return [("descriptor", descriptor), *(("event", row) for row in rows)]


def documents() -> list[Document]:
    start = {"uid": UID, "time": 1.7e9, "plan_name": "scan", "list": [1, None, True, -5, 2**40],
             "calibration": {"gain": 104.0, "nested": {"deep": [b"raw", "é"]}}}  # fmt: skip
    stop = {"uid": "s", "run_start": UID, "exit_status": "success", "num_events": {"primary": 3}}
    return [("start", start), *events("primary", 3), *events("baseline", 1), ("stop", stop)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    writer = DocumentWriter(folder)
    for name, document in documents():
        writer(name, document)
    return (folder / f"{UID}.msgpack").read_bytes()


def cut(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def flip(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 1, 2, 8))):
        data[dice.randrange(len(data))] = dice.choice((0x00, 0xFF, 0x80, 0xC1, 0xDF, 0xC6,
                                                       dice.randrange(256)))  # fmt: skip


def bit(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def remove(data: bytearray, dice: random.Random) -> None:
    place = dice.randrange(len(data))
    del data[place : place + dice.randrange(1, 60)]


def insert(data: bytearray, dice: random.Random) -> None:
    place = dice.randrange(len(data))
    data[place:place] = dice.randbytes(dice.randrange(1, 60))


def copy_over(data: bytearray, dice: random.Random) -> None:
    source, place, size = dice.randrange(len(data)), dice.randrange(len(data)), dice.randrange(99)
    data[place : place + size] = data[source : source + size]


def zero(data: bytearray, dice: random.Random) -> None:
    place = dice.randrange(len(data))
    data[place : place + 512] = bytes(len(data[place : place + 512]))


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    cut, flip, bit, remove, insert, copy_over, zero
)  # fmt: skip


def read(run: Run) -> int:
    """All that can be asked of a run; how many documents it had."""
    start = run.start
    found = list(run.documents())
    assert found[0][0] == "start"
    assert found[0][1]["uid"] == start["uid"]
    assert (found[-1][0] == "stop") == (run.stop is not None)
    for event in run.events():
        assert event["data"] is not None
    return len(found)


def test_damaged_copies_read_to_the_last_whole_document_or_are_refused(
    whole: bytes, tmp_path: Path
) -> None:
    writer = DocumentWriter(tmp_path)
    writer("start", {"uid": "good", "time": 5.0})
    writer.close()
    path = tmp_path / f"{UID}.msgpack"
    outcomes: dict[str, int] = {}
    for seed in range(COPIES):
        dice, data = random.Random(seed), bytearray(whole)
        damage = DAMAGES[seed % len(DAMAGES)]
        damage(data, dice)
        path.write_bytes(data)
        listing = Catalog(tmp_path).listing()
        assert "good" in [run.uid for run in listing.runs]
        assert len(listing.runs) + len(listing.refused) == 2
        refusal = ""
        try:
            outcome = f"{read(Run(path))} documents"
        except CatalogError as error:
            outcome, refusal = "refused", str(error)
        assert not refusal or path.name in refusal
        assert len(refusal.splitlines()) <= 1
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes["refused"] > COPIES / 10
    assert all(f"{number} documents" in outcomes for number in range(1, len(documents()) + 1))


def test_a_run_cut_anywhere_reads_to_its_last_whole_document(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.msgpack"
    path.write_bytes(whole)
    expected = [name for name, _ in Run(path).documents()]
    assert expected == [name for name, _ in documents()]
    seen = set()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        names = [name for name, _ in Run(path).documents()]
        assert names == expected[: len(names)]
        seen.add(len(names))
    assert seen == set(range(len(expected)))


def test_what_was_written_is_what_is_read(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "whole.msgpack"
    path.write_bytes(whole)
    for (name, document), (told, wanted) in zip(Run(path).documents(), documents(), strict=True):
        assert name == told
        same(document, wanted)


def same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            same(found[key], wanted[key])
    elif isinstance(wanted, np.ndarray):
        np.testing.assert_array_equal(found, wanted, strict=True)
    else:
        assert found == wanted
        assert type(found) is type(wanted)


@pytest.mark.parametrize("left", [0.0, 0.4, 1.0])
def test_a_run_cut_short_while_it_is_read_is_told(tmp_path: Path, left: float) -> None:
    """Wherever it is cut: within a document, or after the last one that was read."""
    writer = DocumentWriter(tmp_path)
    for name, document in documents()[:2]:
        writer(name, document)
    for number in range(1, 4):
        data = {"x": np.full(100_000, float(number))}
        event = {"uid": f"e{number}", "descriptor": "primary", "seq_num": number, "data": data}
        writer("event", {**event, "filled": {}})
    writer.close()
    path = tmp_path / f"{UID}.msgpack"
    size = path.stat().st_size
    read = Run(path).documents()
    for _ in range(3):  # start, descriptor and an event
        next(read)
    with path.open("r+b") as file:
        file.truncate(size - 1_600_000 - int(left * 200_000))
    with pytest.raises(CatalogError, match=rf"{UID}.*: cut short while it was read: \d+ bytes"):
        list(read)


def test_a_run_that_is_gone_is_told(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"{UID}.msgpack"
    path.write_bytes(whole)
    run = Run(path)
    assert run.uid == UID
    path.unlink()
    with pytest.raises(CatalogError, match=rf"{UID}.*: No such file"):
        list(run.documents())
