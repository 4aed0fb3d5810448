"""The queue of plans on the page: what its manager says, cut and escaped; or that it is silent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from cryohalo.page.beside import follow
from cryohalo.page.queue import MOST_ITEMS, Told
from cryohalo.processes.addresses import free_ports
from cryohalo.queueing.line import Line
from tests.session.page.conftest import Served
from tests.session.page.test_frames import frames, leave, read

SCAN = {"name": "scan", "args": ["haloscope"], "kwargs": {"start_mhz": 1099.9}}
NASTY = {"name": "<b>\u202e\x1b[31m", "args": None, "kwargs": {"x": "y" * 5000}}


def answering(status: Any, items: Any, running: Any) -> Callable[[str], dict[str, Any]]:
    """A manager that answers as the test says."""
    answers = {"status": status, "queue_get": {"items": items, "running_item": running}}
    return answers.__getitem__


EXECUTING = {"manager_state": "executing_queue", "queue_stop_pending": True}


def test_what_runs_and_what_waits_is_told() -> None:
    assert Told(answering(EXECUTING, [SCAN, SCAN], SCAN)).now() == {
        "state": "executing queue",
        "stopping": True,
        "running": "scan haloscope start_mhz=1099.9",
        "waiting": ["scan haloscope start_mhz=1099.9"] * 2,
        "count": 2,
    }


def test_a_long_queue_of_odd_plans_is_cut() -> None:
    found = Told(answering({}, [NASTY] * 500, {})).now()
    assert (found["count"], len(found["waiting"]), found["running"]) == (500, MOST_ITEMS, "")
    assert len(json.dumps(found)) < 5000
    assert found["waiting"][0].isprintable()


class Manager:
    """Answers over a socket; ``answers`` are what it gives, by method."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"status": EXECUTING, "queue_get": {"items": [SCAN]}}
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REP)
        self.port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._socket:
            while (asked := self._socket.recv_json()) != "end":
                self._socket.send_json(self.answers[asked["method"]])

    def end(self) -> None:
        with self._context.socket(zmq.REQ) as last:
            last.connect(f"tcp://127.0.0.1:{self.port}")
            last.send_json("end")
            self._thread.join(20.0)
        self._context.term()


@pytest.fixture
def manager() -> Iterator[Manager]:
    made = Manager()
    yield made
    made.end()


def test_a_manager_is_asked_over_its_socket(manager: Manager) -> None:
    line = Line(manager.port)
    assert Told(line.ask).now()["waiting"] == ["scan haloscope start_mhz=1099.9"]
    manager.answers["queue_get"] = {"success": False, "msg": "not now"}
    assert "not now" in Told(line.ask).now()["error"]
    line.close()


def test_a_manager_that_is_not_there_is_told_each_time() -> None:
    line = Line(free_ports(1)[0], timeout_s=0.05)
    for _ in range(3):
        assert "does not answer: cryohalo status" in Told(line.ask).now()["error"]
    line.close()


def test_the_items_are_asked_for_only_when_they_are_others() -> None:
    asked: list[str] = []
    status = {**EXECUTING, "plan_queue_uid": "a", "running_item_uid": None}

    def ask(method: str) -> dict[str, Any]:
        asked.append(method)
        return dict(status) if method == "status" else {"items": [SCAN] * asked.count("queue_get")}

    told = Told(ask)
    assert [told.now()["count"] for _ in range(3)] == [1, 1, 1]
    status["plan_queue_uid"] = "c"
    assert [told.now()["count"] for _ in range(3)] == [2, 2, 2]
    assert asked.count("queue_get") == 2


async def test_the_process_tells_what_is_new(manager: Manager) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    following = asyncio.ensure_future(
        follow("cryohalo.page.queue", str(manager.port), said.put_nowait)
    )
    assert json.loads(await said.get())["count"] == 1
    manager.answers["queue_get"] = {"items": [], "running_item": SCAN}
    assert json.loads(await said.get())["running"] == "scan haloscope start_mhz=1099.9"
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following


async def test_each_viewer_is_told_once_and_a_new_one_the_last(served: Served) -> None:
    served.bench.hub.tell("queue", '{"count":1}')
    first = await frames(served)
    assert (await read(first))["queue"] == {"count": 1}
    served.bench.hub.tick()
    assert "queue" not in await read(first)
    served.bench.hub.tell("queue", '{"count":2}')
    served.bench.hub.tick()
    assert (await read(first))["queue"] == {"count": 2}
    second = await frames(served)
    assert (await read(second))["queue"] == {"count": 2}
    await leave(first)
    await leave(second)
