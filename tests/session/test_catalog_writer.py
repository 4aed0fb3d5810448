"""What the writer takes, what it refuses, what it leaves behind; what a listing costs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryohalo.catalog import Catalog, CatalogError, DocumentWriter
from tests.session import hostile

START = {"uid": "run", "time": 1.0, "plan_name": "scan"}
DESCRIPTOR = {"uid": "d", "run_start": "run", "name": "primary", "data_keys": {}}
STOP = {"uid": "s", "run_start": "run", "exit_status": "success"}


def event(number: int, **data: Any) -> dict[str, Any]:
    return {"uid": f"e{number}", "descriptor": "d", "seq_num": number, "data": data or {"x": 1.0}}


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[DocumentWriter]:
    writer = DocumentWriter(tmp_path)
    yield writer
    writer.close()


def test_a_start_that_cannot_be_kept_leaves_no_file(writer: DocumentWriter) -> None:
    with pytest.raises(CatalogError, match=r"start document not written: sample\.holder\[1\] is"):
        writer("start", START | {"sample": {"holder": ["a", {1, 2}]}})
    for name, document in (("descriptor", DESCRIPTOR), ("event", event(1)), ("stop", STOP)):
        writer(name, document)
    assert list(writer.root.iterdir()) == []
    writer("start", START)
    writer("stop", STOP)
    assert Catalog(writer.root)[0].stop == STOP


def test_a_start_that_the_disk_refuses_leaves_no_file(
    writer: DocumentWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    writer._sync = True
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CatalogError, match="No space left"):
        writer("start", START)
    assert list(writer.root.iterdir()) == []


def test_a_value_that_cannot_be_kept_is_named_and_costs_its_document_alone(
    writer: DocumentWriter,
) -> None:
    writer("start", START)
    writer("descriptor", DESCRIPTOR)
    for bad in (np.array([object()]), np.ma.array([1.0, 2.0], mask=[0, 1]), lambda: 1, 2**70):
        with pytest.raises(CatalogError, match=r"run\.msgpack: event document not written: data"):
            writer("event", event(1, x=bad))
    writer("event", event(1, x=2.0))
    writer("stop", STOP)
    assert [name for name, _ in Catalog(writer.root)[0].documents()] == [
        *("start", "descriptor", "event", "stop")
    ]


@pytest.mark.parametrize("uid", ["../out", "a/b", "/abs", "", ".", "..", ".hidden", "a\0b", "a\nb",
                                 "x" * 300, "\ud800", None, 5])  # fmt: skip
def test_a_uid_that_names_no_file_of_the_folder_is_refused(tmp_path: Path, uid: Any) -> None:
    writer = DocumentWriter(tmp_path / "in")
    with pytest.raises(CatalogError, match="no run has the uid"):
        writer("start", START | {"uid": uid})
    assert list(tmp_path.rglob("*")) == [tmp_path / "in"]


def test_a_second_run_of_one_uid_spoils_nothing(writer: DocumentWriter) -> None:
    writer("start", START)
    with pytest.raises(CatalogError, match="no run has the uid 'run'"):
        writer("start", START)
    writer("stop", STOP)
    with pytest.raises(CatalogError, match="File exists"):
        writer("start", START)
    writer("stop", STOP | {"exit_status": "fail"})
    assert Catalog(writer.root)[0].stop == STOP


@pytest.mark.parametrize("kind", hostile.LATER)
def test_documents_out_of_place_are_refused(tmp_path: Path, kind: str) -> None:
    documents, _ = hostile.LATER[kind]
    writer = DocumentWriter(tmp_path)
    for name, document in documents[:-1]:
        writer(name, document)
    with pytest.raises(CatalogError):
        writer(*documents[-1])
    writer.close()
    assert len(list(Catalog(tmp_path)["bad"].documents())) == len(documents) - 1


def test_nothing_is_remembered_of_runs_that_have_ended(writer: DocumentWriter) -> None:
    for run in range(3):
        uid = f"run{run}"
        writer("start", START | {"uid": uid})
        writer("descriptor", DESCRIPTOR | {"uid": "d", "run_start": uid})
        for number in range(500):
            writer("event", event(number))
        assert writer._run_of == {"d": uid}
        writer("stop", STOP | {"run_start": uid})
        assert not writer._run_of
        assert not writer._runs


def test_a_folder_that_cannot_be_made_is_a_catalog_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="Not a directory"):
        DocumentWriter(tmp_path / "file" / "runs")


@pytest.mark.parametrize("ended", [True, False])
def test_a_listing_reads_no_arrays(
    writer: DocumentWriter, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    writer("start", START)
    writer("descriptor", DESCRIPTOR)
    for number in range(10):
        writer("event", event(number, spectrum=np.zeros(100_000)))
    if ended:
        writer("stop", STOP)
    read, pread = [], os.pread

    def counted(*arguments: int) -> bytes:
        data = pread(*arguments)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    (run,) = Catalog(writer.root)
    assert run.stop == (STOP if ended else None)
    size = run.path.stat().st_size
    assert size > 8_000_000
    assert sum(read) < (300_000 if ended else size / 4)


def test_the_stop_document_is_not_taken_from_the_bytes_of_an_array(writer: DocumentWriter) -> None:
    fake = hostile.packed(("stop", STOP)) * 3 + hostile.packed(("stop", STOP | {"run_start": "x"}))
    writer("start", START)
    writer("descriptor", DESCRIPTOR)
    writer("event", event(1, x=np.frombuffer(fake, np.uint8)))
    assert Catalog(writer.root)[0].stop is None
    writer("stop", STOP | {"exit_status": "fail"})
    assert Catalog(writer.root)[0].stop == STOP | {"exit_status": "fail"}


def test_a_stop_document_longer_than_the_tail_is_found(writer: DocumentWriter) -> None:
    writer("start", START)
    writer("stop", STOP | {"reason": "x" * 200_000})
    stop = Catalog(writer.root)[0].stop
    assert stop is not None
    assert len(stop["reason"]) == 200_000
