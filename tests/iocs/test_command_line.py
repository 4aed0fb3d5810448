"""Options that cannot be used end the process with one clear line and exit code 2."""

from __future__ import annotations

import argparse
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from iocs import amrr, haloscope, ioc
from iocs.documents import __main__ as documents

PORT = "1 to 65535"
WHOLE = "a whole number from"
COUPLING = "a number above 0, up to 1e-09 1/GeV"

BAD_OPTIONS = [
    ("--port 70000", f"argument --port: 70000: {PORT}"),
    ("--port 0", f"argument --port: 0: {PORT}"),
    ("--port -1", f"argument --port: -1: {PORT}"),
    ("--port x", f"argument --port: x: {WHOLE} {PORT}"),
    ("--port 5_0", f"argument --port: 5_0: {WHOLE}"),
    ("--port ²", f"argument --port: ²: {WHOLE}"),
    ("--pva 0", f"argument --pva: 0: {PORT}"),
    ("--pva 65536", f"argument --pva: 65536: {PORT}"),
    ("--port 5075 --pva 5075", "--pva 5075: that is the port of Channel Access"),
    ("--interfaces nohost.invalid", "argument --interfaces: nohost.invalid: "),
    ("--interfaces ::1", "argument --interfaces: ::1: "),
    ("--interfaces 192.0.2.1", "--interfaces: 192.0.2.1: no address of this host"),
    ("--interfaces 127.0.0.1 127.0.0.1", "127.0.0.1 is given twice"),
    ("--interfaces localhost 127.0.0.1", "127.0.0.1 is given twice"),
    ("--interfaces 0.0.0.0 127.0.0.1", "0.0.0.0 is all addresses"),
    ("--interfaces", "expected at least one argument"),
    ("--beacons nohost.invalid:5", "argument --beacons: nohost.invalid: "),
    ("--beacons 127.0.0.1:0", f"argument --beacons: 0: {PORT}"),
    ("--beacons :5", "argument --beacons: '': no name of a host"),
    ("--max-clients -5", "argument --max-clients: -5: 1 to 100000"),
    ("--max-clients 0", "argument --max-clients: 0: 1 to 100000"),
    ("--max-clients 1e3", f"argument --max-clients: 1e3: {WHOLE} 1 to 100000"),
    ("--max-clients 99999999999", "argument --max-clients: 99999999999: 1 to 100000"),
    ("--prefix " + "X" * 60, "Channel Access allows 59"),
    ("--prefix " + "X" * 50, "Channel Access allows 59"),
    ("--prefix A.B:", "'A.B:' has characters other than"),
    ("--prefix é:", "'é:' has characters other than"),
    ("--prefix *", "'*' has characters other than"),
    ("--speed inf", "--speed inf: 0 to 1e+06"),
    ("--speed 2e6", "--speed 2e+06: 0 to 1e+06"),
    ("--speed nan", "--speed nan: 0 to 1e+06"),
    ("--speed -1", "--speed -1: 0 to 1e+06"),
    ("--speed fast", "argument --speed: invalid float value: 'fast'"),
    ("--seed -1", "argument --seed: -1: 0 to 2147483647"),
    ("--seed 2147483648", "argument --seed: 2147483648: 0 to 2147483647"),
    ("--seed 1.5", f"argument --seed: 1.5: {WHOLE}"),
    ("--log-level foo", "invalid choice: 'FOO'"),
    ("--state-dir /dev/null", "argument --state-dir: /dev/null: /dev/null is no folder"),
    ("--state-dir " + "x" * 5000, "File name too long"),
    ("--parameters missing.toml", "argument --parameters: missing.toml: No such file"),
    ("--parameters /dev/zero", "argument --parameters: /dev/zero: it is a device, not a file"),
    ("--parameters .", "argument --parameters: .: it is a folder, not a file"),
    ("--access missing.acf", "argument --access: missing.acf: No such file"),
    ("--access /dev/zero", "argument --access: /dev/zero: it is a device, not a file"),
    ("--nonsense", "unrecognized arguments: --nonsense"),
    ("--share-port 5", "unrecognized arguments: 5"),
    ("--list-pvs --prefix A/B:", "'A/B:' has characters other than"),
]
OF_THE_HALOSCOPE = [
    ("--inject nan", f"argument --inject: nan: {COUPLING}"),
    ("--inject -1", f"argument --inject: -1: {COUPLING}"),
    ("--inject 0", f"argument --inject: 0: {COUPLING}"),
    ("--inject 1e300", f"argument --inject: 1e300: {COUPLING}"),
    ("--inject x", f"argument --inject: x: {COUPLING}"),
    ("--inject 1e-15 --inject-band 5 4", "not an interval"),
    ("--inject 1e-15 --inject-band nan 4", "argument --inject-band: nan: a number above 0"),
    ("--inject 1e-15 --inject-band 1 1e308", "argument --inject-band: 1e308: a number above 0"),
    ("--inject-band 5", "expected 2 arguments"),
    ("--inject-band 5 6", "hides nothing without --inject"),
    ("--inject-modulated", "--inject-modulated hides nothing without --inject"),
    ("--inject-flow 5", "--inject-flow hides nothing without --inject"),
    ("--inject 1e-15 --inject-flow nan", "argument --inject-flow: nan: a number above 0"),
    ("--inject 1e-15 --inject-flow 5 --inject-modulated", "a flow of one speed is not modulated"),
]
WITHOUT_WORDS = [
    (["--prefix", ""], "argument --prefix: a prefix is needed"),
    (["--prefix", "A\nB:"], r"'A\nB:' has characters other than"),
    (["--prefix", "A B:"], "'A B:' has characters other than"),
    (["--prefix", "\x1b[2J"], r"'\x1b[2J' has characters other than"),
    (["--interfaces", ""], "argument --interfaces: '': no name of a host"),
    (["--interfaces", "a\nb"], r"argument --interfaces: a\nb: "),
    (["--interfaces", "a" * 300], "characters): "),
    (["--port", ""], f"argument --port: '': {WHOLE}"),
    (["--state-dir", ""], "argument --state-dir: '': no name of a folder"),
    (["--parameters", ""], "argument --parameters: '': it is a folder"),
    (["--parameters", "\x1b]0;\x07"], r"argument --parameters: \x1b]0;\x07: No such file"),
]
FILES = {
    "no utf-8": (b"a = '\xff'", "can't decode byte 0xff"),
    "no toml": (b"a = = 1", "Invalid value"),
    "deep": (b"a = " + b"[" * 5000, "nested too deep"),
    "large": (b"#" * 2_000_000, "it has more than 1000000 bytes"),
    "an integer of 5000 digits": (b"dt_s = " + b"9" * 5000, "5000 digits"),
    "an unknown name": (b"nonsense = 5", "nonsense"),
}


