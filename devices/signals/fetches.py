"""Values that are asked for together, and waited for without turning in a loop.

pyepics looks ten thousand times a second whether an answer has come, on the thread that waits, and
copies an array twice on the thread that takes the packets. Here the answer is copied once, and
wakes the one who waits. Only plain numbers and arrays of them: ``ask_for`` says what is left to
pyepics.
"""

from __future__ import annotations

import ctypes
import struct
import threading
import time
from typing import Any, Final

import numpy as np
from epics import ca, dbr
from ophyd.signal import ReadTimeoutError

from devices.waiting.claims import begun

__all__ = ["Fetch", "Foreseen", "ask_for", "send_requests"]

#: Wall seconds for which a value that was asked for beforehand is of the moment (assumed: a plan
#: reads within some milliseconds; a hold or a pause in between lasts longer).
FORESIGHT_S: Final = 0.5

#: Kinds that come with a time stamp: the plain kind of the values, and one value's format.
_KINDS: Final = {
    dbr.TIME_DOUBLE: (dbr.DOUBLE, "=d"),
    dbr.TIME_FLOAT: (dbr.FLOAT, "=f"),
    dbr.TIME_LONG: (dbr.LONG, "=i"),
    dbr.TIME_SHORT: (dbr.SHORT, "=h"),
    dbr.TIME_ENUM: (dbr.ENUM, "=H"),
}
#: Status and severity of the alarm, seconds and nanoseconds of the time.
_HEAD: Final = struct.Struct("=hhII")
#: What has not been answered yet: libca keeps the address alone.
_unanswered: set[Fetch] = set()


class Fetch:
    """One value that was asked for. Whoever waits for it sends the request, if nobody has yet.

    Args:
        pvname: For messages.
        array: It is one whatever its length is.
    """

    def __init__(self, pvname: str, *, array: bool = False) -> None:
        self._pvname, self._array = pvname, array
        self._found: dict[str, Any] | Exception | None = None
        self._answer = threading.Lock()  # held until there is one: an event costs ten times as much
        self._answer.acquire()

    def take(self, event: Any) -> None:
        """Called by libca, on a thread of its own."""
        try:
            self._found = _unpacked(event, array=self._array)
        except Exception as error:  # it belongs to who waits
            self._found = error
        finally:
            self._answer.release()

    def result(self, timeout_s: float | None) -> dict[str, Any]:
        """What has come, as pyepics gives it: ``value``, ``timestamp``, ``severity``, ...

        Raises:
            ReadTimeoutError: Nothing has come in time.
            ca.ChannelAccessGetFailure: The IOC has refused, or is gone.
        """
        if self._found is None:
            ca.flush_io()
            if not self._answer.acquire(timeout=-1 if timeout_s is None else timeout_s):
                raise ReadTimeoutError(f"Failed to read {self._pvname} within {timeout_s:.2f} sec")
            self._answer.release()
        if isinstance(self._found, Exception):
            raise self._found
        assert self._found is not None
        return self._found


class Foreseen:
    """A fetch for what is about to be read.

    Args:
        fetch: Under way.
        before: What ``begun`` said before it was asked for.
    """

    def __init__(self, fetch: Fetch, before: int) -> None:
        self.fetch = fetch
        self._begun, self._until_s = before, time.monotonic() + FORESIGHT_S

    def holds(self) -> bool:
        """Whether it is of this moment: no action of this session has begun since."""
        return self._begun == begun() and time.monotonic() < self._until_s


def _unpacked(event: Any, *, array: bool) -> dict[str, Any]:
    if event.status != dbr.ECA_NORMAL:
        message = f"Get failed; status code: {event.status}"
        raise ca.ChannelAccessGetFailure(message, chid=event.chid, status=event.status)
    plain, one = _KINDS[event.type]
    status, severity, seconds, nanoseconds = _HEAD.unpack(
        ctypes.string_at(event.raw_dbr, _HEAD.size)
    )
    seconds += dbr.EPICS2UNIX_EPOCH
    begin = event.raw_dbr + dbr.value_offset[event.type]
    value: Any
    if event.count == 1 and not array:
        value = struct.unpack(one, ctypes.string_at(begin, struct.calcsize(one)))[0]
    else:
        value = np.empty(event.count, dbr.NP_Map[plain])
        ctypes.memmove(value.ctypes.data, begin, value.nbytes)
    return {
        "value": value,
        "status": status,
        "severity": severity,
        "timestamp": seconds + 1e-6 * (nanoseconds // 1000),  # as pyepics: to the microsecond
        "posixseconds": seconds,
        "nanoseconds": nanoseconds,
    }


def _answered(event: Any) -> None:
    """Called by libca, on a thread of its own."""
    fetch = event.usr  # libca's is no reference of its own
    _unanswered.discard(fetch)
    fetch.take(event)


_ON_ANSWER: Final = dbr.make_callback(_answered, dbr.event_handler_args)


def ask_for(pv: Any) -> Fetch | None:
    """Ask the IOC for a value; ``Fetch.result`` sends the request and waits.

    Args:
        pv: Of pyepics, by its kind with a time stamp.

    Returns:
        None where this is left to pyepics: the PV is lost, or no number.
    """
    # The second also gives this thread libca's context.
    if pv.ftype not in _KINDS or not pv.wait_for_connection(timeout=0.0):
        return None
    fetch = Fetch(pv.pvname, array=pv.nelm > 1)
    _unanswered.add(fetch)
    status = ca.libca.ca_array_get_callback(
        pv.ftype, 0, pv.chid, _ON_ANSWER, ctypes.py_object(fetch)
    )
    if status != dbr.ECA_NORMAL:
        _unanswered.discard(fetch)
        return None
    return fetch


def send_requests() -> None:
    """Send what was asked for and not sent yet."""
    if _unanswered:
        ca.flush_io()
