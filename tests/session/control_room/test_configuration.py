"""The configuration: where each value comes from, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import iocs.amrr
import iocs.haloscope
from cryohalo import cli
from cryohalo.configuration import Configuration, ConfigurationError, commented, read
from cryohalo.configuration.model import Amrr, Haloscope
from cryohalo.control_room.services import services
from cryohalo.processes.launcher import LaunchedIoc
from haloscope.parameters import HaloscopeParameters

#: Options of an IOC that a site does not choose by key: it has a port of its own (``port``), on
#: loopback, and what is for development alone.
NO_KEYS = {
    *("help", "list-pvs", "log-level", "interfaces", "port", "share-port", "beacons"),
    *("max-clients", "puts-survive", "state-dir"),
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CRYOHALO_CONFIG", raising=False)


def written(text: str) -> Path:
    path = Path("cryohalo.toml").absolute()
    path.write_text(text)
    return path


def test_the_environment_goes_before_the_file_and_the_file_before_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = written('[amrr]\nport = 17000\nspeed = 3\n[haloscope]\nprefix = "H:"\n')
    monkeypatch.setenv("CRYOHALO_AMRR__PORT", "17002")
    found = read()
    assert (found.values.amrr.port, found.origin("amrr.port")) == (17002, "CRYOHALO_AMRR__PORT")
    assert (found.values.amrr.speed, found.origin("amrr.speed")) == (3.0, str(path))
    assert (found.values.haloscope.port, found.origin("haloscope.port")) == (15066, "default")
    assert found.values.haloscope.prefix == "H:"


def test_without_a_file_all_is_default() -> None:
    found = read()
    assert found.file is None
    assert dict(found.origins) == {}


def test_paths_begin_at_the_file_those_of_variables_where_one_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "site"
    elsewhere.mkdir()
    file = elsewhere / "room.toml"
    file.write_text('state_dir = "kept"\n')
    monkeypatch.setenv("CRYOHALO_CATALOG__FOLDER", "mine")
    monkeypatch.setenv("CRYOHALO_CONFIG", str(file))
    values = read().values
    assert values.state_dir == elsewhere / "kept"
    assert values.catalog.folder == tmp_path / "mine"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[amrr]\nprefx = 'A:'", "amrr.prefx: there is no such key"),
        ("colour = 1", "colour: there is no such key"),
        ("_env_file = 'x'", "_env_file: there is no such key"),
        ("[foo]", "foo: there is no such key"),
        ("[amrr]\nport = 70000", "amrr.port = 70000: "),
        ("[amrr]\nport = 'x'", "amrr.port = 'x': "),
        ("[amrr]\nprefix = 'a b'", "amrr.prefix = 'a b': "),
        ("[amrr]\nspeed = -1", "amrr.speed = -1: "),
        ("[amrr]\nport = 15066", "haloscope.port = 15066 is amrr.port too"),
        ("[amrr]\nprefix = 'HALO:'", "prefix 'HALO:' is that of both"),
        ("[amrr]\nhost = '192.0.2.1'", "listens on 127.0.0.1"),
        ("[haloscope]\nblind = 'k'\nseed = 3", "come from its key file"),
        ("[haloscope]\ninject_band = [1, 2]", "inject_band hides nothing without inject"),
        ("[haloscope]\ninject_modulated = true", "inject_modulated hides nothing without"),
        ("[haloscope]\ninject_flow = 0.5", "inject_flow hides nothing without inject"),
        ("[haloscope]\ninject = 1e-14\ninject_band = [2, 1]", "first must be below"),
        ("[haloscope]\ninject = 1e-14\ninject_band = [2]", "haloscope.inject_band"),
        (
            "[haloscope]\ninject = 1e-14\ninject_modulated = true\ninject_flow = 1",
            "a flow of one speed is not modulated",
        ),
        ("amrr = 3", "amrr = 3: "),
        ("port = = 3", "cryohalo.toml: "),
    ],
)
def test_what_cannot_be_used_is_named(text: str, told: str) -> None:
    written(text)
    with pytest.raises(ConfigurationError) as refused:
        read()
    assert told in str(refused.value)


def test_every_mistake_is_told_at_once() -> None:
    written("[amrr]\nport = 0\nspeed = 'x'\n[haloscope]\nseed = -1")
    with pytest.raises(ConfigurationError) as refused:
        read()
    assert len(refused.value.mistakes) == 3


def test_every_mistake_is_a_line_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written("[amrr]\nport = 0\n[page]\ncolour = 'a\\nb'")
    monkeypatch.setattr("sys.argv", ["cryohalo", "config"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"cryohalo: {file}: amrr.port = 0: ")
    assert second == f"cryohalo: {file}: page.colour: there is no such key"


@pytest.mark.parametrize("ioc", [iocs.amrr, iocs.haloscope])
def test_every_option_of_an_ioc_is_a_key(ioc: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ioc.run(["--help"])
    options = set(re.findall(r"^  (?:-h, )?--([a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    kind = {"amrr": Amrr, "haloscope": Haloscope}[ioc.__name__.removeprefix("iocs.")]
    keys = {name.replace("_", "-") for name in kind().of_the_ioc()}
    assert options - keys == NO_KEYS
    assert keys <= options


def test_what_is_hidden_reaches_the_ioc(monkeypatch: pytest.MonkeyPatch) -> None:
    written(
        "[amrr]\nuse = false\n[haloscope]\ninject = 2e-14\ninject_modulated = true\n"
        "parameters = 'haystac'"
    )
    monkeypatch.setenv("CRYOHALO_HALOSCOPE__INJECT_BAND", "[5749, 5751.5]")
    ioc, _ = next(services(read().values))
    assert isinstance(ioc, LaunchedIoc)
    line = " ".join(ioc.arguments)
    assert "--inject 2e-14 --inject-band 5749.0 5751.5 --inject-modulated" in line
    assert "--inject-flow" not in line
    found = HaloscopeParameters.from_toml(ioc.arguments[ioc.arguments.index("--parameters") + 1])
    assert found.name == HaloscopeParameters.shipped("haystac").name


def test_a_blind_run_has_its_seed_from_its_key_file() -> None:
    written("[haloscope]\nblind = 'k.key'")
    _, (ioc, _), *_ = services(read().values)
    assert isinstance(ioc, LaunchedIoc)
    assert "--blind" in ioc.arguments
    assert "--seed" not in ioc.arguments


def test_a_variable_of_no_section_is_refused_others_are_none_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRYOHALO_CONNECT", "no")
    monkeypatch.setenv("CRYOHALO_CATALOG", "data/runs")
    read()
    monkeypatch.setenv("CRYOHALO_HALO__PORT", "1")
    with pytest.raises(ConfigurationError, match="there is no section 'halo'"):
        read()


def test_a_file_that_is_named_must_be_there() -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        read("nowhere.toml")


def test_an_instrument_that_is_not_used_takes_no_port_and_no_prefix() -> None:
    written("[haloscope]\nuse = false\nport = 15064\nprefix = 'AMRR:'")
    values = read().values
    assert list(values.instruments) == ["amrr"]
    assert "haloscope.port" not in dict(values.ports())


def test_the_commented_file_holds_every_key_and_its_default() -> None:
    written(commented())
    found = read()
    assert dict(found.origins) == {}
    lines = [line.removeprefix("#") for line in commented().splitlines()]
    written("\n".join(line for line in lines if not line.startswith(" ")))
    all_given = read()
    assert set(all_given.origins) == {key for key, _ in found.leaves()}
    assert all_given.values == found.values


def test_every_key_says_what_it_is() -> None:
    sections = [f.default for f in Configuration.model_fields.values() if f.description is None]
    for section in sections:
        assert all(f.description for f in type(section).model_fields.values()), section


def test_config_prints_values_with_their_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYOHALO_HALOSCOPE__SEED", "7")
    done = CliRunner().invoke(cli.app, ["config"])
    lines = dict(line.split("  #", 1) for line in done.output.splitlines())
    found = {key.split(" = ")[0]: (key.split(" = ")[1].strip(), o) for key, o in lines.items()}
    assert found["haloscope.seed"] == ("7", " CRYOHALO_HALOSCOPE__SEED")
    assert found["amrr.seed"] == ("0", " default")


def test_config_new_writes_a_file_and_overwrites_none() -> None:
    assert CliRunner().invoke(cli.app, ["config", "new"]).exit_code == 0
    assert Path("cryohalo.toml").read_text() == commented()
    assert isinstance(CliRunner().invoke(cli.app, ["config", "new"]).exception, FileExistsError)
