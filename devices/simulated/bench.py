"""A machine in process behind its records, and the thread that lets its time pass.

Time passes only on demand: while a put has not completed, or a status watches a record. So a plan
that thinks for a second between two phases of a cycle misses none of them, and a forgotten device
costs no CPU. What a put does, when it completes and what a second one does are the PV database's
(``pvdb.live.puts``), the same as on the wire.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from devices.signals.reading import LONG_TEXT
from devices.simulated.server import server_records
from instruments.errors import Refused
from pvdb.live.driver import Driver
from pvdb.live.point import Point
from pvdb.live.puts import Completed, Puts
from pvdb.parts.clock import SimClock
from pvdb.parts.clock_records import clock_records
from pvdb.plant import Plant
from pvdb.records import Record, Value, text

__all__ = ["Bench", "current_bench"]

#: The bench that signals made now belong to.
current_bench: ContextVar[Bench] = ContextVar("current_bench")


@dataclass
class _Watched:
    post: Callable[[Value], None]
    point: Point
    last: Any
    waiting: int = 0


class Bench:
    """A plant in process: its records by PV name, and its clock thread.

    Args:
        plant: The machine, its records and its guards.
        prefix: Begins every name.
    """

    #: Steps between two posts to those who watch without waiting.
    STEPS_PER_POST = 50

    def __init__(self, plant: Plant, prefix: str) -> None:
        self._plant = plant
        self.machine: Any = plant.machine
        self.clock = SimClock(plant.machine, speed=0.0)
        self.clock.awaited = lambda: self.wanted
        self.driver = Driver(plant.machine, self.clock, plant.guards)
        self.lock = threading.RLock()
        self.refusal = ""
        records = [
            *plant.records,
            *clock_records(self.clock, plant.seed, lambda: self.driver.error),
            *server_records(plant.parameters_hash, lambda: self.refusal),
        ]
        self._prefix = prefix
        self._points = {prefix + record.name: Point(record) for record in records}
        self._puts = Puts()
        self._watched: dict[int, _Watched] = {}
        self._keys = iter(range(2**62))
        self._wanted = threading.Condition(self.lock)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="simulated-bench", daemon=True)
        self._thread.start()

    def point(self, name: str) -> Point:
        """The point of a PV; ``NAME.VAL`` and the long text ``NAME.VAL$`` are the same one.

        Raises:
            KeyError: This machine has no such record or field.
        """
        name = name.removesuffix(LONG_TEXT).removesuffix(".VAL")
        if name in self._points:
            return self._points[name]
        record, _, field = name.rpartition(".")
        if record in self._points and field == "EGU":
            return Point(_units_field(self._points[record].record))
        raise KeyError(f"the simulated machine serves no {name!r}")

    @property
    def records(self) -> Mapping[str, Record]:
        """All records by name without prefix."""
        return {point.record.name: point.record for point in self._points.values()}

    @property
    def paused(self) -> bool:
        """Time stands still, also while puts wait."""
        return self.clock.paused

    @paused.setter
    def paused(self, value: bool) -> None:
        with self.lock:
            self.clock.paused = bool(value)
            self._wanted.notify()

    def put(
        self,
        point: Point,
        value: Any,
        completed: Completed,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> None:
        """Put a value; ``completed`` is called once: with None, or with why it was refused.

        A refused put moves nothing. One that is ``abandoned`` is no reason for time to pass.
        """
        with self.lock:
            outcome = self._begin(point, value, completed, abandoned)
        if outcome is not _WAITS:
            completed(outcome)

    def put_as_client(self, name: str, value: Any) -> None:
        """A put of another client to PV ``name`` (without prefix), which does not wait.

        Raises:
            Refused: Nothing has moved.
        """
        ended: list[Refused | None] = []
        self.put(self.point(self._prefix + name), value, ended.append)
        for refusal in ended:
            if refusal is not None:
                raise refusal

    def _begin(
        self, point: Point, value: Any, completed: Completed, abandoned: Callable[[], bool]
    ) -> Any:
        """Act on a put; returns how it ended, or ``_WAITS``."""
        record = point.record
        outcome: Any = None
        try:
            taken = self._puts.act(record, value)
        except Refused as refusal:
            self.refusal = point.refusal = str(refusal)
            outcome = refusal
            self._plant.heard(record.name, "", self.refusal)
        else:
            self._plant.heard(record.name, "", "")
            point.refusal = ""
            if record.read is None:
                point.hold(taken)
            ends = self._ends(point, completed)
            if record.done is not None and self._puts.wait(record, ends, abandoned):
                outcome = _WAITS
            elif record.momentary:
                point.hold(0)
        # No time passes by itself here: what the put has led to is looked at now.
        self.driver.look()
        self._post()
        self._wanted.notify()
        return outcome

    def _ends(self, point: Point, completed: Completed) -> Completed:
        """``completed``; first a momentary command returns to its first state.

        The reason for a put that ended without effect is readable when its completion is called.
        """

        def ends(refusal: Refused | None) -> None:
            with self.lock:
                if refusal is not None:
                    self.refusal = str(refusal)
                if point.record.momentary:
                    point.hold(0)
                self._post()
            completed(refusal)

        return ends

    def watch(self, point: Point, post: Callable[[Value], None]) -> int:
        """Call ``post`` on the bench's thread with each new value; returns a key for ``demand``."""
        with self.lock:
            key = next(self._keys)
            self._watched[key] = _Watched(post, point, _comparable(point.read()))
        return key

    def demand(self, key: int | None, waiting: int) -> None:
        """State how many wait on a watch: while any does, time passes."""
        with self.lock:
            if key is not None:
                self._watched[key].waiting = waiting
                self._wanted.notify()

    def let_pass(self, seconds: float) -> None:
        """Let simulated time pass at once, also while it is held.

        Guards look after every step, and puts that have had their effect complete on the way.
        """
        end_s = self.machine.time_s + seconds
        while (left_s := end_s - self.machine.time_s) > 1e-9:
            with self.lock:
                stepped = self.driver.step(min(self.clock.step_s, left_s))
                ended = self._settle() if self._puts.settled() else []
            for tell in ended:
                tell()
            if not stepped:
                break
        with self.lock:
            self._post()
            self._wanted.notify()

    def close(self) -> None:
        """End the clock thread."""
        with self.lock:
            self._closed = True
            self._wanted.notify()
        self._thread.join(timeout=10.0)

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for time to pass."""
        return bool(self._puts) or any(w.waiting for w in self._watched.values())

    @property
    def _runs(self) -> bool:
        return self.clock.stepping or (self.wanted and not self.clock.paused)

    def _run(self) -> None:
        while True:
            with self.lock:
                while not self._closed and not self._runs:
                    self._wanted.wait()
                    self.clock.begin_now()
                if self._closed:
                    return
                ended = self._advance()
                if not ended:
                    self._wait_until_due()
            for tell in ended:
                tell()

    def _wait_until_due(self) -> None:
        """At a speed set by somebody, time passes by the clock on the wall."""
        if self._runs and (wait_s := self.clock.until_due_s()) > 0.0:
            self._wanted.wait(wait_s)

    def _advance(self) -> list[Callable[[], None]]:
        """Step until a put is done or it is time to post; returns the completions to call."""
        for _ in range(self.STEPS_PER_POST):
            if self._puts.settled() or not self._runs:
                break
            step_s = self.clock.due_s()
            if step_s <= 0.0 or not self.driver.step(step_s):
                break
            self._post(demanding=True)
        return self._settle()

    def _settle(self) -> list[Callable[[], None]]:
        """Post, and return the completions to call: of puts that are done, or never will be."""
        ended = self._puts.take_settled()
        self._post()
        return [partial(waiting.completed, refusal) for waiting, refusal in ended]

    def _post(self, *, demanding: bool = False) -> None:
        """Post what has changed; with ``demanding``, only to those who wait."""
        for watched in list(self._watched.values()):
            if demanding and not watched.waiting:
                continue
            value = watched.point.read()
            comparable = _comparable(value)
            if comparable != watched.last:
                watched.last = comparable
                watched.post(value)


def _units_field(record: Record) -> Record:
    """``.EGU`` of a record, which may be put to and changes what is shown alone, as in an IOC."""
    units = [record.units]

    def rename(to: str) -> None:
        units[0] = to

    return replace(text("EGU", lambda: units[0], "Units"), write=rename)


#: What ``Bench._begin`` returns for a put that completes later.
_WAITS = object()


def _comparable(value: Any) -> Any:
    """A value that ``!=`` can compare: arrays as bytes, all that is no number as one."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return None if value != value else value
