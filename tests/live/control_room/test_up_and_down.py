"""``cryohalo up`` and what goes with it, as a user types it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from iocs.supervision import storage
from tests.live.control_room.conftest import Room


def test_up_returns_the_terminal_and_env_finds_the_ioc(room: Room, epics_base) -> None:
    """From ``up`` to ``down``: one start serves all these looks, it takes seconds."""
    up = room.run("up")
    assert up.returncode == 0, up.stderr
    assert "haloscope: ready haloscope 127.0.0.1:" in up.stdout
    assert 'eval "$(cryohalo env)"' in up.stdout
    exports = [line.removeprefix("export ").split("=", 1) for line in _env(room)]
    environment = {name: value.strip("'") for name, value in exports}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        assert epics_base("caget", "-t", "R:Rod.EGU").stdout.strip() == "deg"
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

    said = room.run("doctor", **environment)
    assert said.returncode == 0, said.stdout
    assert "haloscope: R: answers at" in said.stdout
    wrong = room.run("doctor", CRYOHALO_HALOSCOPE__PREFIX="Q:", **environment)
    assert wrong.returncode == 1
    assert "no reply from" in wrong.stdout
    known = room.run("doctor", CRYOHALO_AMRR__USE="true", CRYOHALO_AMRR__SERVE="false",
                     CRYOHALO_AMRR__PREFIX="R:", CRYOHALO_HALOSCOPE__PREFIX="Q:",
                     CRYOHALO_AMRR__PORT="1", **environment)  # fmt: skip
    assert 'haloscope.prefix = "R:"' in known.stdout

    again = room.run("up")
    assert again.returncode == 0
    assert "up already" in again.stdout

    (row,) = room.status().values()
    os.kill(row["pid"], signal.SIGKILL)
    while (now := room.status()["haloscope"])["starts"] != 2 or now["state"] != "ready":
        assert now["state"] != "failed"
    assert now["pid"] != row["pid"]

    down = room.run("down")
    assert (down.returncode, down.stdout) == (0, "haloscope: ended as asked\n")
    assert storage.load(room.folder / "state" / "haloscope" / "snapshot.json") is not None
    assert room.run("status").returncode == 1


def _env(room: Room) -> list[str]:
    return room.run("env").stdout.splitlines()


def test_a_killed_supervisor_takes_its_services_along_and_up_goes_on(room: Room) -> None:
    room.run("up")
    row = room.status()["haloscope"]
    ioc = psutil.Process(row["pid"])
    supervisor = psutil.Process(ioc.ppid())
    supervisor.kill()
    ioc.wait(30)
    said = room.run("doctor").stdout
    assert "it was killed" in said
    assert room.run("up").returncode == 0
    assert room.status()["haloscope"]["state"] == "ready"


def test_a_taken_port_is_told_before_anything_starts(room: Room) -> None:
    import socket

    port = int(room.file.read_text().split("port = ")[1].split()[0])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        up = room.run("up")
        told = room.run("doctor").stdout
    assert up.returncode == 1
    assert f"haloscope: TCP port {port} on 127.0.0.1 is taken by process {os.getpid()}" in up.stderr
    assert len(up.stderr.splitlines()) == 1
    assert f"port {port} on 127.0.0.1 is taken" in told
    assert not (room.folder / "state").exists()


def test_what_the_ioc_refuses_is_told_by_up(room: Room) -> None:
    up = room.run("up", CRYOHALO_HALOSCOPE__PARAMETERS="nowhere.toml")
    assert up.returncode == 1
    assert "haloscope: failed: ended with code 2" in up.stdout
    assert "nowhere.toml" in up.stdout


def test_a_configuration_that_cannot_be_used_is_one_line_each(room: Room) -> None:
    room.file.write_text("[amrr]\nport = 0\n")
    up = room.run("up")
    assert up.returncode == 1
    assert up.stderr.startswith(f"cryohalo: {room.file}: amrr.port = 0: ")
    assert room.run("doctor").returncode == 1
    Path(room.file).write_text("")
