"""Ends for statuses whose own end cannot come any more: time-outs, and channels that are lost.

ophyd starts a thread for every status that has a time-out. A step of a scan makes dozens, so one
thread watches over those of ``fail_when_late``.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from ophyd import Signal
from ophyd.status import StatusBase
from ophyd.utils.errors import InvalidState

from devices.signals import burst

__all__ = [
    "HOLD_GRACE_S",
    "RECONNECT_S",
    "begin_connected",
    "end",
    "end_unless_held",
    "fail_when_late",
    "later",
]

log = logging.getLogger("cryohalo.devices")

#: Wall seconds between a fault (a lost IOC, an interlock) and the failure that it means for what is
#: under way. A suspender of the same fault holds the plan meanwhile, which ends the status well; a
#: failure told first would end the plan that was to be held (assumed: a monitor's way through a
#: busy client, many times over).
HOLD_GRACE_S = 1.0
#: Wall seconds that a put waits for a lost PV to come back (assumed: libca searches for it once a
#: second when an IOC is new on the network).
RECONNECT_S = 5.0


def end(status: StatusBase, error: Exception | None) -> None:
    """End a status; of two ends at once the first counts.

    What a plan asked for and then kept from its effect by a later command of its own has not
    failed: the plan knows. The failure would reach it in the middle of a clean-up, and end that.
    """
    by = getattr(error, "by", None)
    if by is not None and by is getattr(status, "caller", None):
        error = None
    with contextlib.suppress(InvalidState):
        if status.done:
            return
        if error is None:
            status.set_finished()
        else:
            status.set_exception(error)


def end_unless_held(*statuses: StatusBase, error: Exception) -> None:
    """End statuses by a fault, unless a suspender holds their plan within ``HOLD_GRACE_S``."""

    def end_all() -> None:
        for status in statuses:
            end(status, error)

    later(HOLD_GRACE_S, partial(aside, end_all))


def aside(function: Callable[[], None]) -> None:
    """Call what may block on a thread of its own."""
    threading.Thread(target=function, daemon=True).start()


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


#: ``later(delay_s, function)`` calls a function, which may not block, after so many seconds.
later = _Later()


def fail_when_late(
    status: StatusBase,
    timeout_s: float,
    what: str,
    fail: Callable[[StatusBase, Exception], None] = end,
) -> None:
    """Fail ``status`` with ``TimeoutError`` if it has not ended after ``timeout_s`` wall seconds.

    Args:
        status: It is not kept alive.
        timeout_s: Wall seconds.
        what: What has not happened, for the message.
        fail: Ends it, on a thread of its own.
    """
    known = weakref.ref(status)
    if hasattr(status, "latest_s"):  # for whoever shows progress
        status.latest_s = timeout_s

    def late() -> None:
        if (found := known()) is not None and not found.done:
            aside(partial(fail, found, TimeoutError(f"{what} within {timeout_s:g} s")))

    later(timeout_s, late)


class _Channel:
    """What hangs on a signal's PV: puts under way, and those that wait until it is back."""

    def __init__(self, signal: Signal) -> None:
        self._signal = weakref.ref(signal)
        self._lock = threading.Lock()
        self._under_way: weakref.WeakSet[StatusBase] = weakref.WeakSet()
        self._waiting: dict[StatusBase, Callable[[], None]] = {}
        signal.subscribe(self._told, event_type=signal.SUB_META, run=False)

    def begin(self, status: StatusBase, put: Callable[[], None]) -> None:
        signal = self._signal()
        assert signal is not None
        with self._lock:
            if connected := bool(signal.connected):
                self._under_way.add(status)
            else:
                self._waiting[status] = put
        if connected:
            put()
            return
        later(RECONNECT_S, partial(self._fail, self._waiting, "has not come back", [status]))
        if signal.connected:  # it came back in between
            self._told(connected=True)

    def _told(self, connected: bool = True, **_: Any) -> None:
        if connected:
            self._go_on()
        else:
            self._fail(self._under_way, "went away before the put completed")

    def _go_on(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._under_way.update(waiting)
        for status, put in waiting.items():
            if not status.done:
                aside(partial(_put_now, status, put))

    def _fail(self, group: Any, what: str, only: list[StatusBase] | None = None) -> None:
        with self._lock:
            lost = [status for status in group if only is None or status in only]
            for status in lost:
                self._forget(group, status)
        if lost and (signal := self._signal()) is not None:
            name = getattr(signal, "setpoint_pvname", signal.name)
            pv = " at ".join(part for part in (name, burst.host_of(signal)) if part)
            error = ConnectionError(f"{signal.name}: the IOC {what} ({pv})")
            end_unless_held(*lost, error=error)

    @staticmethod
    def _forget(group: Any, status: StatusBase) -> None:
        if isinstance(group, dict):
            del group[status]
        else:
            group.discard(status)


def _put_now(status: StatusBase, put: Callable[[], None]) -> None:
    try:
        put()
    except Exception as error:
        end(status, error)


_channels: weakref.WeakKeyDictionary[Signal, _Channel] = weakref.WeakKeyDictionary()
_channels_lock = threading.Lock()


def begin_connected(signal: Signal, status: StatusBase, put: Callable[[], None]) -> None:
    """Begin what ``status`` stands for, which fails with ``ConnectionError`` once the PV is lost.

    A put whose IOC is gone never completes, and its time-out may be hours. Where the PV is lost
    already, the put waits until it is back: an IOC's channels come back one after the other, and
    the plan that its suspender has held goes on with the first.

    Args:
        signal: Whose PV is put to.
        status: That ends with the put.
        put: Begins it; what it raises is passed on, or ends the status where it had to wait.
    """
    with _channels_lock:
        channel = _channels.get(signal)
        if channel is None:
            channel = _channels[signal] = _Channel(signal)
    channel.begin(status, put)
