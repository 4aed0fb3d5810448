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

import zmq

from cryohalo.processes.addresses import LOOPBACK
from instruments.printable import escaped

__all__ = ["Line", "SilentError", "Told", "main"]

_PERIOD_S: Final = 2.0
_TIMEOUT_MS: Final = 5000
_MOST_BYTES: Final = 10_000_000
#: Plans that wait, as far as they are shown.
MOST_ITEMS: Final = 10
#: Of a status: what names the items, and the one that runs.
_CHANGES: Final = ("plan_queue_uid", "running_item_uid")
_LONGEST_ITEM: Final = 160


class SilentError(RuntimeError):
    """The manager does not answer, or has refused; the message says why."""


class Line:
    """A connection to the manager, by its protocol: a method in, its answer out, both as JSON.

    The manager's own client opens another connection for each request, and gives none back that was
    not answered; this one is asked for as long as the page runs.

    Args:
        port: Of its control socket.
        timeout_ms: How long it may take to answer.
    """

    def __init__(self, port: int, timeout_ms: int = _TIMEOUT_MS) -> None:
        self.address = f"tcp://{LOOPBACK}:{port}"
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        self._socket.setsockopt(zmq.SNDTIMEO, timeout_ms)
        self._socket.setsockopt(zmq.LINGER, 0)
        # After a request that was not answered the next may be sent, and late answers are dropped.
        self._socket.setsockopt(zmq.REQ_RELAXED, 1)
        self._socket.setsockopt(zmq.REQ_CORRELATE, 1)
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
        self._socket.connect(self.address)

    def ask(self, method: str) -> dict[str, Any]:
        """Ask for something and give the answer.

        Raises:
            SilentError: There is no answer, or a refusal.
        """
        try:
            self._socket.send_json({"method": method, "params": {}})
            answer = self._socket.recv_json()
        except (zmq.ZMQError, ValueError, RecursionError):
            words = f"the queue at {self.address} does not answer: cryohalo status"
            raise SilentError(words) from None
        if not isinstance(answer, dict) or answer.get("success") is False:
            raise SilentError(f"{method} was refused: {escaped(answer)}")
        return answer

    def close(self) -> None:
        """Give the connection back."""
        self._socket.close()
        self._context.term()


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
        except SilentError as error:
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
    line, last = Line(int(sys.argv[1])), ""
    told = Told(line.ask)
    while not ended.wait(_PERIOD_S if last else 0.0):
        text = json.dumps(told.now())
        if text != last:
            print(text, flush=True)
        last = text
    line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
