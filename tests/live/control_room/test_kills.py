"""kill -9 of page, history, IOC, supervisor and session, and an IOC that hangs, one by one, under a
campaign.

Those of a queue's worker and of all of the queue are in ``test_queue``; what the recorder keeps of
its last interval, in ``test_history``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cryohalo.catalog import Catalog, Run
from cryohalo.control_room.folder import StateFolder
from tests.live.control_room.conftest import COMMAND, Room, again, until
from tests.live.control_room.test_history import samples
from tests.live.control_room.test_queue import CALIBRATION, targets

FREQUENCIES = [round(1100.0 + 0.01 * step, 2) for step in range(80)]
CAMPAIGN = [
    *("run", "campaign", "--yes", "--show", "quiet", "--name", "march"),
    *("--frequencies-mhz", json.dumps(FREQUENCIES), "--calibration", json.dumps(CALIBRATION)),
    *("--averages", "20000", "--rescan-averages", "20000"),
]
COUNTER = "R:DAQ:Counter_RBV"


def runs(room: Room) -> list[Run]:
    folder = room.folder / "data" / "runs"
    return list(Catalog(folder)) if folder.exists() else []


def taken(room: Room) -> list[float]:
    """The targets of the scan's spectra in the catalog, MHz; candidates' are of other plans."""
    scans = [run for run in runs(room) if run.start["plan_name"] == "scan"]
    return [target for run in scans for target in targets(run)]


def goes_on(room: Room, session: subprocess.Popen[str], beyond: int) -> list[float]:
    """Wait until the campaign has recorded two spectra more than ``beyond``; all that there are."""

    def further() -> list[float]:
        assert session.poll() is None, session.communicate()
        return found if len(found := taken(room)) >= beyond + 2 else []

    return until(further)


@contextmanager
def campaign(room: Room) -> Iterator[subprocess.Popen[str]]:
    """``cryohalo run campaign`` as a user types it, in a process of its own."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("EPICS_", "CRYOHALO_"))}
    with subprocess.Popen(
        [*COMMAND, *CAMPAIGN],
        cwd=room.folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as session:
        yield session
        session.kill()


def answers(address: str) -> bool:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.status == 200


def hang(room: Room) -> None:
    """Stop the IOC's process, which keeps its connections: it is replaced."""
    old = until(lambda: ready(room, "haloscope"))
    os.kill(old, signal.SIGSTOP)
    until(lambda: again(room, "haloscope", old))
    told = (room.folder / "state" / "logs" / "supervisor.log").read_text()
    assert "haloscope: no answer to a search for 30 s, killed" in told


def kill_supervisor(room: Room) -> None:
    """kill -9 of who keeps the services: a second ``up`` ends what is left and goes on."""
    supervisor = StateFolder(room.folder / "state").supervisor()
    assert supervisor is not None
    supervisor.kill()
    up = room.run("up")
    assert up.returncode == 0, up.stdout + up.stderr


def ready(room: Room, name: str) -> int | None:
    row = room.status()[name]
    return row["pid"] if row["state"] == "ready" else None


@pytest.mark.timeout(400)
def test_a_campaign_outlives_services_supervisor_and_its_own_session(recording: Room) -> None:
    up = recording.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    page = next(line.split()[-1] for line in up.stdout.splitlines() if "page: ready" in line)
    before = recording.status()
    with campaign(recording) as session:
        recorded = goes_on(recording, session, 0)
        known = until(lambda: samples(recording, COUNTER))
        for services in (("page", "history"), ("haloscope",)):
            for service in services:
                os.kill(before[service]["pid"], signal.SIGKILL)
            now = goes_on(recording, session, len(taken(recording)))
            assert now[: len(recorded)] == recorded
            recorded = now
        for end in (hang, kill_supervisor):
            end(recording)
            now = goes_on(recording, session, len(taken(recording)))
            assert now[: len(recorded)] == recorded
            recorded = now
        session.send_signal(signal.SIGKILL)
        session.wait()
    assert taken(recording)[: len(recorded)] == recorded
    for service in before:
        until(lambda service=service: again(recording, service, before[service]["pid"]))
    assert samples(recording, COUNTER)[: len(known)] == known
    assert answers(page)
    (cut,) = runs(recording)
    assert cut.stop is None
    assert "cut off" in recording.run("runs").stdout
    checked = recording.run("runs", "check", cut.uid)
    assert f"cut off after {len(targets(cut))} events" in checked.stdout

    with campaign(recording) as session:
        said = session.communicate(timeout=120)
        assert session.returncode == 0, said
    assert taken(recording) == FREQUENCIES  # each once: nothing lost, nothing taken again
    assert {row["state"] for row in recording.status().values()} == {"ready"}
