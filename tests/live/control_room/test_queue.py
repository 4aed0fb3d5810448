"""A campaign in the queue, submitted from another process, through the death of its worker."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cryohalo.catalog import Catalog, Run
from tests.live.control_room.conftest import Room, text

STEPS = 30
FREQUENCIES = [round(1100.0 + 0.01 * step, 2) for step in range(STEPS)]
TARGET = "haloscope_measured_target_frequency"
CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_temperature_k": 1.2,
    "line_attenuation_db": 0.4,
}


@pytest.fixture
def queued(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path, text(queue=True).replace("speed = 0", "speed = 0\nseed = 11"))
    yield made
    made.down()


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 90.0
    while not (value := found()):
        assert time.monotonic() < deadline
    return value


def queue(room: Room) -> dict[str, Any]:
    done = room.run("queue", "status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def targets(run: Run) -> list[float]:
    """The targets of a run's spectra, MHz; a run that was cut off has those before."""
    events = [document for kind, document in run.documents() if kind == "event"]
    return [round(float(event["data"][TARGET]), 3) for event in events]


def runs(room: Room) -> list[Run]:
    folder = room.folder / "data" / "runs"
    return list(Catalog(folder)) if folder.exists() else []


def worker(room: Room) -> psutil.Process:
    """The newest child of the manager's first process."""
    service = psutil.Process(room.status()["queue"]["pid"])
    manager = next(c for c in service.children() if "re-manage" in c.name())
    return manager.children()[-1]


@pytest.mark.timeout(300)
def test_a_campaign_from_another_process_survives_its_worker(queued: Room) -> None:
    up = queued.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "queue: ready queue 127.0.0.1:" in up.stdout
    refused = queued.run("queue", "submit", "scan", "haloscope=nobody")
    assert refused.returncode == 1
    assert "haloscope" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1

    submitted = queued.run(
        "queue",
        "submit",
        "campaign",
        "haloscope=haloscope",
        "name=march",
        f"frequencies_mhz={json.dumps(FREQUENCIES)}",
        "averages=20000",
        "rescan_averages=20000",
        f"calibration={json.dumps(CALIBRATION)}",
    )
    assert submitted.returncode == 0, submitted.stderr
    assert "the queue is stopped" in submitted.stderr
    assert [item["name"] for item in queue(queued)["queue"]] == ["campaign"]
    assert queued.run("queue", "start").returncode == 0

    until(lambda: [run for run in runs(queued) if len(targets(run)) >= 3])
    os.kill(worker(queued).pid, signal.SIGKILL)
    done = until(lambda: _completed(queued))
    assert [item["result"]["exit_status"] for item in done["past"]] == ["failed", "completed"]
    assert not done["queue"]
    assert done["goes"]

    taken = [target for run in runs(queued) for target in targets(run)]
    assert sorted(taken) == FREQUENCIES  # each once: nothing was lost, nothing taken again
    first, second = runs(queued)
    assert first.stop is None
    assert second.stop is not None
    assert second.stop["exit_status"] == "success"

    assert "the queue is stopped" in queued.run("queue", "stop").stdout
    assert not queue(queued)["goes"]


def _completed(room: Room) -> dict[str, Any] | None:
    found = queue(room)
    last = found["past"][-1]["result"]["exit_status"] if found["past"] else ""
    return found if last == "completed" else None


def test_without_a_queue_the_commands_say_so(room: Room) -> None:
    for command in ("start", "stop", "status"):
        done = room.run("queue", command)
        assert done.returncode == 1
        assert "this site has no queue" in done.stderr
