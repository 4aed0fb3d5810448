"""What the commands print: texts as they are, a line as one line, whatever a file says."""

from __future__ import annotations

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
        assert f"  assumed not measured  {SHOWN}" in lines


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
