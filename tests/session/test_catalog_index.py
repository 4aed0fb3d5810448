"""The catalog's index: right however the folder changes, whatever becomes of its file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cryohalo.catalog import Catalog, CatalogError, Filter, Run
from cryohalo.catalog import index as index_module
from cryohalo.catalog.folder import checked_run
from cryohalo.catalog.index import Index, cache_folder
from tests.session import hostile
from tests.session.runs import write_run

ROOT = Path(__file__).parents[2]
SETTLED = pytest.mark.parametrize("small", [2000, 0])


@pytest.fixture(autouse=True)
def small_folders_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index is kept of these few runs, as of many."""
    monkeypatch.setattr(index_module, "FEW", -1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs, one of them cut off, and two files that are none."""
    root = tmp_path / "runs"
    write_run(root, "aa", time=100.0, plan="scan", scan_id=1, sample="Quartz")
    write_run(root, "bb", time=300.0, plan="cooldown", scan_id=2, status="fail")
    write_run(root, "cc", time=200.0, plan="scan", stop=False)
    (root / "bad.msgpack").write_bytes(b"\xc1")
    (root / "other.msgpack").write_bytes((root / "aa.msgpack").read_bytes())
    return root


def made(folder: Path) -> Index:
    return Index(folder, checked_run, folder.parent / "cache")


def uids(folder: Path, **which: Any) -> list[str]:
    return [entry.uid for entry in made(folder).look(Filter(**which))[0]]


def age(folder: Path) -> None:
    """Let folder and files be of long ago, as most are."""
    for path in [*folder.iterdir(), folder]:
        os.utime(path, (1000.0, 1000.0))


ASKED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["aa", "cc", "bb"]),
    ({"plan": "scan"}, ["aa", "cc"]),
    ({"since": 200.0}, ["cc", "bb"]),
    ({"until": 200.0}, ["aa"]),
    ({"text": "QUARTZ"}, ["aa"]),
    ({"text": "cool"}, ["bb"]),
    ({"text": "'; DROP TABLE runs; --"}, []),
    ({"text": "%"}, []),
    ({"plan": "scan' OR '1'='1"}, []),
    ({"status": "fail"}, ["bb"]),
    ({"status": "cut off"}, ["cc"]),
    ({"last": 1}, ["bb"]),
    ({"last": 0}, []),
    ({"plan": "scan", "since": 150.0, "last": 5}, ["cc"]),
]


@pytest.mark.parametrize(("which", "found"), ASKED, ids=str)
def test_what_is_asked_for_is_found(folder: Path, which: dict[str, Any], found: list[str]) -> None:
    for _ in range(2):  # first it is read, then it is known
        assert uids(folder, **which) == found


def test_an_entry_says_what_the_run_says(folder: Path) -> None:
    entries, refused = made(folder).look(Filter())
    for entry in entries:
        run = Run(folder / entry.name)
        assert (entry.uid, entry.time) == (run.uid, run.start["time"])
        stop = run.stop or {}
        assert entry.counts == stop.get("num_events", {})
        assert entry.status == stop.get("exit_status", "cut off")
        assert entry.duration_s == (9.5 if stop else None)
    assert [line.count("bad.msgpack") + line.count("other.msgpack") for line in refused] == [1, 1]


@SETTLED
def test_the_folder_changes_and_the_index_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(index_module, "SMALL", small)
    age(folder)
    assert uids(folder) == ["aa", "cc", "bb"]
    write_run(folder, "dd", time=400.0)
    assert uids(folder) == ["aa", "cc", "bb", "dd"]
    (folder / "aa.msgpack").unlink()
    assert uids(folder) == ["cc", "bb", "dd"]
    (folder / "cc.msgpack").unlink()
    write_run(folder, "cc", time=500.0)
    assert uids(folder, status="success") == ["dd", "cc"]
    write_run(folder.parent, "bb", time=50.0, plan="another")
    os.replace(folder.parent / "bb.msgpack", folder / "bb.msgpack")
    assert uids(folder, plan="another") == ["bb"]


@SETTLED
def test_a_run_that_goes_on_is_seen_to_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(index_module, "SMALL", small)
    age(folder)
    assert uids(folder, status="cut off") == ["cc"]
    with (folder / "cc.msgpack").open("ab") as file:
        file.write(
            hostile.packed(("stop", {"uid": "s", "run_start": "cc", "exit_status": "abort"}))
        )
    assert uids(folder, status="abort") == ["cc"]


def test_what_is_known_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    age(folder)
    first = made(folder).look(Filter())

    def refuse(_: Path) -> Run:
        raise AssertionError("a file that has not changed was read")

    again = Index(folder, refuse, folder.parent / "cache").look(Filter())
    assert again == first
    monkeypatch.setattr(index_module, "SMALL", 0)
    monkeypatch.setattr(index_module, "_listed", refuse)  # nor is the folder listed
    assert Index(folder, refuse, folder.parent / "cache").look(Filter()) == first


DAMAGES = {
    "empty": b"",
    "no database": b"rubbish" * 1000,
    "cut": None,
    "another version": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_made_anew(folder: Path, damage: str) -> None:
    index = made(folder)
    whole = index.look(Filter())
    data = DAMAGES[damage]
    if damage == "cut":
        data = index.path.read_bytes()[:5000]
    if damage == "another version":
        with sqlite3.connect(index.path) as database:
            database.execute("PRAGMA user_version = 77")
        database.close()
    else:
        for path in index.path.parent.iterdir():
            path.unlink()
        assert data is not None
        index.path.write_bytes(data)
    for _ in range(3):
        assert made(folder).look(Filter()) == whole


@pytest.mark.parametrize("where", ["file", "folder"])
def test_where_no_index_can_be_kept_all_is_read(folder: Path, where: str) -> None:
    cache = folder.parent / "cache"
    if where == "file":
        cache.write_text("no folder")
    else:
        made(folder).path.mkdir(parents=True)
    assert uids(folder) == ["aa", "cc", "bb"]


def test_an_index_is_the_users_and_no_part_of_the_folder(folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert len(Catalog(folder)) == 3
    assert sorted(folder.iterdir()) == before
    kept = list(cache_folder().iterdir())
    assert kept
    assert cache_folder().stat().st_mode & 0o077 == 0


def test_of_few_runs_no_index_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "FEW", 5)
    for _ in range(2):
        assert uids(folder) == ["aa", "cc", "bb"]
    assert not made(folder).path.exists()
    write_run(folder, "dd", time=400.0)
    assert uids(folder) == ["aa", "cc", "bb", "dd"]
    assert made(folder).path.exists()


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="Not a directory"):
        made(tmp_path / "file").look(Filter())
    assert made(tmp_path / "none").look(Filter()) == ([], [])


BUILD = """
import os, sys
from pathlib import Path
from cryohalo.catalog import Filter, index
from cryohalo.catalog.folder import checked_run
index._BATCH, index.FEW = 3, -1
made = index.Index(Path(sys.argv[1]), checked_run, Path(sys.argv[2]))
def note(done, total):
    print(done, flush=True)
    if len(sys.argv) > 3 and done >= 9:
        sys.stdin.readline()
print(len(made.look(Filter(), note)[0]), "runs", flush=True)
"""


def builder(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), str(folder.parent / "cache"), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_killed_reader_leaves_an_index_that_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    for number in range(30):
        write_run(folder, f"run{number:02}", time=float(number), events=1)
    age(folder)
    process = builder(folder, "wait")
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "9":
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    read: list[Path] = []

    def noted(path: Path) -> Run:
        read.append(path)
        return checked_run(path)

    entries, _ = Index(folder, noted, tmp_path / "cache").look(Filter())
    assert len(entries) == 30
    assert 0 < len(read) <= 21  # what the killed one had written is not read again


def test_several_processes_fill_one_index(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    for number in range(40):
        write_run(folder, f"run{number:02}", time=float(number), events=1)
    processes = [builder(folder) for _ in range(3)]
    for number in range(40, 50):
        write_run(folder, f"run{number:02}", time=float(number), events=1)
    for process in processes:
        told, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        assert 40 <= int(told.splitlines()[-1].split()[0]) <= 50
    assert len(made(folder).look(Filter())[0]) == 50
    with sqlite3.connect(made(folder).path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_the_catalog_goes_by_its_index(folder: Path) -> None:
    catalog = Catalog(folder)
    assert [run.uid for run in catalog] == ["aa", "cc", "bb"]
    assert (catalog[0].uid, catalog[-1].uid, catalog[-3].uid) == ("aa", "bb", "aa")
    assert [run.uid for run in catalog.named("scan")] == ["aa", "cc"]
    for place in (3, -4):
        with pytest.raises(CatalogError, match=f"no run {place}, it holds 3"):
            catalog[place]