def run(*arguments: str, name: str = "haloscope") -> int:
    try:
        return {"haloscope": haloscope, "amrr": amrr}[name].run(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error; nothing is said on standard output."""
    said = capsys.readouterr()
    assert not said.out
    (line,) = said.err.splitlines()
    return line


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS, ids=lambda text: text[:30])
def test_a_bad_option_is_told_in_one_line(
    name: str, options: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*options.split(), name=name) == 2
    assert message in told(capsys)


@pytest.mark.parametrize(("options", "message"), OF_THE_HALOSCOPE)
def test_a_bad_option_of_the_haloscope_is_told_in_one_line(
    options: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*options.split()) == 2
    assert message in told(capsys)


@pytest.mark.parametrize(("options", "message"), WITHOUT_WORDS)
def test_an_option_of_odd_characters_is_told_in_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*options) == 2
    line = told(capsys)
    assert message in line
    assert line.isprintable()


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
@pytest.mark.parametrize("kind", FILES)
def test_a_parameter_file_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, kind: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = FILES[kind]
    (tmp_path / "file.toml").write_bytes(content)
    assert run("--parameters", str(tmp_path / "file.toml"), name=name) == 2
    line = told(capsys)
    assert message in line
    assert "file.toml" in line


@pytest.mark.parametrize("option", ["--parameters", "--access"])
def test_a_fifo_is_not_waited_for(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert run(option, str(tmp_path / "fifo")) == 2
    assert "it is a FIFO, not a file" in told(capsys)


def test_parameters_of_which_no_machine_can_be_made_are_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.toml").write_text("[digitizer]\nbins = 10_000_000_000\n")
    assert run("--parameters", str(tmp_path / "p.toml")) == 2
    assert "digitizer.bins is 10000000000, must be 1 to 1e+07" in told(capsys)
    (tmp_path / "p.toml").write_text("[cavity]\nradius_m = 1e308\n")
    assert run("--parameters", str(tmp_path / "p.toml")) == 2
    assert "cavity.radius_m is 1e+308, must be above 0 to 100 m" in told(capsys)


def test_a_mode_map_that_is_none_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.csv").write_text("1,2\n3,4\n")
    for name, message in (("map.csv", "a table of shape (2, 2)"), ("none.csv", "No such file")):
        (tmp_path / "p.toml").write_text(f"[rod]\nmode_map = '{tmp_path / name}'\n")
        assert run("--parameters", str(tmp_path / "p.toml")) == 2
        assert message in told(capsys)


def test_a_state_folder_that_cannot_be_made_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert run("--state-dir", str(tmp_path / "file" / "state")) == 2
    assert "Not a directory" in told(capsys)


def test_a_state_folder_that_may_not_be_written_to_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)  # root may all
    assert run("--state-dir", str(tmp_path / "state")) == 2
    assert f"{tmp_path} may not be written to" in told(capsys)


def test_a_port_that_this_user_may_not_have_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ioc.Ioc, "warm_up", lambda _: None)

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("iocs.serving.server.require_free", forbidden)
    assert run("--port", "80", name="amrr") == 2
    assert "amrr: cannot listen on 127.0.0.1 port 80: Permission denied" in told(capsys)


def test_a_taken_port_is_told_with_its_owner(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ioc.Ioc, "warm_up", lambda _: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for option in ("--port", "--pva"):
            assert run(option, str(taken.getsockname()[1]), name="amrr") == 69
            assert f"is taken by process {os.getpid()}" in told(capsys)


def test_the_documents_take_no_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "documents", lambda: pytest.fail("they were written"))
    with pytest.raises(SystemExit) as ended:
        documents.main(["--nonsense"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --nonsense" in told(capsys)


def test_the_line_that_is_hidden_may_be_modulated_or_a_flow() -> None:
    """The place is the seed's, whatever the line is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=4)
    haloscope.extend(parser)
    parameters = HaloscopeParameters.capp12tb()

    def hidden(*arguments: str) -> AxionLine:
        line = haloscope.hidden(parser.parse_args(["--inject", "1e-15", *arguments]), parameters)
        assert line is not None
        return line

    plain = hidden()
    assert not plain.modulated
    assert plain.narrow_width_hz is None
    assert hidden("--inject-modulated") == replace(plain, modulated=True)
    assert hidden("--inject-flow", "2.5") == replace(plain, narrow_width_hz=2.5)
