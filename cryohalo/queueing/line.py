"""A connection to the queue's manager, by its protocol: a method in, its answer out, both JSON.

The manager's own client (``zmq_single_request``) makes a ZeroMQ context for each request, and gives
none back: a process that asks each second grows without end.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import zmq

from cryohalo.processes.addresses import LOOPBACK

__all__ = ["Line", "QueueError"]

_TIMEOUT_S: Final = 5.0
_MS: Final = 1000
_MOST_BYTES: Final = 10_000_000


class QueueError(ValueError):
    """The manager does not answer, or has refused; the message says why."""


class Line:
    """A connection; close it, or use it in a ``with`` statement.

    Args:
        port: Of the manager's control socket.
        timeout_s: How long it may take to answer.
    """

    def __init__(self, port: int, timeout_s: float = _TIMEOUT_S) -> None:
        self.address = f"tcp://{LOOPBACK}:{port}"
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.setsockopt(zmq.RCVTIMEO, round(timeout_s * _MS))
        self._socket.setsockopt(zmq.SNDTIMEO, round(timeout_s * _MS))
        self._socket.setsockopt(zmq.LINGER, 0)
        # After a request that was not answered the next may be sent, and late answers are dropped.
        self._socket.setsockopt(zmq.REQ_RELAXED, 1)
        self._socket.setsockopt(zmq.REQ_CORRELATE, 1)
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MOST_BYTES)
        self._socket.connect(self.address)

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask for something and give the answer.

        Raises:
            QueueError: There is no answer, or a refusal.
        """
        try:
            self._socket.send_json({"method": method, "params": dict(params or {})})
            answer = self._socket.recv_json()
        except (zmq.ZMQError, ValueError, RecursionError):
            words = f"the queue at {self.address} does not answer: cryohalo status"
            raise QueueError(words) from None
        if not isinstance(answer, dict) or answer.get("success") is False:
            told = answer.get("msg") if isinstance(answer, dict) else answer
            raise QueueError(str(told or f"{method} was refused"))
        return answer

    def close(self) -> None:
        """Give the connection back."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
