"""A session and the catalog's commands go by the site's configuration, unless told otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.commands.site import Site, find_instruments, parameters_of, place_of, site
from tests.session.runs import write_run

MAIN = "from cryohalo.cli import main; main()"
FILE = """
[amrr]
use = false
[haloscope]
prefix = "LAB:HALO:"
serve = false
host = "127.0.0.1"
port = 15999
[catalog]
folder = "kept"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a command runs; nothing of a site is in the environment."""
    for name in list(os.environ):
        if name.startswith(("CRYOHALO_", "EPICS_CA_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_configuration_all_is_as_ever_and_nothing_of_it_is_imported(folder: Path) -> None:
    assert site(None, None, None) == Site(Path("data/runs"), "AMRR:", "HALO:")
    assert site(Path("x"), "", "A:") == Site(Path("x"), None, "A:")
    find_instruments()
    assert "EPICS_CA_ADDR_LIST" not in os.environ
    code = (
        "import sys; from cryohalo.commands.site import *; place_of(None); find_instruments(); "
        "sys.exit('pydantic_settings' in sys.modules)"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0
    )


def test_the_sites_file_decides_what_is_not_given(folder: Path) -> None:
    (folder / "cryohalo.toml").write_text(FILE)
    assert site(None, None, None) == Site(folder / "kept", None, "LAB:HALO:")
    assert site(Path("x"), "A:", "") == Site(Path("x"), "A:", None)
    assert place_of(None) == folder / "kept"


def test_a_variable_of_the_site_decides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYOHALO_CATALOG__FOLDER", str(folder / "other"))
    assert place_of(None) == folder / "other"


@pytest.mark.parametrize("told", [None, "10.0.0.1"])
def test_channel_access_is_told_where_the_sites_instruments_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    (folder / "cryohalo.toml").write_text(FILE)
    for name in ("EPICS_CA_ADDR_LIST", "EPICS_CA_AUTO_ADDR_LIST", "EPICS_CA_MAX_ARRAY_BYTES"):
        monkeypatch.setenv(name, "before")  # put back at the end, whatever is set now
        monkeypatch.delenv(name)
    if told:
        monkeypatch.setenv("EPICS_CA_ADDR_LIST", told)
    find_instruments()
    assert os.environ["EPICS_CA_ADDR_LIST"] == (told or "127.0.0.1:15999")
    assert ("EPICS_CA_AUTO_ADDR_LIST" in os.environ) == (told is None)


def test_the_commands_go_by_it(folder: Path) -> None:
    (folder / "cryohalo.toml").write_text(FILE)
    write_run(folder / "kept", "aa1")
    for words in (["runs"], ["runs", "show", "aa"], ["runs", "check"]):
        done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    code = "print('refrigerator' in dir(), haloscope.prefix)"
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "session", "--simulated", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.stdout == "False LAB:HALO:\n", done.stderr


def test_a_file_that_cannot_be_used_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cryohalo.toml").write_text("[catalog]\nfolders = 1\n")
    monkeypatch.setattr("sys.argv", ["cryohalo", "runs"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "catalog.folders" in capsys.readouterr().err


def test_parameters_of_the_sites_iocs(folder: Path) -> None:
    assert parameters_of("haloscope") is None
    (folder / "cryohalo.toml").write_text(FILE.replace("serve", "parameters = 'p.toml'\nserve"))
    assert parameters_of("haloscope") == folder / "p.toml"
    assert parameters_of("amrr") is None  # this site has none


def with_a_catalog(at: Any, names: tuple[str, ...] = ()) -> Iterator[Any]:
    """Every command that has one, those of groups included, with that parameter."""
    for name, one in getattr(at, "commands", {}).items():
        yield from with_a_catalog(one, (*names, name))
    for parameter in at.params:
        if "--catalog" in parameter.opts:
            yield pytest.param(parameter, id=" ".join(names))


EVERY = list(with_a_catalog(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("parameter", EVERY)
def test_every_command_takes_the_sites_catalog_unless_told(parameter: Any) -> None:
    assert parameter.default is None
    assert "the site's unless told" in parameter.help


def test_there_are_commands_with_a_catalog() -> None:
    names = {one.id for one in EVERY}
    assert {"analyze", "report", "montecarlo", "page", "blind verify", "flows"} <= names
