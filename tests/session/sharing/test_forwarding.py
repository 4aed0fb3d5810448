"""What is recorded is delivered, each document once, whatever the server does meanwhile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cryohalo.catalog import SUFFIX, Catalog, DocumentWriter, Run
from cryohalo.catalog.codec import encode
from cryohalo.errors import CatalogError
from cryohalo.sharing import delivery
from cryohalo.sharing.connection import ServerError, UnfitRunError, UnreachableError
from cryohalo.sharing.documents import told_by
from cryohalo.sharing.forwarder import Forwarder
from cryohalo.sharing.ledger import DONE, Ledger, Row
from tests.session.runs import event, write_run
from tests.session.sharing.server import Documents, Fake, Faults


class Shown:
    """Stands for Tiled's own form: notes what it is given."""

    begun: ClassVar[list[str]] = []
    documents: ClassVar[dict[str, list[str]]] = {}
    error: Exception | None = None

    def __init__(self, _: Fake, uid: str) -> None:
        self.begun.append(uid)
        self._got = self.documents[uid] = []

    def add(self, name: str, document: Mapping[str, Any]) -> None:
        if self.error is not None and name == "event":
            raise self.error
        self._got.append(name)

    def flush(self) -> None:
        return


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> type[Shown]:
    monkeypatch.setattr(delivery, "View", Shown)
    monkeypatch.setattr(Shown, "begun", [])
    monkeypatch.setattr(Shown, "documents", {})
    return Shown


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state" / "delivered.sqlite", "a" * 32)


def names(run: Run) -> list[str]:
    return [name for name, _ in run.documents()]


def test_runs_are_delivered_as_they_are_and_once(
    root: Path, ledger: Ledger, shown: type[Shown]
) -> None:
    paths = [write_run(root, uid, events=n) for uid, n in (("a", 3), ("b", 0), ("c", 40))]
    to = Fake()
    forwarder = Forwarder(root, to, ledger)
    assert forwarder.look().delivered == 3
    for path in paths:
        assert to.documents[path.stem].delivered == path.read_bytes()
        assert shown.documents[path.stem] == names(Run(path))
    count = to.documents.faults.count
    assert forwarder.look().delivered == 0
    assert Forwarder(root, to, ledger).look().delivered == 0
    assert to.documents.faults.count == count
    assert len(shown.begun) == 3


def test_what_is_told_of_a_run_is_what_the_folder_s_list_says(root: Path, ledger: Ledger) -> None:
    write_run(root, "a", time=5.25, scan_id=7, sample="quartz")
    write_run(root, "b", time=6.5, stop=False)
    to = Fake()
    Forwarder(root, to, ledger).look()
    told = [told_by(node.metadata, uid).entry for uid, node in to.documents.items()]
    assert sorted(told, key=lambda entry: entry.time) == Catalog(root).entries()


def test_a_growing_run_is_delivered_document_by_document(root: Path, ledger: Ledger) -> None:
    path = write_run(root, "a", events=2, stop=False)
    to, whole = Fake(), path.read_bytes()
    forwarder = Forwarder(root, to, ledger)
    assert forwarder.look().growing == 1
    assert to.documents["a"].delivered == whole
    more = encode("event", event("ad", 3, 5, 1000.0))
    with path.open("ab") as file:
        file.write(more[:50])  # a session that is just writing
        file.flush()
        assert forwarder.look().delivered == 0
        assert to.documents["a"].delivered == whole
        file.write(more[50:])
    assert forwarder.look().delivered == 1
    assert to.documents["a"].delivered == whole + more
    assert forwarder.waiting() == [path]
    stop = {"uid": "as", "run_start": "a", "exit_status": "success", "time": 1009.0}
    with path.open("ab") as file:
        file.write(encode("stop", stop))
    assert forwarder.look().growing == 0
    assert told_by(to.documents["a"].metadata, "a").entry.status == "success"
    assert forwarder.waiting() == []
    assert ledger.row("a").view == DONE


