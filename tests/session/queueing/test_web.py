"""The queue over HTTP: who is heard, with which key, and what the key does not open."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from cryohalo.processes.addresses import free_ports

pytest.importorskip("bluesky_httpserver")


def command(key_file: Path, port: int) -> list[str]:
    manager, info = free_ports(2, 20_000)
    given = ("--port", port, "--key-file", key_file, "--manager-port", manager, "--info-port", info)
    return [sys.executable, "-m", "cryohalo.queueing.web", *map(str, given)]


@dataclass
class Served:
    address: str
    key_file: Path

    def ask(self, path: str, data: Any = None, **headers: str) -> tuple[int, str]:
        body = None if data is None else json.dumps(data).encode()
        sent = {"Content-Type": "application/json", **headers}
        try:
            with urlopen(Request(self.address + path, body, sent), timeout=30) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    @property
    def keyed(self) -> dict[str, str]:
        return {"Authorization": f"ApiKey {self.key_file.read_text().strip()}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service in front of a manager that is not there."""
    key_file = tmp_path_factory.mktemp("web") / "http.key"
    (port,) = free_ports(1)
    with subprocess.Popen(command(key_file, port), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready queue_http 127.0.0.1:{port}\n"
        yield Served(f"http://127.0.0.1:{port}", key_file)
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize("key", ["", "ApiKey ", "ApiKey wrong", "Bearer {}", "{}", "ApiKey {}x"])
def test_without_the_key_nothing_is_told_or_done(served: Served, key: str) -> None:
    key = key.format(served.key_file.read_text().strip())
    headers = {"Authorization": key} if key else {}
    plan = {"item": {"name": "sleep", "args": [1], "item_type": "plan"}}
    for path, data in (("/api/status", None), ("/api/queue/get", None), ("/api/history/get", None)):
        assert served.ask(path, data, **headers)[0] in (400, 401)
    for path, data in (("/api/queue/item/add", plan), ("/api/queue/start", {})):
        assert served.ask(path, data, **headers)[0] in (400, 401)


def test_the_key_is_its_owners_alone(served: Served) -> None:
    assert stat.S_IMODE(served.key_file.stat().st_mode) == 0o600


def test_with_the_key_a_manager_that_is_not_there_is_told(served: Served) -> None:
    code, told = served.ask("/api/status", **served.keyed)
    assert code == 408
    assert "timeout" in told


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/api/script/upload", {"script": "1"}),
        ("/api/function/execute", {"item": {"name": "f", "item_type": "function"}}),
        ("/api/queue/item/execute", {"item": {"name": "sleep", "item_type": "plan"}}),
        ("/api/permissions/set", {"user_group_permissions": {}}),
        ("/api/environment/close", {}),
        ("/api/manager/stop", {}),
        ("/api/lock", {"lock_key": "x", "environment": True}),
        ("/api/auth/apikey", {"expires_in": None}),
    ],
)
def test_the_key_opens_the_queue_alone(served: Served, path: str, data: Any) -> None:
    code, told = served.ask(path, data, **served.keyed)
    assert code in (401, 403), told


def test_other_sites_and_other_names_are_not_heard(served: Served) -> None:
    assert served.ask("/api/status", **served.keyed, Host="evil.example")[0] == 421
    for origin in ("https://evil.example", "null"):
        assert served.ask("/api/status", **served.keyed, Origin=origin)[0] == 403


def test_a_key_in_an_address_is_refused(served: Served) -> None:
    key = served.key_file.read_text().strip()
    code, told = served.ask(f"/api/status?api_key={key}")
    assert code == 400
    assert "Authorization: ApiKey KEY" in told


def ended(key_file: Path, port: int) -> tuple[int, str]:
    done = subprocess.run(
        command(key_file, port), capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


def test_a_port_that_is_taken_ends_it(served: Served, tmp_path: Path) -> None:
    port = int(served.address.rpartition(":")[2])
    code, told = ended(tmp_path / "key", port)
    assert code == 69
    assert told.startswith(f"port {port} on 127.0.0.1: ")


@pytest.mark.parametrize(("key", "mode"), [("a" * 40, 0o644), ("a-b_" * 10, 0o600), ("", 0o600)])
def test_a_key_file_that_cannot_be_used_ends_it(tmp_path: Path, key: str, mode: int) -> None:
    (file := tmp_path / "http.key").write_text(key)
    file.chmod(mode)
    code, told = ended(file, free_ports(1)[0])
    assert code == 2
    assert str(file) in told
    assert len(told.splitlines()) == 1
