"""The command line: each command does its work, and says in one line what it cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.catalog import DocumentWriter
from tests.session.commands import run


def test_size_prints_the_design_and_takes_overrides() -> None:
    sheet = json.loads(run("size", "--json"))
    larger = json.loads(run("size", "--json", "--set", "load_w=1e-3"))
    assert sheet["outlet_k"] == {"value": 0.75, "unit": "K"}
    ratio = larger["length"]["value"] / sheet["length"]["value"]
    assert ratio == pytest.approx(1e-3 / 600e-6, rel=1e-6)
    assert "[assumed]" in run("size")


def test_size_refuses_what_is_no_assignment() -> None:
    done = CliRunner().invoke(cli.app, ["size", "--set", "load_w"])
    assert done.exit_code == 2
    assert "NAME=VALUE" in done.output


def test_known_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["cryohalo", "runs", "--catalog", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert not said.out
    (line,) = said.err.splitlines()
    assert "no such folder" in line


BAD_OPTIONS = [
    (["size", "--set", "load_w"], "'load_w' is not NAME=VALUE"),
    (["size", "--set", "=3"], "'=3' is not NAME=VALUE"),
    (["size", "--set", "load_w=much"], "design: load_w = 'much' is not a number"),
    (["size", "--set", "load_w=nan"], "design: load_w = nan is not a positive number"),
    (["size", "--set", "load_w=1e-300"], "design: load_w = 1e-300 is outside 6e-07 to 0.6"),
    (["size", "--set", "nodes=1e9"], "design: nodes = 1000000000 is outside 2 to 2000"),
    (["size", "--set", "nodes=1"], "design: nodes = 1 is outside 2 to 2000"),
    (["size", "--set", "nonsense=3"], "design: 'nonsense' is not an input"),
    (["size", "--set", "refrigerant=ice"], "design: refrigerant 'ice' is not one of"),
    (["size", "--set", "load_w=1", "--set", "load_w=2"], "load_w is given twice"),
    (["iocs", "--speed", "nan"], "Invalid value for '--speed': nan: 0 to 1000000"),
    (["iocs", "--speed", "-1"], "Invalid value for '--speed': -1: 0 to 1000000"),
    (["iocs", "--speed", "fast"], "Invalid value for '--speed'"),
    (["iocs", "--seed", "-1"], "Invalid value for '--seed': -1: 0 to 2147483647"),
    (["iocs", "--seed", "1.5"], "Invalid value for '--seed'"),
    (["iocs", "--state-dir", "/dev/null"], "/dev/null is no folder"),
    (["iocs", "--halo-parameters", "orpheus"], "orpheus: no parameter file, nor the name of one"),
    (["iocs", "--amrr-parameters", "none.toml"], "file 'none.toml' does not exist"),
    (["iocs", "--inject", "much"], "Invalid value for '--inject'"),
    (["demo", "--steps", "3"], "Invalid value for '--steps': 3: 30 to 2000"),
    (["demo", "--steps", "99999"], "Invalid value for '--steps': 99999: 30 to 2000"),
    (["demo", "--seed", "-1"], "Invalid value for '--seed': -1: 0 to 2147483647"),
    (["demo", "--output", "/dev/null/x"], "Invalid value for '--output': /dev/null/x: Not a"),
    (["session", "--amrr-prefix", "a\nb"], r"'--amrr-prefix': 'a\nb' has characters other than"),
    (["session", "--halo-prefix", "A B:"], "'--halo-prefix': 'A B:' has characters other than"),
    (["session", "--halo-prefix", "X" * 80], "Channel Access allows 59"),
    (["session", "--catalog", "/dev/null/x"], "Invalid value for '--catalog': /dev/null/x: Not"),
    (["analyze"], "Missing argument"),
    (["analyze", "x", "--output", "/dev/null"], "/dev/null is no folder"),
    (["analyze", "x", "--baseline", "foo"], "Invalid value for '--baseline'"),
    (["report", "x", "--output", "/dev/null"], "/dev/null is no folder"),
    (["montecarlo", "x", "--experiments", "3"], "'--experiments': 3: 100 to 100000000"),
    (["montecarlo", "x", "--seed", "-1"], "Invalid value for '--seed': -1: 0 to 2147483647"),
    (["montecarlo", "x", "--output", "/dev/null"], "/dev/null is no folder"),
    (["runs", "x"], "No such command 'x'"),
    (["runs", "--nonsense"], "No such option"),
    (["nonsense"], "No such command"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_OPTIONS)
def test_a_bad_option_is_told_in_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["cryohalo", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert not said.out
    (line,) = said.err.splitlines()
    assert message in line
    assert line.isprintable()


def test_an_interrupted_command_ends_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cryohalo.commands.runs.list_runs", interrupted)
    monkeypatch.setattr("sys.argv", ["cryohalo", "runs", "--catalog", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("end", [[], ["--help"], ["version"]])
def test_help_and_version_are_no_mistakes(
    end: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["cryohalo", *end])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == (0 if end else 2)
    said = capsys.readouterr()
    assert "Usage" in said.out or end == ["version"]
    assert not said.err


def test_runs_lists_plans_events_and_ends(tmp_path: Path) -> None:
    writer = DocumentWriter(tmp_path)
    writer("start", {"uid": "aaaa1111", "time": 1.7e9, "plan_name": "scan"})
    stop = {"run_start": "aaaa1111", "num_events": {"primary": 30}, "exit_status": "success"}
    writer("stop", stop)
    writer("start", {"uid": "bbbb2222", "time": 1.8e9, "plan_name": "cooldown"})
    writer.close()
    lines = run("runs", "--catalog", str(tmp_path)).splitlines()
    assert lines[1].split()[:2] == ["aaaa1111", "scan"]
    assert "primary 30" in lines[1]
    assert "cut off" in lines[2]