def test_a_growing_run_that_is_delivered_by_hand_meanwhile_is_there_once(
    root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a server: who adds, adds to what is there under that name.
    monkeypatch.setattr(Shown, "add", lambda one, name, _: one.documents[one.begun[0]].append(name))
    path = write_run(root, "a", events=2, stop=False)
    to = Fake()
    forwarder = Forwarder(root, to, ledger)
    forwarder.look()
    before = list(Shown.documents["a"])
    with path.open("ab") as file:
        file.write(encode("event", event("ad", 3, 5, 1000.0)))
    delivery.Delivery(path, to, ledger, anew=True).go_on()
    forwarder.look()
    forwarder.look()
    assert Shown.documents["a"] == [*before, "event"]
    assert Shown.begun == ["a", "a", "a"]


@pytest.mark.parametrize("done", [False, True], ids=["lost", "done, and not heard of"])
@pytest.mark.parametrize("at", range(9))
def test_a_server_that_dies_at_any_request_gets_each_document_once(
    root: Path, ledger: Ledger, shown: type[Shown], at: int, done: bool
) -> None:
    paths = [write_run(root, uid, events=4) for uid in ("a", "b", "c")]
    documents = Documents(Faults(at, done=done))
    with pytest.raises(UnreachableError):
        Forwarder(root, Fake(documents=documents), ledger).look()
    assert Forwarder(root, Fake(documents=documents), ledger).look().trouble == {}
    for path in paths:
        assert documents[path.stem].delivered == path.read_bytes()
        assert shown.documents[path.stem] == names(Run(path))


def test_a_kill_of_the_forwarder_in_the_middle_of_a_run_begins_its_view_anew(
    root: Path, ledger: Ledger, shown: type[Shown]
) -> None:
    path = write_run(root, "a", events=2, stop=False)
    to = Fake()
    Forwarder(root, to, ledger).look()
    with path.open("ab") as file:
        file.write(encode("event", event("ad", 3, 5, 1000.0)))
    Forwarder(root, to, ledger).look()
    assert shown.begun == ["a", "a"]
    assert shown.documents["a"] == names(Run(path))


def test_an_emptied_server_gets_all_anew(root: Path, ledger: Ledger, tmp_path: Path) -> None:
    path = write_run(root, "a")
    Forwarder(root, Fake(), ledger).look()
    other = Fake("b" * 32)
    Forwarder(root, other, Ledger(tmp_path / "state" / "delivered.sqlite", "b" * 32)).look()
    assert other.documents["a"].delivered == path.read_bytes()


def test_a_damaged_ledger_has_all_delivered_anew(root: Path, tmp_path: Path) -> None:
    path = write_run(root, "a")
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(b"no data base" * 100)
    to = Fake()
    Forwarder(root, to, Ledger(file, "a" * 32)).look()
    assert to.documents["a"].delivered == path.read_bytes()
    assert Ledger(file, "a" * 32).row("a").whole


def test_so_has_one_that_is_damaged_behind_its_beginning(root: Path, tmp_path: Path) -> None:
    path = write_run(root, "a")
    file = tmp_path / "ledger.sqlite"
    ledger = Ledger(file, "a" * 32)
    for number in range(200):
        ledger.put(f"{number:0200d}", Row(1, ended=True, view=DONE))
    ledger.close()
    data = bytearray(file.read_bytes())
    data[4096:] = b"x" * (len(data) - 4096)
    file.write_bytes(data)
    to = Fake()
    Forwarder(root, to, Ledger(file, "a" * 32)).look()
    assert to.documents["a"].delivered == path.read_bytes()


def test_a_run_that_the_server_refuses_keeps_no_other(root: Path, ledger: Ledger) -> None:
    paths = [write_run(root, uid) for uid in ("a", "b", "c")]
    documents = Documents(Faults(1, code=500))
    forwarder = Forwarder(root, Fake(documents=documents), ledger)
    passed = forwarder.look()
    (refused,) = passed.trouble
    assert "500" in passed.trouble[refused]
    assert passed.delivered == 2
    assert forwarder.look().trouble == {}
    assert [documents[path.stem].delivered for path in paths] == [p.read_bytes() for p in paths]


@pytest.mark.parametrize("code", [401, 403, 503])
def test_a_server_that_lets_nobody_in_is_as_one_that_is_away(
    root: Path, ledger: Ledger, code: int
) -> None:
    write_run(root, "a")
    with pytest.raises(UnreachableError, match=str(code)):
        Forwarder(root, Fake(documents=Documents(Faults(0, code=code))), ledger).look()


def test_files_that_are_no_runs_hide_none_and_are_looked_at_when_they_change(
    root: Path, ledger: Ledger
) -> None:
    path = write_run(root, "a")
    (root / f"noise{SUFFIX}").write_bytes(b"\x00" * 100)
    (root / f"copy{SUFFIX}").write_bytes(path.read_bytes())
    begun = root / f"b{SUFFIX}"
    begun.write_bytes(b"\x92")
    to = Fake()
    forwarder = Forwarder(root, to, ledger)
    assert forwarder.look().delivered == 1
    assert forwarder.waiting() == []
    begun.unlink()
    write_run(root, "b")
    assert forwarder.look().delivered == 1
    assert set(to.documents) == {"a", "b"}


def test_a_damaged_run_goes_as_far_as_it_is_whole_and_says_so(root: Path, ledger: Ledger) -> None:
    path = write_run(root, "a", stop=False)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\xc1" + b"x" * 40)
    to = Fake()
    Forwarder(root, to, ledger).look()
    told = told_by(to.documents["a"].metadata, "a")
    assert to.documents["a"].delivered == whole
    assert told.entry.status == "damaged"
    assert "damaged at byte" in told.damaged
    assert Forwarder(root, to, ledger).waiting() == []


def test_a_run_that_tiled_cannot_hold_is_there_as_documents(
    root: Path, ledger: Ledger, shown: type[Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_run(root, "a")
    monkeypatch.setattr(shown, "error", UnfitRunError("a column of two types"))
    to = Fake()
    assert Forwarder(root, to, ledger).look().trouble == {}
    assert to.documents["a"].delivered == path.read_bytes()
    assert "two types" in ledger.row("a").view


def test_a_view_that_the_server_refuses_is_given_up_in_the_end(
    root: Path, ledger: Ledger, shown: type[Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(root, "a")
    monkeypatch.setattr(shown, "error", ServerError("500", 500))
    forwarder = Forwarder(root, Fake(), ledger)
    looks = 0
    while forwarder.look().trouble:
        looks += 1
        assert looks < 20
    assert looks > 1
    assert "500" in ledger.row("a").view
    assert forwarder.waiting() == []


def test_a_view_that_failed_half_way_is_made_anew(
    root: Path, ledger: Ledger, shown: type[Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_run(root, "a", events=4)
    forwarder = Forwarder(root, Fake(), ledger)
    monkeypatch.setattr(shown, "error", ServerError("rows may have come twice"))
    assert "twice" in forwarder.look().trouble["a"]
    monkeypatch.setattr(shown, "error", None)
    assert forwarder.look().trouble == {}
    assert shown.begun == ["a", "a"]
    assert shown.documents["a"] == names(Run(path))
    assert ledger.row("a").view == DONE


def test_a_session_and_a_forwarder_side_by_side(root: Path, ledger: Ledger) -> None:
    """Between any two documents the server has a beginning of the run that can be read."""
    path = write_run(root.with_name("made"), "a", events=6)
    to = Fake()
    forwarder, writer = Forwarder(root, to, ledger), DocumentWriter(root)
    read = root.with_name("read") / f"a{SUFFIX}"
    read.parent.mkdir()
    for number, (name, document) in enumerate(Run(path).documents()):
        writer(name, document)
        forwarder.look()
        read.write_bytes(to.documents["a"].delivered)
        assert len(names(Run(read))) == number + 1
    assert read.read_bytes() == path.read_bytes()


def test_a_folder_is_listed_when_it_has_changed_alone(
    root: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(root, "a")
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(path), real(path))[1])
    forwarder = Forwarder(root, Fake(), ledger)
    os.utime(root, (1, 1))  # it has settled
    forwarder.look()
    for _ in range(3):
        forwarder.look()
    assert len(listed) == 1
    write_run(root, "b")
    assert forwarder.look().delivered == 1
    write_run(root, "c")  # within the same moment
    assert forwarder.look().delivered == 1


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, ledger: Ledger) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(CatalogError, match="file"):
        Forwarder(file, Fake(), ledger).look()
    assert Forwarder(tmp_path / "none", Fake(), ledger).look().delivered == 0
