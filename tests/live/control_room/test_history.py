"""The recorder as ``up`` runs it: losses, kills, alarms, and what the routes and commands tell."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cryohalo.history.store import LOST, read_only
from tests.live.control_room.conftest import Room, again, until

NAME = "R:Sim:Time_RBV"


def samples(room: Room, name: str = NAME) -> list[Any]:
    path = room.folder / "state" / "history" / "history.sqlite"
    with read_only(path) as reader:
        return list(reader.samples(name, 0, 2**62))


def kill(room: Room, name: str) -> int:
    pid = room.status()[name]["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


def test_what_an_ioc_says_is_recorded_through_kills_of_both(recording: Room) -> None:
    up = recording.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "history: ready history 127.0.0.1:" in up.stdout
    assert "page: ready page haloscope http://127.0.0.1:" in up.stdout
    before = until(lambda: samples(recording))
    until(lambda: len(samples(recording)) > len(before) + 2)

    pid = kill(recording, "history")
    killed = time.time()
    kept = samples(recording)
    # All but the last interval: 0.2 s, and what the transaction then under way takes.
    assert kept[-1].time_us / 1e6 > killed - 5.0
    until(lambda: again(recording, "history", pid))
    new = until(lambda: [one for one in samples(recording) if one.time_us > kept[-1].time_us])
    assert samples(recording)[: len(kept)] == kept
    assert new
    path = recording.folder / "state" / "history" / "history.sqlite"
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()

    pid = kill(recording, "haloscope")
    lost = until(lambda: [one for one in samples(recording) if one.severity == LOST])
    until(lambda: [one for one in samples(recording) if one.time_us > lost[0].time_us])
    assert lost[0].value is None
    shown = recording.run("history", NAME).stdout
    assert "  lost" in shown
    assert "nothing was recorded until" in shown

    told = recording.run("alarms").stdout
    assert "R:IOC:HEARTBEAT" in told
    heart = next(a for a in alarms(recording, "--since", "1h") if a["name"] == "R:IOC:HEARTBEAT")
    assert heart["severity"] == LOST
    until(lambda: _heart(recording)["ended_us"])
    acknowledged = recording.run("alarms", "--ack", str(heart["id"]))
    assert "1 acknowledged" in acknowledged.stderr
    assert "HEARTBEAT" not in acknowledged.stdout
    assert _heart(recording)["who"]

    exported = recording.run("history", NAME, "R:DAQ:State_RBV", "--csv", "-").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert {row["name"] for row in rows} >= {NAME}
    assert [row for row in rows if row["severity"] == "lost"]
    file = recording.folder / "h.parquet"
    pytest.importorskip("pyarrow")
    assert recording.run("history", NAME, "--parquet", str(file)).returncode == 0
    import pyarrow.parquet as pq

    table = pq.read_table(file).to_pydict()
    assert [n for n in table["number"] if n is not None] == [
        one.value for one in samples(recording)[: len(table["number"])] if one.value is not None
    ]


def _heart(room: Room) -> dict[str, Any]:
    return next(a for a in alarms(room, "--since", "1h") if a["name"] == "R:IOC:HEARTBEAT")


def alarms(room: Room, *arguments: str) -> Iterator[dict[str, Any]]:
    return iter(json.loads(room.run("alarms", "--json", *arguments).stdout))


def test_without_a_history_the_commands_say_so(room: Room, tmp_path: Path) -> None:
    for command in (["history"], ["alarms"], ["history", "X"]):
        done = room.run(*command)
        assert done.returncode == 1
        assert "no history" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    wrong = room.run("history", "--since", "tomorrow-ish")
    assert (wrong.returncode, "10m" in wrong.stderr) == (2, True)
