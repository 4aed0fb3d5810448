"""The service keeps on, says how far it is, and is asked for by the configuration alone."""

from __future__ import annotations

import contextlib
import errno
import threading
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.catalog import Catalog, open_catalog
from cryohalo.commands.options import catalog_place
from cryohalo.commands.site import place_of
from cryohalo.configuration import ConfigurationError, read
from cryohalo.control_room.doctor.sharing import sharing
from cryohalo.control_room.folder import StateFolder
from cryohalo.control_room.services import clients_environment, services
from cryohalo.errors import CatalogError
from cryohalo.sharing import delivery, sharer
from cryohalo.sharing.__main__ import main
from cryohalo.sharing.connection import UnreachableError
from cryohalo.sharing.health import HEALTH, Health
from cryohalo.sharing.key import make_key
from cryohalo.sharing.sharer import Place, Sharer, turn
from tests.session.runs import write_run
from tests.session.sharing.server import Documents, Fake, Faults
from tests.session.sharing.test_forwarding import Shown

NONE = (
    "[amrr]\nuse = false\n[haloscope]\nuse = false\n[history]\nuse = false\n[page]\nuse = false\n"
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CRYOHALO_CONFIG", "CRYOHALO_CATALOG__TILED", "TILED_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def configured(text: str) -> None:
    Path("cryohalo.toml").write_text(f"{NONE}[catalog]\n{text}\n")


def test_a_sharer_outlives_a_server_that_comes_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "View", Shown)
    monkeypatch.setattr(sharer, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(sharer, "_FIRST_PAUSE_S", 0.0)
    path = write_run(tmp_path / "runs", "a", events=4)
    documents, asked = Documents(Faults(1)), threading.Event()
    connections, told = [], []

    def connect(address: str, key: str) -> Fake:
        connections.append((address, key))
        if len(connections) in (1, 3):
            raise UnreachableError("away")
        if len(connections) == 5:
            raise ArithmeticError("a fault of a library")
        return Fake(documents=documents)

    def write(health: Health, _: Path) -> None:
        told.append(health.words)
        if health.words == "all delivered" and len(connections) > 3:
            asked.set()

    monkeypatch.setattr(Health, "write", write)
    (tmp_path / "state").mkdir()
    place = Place(tmp_path / "runs", tmp_path / "state", "http://fake", "k")
    thread = threading.Thread(target=Sharer(place, asked, connect).run)
    thread.start()
    thread.join(60.0)
    assert not thread.is_alive()
    assert documents["a"].delivered == path.read_bytes()
    assert told[0] == "0 runs to deliver: away"
    assert "1 run to deliver: http://fake: no answer" in told
    assert told[-1] == "all delivered"
    assert connections[0] == ("http://fake", "k")


def test_health_in_words(tmp_path: Path) -> None:
    assert Health("x").words == "all delivered"
    assert Health("x").good
    assert Health("x", waiting=1).words == "1 run to deliver"
    assert Health("x", "no answer", 2).words == "2 runs to deliver: no answer"
    trouble = Health("x", waiting=1, trouble={"abcdefghij": "refused", "k": "refused"})
    assert trouble.words == "1 run to deliver; abcdefgh: refused, and 1 more"
    assert not trouble.good
    trouble.write(tmp_path / HEALTH)
    assert Health.read(tmp_path / HEALTH) == trouble
    (tmp_path / HEALTH).write_text('{"address": "x", "made_up": 1}')
    assert Health.read(tmp_path / HEALTH) is None
    assert Health.read(tmp_path / "none") is None


def test_a_full_disk_is_not_filled_by_health_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            Health("x").write(tmp_path / HEALTH)
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_cannot_be_made_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    state, key = tmp_path / "file" / "state", tmp_path / "key"
    given = ["--catalog", str(tmp_path), "--state", str(state), "--port", "15999"]
    assert main([*given, "--key", str(key)]) == 2
    assert capsys.readouterr().err.startswith(f"{state}: ")


def test_one_at_a_time_delivers(tmp_path: Path) -> None:
    with (
        turn(tmp_path, 1.0),
        pytest.raises(CatalogError, match="another process is delivering"),
        turn(tmp_path, 0.0),
    ):
        pass
    with turn(tmp_path, 0.0):
        pass


def test_up_starts_it_where_the_configuration_says_so(tmp_path: Path) -> None:
    configured("folder = 'kept'")
    assert list(services(read().values)) == []
    assert "CRYOHALO_TILED" not in clients_environment(read())
    configured("folder = 'kept'\ntiled = true\ntiled_port = 15999")
    ((service, port),) = services(read().values)
    line = service.command_line(port)
    assert (service.name, port) == ("tiled", 15999)
    assert line[1:5] == ["-m", "cryohalo.sharing", "--catalog", str(tmp_path / "kept")]
    assert line[line.index("--key") + 1] == str(tmp_path / "state" / "tiled" / "key")
    assert "--to" not in line
    assert clients_environment(read())["CRYOHALO_TILED"] == "http://127.0.0.1:15999"
    other = "https://tiled.example.org/api/v1/metadata/lab"
    configured(f"tiled = true\ntiled_address = '{other}'\ntiled_key_file = 'their_key'")
    ((service, port),) = services(read().values)
    line = service.command_line(port)
    assert line[line.index("--to") + 1] == other
    assert line[line.index("--key") + 1] == str(tmp_path / "their_key")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tiled_address = 'http://x:1'", "give tiled_key_file"),
        ("tiled_address = 'ftp://x'\ntiled_key_file = 'k'", "tiled_address"),
        ("tiled_address = 'http://user:secret@x'\ntiled_key_file = 'k'", "tiled_address"),
        ("read = 'tiled'", "nothing is shared"),
        ("read = 'elsewhere'", "read"),
        ("tiled = true\ntiled_port = 15068", "repeater_port"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, told: str) -> None:
    configured(text)
    with pytest.raises(ConfigurationError, match=told):
        read()


def test_commands_read_where_the_configuration_says(tmp_path: Path) -> None:
    configured("folder = 'kept'\ntiled = true\nread = 'tiled'\ntiled_port = 15999")
    assert place_of(None) == "http://127.0.0.1:15999"
    assert place_of(Path("x")) == Path("x")
    assert catalog_place("http://there:1") == "http://there:1"
    assert catalog_place("data/runs") == Path("data/runs")
    assert isinstance(open_catalog("data/runs"), Catalog)


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    configured("tiled = true")
    done = CliRunner().invoke(cli.app, ["runs", "--catalog", "http://127.0.0.1:9"])
    assert isinstance(done.exception, UnreachableError)
    assert "http://127.0.0.1:9" in str(done.exception)


def test_replay_wants_to_be_told_what() -> None:
    configured("tiled = true")
    assert CliRunner().invoke(cli.app, ["replay"]).exit_code == 2


def test_the_doctor_says_what_is_in_the_way(tmp_path: Path) -> None:
    configured("")
    assert list(sharing(read())) == []
    configured("tiled = true\ntiled_port = 9")
    (found,) = sharing(read())
    assert (found.verdict, found.do) == ("odd", "cryohalo up")
    key = tmp_path / "state" / "tiled" / "key"
    make_key(key)
    key.chmod(0o644)
    (found,) = sharing(read())
    assert found.verdict == "wrong"
    assert "chmod 600" in found.words
    configured(f"tiled = true\ntiled_address = 'http://127.0.0.1:9'\ntiled_key_file = '{key}'")
    key.chmod(0o600)
    (found,) = sharing(read())
    assert found.verdict == "wrong"
    assert "no answer from http://127.0.0.1:9" in found.words


@pytest.mark.parametrize(
    ("answer", "health", "verdict", "told"),
    [
        (401, None, "wrong", "refuses the key"),
        (500, None, "wrong", "answers 500"),
        (200, None, "wrong", "nothing has been heard"),
        (200, {"time": 1.0}, "wrong", "nothing has been heard"),
        (200, {"unreachable": "no answer", "waiting": 2}, "wrong", "2 runs to deliver: no answer"),
        (200, {"trouble": {"a": "refused"}}, "wrong", "refused"),
        (200, {"waiting": 3}, "ok", "3 runs to deliver"),
        (200, {}, "ok", "all delivered"),
    ],
)
def test_the_doctor_asks_the_server_and_the_forwarder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: int,
    health: dict[str, Any] | None,
    verdict: str,
    told: str,
) -> None:
    asked = []

    def opened(
        request: urllib.request.Request, timeout_s: float
    ) -> contextlib.AbstractContextManager:
        asked.append((request.full_url, request.get_header("Authorization")))
        if answer != 200:
            raise urllib.error.HTTPError(request.full_url, answer, "no", Message(), None)
        return contextlib.nullcontext()

    configured("tiled = true\ntiled_port = 15999")
    key = make_key(tmp_path / "state" / "tiled" / "key")
    if health is not None:
        Health("x", **health).write(tmp_path / "state" / "tiled" / HEALTH)
    monkeypatch.setattr("cryohalo.control_room.doctor.sharing.opened", opened)
    monkeypatch.setattr(StateFolder, "supervisor", lambda _: object())
    (found,) = sharing(read())
    assert (found.verdict, told in found.words) == (verdict, True), found
    assert asked == [("http://127.0.0.1:15999/api/v1/metadata/", f"Apikey {key}")]
