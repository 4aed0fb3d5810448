"""Options that cannot be used end the process with one clear line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from iocs import haloscope

BAD_OPTIONS = {
    "--log-level": ("foo", "invalid choice: 'FOO'"),
    "--prefix": ("X" * 60, "Channel Access allows 59"),
    "--speed": ("inf", "--speed inf: 0 to 1e+06"),
    "--speed=": ("2e6", "--speed 2e+06: 0 to 1e+06"),
    "--speed==": ("nan", "--speed nan: 0 to 1e+06"),
    "--parameters": ("missing.toml", "missing.toml"),
    "--access": ("missing.acf", "missing.acf"),
}


def run(*arguments: str) -> int:
    try:
        return haloscope.run(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("option", BAD_OPTIONS)
def test_a_bad_option_is_told_in_one_line(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    value, message = BAD_OPTIONS[option]
    assert run(option.rstrip("="), value) == 2
    said = capsys.readouterr().err
    assert message in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_state_folder_that_cannot_be_made_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert run("--state-dir", str(tmp_path / "file" / "state")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "Not a directory" in line
