"""Requests to the queue's manager, over its control socket on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryohalo.queueing.line import Line, QueueError

__all__ = ["Manager", "QueueError", "until"]

TIMEOUT_S: Final = 10.0
#: A plan that is aborted leaves its instrument safe first, which takes its time.
ABORT_TIMEOUT_S: Final = 120.0
_LOOK_EVERY_S: Final = 0.2
#: Never set: the manager tells nobody of its changes.
_PAUSE: Final = threading.Event()
#: In whose name plans are queued; what the group may is in ``queue_permissions.yaml``.
GROUP: Final = "primary"


class Manager:
    """The manager at a port.

    Args:
        port: Of its control socket.
        user: Who asks.
    """

    def __init__(self, port: int, user: str = "cryohalo") -> None:
        self._port, self._user = port, user

    def ask(
        self, method: str, params: Mapping[str, Any] | None = None, timeout_s: float = TIMEOUT_S
    ) -> dict[str, Any]:
        """Ask for something and give the answer.

        Raises:
            QueueError: There is no answer, or a refusal.
        """
        with Line(self._port, timeout_s) as line:
            return line.ask(method, params)

    def status(self) -> dict[str, Any]:
        """What the manager does."""
        return self.ask("status")

    def add(self, item: Mapping[str, Any], position: str | int = "back") -> dict[str, Any]:
        """Put a plan into the queue; it is validated before.

        Args:
            item: ``name``, ``args``, ``kwargs``, ``meta``.
            position: ``"front"``, ``"back"`` or a place.

        Returns:
            The item as it is in the queue.

        Raises:
            QueueError: It is no plan that may be queued so.
        """
        kept = {key: item[key] for key in ("name", "args", "kwargs", "meta") if key in item}
        params = {
            "item": {"item_type": "plan", **kept},
            "user": self._user,
            "user_group": GROUP,
            "pos": position,
        }
        return dict(self.ask("queue_item_add", params)["item"])

    def queue(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The items that wait, and the one that runs ({} for none)."""
        answer = self.ask("queue_get")
        return list(answer["items"]), dict(answer["running_item"])

    def history(self) -> list[dict[str, Any]]:
        """The items that have run, the oldest first."""
        return list(self.ask("history_get")["items"])


def until(
    manager: Manager,
    fits: Callable[[Mapping[str, Any]], bool],
    what: str,
    timeout_s: float = ABORT_TIMEOUT_S,
) -> dict[str, Any]:
    """Wait until the manager's status fits, and give it.

    Args:
        manager: Of the queue.
        fits: Whether a status is what is waited for.
        what: The same in words.
        timeout_s: How long to wait.

    Raises:
        QueueError: It does not fit in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        status = manager.status()
        if fits(status):
            return status
        _PAUSE.wait(_LOOK_EVERY_S)
    raise QueueError(f"after {timeout_s:g} s {what}: cryohalo status, and logs/queue.log")
