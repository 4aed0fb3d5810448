"""The keeper over a manager of a few lines: what dies goes on, what fails stops, nothing loops."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cryohalo.queueing.client import QueueError
from cryohalo.queueing.keeper import MOST_DEATHS, Keeper, Wanted


class Manager:
    """As bluesky-queueserver's manager answers; plans run until the test ends them."""

    def __init__(self, *names: str) -> None:
        self.items = [{"name": name, "item_uid": f"{name}-0"} for name in names]
        self.running: dict[str, Any] = {}
        self.past: list[dict[str, Any]] = []
        self.open = False
        self.asked: list[str] = []
        self.deaf = self.stopping = False

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if self.deaf:
            raise QueueError("does not answer")
        self.asked.append(method)
        if method == "environment_open":
            self.open = True
        elif method == "queue_start":
            self.running = self.items.pop(0)
        elif method == "environment_destroy":
            self.open = False
            self.end("failed")
        return {"success": True}

    def end(self, how: str) -> None:
        """The plan that runs ends; one that failed goes back to the front under a new number."""
        item, self.running = self.running, {}
        if item:
            self.past.append({**item, "result": {"exit_status": how}})
            if how == "failed":
                self.items.insert(0, {**item, "item_uid": f"{item['item_uid']}'"})
            elif self.items and how == "completed":
                self.running = self.items.pop(0)

    def status(self) -> dict[str, Any]:
        if self.deaf:
            raise QueueError("does not answer")
        return {
            "manager_state": "executing_queue" if self.running else "idle",
            "worker_environment_exists": self.open,
            "items_in_queue": len(self.items),
            "queue_stop_pending": self.stopping,
        }

    def add(self, item: Mapping[str, Any], position: str | int = "back") -> dict[str, Any]:
        assert position == "front"
        self.items.insert(0, {"name": item["name"], "item_uid": "new"})
        return self.items[0]

    def queue(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        return self.items, self.running

    def history(self) -> list[dict[str, Any]]:
        return self.past


class Bench:
    """A keeper, its manager, and whether the worker is dead."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.manager, self.wanted, self.dead = (
            Manager(*names),
            Wanted(folder / "wanted.json"),
            False,
        )
        self.renew()

    def renew(self) -> None:
        self.keeper = Keeper(self.manager, self.wanted, lambda: self.dead)

    def look(self, times: int = 3) -> None:
        for _ in range(times):
            self.keeper.look()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "one", "two")


def test_the_worker_is_opened_but_nothing_runs_before_it_is_wanted(bench: Bench) -> None:
    bench.look()
    assert bench.manager.asked == ["environment_open"]
    bench.wanted.write({})
    bench.look()
    assert bench.manager.running["name"] == "one"


def test_all_run_and_what_comes_later_runs_too(bench: Bench) -> None:
    bench.wanted.write({})
    bench.look()
    for _ in range(2):
        bench.manager.end("completed")
        bench.look()
    assert not bench.manager.running
    bench.manager.items.append({"name": "three", "item_uid": "3"})
    bench.look()
    assert bench.manager.running["name"] == "three"


def test_a_plan_that_fails_stops_the_queue(bench: Bench) -> None:
    bench.wanted.write({})
    bench.look()
    bench.manager.end("failed")
    bench.look()
    assert bench.wanted.read() is None
    assert not bench.manager.running
    assert [item["name"] for item in bench.manager.items] == ["one", "two"]
    bench.wanted.write({})  # somebody has looked
    bench.look()
    assert bench.manager.running["name"] == "one"


def test_what_another_client_starts_is_kept_going(bench: Bench) -> None:
    """Over HTTP, or by qserver: nobody has asked us."""
    bench.look()
    bench.manager.ask("queue_start")
    bench.look()
    assert bench.wanted.read() == bench.manager.running
    bench.dead = True
    bench.keeper.look()
    bench.dead = False
    bench.look()
    assert bench.manager.running["name"] == "one"


def test_what_is_being_stopped_is_not_taken_for_started(bench: Bench) -> None:
    bench.wanted.write({})
    bench.look()
    bench.wanted.clear()  # `cryohalo queue stop`, while a plan runs
    bench.look()
    assert bench.wanted.read() is None
    bench.renew()
    bench.look()
    assert bench.wanted.read() is None


def test_a_worker_that_dies_is_replaced_and_its_plan_begins_again(bench: Bench) -> None:
    bench.wanted.write({})
    bench.look()
    bench.dead = True
    bench.look(1)
    bench.dead = False
    bench.look()
    assert bench.manager.running["name"] == "one"
    assert bench.wanted.read() is not None


def test_a_plan_that_kills_its_worker_each_time_stops_the_queue(bench: Bench) -> None:
    bench.wanted.write({})
    for _ in range(10 * MOST_DEATHS):
        bench.look(2)
        bench.dead = bool(bench.manager.running)
        bench.look(1)
        bench.dead = False
    assert bench.manager.asked.count("environment_destroy") == MOST_DEATHS
    assert bench.wanted.read() is None


def test_what_ran_when_the_manager_ended_is_queued_again_once(bench: Bench) -> None:
    bench.wanted.write({})
    bench.look()
    assert bench.wanted.read() == bench.manager.running
    bench.manager.open = False
    bench.manager.end("unknown")  # as the next manager calls it
    bench.renew()
    bench.look(4)
    assert bench.manager.running["name"] == "one"
    assert [item["name"] for item in bench.manager.items] == ["two"]


def test_a_stopped_queue_is_not_started_by_a_new_keeper(bench: Bench) -> None:
    bench.wanted.write({})
    bench.look()
    bench.wanted.clear()
    bench.manager.open = False
    bench.manager.end("unknown")
    bench.renew()
    bench.look(4)
    assert not bench.manager.running


def test_a_queue_that_is_stopped_as_soon_as_it_was_started_is_nobody_else_s(bench: Bench) -> None:
    bench.look()
    bench.wanted.write({})
    bench.look(1)  # which starts it
    bench.wanted.clear()
    bench.manager.stopping = True
    bench.look()
    assert bench.manager.running
    assert bench.wanted.read() is None


def test_a_manager_that_does_not_answer_is_said_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.manager.deaf = True
    bench.look(5)
    assert len(caplog.records) == 1
    bench.manager.deaf = False
    bench.look()
    assert bench.manager.open


@pytest.mark.parametrize("text", ["", "[1]", "{", "null"])
def test_a_damaged_file_is_a_stopped_queue(tmp_path: Path, text: str) -> None:
    wanted = Wanted(tmp_path / "w.json")
    wanted.path.write_text(text)
    assert wanted.read() is None
    wanted.write({"name": "x"})
    assert json.loads(wanted.path.read_text()) == {"name": "x"}
