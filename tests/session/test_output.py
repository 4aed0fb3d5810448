"""What the commands print: texts as they are, a line as one line, whatever a file says."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.catalog import DocumentWriter
from cryohalo.commands import analysis
from cryohalo.commands.options import plain_console
from haloscope.analysis.exchange.interchange import write_spectra
from tests.physics.analysis.generator import make, scan_targets

ODD = "[/red]x\x1b[2J\n[bold] :smile:"
MAIN = "from cryohalo.cli import main; main()"
SHOWN = r"[/red]x\x1b[2J\n[bold] :smile:"


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of twenty columns."""
    for console in (cli.console, analysis.console):
        monkeypatch.setattr(console, "width", 20)


@pytest.mark.parametrize("command", ["analyze", "report"])
def test_names_that_a_file_brings_are_shown_as_they_are(
    tmp_path: Path, command: str, narrow: None
) -> None:
    spectra = make(scan_targets(8), seed=5)
    odd = replace(spectra, calibration=spectra.calibration.assuming(ODD))
    write_spectra(tmp_path / "odd.h5", odd)
    output = tmp_path / "[/x] :smile:"
    given = [command, str(tmp_path / "odd.h5"), "--output", str(output)]
    done = CliRunner().invoke(cli.app, given, catch_exceptions=False)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert str(output) in lines[-2]
    if command == "analyze":
        [told] = [line for line in lines if line.startswith("  assumed not measured ")]
        assert told.endswith(f"  {SHOWN}")


def test_a_run_is_one_line_on_a_narrow_terminal(tmp_path: Path, narrow: None) -> None:
    writer = DocumentWriter(tmp_path)
    for uid, plan in (("a" * 20, "a plan with a long name"), ("b" * 20, "計画")):
        writer("start", {"uid": uid, "time": 5.0, "plan_name": plan})
        writer("stop", {"uid": "s", "run_start": uid, "exit_status": "success"})
    done = CliRunner().invoke(cli.app, ["runs", "--catalog", str(tmp_path)])
    head, first, second = done.stdout.splitlines()
    assert first.startswith("aaaaaaaa  a plan with a long name  ")
    assert second.startswith("bbbbbbbb  計画")
    assert head.index("events") == first.index("success") - len("events  ")


def test_a_line_that_is_to_be_copied_is_not_broken() -> None:
    console = plain_console()
    console.file, console.width = StringIO(), 20
    line = "export EPICS_CA_ADDR_LIST='127.0.0.1:15064 127.0.0.1:15065' [red] :x:"
    console.print(line)
    assert console.file.getvalue() == f"{line}\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_a_character_hides_no_run(tmp_path: Path, encoding: str) -> None:
    writer = DocumentWriter(tmp_path)
    for uid in ("run1", "run2"):
        writer("start", {"uid": uid, "time": 5.0, "plan_name": "計画"})
    writer.close()
    (tmp_path / "字.msgpack").write_bytes(b"junk")
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "runs", "--catalog", str(tmp_path)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=True,
    )
    shown = done.stdout.decode(encoding).splitlines()
    assert [line[:4] for line in shown] == ["uid ", "run1", "run2"]
    assert r"\u8a08\u753b" in shown[1]
    assert rb"\u5b57.msgpack: damaged" in done.stderr


NO_FOLDERS = [
    ["runs", "--catalog", ""],
    ["analyze", "x", "--catalog", " "],
    ["report", "x", "--output", ""],
    ["montecarlo", "x", "--output", ""],
    ["demo", "--output", ""],
    ["iocs", "--state-dir", ""],
    ["session", "--catalog", ""],
]


@pytest.mark.parametrize("command", NO_FOLDERS, ids=" ".join)
def test_an_empty_name_is_not_the_folder_one_is_in(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["cryohalo", *command])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert (ended.value.code, line.endswith("is no name of a folder")) == (2, True)
