"""A campaign in the queue, submitted from another process, through the deaths of its worker, of the
service and of all of it; and plans over HTTP, with the key and without.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from cryohalo.catalog import Catalog, Run
from tests.live.control_room.conftest import Room, again, text, until

STEPS = 160
FREQUENCIES = [round(1100.0 + 0.01 * step, 2) for step in range(STEPS)]
TARGET = "haloscope_measured_target_frequency"
CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_temperature_k": 1.2,
    "line_attenuation_db": 0.4,
}


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    wanted = text(queue=True, queue_http=True).replace("speed = 0", "speed = 0\nseed = 11")
    made = Room(tmp_path_factory.mktemp("queue"), wanted)
    up = made.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "queue: ready queue 127.0.0.1:" in up.stdout
    assert "queue_http: ready queue_http 127.0.0.1:" in up.stdout
    yield made
    made.down()


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


class Web:
    """The queue over HTTP, where ``cryohalo env`` says that it is."""

    def __init__(self, room: Room) -> None:
        names = [line.removeprefix("export ") for line in room.run("env").stdout.splitlines()]
        address = dict(line.split("=", 1) for line in names)["QSERVER_HTTP_SERVER_URI"]
        self.address = f"{address}/api/"
        self.key = (room.folder / "state" / "queue" / "http.key").read_text().strip()

    def ask(self, path: str, data: Any = None, key: str | None = None) -> dict[str, Any]:
        body = None if data is None else json.dumps(data).encode()
        given = {"Authorization": f"ApiKey {self.key if key is None else key}"}
        headers = {"Content-Type": "application/json", **given}
        with urlopen(Request(self.address + path, body, headers), timeout=30) as answer:
            return json.load(answer)

    def refuses(self, path: str, data: Any, key: str) -> bool:
        with pytest.raises(HTTPError) as error:
            self.ask(path, data, key)
        with error.value as answer:
            return answer.code in (400, 401)


COUNT = {"item_type": "plan", "name": "count", "args": [["haloscope.fridge"], 2]}


@pytest.mark.timeout(200)
def test_with_the_key_a_plan_is_submitted_over_http_and_runs(queued: Room) -> None:
    web = Web(queued)
    until(lambda: web.ask("status")["worker_environment_exists"])
    for key in ("", "wrong"):
        assert web.refuses("queue/item/add", {"item": COUNT}, key)
        assert web.refuses("queue/start", {}, key)
    assert web.ask("queue/get")["items"] == []
    assert not queue(queued)["goes"]
    wrong = web.ask("queue/item/add", {"item": {**COUNT, "name": "scan", "args": ["nobody"]}})
    assert not wrong["success"]
    added = web.ask("queue/item/add", {"item": COUNT})
    assert added["success"], added
    assert web.ask("queue/start", {})["success"]
    (done,) = until(lambda: web.ask("history/get")["items"])
    assert done["result"]["exit_status"] == "completed"
    (run,) = runs(queued)
    assert run.start["plan_name"] == "count"
    assert len(list(run.documents())) == 5  # start, descriptor, two events, stop
    doctor = queued.run("doctor").stdout
    assert f"ok    queue_http: {web.address.removesuffix('/api/')} answers" in doctor
    assert queued.status()["queue_http"]["state"] == "ready"


def dead(room: Room, processes: list[psutil.Process]) -> None:
    """kill -9 of these at once; the service is started again with another number."""
    old = room.status()["queue"]["pid"]
    for process in processes:
        process.kill()
    until(lambda: again(room, "queue", old))


def service(room: Room) -> psutil.Process:
    return psutil.Process(room.status()["queue"]["pid"])


def campaign(room: Room) -> list[Run]:
    return [run for run in runs(room) if run.start["plan_name"] == "scan"]


@pytest.mark.timeout(400)
def test_a_campaign_from_another_process_survives_worker_service_and_all(queued: Room) -> None:
    refused = queued.run("queue", "submit", "scan", "haloscope=nobody")
    assert refused.returncode == 1
    assert "haloscope" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    queued.run("queue", "stop")
    before = len(queue(queued)["past"])

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

    until(lambda: [run for run in campaign(queued) if len(targets(run)) >= 3])
    os.kill(worker(queued).pid, signal.SIGKILL)
    until(lambda: _goes_on(queued, 1))
    dead(queued, [service(queued)])  # what it has started lives on, until it is back
    until(lambda: _goes_on(queued, 2))
    dead(queued, [service(queued), *service(queued).children(recursive=True)])
    done = until(lambda: _completed(queued))
    ends = [item["result"]["exit_status"] for item in done["past"][before:]]
    assert ends == ["failed", "unknown", "unknown", "completed"]
    assert not done["queue"]
    assert done["goes"]

    parts = campaign(queued)
    taken = [target for run in parts for target in targets(run)]
    assert sorted(taken) == FREQUENCIES  # each once: nothing was lost, nothing taken again
    assert [run.stop["exit_status"] if run.stop else None for run in parts][-1] == "success"
    assert len(parts) == 4
    assert parts[0].stop is None

    assert "the queue is stopped" in queued.run("queue", "stop").stdout
    assert not queue(queued)["goes"]


def _goes_on(room: Room, after: int) -> bool:
    """Whether a run after so many has recorded two spectra."""
    return any(len(targets(run)) >= 2 for run in campaign(room)[after:])


def _completed(room: Room) -> dict[str, Any] | None:
    found = queue(room)
    last = found["past"][-1]["result"]["exit_status"] if found["past"] else ""
    return found if last == "completed" else None


def test_without_a_queue_the_commands_say_so(room: Room) -> None:
    for command in ("start", "stop", "status"):
        done = room.run("queue", command)
        assert done.returncode == 1
        assert "this site has no queue" in done.stderr
