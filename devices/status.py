"""Statuses: they end with what they stand for, and fail when it cannot come any more.

ophyd starts a thread for every status that has a time-out. A step of a scan makes dozens, so one
thread watches over those of `completion` and whatever `fail_when_late` is told of.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ophyd.status import MoveStatus, Status, StatusBase, SubscriptionStatus
from ophyd.status import wait as wait_for
from ophyd.utils.errors import InvalidState

from devices import burst

__all__ = [
    "NotReachedError",
    "Watch",
    "completion",
    "end",
    "fail_when_late",
    "fail_when_lost",
    "later",
    "watched",
]


log = logging.getLogger("cryohalo.devices")


class NotReachedError(RuntimeError):
    """A put was refused, or completed without the effect that was asked for."""


def completion(
    device: Any,
    puts: Iterable[tuple[Any, Any]],
    timeout_s: float,
    check: Callable[[], str | None] = lambda: None,
) -> Status:
    """Put values and return the status that ends when the last put has completed.

    It fails when a put is refused, when the IOC goes away, and when it takes too long. Who waits
    for it is told on the thread that completes puts, and may not wait for another put there.

    Args:
        device: whose action this is.
        puts: signals of one IOC, each with the value to put; none is a status that is done.
        timeout_s: wall seconds after which the status fails.
        check: called after completion; returns why it failed, or None.
    """
    puts = list(puts)
    status = Status(device)
    if not puts:
        end(status, None)
        return status
    left = itertools.count(len(puts) - 1, -1)
    refusals: list[str] = []

    def completed(signal: Any, *, refused: bool = False, **_: Any) -> None:
        if refused:
            refusals.append(signal.name)
        if next(left) > 0 or status.done:
            return
        try:
            problem = _refused(signal, refusals) if refusals else check()
        except Exception as error:
            end(status, error)
        else:
            end(status, None if problem is None else NotReachedError(problem))

    names = ", ".join(signal.name for signal, _ in puts)
    fail_when_late(status, timeout_s, f"{names}: the put has not completed")
    fail_when_lost(puts[0][0], status)
    try:
        _start(puts, completed)
    except Exception as error:
        end(status, error)
        raise
    return status


def _start(puts: list[tuple[Any, Any]], completed: Callable[..., None]) -> None:
    """Start puts, in one packet where the signals can."""
    try:
        for signal, value in puts:
            told = partial(completed, signal)
            if burst.can_join(signal):
                signal.check_value(value)
                signal.wanted = value
                burst.join(signal, value, told)
            else:
                signal.put(value, use_complete=True, callback=told)
    finally:
        burst.flush()


def _refused(signal: Any, names: list[str]) -> str:
    """What was refused, with the IOC's reason, which is posted before the refusal is told."""
    health = getattr(signal.root, "ioc", None)
    why = f": {health.refusal.get()}" if health is not None else ""
    return f"{', '.join(names)} refused{why}"


def end(status: StatusBase, error: Exception | None) -> None:
    """End a status; of two ends at once the first counts."""
    with contextlib.suppress(InvalidState):
        if status.done:
            return
        if isinstance(status, MoveStatus):  # the positioner has nobody to tell any more
            mover = status.pos
            mover.clear_sub(status._finished, event_type=mover._SUB_REQ_DONE)  # noqa: SLF001
        if error is None:
            status.set_finished()
        else:
            status.set_exception(error)


def watched(device: Any, signal: Any, status: StatusBase, wait: bool) -> StatusBase:
    """A move's status that also fails once `signal` is lost, waited for if asked."""
    fail_when_lost(signal, status)
    if wait:
        try:
            wait_for(status)
        except KeyboardInterrupt:
            device.stop()
            raise
    return status


# What must not be waited for ------------------------------------------------------------------


class _Later:
    """Calls functions at their time, one after the other, on one thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._thread: threading.Thread | None = None

    def __call__(self, delay_s: float, function: Callable[[], None]) -> None:
        due_s = time.monotonic() + delay_s
        with self._changed:
            heapq.heappush(self._due, (due_s, next(self._numbers), function))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="time-outs", daemon=True)
                self._thread.start()
            elif self._due[0][0] == due_s:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            function = self._next()
            try:
                function()
            except Exception:  # the other time-outs need this thread
                log.exception("%r failed", function)

    def _next(self) -> Callable[[], None]:
        """Wait for the next function to be due."""
        with self._changed:
            while True:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0.0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait_s)


#: `later(delay_s, function)` calls a function, which may not block, after so many seconds.
later = _Later()


def fail_when_late(status: StatusBase, timeout_s: float, what: str) -> None:
    """Fail `status` with `TimeoutError` if it has not ended after `timeout_s` wall seconds."""
    known = weakref.ref(status)

    def late() -> None:
        if (found := known()) is not None and not found.done:
            error = TimeoutError(f"{what} within {timeout_s:g} s")
            # On a thread of its own: a move that fails stops its device, which may block.
            threading.Thread(target=end, args=(found, error), daemon=True).start()

    later(timeout_s, late)


class _Losses:
    """The statuses that end with an error when their signal's PV is lost."""

    def __init__(self, signal: Any) -> None:
        self._name = signal.name
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[StatusBase] = weakref.WeakSet()
        signal.subscribe(self._told, event_type=signal.SUB_META, run=False)

    def add(self, status: StatusBase) -> None:
        with self._lock:
            self._open.add(status)

    def _told(self, connected: bool = True, **_: Any) -> None:
        if not connected:
            self.fail()

    def fail(self) -> None:
        with self._lock:
            lost = list(self._open)
            self._open.clear()
        message = f"{self._name}: the IOC went away before the put completed"
        for status in lost:
            end(status, ConnectionError(message))


_losses: weakref.WeakKeyDictionary[Any, _Losses] = weakref.WeakKeyDictionary()
_losses_lock = threading.Lock()


def fail_when_lost(signal: Any, status: StatusBase) -> None:
    """Fail `status` with `ConnectionError` once the signal's PV is lost.

    A put whose IOC is gone never completes, and its time-out may be hours.
    """
    with _losses_lock:
        losses = _losses.get(signal)
        if losses is None:
            losses = _losses[signal] = _Losses(signal)
    losses.add(status)
    if not signal.connected:  # it may have gone before there was a watch
        losses.fail()


class Watch(SubscriptionStatus):
    """A status that ends when a signal passes a test; an exception of the test fails it.

    Args:
        signal: a signal; it is monitored from now on.
        test: called with each value, the present one included if `run`.
        timeout: wall seconds after which the status fails.
        run: judge the value that the monitor holds now.
        aside: a side condition, which alone is no reason for simulated time to pass.
    """

    def __init__(
        self,
        signal: Any,
        test: Callable[[Any], bool],
        timeout: float,
        *,
        run: bool = True,
        aside: bool = False,
    ) -> None:
        self.aside = aside
        super().__init__(signal, test, timeout=timeout, run=run)

    def check_value(self, *_: Any, value: Any, **__: Any) -> None:
        """Judge one value; later ones no longer matter."""
        if self.done:
            return
        try:
            if self.callback(value):
                self.set_finished()
        except InvalidState:
            return  # two values passed at once on two threads
        except Exception as error:
            self.set_exception(error)
