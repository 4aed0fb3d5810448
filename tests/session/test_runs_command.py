"""``cryohalo runs``: filters, what a run is, what is wrong with one, and files of other kinds."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cryohalo import cli
from cryohalo.catalog import DocumentWriter, Run
from cryohalo.catalog.checking import checked
from cryohalo.commands.moments import moment_of
from tests.session import hostile
from tests.session.runs import write_run

DAY = 86_400.0
NOON = datetime(2026, 11, 27, 12).timestamp()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    write_run(root, "aa1", time=NOON, sample="Quartz", scan_id=7, operator="me")
    write_run(root, "bb2", time=NOON + DAY, plan="cooldown", status="fail", reason="x")
    write_run(root, "cc3", time=NOON + 2 * DAY, stop=False)
    return root


def runs(folder: Path, *words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli.app, ["runs", "--catalog", str(folder), *words])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def listed(folder: Path, *words: str) -> list[str]:
    return [line.split()[0] for line in runs(folder, *words).stdout.splitlines()[1:]]


FILTERS = [
    ((), ["aa1", "bb2", "cc3"]),
    (("--plan", "scan"), ["aa1", "cc3"]),
    (("--since", "2026-11-28"), ["bb2", "cc3"]),
    (("--since", "2026-11-28T11:59", "--until", "2026-11-29"), ["bb2"]),
    (("--text", "quartz"), ["aa1"]),
    (("--status", "cut off"), ["cc3"]),
    (("--last", "2"), ["bb2", "cc3"]),
    (("--last", "0"), []),
    (("--all",), ["aa1", "bb2", "cc3"]),
]


@pytest.mark.parametrize(("words", "found"), FILTERS, ids=str)
def test_what_is_asked_for_is_listed(
    folder: Path, words: tuple[str, ...], found: list[str]
) -> None:
    assert listed(folder, *words) == found


def test_older_ones_are_told_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryohalo.commands.runs.SHOWN", 2)
    done = runs(folder)
    assert [line[:3] for line in done.stdout.splitlines()[1:]] == ["bb2", "cc3"]
    assert done.stderr == "cryohalo: there are older ones: --last N, --all\n"
    assert not runs(folder, "--all").stderr
    assert not runs(folder, "--last", "3").stderr


def test_a_program_reads_lines_of_json(folder: Path) -> None:
    told = [json.loads(line) for line in runs(folder, "--json").stdout.splitlines()]
    assert told[0] == {
        "uid": "aa1",
        "plan": "scan",
        "campaign": "",
        "scan_id": 7,
        "time": NOON,
        "duration_s": 9.5,
        "events": {"primary": 3, "baseline": 1},
        "status": "success",
    }
    assert told[2]["duration_s"] is None


MOMENTS = [("90s", -90.0), ("30m", -1800.0), ("1.5h", -5400.0), ("2d", -2 * DAY), ("1w", -7 * DAY)]


@pytest.mark.parametrize(("text", "after"), MOMENTS)
def test_moments_can_be_so_long_ago(text: str, after: float) -> None:
    assert moment_of(text, NOON) == NOON + after


@pytest.mark.parametrize("text", ["", "5x", "yesterday", "2026-13-01", "1e9d", "-3h", "9" * 400])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        moment_of(text, NOON)


@pytest.mark.parametrize("words", [("--since", "5x"), ("--last", "-1"), ("nothing",)])
def test_a_bad_filter_is_exit_code_two(folder: Path, words: tuple[str, ...]) -> None:
    runs(folder, *words, code=2)


def test_a_run_is_shown_with_streams_units_and_end(folder: Path) -> None:
    shown = runs(folder, "show", "aa").stdout
    assert "run       aa1\nplan      scan\nstarted   2026-11-27 12:00:00\n" in shown
    assert "end       success after 10 s\n" in shown
    assert 'sample: "Quartz"\n' in shown
    assert "stream primary: 3 events\n" in shown
    assert "  halo_power                                    array [5], W\n" in shown
    assert runs(folder, "show", "last").stdout.startswith("run       cc3")
    assert "cut off: no stop document" in runs(folder, "show", "last").stdout
    told = json.loads(runs(folder, "show", "aa1", "--json").stdout)
    assert told["streams"]["primary"]["fields"]["halo_frequency"]["units"] == "MHz"
    assert told["stop"]["exit_status"] == "success"


def test_the_catalog_may_be_named_behind_the_command_too(folder: Path) -> None:
    done = CliRunner().invoke(cli.app, ["runs", "show", "aa", "--catalog", str(folder)])
    assert done.stdout.startswith("run       aa1")


def test_texts_of_a_file_are_shown_as_they_are(tmp_path: Path) -> None:
    write_run(tmp_path, "aa", plan="\x1b[2J[red]", note={"a\nb": "\x1b]0;x\x07"})
    shown = runs(tmp_path, "show", "aa").stdout
    assert r"plan      \x1b[2J[red]" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize("words", [("show", "zz"), ("show", ""), ("export", "zz", "-o", "x.csv")])
def test_a_run_that_is_not_there_is_told(
    folder: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(cli.app, ["runs", "--catalog", str(folder), *words])
    assert type(done.exception).__name__ == "CatalogError"


def test_good_runs_pass_the_check_and_a_cut_one_is_told(folder: Path) -> None:
    done = runs(folder, "check")
    assert done.stdout.splitlines() == [
        "cc3: cut off after 4 events; its last document is event",
        "3 files, 0 of them wrong",
    ]


def damaged(folder: Path, kind: str) -> Path:
    """A run of which something is missing or wrong."""
    path = write_run(folder, "dd4", events=6)
    documents = list(Run(path).documents())
    path.unlink()
    if kind == "no event 3":
        documents = [d for d in documents if d[1].get("seq_num") != 3]
    if kind == "no last event":
        documents = [d for d in documents if d[1].get("seq_num") != 6]
    writer = DocumentWriter(folder)
    for name, document in documents:
        writer(name, document)
    writer.close()
    if kind == "foreign bytes":
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + b"\xc1" * 40 + data[len(data) // 2 + 40 :])
    return path


WRONG = {
    "no event 3": "stream primary: 1 numbers of events are missing",
    "no last event": "stream primary: 5 events, 6 by the stop document",
    "foreign bytes": "dd4.msgpack: ",
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_with_a_run_is_told(folder: Path, kind: str) -> None:
    path = damaged(folder, kind)
    verdict = checked(Run(path))
    assert not verdict.good
    assert WRONG[kind] in verdict.words
    done = runs(folder, "check", code=1)
    assert WRONG[kind] in done.stdout
    assert done.stdout.splitlines()[-1] == "4 files, 1 of them wrong"
    assert "dd4" in runs(folder, "check", "dd4", code=1).stdout
    assert runs(folder, "check", "aa1").stdout == "1 files, 0 of them wrong\n"


def test_an_event_that_was_taken_again_is_no_fault(tmp_path: Path) -> None:
    """bluesky takes an event again after a pause, under the number that it had."""
    path = write_run(tmp_path, "aa", stop=False)
    documents = list(Run(path).documents())
    path.unlink()
    writer = DocumentWriter(tmp_path)
    for name, document in [*documents[:5], documents[4], *documents[5:]]:
        writer(name, document)
    counts = {"primary": 3, "baseline": 1}
    writer("stop", {"uid": "s", "run_start": "aa", "exit_status": "success", "num_events": counts})
    assert checked(Run(path)).good


def test_files_that_are_no_runs_are_wrong(folder: Path) -> None:
    (folder / "bad.msgpack").write_bytes(hostile.packed(("event", {})))
    done = runs(folder, "check", code=1)
    assert "bad.msgpack" in done.stdout
    assert done.stdout.splitlines()[-1] == "4 files, 1 of them wrong"


def test_a_run_is_exported_by_the_files_name(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "run.csv"
    done = runs(folder, "export", "aa", "-o", str(output))
    assert done.stdout == f"3 events of run aa1 in {output}\n"
    assert output.read_text().startswith("seq_num,time,halo_frequency")
    told = CliRunner().invoke(
        cli.app, ["runs", "--catalog", str(folder), "export", "aa", "-o", str(output)]
    )
    assert "is there already: --force" in str(told.exception)
    runs(folder, "export", "aa", "-o", str(output), "--force")
    runs(folder, "export", "aa", "-o", str(tmp_path / "run.xyz"), code=2)


def test_an_extra_that_is_missing_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")

    monkeypatch.setattr("cryohalo.exporting.import_module", missing)
    done = runs(folder, "export", "aa", "-o", str(tmp_path / "run.parquet"), code=1)
    assert "parquet wants pyarrow: pip install 'cryohalo[export]'" in done.stderr
