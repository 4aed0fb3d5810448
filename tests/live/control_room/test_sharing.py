"""Runs in Tiled: the same as in the folder, each document once, through the death of the server.

One control room serves all of these tests: Tiled takes seconds to start.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from cryohalo.catalog import Catalog, Run, RunCatalog, open_catalog
from cryohalo.catalog.opening import KEY_VARIABLE
from cryohalo.commands.sources import read_sources
from cryohalo.configuration import Found, read
from cryohalo.errors import CatalogError
from cryohalo.sharing.connection import Connection
from cryohalo.sharing.health import HEALTH, Health
from cryohalo.sharing.key import key_in
from haloscope.analysis.settings import Settings
from tests.live.control_room.conftest import Room, text
from tests.live.control_room.test_history import again, until
from tests.live.control_room.test_kills import campaign, goes_on, runs, taken
from tests.session.runs import write_run

pytest.importorskip("tiled", reason="the extra `tiled` is not installed")
pytestmark = pytest.mark.timeout(300)
pytest.importorskip("bluesky_tiled_plugins", reason="the extra `tiled` is not installed")

SCAN = ["run", "scan", "--yes", "--show", "quiet", "--start-mhz", "1100", "--stop-mhz", "1100.05"]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    made = Room(tmp_path_factory.mktemp("shared"), text(tiled=True))
    up = made.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "tiled: ready tiled 127.0.0.1:" in up.stdout
    yield made
    made.down()


@pytest.fixture(scope="module")
def site(room: Room) -> Found:
    return read(room.file)


@pytest.fixture(scope="module")
def scan(room: Room, site: Found) -> Run:
    """A scan in Tiled, beside a run of odd values, whichever test a worker takes first."""
    write_run(
        folder_of(room),
        str(uuid.UUID(int=17)),
        events=4,
        size=40,
        plan="odd",
        sample=float("nan"),
        serial=2**63 + 1,
        map=[None],
    )
    done = room.run(*SCAN)
    assert done.returncode == 0, done.stderr
    delivered(room)
    return next(run for run in Catalog(folder_of(room)) if run.start["plan_name"] != "odd")


def folder_of(room: Room) -> Path:
    return room.folder / "data" / "runs"


def server(site: Found) -> Connection:
    return Connection(site.values.tiled_address, key_in(site.values.tiled_key), make=True)


def shared(site: Found) -> RunCatalog:
    return open_catalog(site.values.tiled_address, key_in(site.values.tiled_key))


def delivered(room: Room) -> None:
    """Wait until the forwarder says so, after it has looked at what is there now."""
    begun_s, there = time.time(), shared(read(room.file))
    for path in folder_of(room).glob("*.msgpack"):
        until(lambda path=path: _in_tiled(there, path))
    until(lambda: _all_delivered(room, begun_s))


def _all_delivered(room: Room, since_s: float) -> bool:
    health = Health.read(room.folder / "state" / "tiled" / HEALTH)
    return health is not None and health.time > since_s and health.words == "all delivered"


def _in_tiled(there: RunCatalog, path: Path) -> bool:
    try:
        found = [name for name, _ in there[path.stem].documents()]
    except CatalogError:
        return False
    return found == [name for name, _ in Run(path).documents()]


def same(one: Any, other: Any) -> bool:
    """Whether two documents are the same to the last bit, types of arrays and numbers included."""
    if isinstance(one, np.ndarray | np.generic):
        kinds = type(one) is type(other) and one.dtype == other.dtype and one.shape == other.shape
        return bool(kinds) and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def test_a_scan_is_the_same_from_folder_and_tiled(
    room: Room, site: Found, scan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key_in(site.values.tiled_key))
    here, there = Catalog(folder_of(room)), shared(site)
    assert there.entries() == here.entries()
    for run in here:
        other = there[run.uid]
        assert same(list(map(list, run.documents())), list(map(list, other.documents())))
        assert same(run.table(), other.table())
        assert run.xarray().identical(other.xarray())
    spectra = [read_sources([scan.uid], place, Settings()) for place in (here.root, there.root)]
    assert same(*(dataclasses.asdict(one.spectra) for one in spectra))
    listed = [room.run("runs", *where).stdout for where in ([], ["--catalog", there.root])]
    assert listed[0] == listed[1]
    assert scan.uid[:8] in listed[0]
    shown = room.run("runs", "show", scan.uid, CRYOHALO_CATALOG__READ="tiled")
    assert f"file      {site.values.tiled_address}" in shown.stdout


def test_tiled_s_own_client_reads_the_numbers(site: Found, scan: Run) -> None:
    seen = server(site).runs[scan.uid]
    assert seen.metadata["stop"]["exit_status"] == "success"
    data, table = seen["primary"].read(), scan.table()
    for name, column in table.items():
        if name not in ("time", "seq_num"):
            assert np.array_equal(data[name].values, column), name
    key = "haloscope_daq_spectrum"
    assert np.array_equal(data[key].values, scan.table(key)[key])


def test_nobody_gets_in_without_the_key(site: Found) -> None:
    for key, told in (("", "asks for a key"), ("0" * 64, "401")):
        with pytest.raises(CatalogError, match=told):
            open_catalog(site.values.tiled_address, key)
    assert site.values.tiled_key.stat().st_mode & 0o777 == 0o600


def test_replay_brings_back_what_tiled_has_lost(room: Room, site: Found, scan: Run) -> None:
    to = server(site)
    to.documents.delete_contents(scan.uid, external_only=False)
    to.runs.delete_contents(scan.uid, recursive=True, external_only=False)
    with pytest.raises(CatalogError):
        shared(site)[scan.uid]
    done = room.run("replay", scan.uid)
    assert done.returncode == 0, done.stderr
    assert scan.uid[:8] in done.stdout
    assert same(scan.table(), shared(site)[scan.uid].table())
    assert len(server(site).runs[scan.uid]["primary"].read()["time"]) == len(scan.table()["time"])


def ports_of(session: subprocess.Popen[str]) -> set[int]:
    """Where a session is connected to."""
    own = psutil.Process(session.pid)
    found = [c for one in (own, *own.children(recursive=True)) for c in one.net_connections()]
    return {connection.raddr.port for connection in found if connection.raddr}


def test_a_campaign_goes_on_while_tiled_is_dead_and_nothing_is_lost(
    room: Room, site: Found
) -> None:
    pid = room.status()["tiled"]["pid"]
    with campaign(room) as session:
        goes_on(room, session, 0)
        os.kill(pid, signal.SIGKILL)
        # It takes seconds to come back; the campaign does not even know that it is gone.
        goes_on(room, session, len(taken(room)))
        assert site.values.catalog.tiled_port not in ports_of(session)
        until(lambda: again(room, "tiled", pid))
        session.send_signal(signal.SIGKILL)
        session.wait()
    delivered(room)
    there = {run.uid: run for run in shared(site)}
    for run in runs(room):
        assert list(map(repr, there[run.uid].documents())) == list(map(repr, run.documents()))
        if run.start["plan_name"] == "odd":
            continue
        seen = server(site).runs[run.uid]
        for name in run.streams():
            numbers = [event["seq_num"] for event in run.events(name)]
            assert seen[name].read(["seq_num"])["seq_num"].values.tolist() == numbers
    now = room.status()["tiled"]
    assert (now["state"], now["health"]) == ("ready", "all delivered")
    assert "ok    tiled" in room.run("doctor").stdout
