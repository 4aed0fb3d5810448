"""What a session does as lines of JSON, for another program to read."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from typing import IO, Any

import numpy as np

__all__ = ["JsonLines", "plain_json"]


class JsonLines:
    """Writes one object a line: documents without their arrays, states, holds.

    Each has ``"what"``: ``start``, ``event``, ``stop``, ``state``, ``held`` or ``value``.

    Args:
        file: Where they go.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file, self._lock = file, threading.Lock()
        self._streams: dict[str, tuple[str, str]] = {}

    def tell(self, what: str, **content: Any) -> None:
        """One line."""
        line = json.dumps({"what": what, "time": time.time(), **plain_json(content)})
        with self._lock:
            self._file.write(f"{line}\n")
            self._file.flush()

    def document(self, name: str, document: Mapping[str, Any]) -> None:
        """A document of a run; descriptors are not told, their names are, with each event."""
        if name == "start":
            self.tell("start", run=document["uid"], start=document)
        elif name == "descriptor":
            self._streams[document["uid"]] = document["run_start"], document.get("name", "")
        elif name == "event":
            run, stream = self._streams.get(document["descriptor"], ("", ""))
            number = document["seq_num"]
            self.tell("event", run=run, stream=stream, seq_num=number, data=document["data"])
        elif name == "stop":
            self.tell("stop", run=document["run_start"], stop=document)

    def waiting(self, statuses: Iterable[Any] | None) -> None:
        """Not told."""

    def state(self, state: str, plan: str = "") -> None:
        """A new state of the RunEngine."""
        self.tell("state", state=state, plan=plan)

    def held(self, reason: str) -> None:
        """Why a plan is held, and what lets it go on."""
        self.tell("held", reason=reason)


def plain_json(value: Any) -> Any:
    """A value as JSON has it: no array (its shape instead), no NaN (null), no object (a text)."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return value.tolist() if value.ndim == 0 else {"array": list(value.shape)}
    if isinstance(value, Mapping):
        return {str(key): plain_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: plain_json(getattr(value, part.name)) for part in fields(value)}
    return str(value)
