"""The queue of plans: what runs and what waits, as its manager says.

A process of its own, started by the page's server, as the manager may take long to answer.
``python -m cryohalo.page.queue PORT`` prints one line of JSON whenever something is new. It needs
the extra ``queue``.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryohalo.queueing.line import Line, QueueError
from instruments.printable import escaped

__all__ = ["Told", "main"]

_PERIOD_S: Final = 2.0
#: Plans that wait, as far as they are shown.
MOST_ITEMS: Final = 10
#: Of a status: what names the items, and the one that runs.
_CHANGES: Final = ("plan_queue_uid", "running_item_uid")
_LONGEST_ITEM: Final = 160


class Told:
    """What the page shows of the queue.

    The items are asked for only where the status says that they are others: the manager notes each
    such request in its log.

    Args:
        ask: Gives the manager's answer to a method, as ``Line.ask``.
    """

    def __init__(self, ask: Callable[[str], Mapping[str, Any]]) -> None:
        self._ask = ask
        self._seen: tuple[Any, ...] = ()
        self._queue: Mapping[str, Any] = {}

    def now(self) -> dict[str, Any]:
        """What to show; ``error`` alone where the manager does not answer."""
        try:
            status = self._ask("status")
            seen = tuple(status.get(key) for key in _CHANGES)
            if seen[0] is None or seen != self._seen:
                self._queue, self._seen = self._ask("queue_get"), seen
        except QueueError as error:
            self._seen = ()
            return {"error": escaped(error)}
        items, running = list(self._queue.get("items") or ()), self._queue.get("running_item")
        return {
            "state": escaped(status.get("manager_state", ""), 40).replace("_", " "),
            "stopping": bool(status.get("queue_stop_pending")),
            "running": _words(running) if running else "",
            "waiting": [_words(item) for item in items[:MOST_ITEMS]],
            "count": len(items),
        }


def _words(item: Mapping[str, Any]) -> str:
    """A plan with its arguments, cut."""
    arguments = [str(one) for one in item.get("args") or ()]
    arguments += [f"{name}={value}" for name, value in dict(item.get("kwargs") or {}).items()]
    return escaped(f"{item.get('name', '?')} {' '.join(arguments)}".strip(), _LONGEST_ITEM)


def main() -> int:
    """Follow the queue until standard input ends, which the server holds open."""
    ended = threading.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    last = ""
    with Line(int(sys.argv[1])) as line:
        told = Told(line.ask)
        while not ended.wait(_PERIOD_S if last else 0.0):
            text = json.dumps(told.now())
            if text != last:
                print(text, flush=True)
            last = text
    return 0


if __name__ == "__main__":
    sys.exit(main())
