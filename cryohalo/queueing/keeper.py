"""Keeps a queue going that was started: through the death of its worker, and of the manager.

A plan that *fails* stops the queue: somebody should look. A worker that *dies* (killed, out of
memory) is no failure of the plan: the environment is opened anew, and the plan, which the manager
has put back to the front, begins again; a campaign goes on from the catalog. What is wanted, and
what runs, stand in a file, so that it holds for the death of all processes as well.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from cryohalo.queueing.client import QueueError
from instruments.foreign_files import read_bounded
from instruments.printable import escaped

__all__ = ["Keeper", "Wanted"]

log = logging.getLogger("cryohalo.queue")

#: So often in a row may a worker die at the same plan; then somebody should look.
MOST_DEATHS: Final = 3
_MAX_BYTES: Final = 1_000_000
_BUSY: Final = ("executing_queue", "starting_queue", "paused")


class _Manager(Protocol):
    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]: ...
    def status(self) -> dict[str, Any]: ...
    def add(self, item: Mapping[str, Any], position: str | int = "back") -> dict[str, Any]: ...
    def queue(self) -> tuple[list[dict[str, Any]], dict[str, Any]]: ...
    def history(self) -> list[dict[str, Any]]: ...


class Wanted:
    """A file that says whether the queue is to go, and what runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any] | None:
        """What runs ({} for nothing); None if the queue is not to go."""
        try:
            found = json.loads(read_bounded(self.path, _MAX_BYTES))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def write(self, running: Mapping[str, Any]) -> None:
        """The queue is to go, and this runs."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(dict(running)))
        beside.replace(self.path)

    def clear(self) -> None:
        """The queue is not to go."""
        self.path.unlink(missing_ok=True)


@dataclass
class Keeper:
    """Looks at the manager, and does one thing at a time.

    Attributes:
        manager: To ask.
        wanted: Whether the queue is to go.
        worker_died: Whether the worker's process has ended while its environment is said to exist.
    """

    manager: _Manager
    wanted: Wanted
    worker_died: Callable[[], bool]
    _deaths: int = 0
    _started: bool = field(default=False, repr=False)
    _rested: bool = field(default=False, repr=False)
    _recovered: bool = field(default=False, repr=False)
    _last: str = field(default="", repr=False)

    def look(self) -> None:
        """Do what is due; what the manager refuses is one line in the log."""
        try:
            status, running = self.manager.status(), self.wanted.read()
            if status["worker_environment_exists"] and self.worker_died():
                self._bury(running or {})
            elif status["manager_state"] == "idle" and not status["worker_environment_exists"]:
                self._started = False
                self.manager.ask("environment_open")
            elif running is None:
                self._started = False
                self._adopt(status)
            else:
                self._recover(running)
                self._keep(status, running)
            self._rested = status["manager_state"] == "idle"
            self._last = ""
        except QueueError as error:
            if str(error) != self._last:
                log.warning("%s", escaped(error))
            self._last = str(error)

    def _adopt(self, status: Mapping[str, Any]) -> None:
        """Keep going what another client has started, as over HTTP; not what is being stopped."""
        stopping = status.get("queue_stop_pending", False)
        if self._rested and not stopping and status["manager_state"] in _BUSY:
            self._started = self._recovered = True
            self._note({})

    def _recover(self, running: Mapping[str, Any]) -> None:
        """Put back what ran when the manager itself ended: it calls that "unknown", and done."""
        if self._recovered:
            return
        past = self.manager.history()
        if running and past:
            last = past[-1]
            unknown = last["result"]["exit_status"] == "unknown"
            if unknown and last["item_uid"] == running.get("item_uid"):
                self.manager.add(last, "front")
                log.warning("%s ran when the manager ended: queued again", last["name"])
        self._recovered = True

    def _keep(self, status: Mapping[str, Any], running: Mapping[str, Any]) -> None:
        state = status["manager_state"]
        if state in _BUSY:
            self._started = True
            self._note(running)
        elif state != "idle":
            return
        elif not status["items_in_queue"]:
            self._started, self._deaths = False, 0
            self._note(running)
        elif self._started:
            self.wanted.clear()
            log.warning("the queue has stopped: a plan failed, or was stopped")
        else:
            self.manager.ask("queue_start")
            self._started = True

    def _note(self, running: Mapping[str, Any]) -> None:
        _, now = self.manager.queue()
        if now.get("item_uid") != running.get("item_uid"):
            if now.get("name") != running.get("name"):
                self._deaths = 0
            self.wanted.write(now)

    def _bury(self, running: Mapping[str, Any]) -> None:
        """Tell the manager that its worker is dead: it puts the plan back to the front."""
        self._deaths += 1
        log.error("the worker died at %s", running.get("name", "no plan"))
        self.manager.ask("environment_destroy")
        if self._deaths >= MOST_DEATHS:
            self.wanted.clear()
            log.error("the worker has died %d times in a row: the queue has stopped", self._deaths)
