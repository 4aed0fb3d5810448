"""The put log's file: whole lines, as many old files as are kept, and what a full disk leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from iocs.records import Put
from iocs.supervision import put_log as logs
from iocs.supervision.put_log import PutLog
from iocs.supervision.saving import Saving

LINE_BYTES = 140


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PutLog:
    """It keeps three old files of some lines each."""
    monkeypatch.setattr(logs, "FILE_BYTES", 3 * LINE_BYTES)
    monkeypatch.setattr(logs, "OLD_FILES", 3)
    return PutLog(tmp_path / "state", lambda: 0.0, lambda: 0.0, Saving())


def put(number: int) -> Put:
    return Put("A", 0, number, "", "")


def values(path: Path) -> list[int]:
    return [json.loads(line)["new"] for line in path.read_text().splitlines()]


def test_a_full_file_becomes_the_newest_old_one_and_the_oldest_goes(
    log: PutLog, tmp_path: Path
) -> None:
    for number in range(100, 150):
        log([put(number)])
        log.close() if number % 7 else None  # as a process that ends and begins again does
    found = sorted((tmp_path / "state").iterdir())
    assert [path.name for path in found] == ["puts.log", "puts.log.1", "puts.log.2", "puts.log.3"]
    kept = [value for path in reversed(found) for value in values(path)]
    assert kept == list(range(150 - len(kept), 150))
    assert all(path.stat().st_size <= 3 * LINE_BYTES for path in found)
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}


def test_puts_that_came_together_are_written_at_once(
    log: PutLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    stock = os.write
    monkeypatch.setattr(os, "write", lambda to, data: writes.append(data) or stock(to, data))
    log([put(number) for number in range(100, 120)])
    assert [len(data.splitlines()) for data in writes] == [20]
    assert values(tmp_path / "state" / "puts.log") == list(range(100, 120))
    assert log.last["new"] == 119


@pytest.mark.parametrize("cut", [0, 1, 30, LINE_BYTES // 2])
def test_what_a_full_disk_has_left_of_a_line_spoils_no_other(
    log: PutLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    stock = os.write

    def full(to: int, data: bytes) -> int:
        return stock(to, data[:cut])

    log([put(100)])
    with monkeypatch.context() as now:
        now.setattr(os, "write", full)
        log([put(101)])
        log([put(102)])
    assert "puts.log cannot be written" in log._saving.error
    log([put(103)])
    assert log._saving.error == ""
    text = (tmp_path / "state" / "puts.log").read_text()
    whole = [line for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
    assert [json.loads(line)["new"] for line in whole] == [100, 103]


def test_a_file_that_cannot_be_turned_is_told_and_tried_again(
    log: PutLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError("not here")

    log([put(100), put(101), put(102)])
    with monkeypatch.context() as now:
        now.setattr(os, "replace", refuse)
        log([put(103)])
    assert "not here" in log._saving.error
    log([put(104)])
    assert log._saving.error == ""
    assert values(tmp_path / "state" / "puts.log") == [104]
    assert values(tmp_path / "state" / "puts.log.1") == [100, 101, 102]


def test_a_file_that_somebody_else_has_moved_deleted_or_emptied_is_begun_anew(
    log: PutLog, tmp_path: Path
) -> None:
    path, moved = tmp_path / "state" / "puts.log", tmp_path / "moved"
    log([put(100), put(101)])
    path.rename(moved)
    log([put(102), put(103)])
    assert [values(moved), values(path)] == [[100, 101], [102, 103]]
    os.truncate(path, 0)
    log([put(104), put(105)])
    assert values(path) == [104, 105]
    path.unlink()
    log([put(106)])
    assert values(path) == [106]
    assert list(path.parent.iterdir()) == [path]  # none was full
