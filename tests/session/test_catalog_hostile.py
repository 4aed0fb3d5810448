"""A catalog's folder may hold anybody's files: none runs, none hides a run, each is told."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.catalog import Catalog, CatalogError, DocumentWriter
from tests.session import hostile

GOOD_START = {"uid": "good", "time": 5.0, "plan_name": "scan"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalog with one good run."""
    root = tmp_path / "runs"
    writer = DocumentWriter(root)
    writer("start", GOOD_START)
    writer("stop", hostile.STOP | {"run_start": "good"})
    return root


def listed(folder: Path) -> tuple[str, list[str]]:
    """What ``cryohalo runs`` prints, and its lines on standard error."""
    command = ["runs", "--catalog", str(folder)]
    done = CliRunner().invoke(cli.app, command, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout, done.stderr.splitlines()


def refused_as(folder: Path, name: str, reason: str) -> None:
    """The good run is listed, the other one refused in one line, by name and in use."""
    shown, errors = listed(folder)
    assert shown.count("scan") == 1
    (line,) = errors
    assert name in line
    assert reason in line
    assert [run.uid for run in Catalog(folder)] == ["good"]
    assert Catalog(folder)[-1].uid == "good"
    with pytest.raises(CatalogError) as told:
        Catalog(folder)[name]
    assert reason in str(told.value)


@pytest.mark.parametrize("kind", hostile.NO_START)
def test_a_file_that_is_no_run_is_told_in_one_line_and_hides_none(folder: Path, kind: str) -> None:
    content, reason = hostile.NO_START[kind]
    (folder / "bad.msgpack").write_bytes(content)
    refused_as(folder, "bad", reason)


@pytest.mark.parametrize("kind", hostile.ODD_FILES)
def test_what_is_no_regular_file_is_told_in_one_line_and_hides_none(
    folder: Path, kind: str
) -> None:
    make, reason = hostile.ODD_FILES[kind]
    make(folder / "bad.msgpack")
    refused_as(folder, "bad", reason)


@pytest.mark.parametrize("kind", hostile.LATER)
def test_documents_out_of_place_end_the_run_by_a_catalog_error(folder: Path, kind: str) -> None:
    documents, reason = hostile.LATER[kind]
    (folder / "bad.msgpack").write_bytes(hostile.packed(*documents))
    run = Catalog(folder)["bad"]
    told = iter(run.documents())
    before = [next(told)[0] for _ in documents[:-1]]
    assert before == [name for name, _ in documents[:-1]]
    with pytest.raises(CatalogError) as refused:
        next(told)
    assert "bad.msgpack" in str(refused.value)
    assert reason in str(refused.value)
    assert {run.uid for run in Catalog(folder)} == {"good", "bad"}


@pytest.mark.parametrize("command", ["runs", "analyze", "report", "montecarlo"])
def test_a_pickled_object_is_never_run(folder: Path, tmp_path: Path, command: str) -> None:
    proof = tmp_path / "it ran"
    content = hostile.start(x=hostile.pickled(proof))
    (folder / "bad.msgpack").write_bytes(content)
    event = hostile.EVENT | {"data": {"daq_spectrum": hostile.pickled(proof)}}
    documents = [("start", hostile.START | {"uid": "ev"}),
                 ("descriptor", hostile.DESCRIPTOR | {"run_start": "ev"}),
                 ("event", event)]  # fmt: skip
    (folder / "ev.msgpack").write_bytes(hostile.packed(*documents))
    pickle.loads(hostile.pickled(proof)[b"data"])
    assert proof.exists()  # the file is what it is said to be
    proof.rmdir()
    for name in ("bad", "ev"):
        names = [] if command == "runs" else [name, "--output", str(tmp_path / "out")]
        CliRunner().invoke(cli.app, [command, *names, "--catalog", str(folder)])
    assert not proof.exists()


def test_huge_lengths_take_no_memory(folder: Path) -> None:
    kinds = [content for kind, (content, _) in hostile.NO_START.items() if "4" in kind]
    assert len(kinds) == 5
    Catalog(folder).listing()  # what is imported late
    tracemalloc.start()
    try:
        for number, content in enumerate(kinds):
            (folder / f"bad{number}.msgpack").write_bytes(content)
        hostile.ODD_FILES["sparse"][0](folder / "sparse.msgpack")
        assert len(Catalog(folder).listing().refused) == 6
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_copy_under_another_name_does_not_count_twice(folder: Path) -> None:
    (folder / "good (copy).msgpack").write_bytes((folder / "good.msgpack").read_bytes())
    assert [run.uid for run in Catalog(folder)] == ["good"]
    (line,) = Catalog(folder).listing().refused
    assert "holds the run 'good'; the file of a run is named after it" in line


def test_names_that_are_no_text_are_shown_as_escapes(folder: Path) -> None:
    name = b"\xff\x1b[31m\nbad.msgpack"
    (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"")
    _, (line,) = listed(folder)
    assert r"\udcff\x1b[31m\nbad.msgpack: no start document" in line


def test_what_a_run_says_of_itself_reaches_the_terminal_as_text(folder: Path) -> None:
    plan = "[red]x[/nonsense]\x1b]0;title\x07\n"
    documents = [("start", hostile.START | {"plan_name": plan}), hostile.GOOD[3]]
    (folder / "bad.msgpack").write_bytes(hostile.packed(*documents))
    shown, errors = listed(folder)
    assert not errors
    assert r"[red]x[/nonsense]\x1b]0;title\x07\n" in shown
    assert "\x1b" not in shown


def test_files_that_may_not_be_read_are_told_by_name(folder: Path) -> None:
    script = (
        "import os\n"
        "from cryohalo.catalog import Catalog\n"
        "os.setgid(65534), os.setuid(65534)\n"
        "found = Catalog('.').listing()\n"
        "print([run.uid for run in found.runs], found.refused)\n"
    )
    if os.getuid():
        pytest.skip("only root can become somebody who may not read")
    hidden = folder / "hidden.msgpack"
    hidden.write_bytes(hostile.packed(*hostile.GOOD))
    hidden.chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout.startswith("['good'] [")
    assert "hidden.msgpack: Permission denied" in done.stdout


@pytest.mark.parametrize("key", ["/abs", "*", "..", "../runs/good", "[g]ood", "?ood", "x" * 5000,
                                 "good\0", "goo\n", ""])  # fmt: skip
def test_a_key_is_the_beginning_of_a_uid_and_nothing_else(folder: Path, key: str) -> None:
    with pytest.raises(CatalogError) as told:
        Catalog(folder)[key]
    assert len(str(told.value)) < 400
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("key", [None, 1.0, b"good", ("good",), slice(0, 1), 99, -99])
def test_a_key_of_another_type_or_beyond_the_runs_is_a_catalog_error(
    folder: Path, key: Any
) -> None:
    with pytest.raises(CatalogError):
        Catalog(folder)[key]


def test_the_beginning_of_two_uids_is_ambiguous_and_a_whole_uid_is_not(folder: Path) -> None:
    for uid in ("ab", "abc", "abd"):
        writer = DocumentWriter(folder)
        writer("start", GOOD_START | {"uid": uid})
        writer.close()
    with pytest.raises(CatalogError, match="3 runs begin with 'a': ab, abc, abd"):
        Catalog(folder)["a"]
    assert Catalog(folder)["ab"].uid == "ab"
    assert Catalog(folder)["abc"].uid == "abc"


def test_a_bad_file_hides_no_run_whose_uid_begins_alike(folder: Path) -> None:
    (folder / "goo.msgpack").write_bytes(b"\xc1")
    assert Catalog(folder)["go"].uid == "good"


def test_a_file_that_is_bad_is_logged_once(folder: Path, caplog: Any) -> None:
    (folder / "bad.msgpack").write_bytes(b"")
    catalog = Catalog(folder)
    for _ in range(3):
        assert len(catalog) == 1
    assert [record.message.count("bad.msgpack") for record in caplog.records] == [1]


def test_files_of_the_former_writer_are_read() -> None:
    """``data/former.msgpack`` was packed by msgpack-numpy, which the first catalogs were."""
    values = {
        "f": np.arange(6.0).reshape(2, 3),
        "f4": np.float32([1, 2]),
        "big": np.arange(3, dtype=">i2"),
        "b": np.array([True, False]),
        "c": np.array([1j]),
        "s": np.array([b"ab", b"c"]),
        "u": np.array(["ab", "ç"]),
        "empty": np.zeros((0, 4)),
        "one": np.array(5.0),
        "scalar": np.int16(3),
        "truth": np.bool_(True),
        "complex": 1 + 2j,
        "strided": np.arange(10)[::2],
        "fortran": np.arange(6.0).reshape(2, 3),
    }
    run = Catalog(Path(__file__).parent / "data")["former"]
    assert run.start["keys"] == {1: 2}
    assert run.start["x"].keys() == values.keys()
    for name, value in values.items():
        found = run.start["x"][name]
        np.testing.assert_array_equal(found, value, strict=isinstance(value, np.ndarray))
        assert type(found) is type(value)
    assert run.stop is not None


@pytest.mark.parametrize("command", ["analyze", "report", "montecarlo"])
def test_a_command_given_a_bad_run_says_so_in_one_line(
    folder: Path,
    tmp_path: Path,
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {kind: content for kind, (content, _) in hostile.NO_START.items()}
    files |= {kind: hostile.packed(*found) for kind, (found, _) in hostile.LATER.items()}
    files["no spectra"] = hostile.packed(*hostile.GOOD)
    where = ["--catalog", str(folder), "--output", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["cryohalo", command, "bad", *where])
    for kind, content in files.items():
        (folder / "bad.msgpack").write_bytes(content)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert (kind, ended.value.code) == (kind, 1)
        (line,) = said.err.splitlines()
        assert line.startswith("cryohalo: ")
        assert line.isprintable()
