"""Statuses: they end with what they stand for, and fail, with a reason, when it has not come.

The caller of each action is remembered (``caller``). A plan that calls it off itself, by a pause, a
suspender, the end of its RunEngine, or by a later command of its own, ends the status well.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ophyd import OphydObject, PositionerBase, Signal
from ophyd.status import Status, StatusBase
from ophyd.status import wait as wait_for

from devices.hardware.absent import is_absent
from devices.signals import burst
from devices.signals.reading import LOST
from devices.waiting.claims import begins
from devices.waiting.watchdogs import begin_connected, end, end_unless_held, fail_when_late
from instruments.errors import ENDING

__all__ = [
    "Action",
    "NotReachedError",
    "Orders",
    "Telling",
    "UnseenError",
    "call_off",
    "caller",
    "completion",
    "end_by",
    "end_open",
    "end_short",
    "interlock_of",
    "mark",
    "refusal_of",
    "send",
    "start_puts",
    "waited",
]


log = logging.getLogger("cryohalo.devices")

#: The caller of an action: the event loop of a RunEngine, None by hand.
Caller = asyncio.AbstractEventLoop | None
#: A signal and the value to put to it.
Put = tuple[Signal, Any]


class NotReachedError(RuntimeError):
    """A put was refused, or ended without the effect that was asked for.

    Args:
        message: What was asked for, what is, and why.
        by: The plan (``caller``) whose own command kept it from its effect; None for anybody else.
    """

    def __init__(self, message: str, by: Caller = None) -> None:
        super().__init__(message)
        self.by = by


class UnseenError(NotReachedError, ConnectionError):
    """A put has ended, and its IOC is lost, or refused it since it is about to be.

    A ``ConnectionError``, so that a plan which a suspender holds meanwhile goes on afterwards.
    """


def caller() -> Caller:
    """The RunEngine whose plan this is called by, told by its event loop; None by hand."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


T = TypeVar("T", bound="Telling")
if TYPE_CHECKING:  # what the mixin is mixed in before
    _Status = StatusBase
else:
    _Status = object


class Telling(_Status):
    """Mixed in before one of ophyd's statuses: a failed one shows as the reason of its failure.

    bluesky shows the status, and not its error, in what it raises and in a run's stop document.
    Any other shows its device by name: ophyd writes every new status down, and would list all the
    parts of the device with it.
    """

    #: Its caller, noted by ``mark``.
    caller: Caller = None
    #: Wall seconds that it is expected to take, where its device knows; for whoever shows progress.
    expected_s: float | None = None
    #: Wall seconds after which it fails if it has not ended, where it does (``fail_when_late``).
    latest_s: float | None = None

    def __str__(self) -> str:
        if self._exception is not None:
            return str(self._exception)
        of = (getattr(self, part, None) for part in ("obj", "device", "pos"))
        name = next((device.name for device in of if device is not None), "")
        return f"{type(self).__name__}({name}, done={self.done}, success={self.success})"

    def __repr__(self) -> str:
        return str(self)


class Action(Telling, Status):
    """The status of a put."""


class Orders:
    """Remembers the last order of this session that ends what a device is doing.

    Attributes:
        given: Whether there was one since the action began.
        by: The plan that gave it, None by hand.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget the orders before an action."""
        self.given = False
        self.by: Caller = None

    def give(self) -> None:
        """Note an order."""
        self.given, self.by = True, caller()


def mark(status: T) -> T:
    """Note on a new status who asked for it, which ``end`` looks at."""
    status.caller = caller()
    return status


def end_short(device: OphydObject, error: NotReachedError, *statuses: StatusBase) -> None:
    """End statuses of a device that has not done what was asked for.

    Where an interlock is active, its suspender may hold the plan first.
    """
    if interlock_of(device):
        end_unless_held(*statuses, error=error)
        return
    for status in statuses:
        end(status, error)


def end_by(error: Exception, *statuses: StatusBase) -> None:
    """End statuses by an error. Where an IOC is lost, its suspender may hold the plan first."""
    if isinstance(error, LOST):
        end_unless_held(*statuses, error=error)
        return
    for status in statuses:
        end(status, error)


def interlock_of(device: OphydObject) -> str:
    """The reasons of its instrument's interlock, "" while all is well or where there is none."""
    interlock = getattr(device.root, "interlock", None)
    if interlock is None:
        return ""
    try:
        if not interlock.active.get():
            return ""
        return "active" if is_absent(interlock.reason) else str(interlock.reason.get())
    except Exception:  # the status must end, also if the interlock cannot be read
        return ""


def ioc_is_gone(device: OphydObject) -> bool:
    """Whether the IOC of a device cannot be reached now."""
    health = getattr(device.root, "ioc", None)
    return not device.connected or (health is not None and not health.refusal.connected)


def refusal_of(device: OphydObject) -> str:
    """The IOC's reason for the last refusal, which it posts before it answers the put."""
    health = getattr(device.root, "ioc", None)
    if health is None or is_absent(health.refusal):
        return ""
    # One that is gone is not asked: this is told on the thread that ends puts, which would wait for
    # it, at the end until libca has been told to forget the channel.
    if not health.refusal.connected:
        return "its reason could not be read: the IOC is gone"
    try:
        return str(health.refusal.get())
    except Exception as error:  # the refusal must be reported in any case
        return f"its reason could not be read: {error}"


# Puts that complete ---------------------------------------------------------------------------

_open: weakref.WeakKeyDictionary[OphydObject, weakref.WeakSet[Status]] = weakref.WeakKeyDictionary()
_open_lock = threading.Lock()


def completion(
    device: OphydObject,
    puts: Iterable[Put],
    timeout_s: float,
    check: Callable[[], None] = lambda: None,
    then: Callable[[Status], None] | None = None,
) -> Action:
    """Put values and return the status that ends when the last put has completed.

    It fails when a put is refused, when the IOC goes away, and when it takes too long. Callbacks
    run on the thread that completes puts, so they must not wait for another put.

    Args:
        device: Whose action this is; ``call_off`` ends it.
        puts: Signals of one IOC, each with the value to put; none is a status that is done.
        timeout_s: Wall seconds after which the status fails.
        check: Called after completion; raises what is wrong with it.
        then: Called after completion with the status, which it ends, instead: where what the puts
            begin goes on.
    """
    puts = list(puts)
    begins(device, *(signal.parent for signal, _ in puts if signal.parent is not None))
    status = Action(device)
    mark(status)
    if not puts:
        end(status, None)
        return status
    with _open_lock:
        _open.setdefault(device, weakref.WeakSet()).add(status)
    left = itertools.count(len(puts) - 1, -1)
    refusals: list[str] = []

    def completed(signal: Signal, *, refused: bool) -> None:
        if refused:
            refusals.append(signal.name)
        # Puts may complete on several threads; a counter's ``next`` is atomic where ``-= 1`` is
        # not.
        if next(left) > 0 or status.done:
            return
        if refusals and ioc_is_gone(signal):
            return  # libca has given the put up; the loss of the IOC ends it, in its own words
        try:
            if refusals:
                why = refusal_of(signal) or "its record gives no reason"
                kind = UnseenError if ENDING in why else NotReachedError
                raise kind(f"{', '.join(refusals)} refused: {why}")
            check() if then is None else then(status)
        except UnseenError as error:
            end_by(error, status)
        except NotReachedError as error:
            end_short(device, error, status)
        except Exception as error:
            end_by(error, status)
        else:
            if then is None:
                end(status, None)

    names = ", ".join(signal.name for signal, _ in puts)
    fail_when_late(status, timeout_s, f"{names}: the put has not completed")
    try:
        # All signals are of one IOC: the first one's channel is lost when theirs are.
        begin_connected(
            puts[0][0], status, partial(start_puts, puts, completed, lambda: status.done)
        )
    except Exception as error:
        end(status, error)
        raise
    return status


def call_off(device: OphydObject) -> bool:
    """End well what a device has under way: who asked for it no longer wants it.

    Returns:
        Whether there was anything.
    """
    return end_open(device, None)


def end_open(device: OphydObject, error: Exception | None) -> bool:
    """End what a device has under way; returns whether there was anything."""
    with _open_lock:
        under_way = [status for status in _open.pop(device, ()) if not status.done]
    for status in under_way:
        end(status, error)
    return bool(under_way)


def start_puts(
    puts: Iterable[Put], told: Callable[..., None], abandoned: Callable[[], bool]
) -> None:
    """Start puts, in one packet where the signals can.

    Args:
        puts: Signals of one IOC, each with the value to put.
        told: Called for each as ``told(signal, refused=False)`` when it has completed.
        abandoned: Whether nobody waits for them any more: in process, where simulated time passes
            for those who wait, that is known too.
    """
    try:
        for signal, value in puts:
            ended = _Ended(told, signal, abandoned)
            if burst.can_join(signal, value):
                _prepare(signal, value)
                burst.join(signal, value, ended)
            else:
                signal.put(value, use_complete=True, callback=ended)
    finally:
        burst.flush()


def _prepare(signal: Signal, value: Any) -> None:
    """Check a value, and note that it is asked for, as the signal's own ``put`` does."""
    signal.check_value(value)
    if note := getattr(signal, "asked", None):
        note(value)


@dataclass(frozen=True)
class _Ended:
    """What the control layer calls when a put has completed."""

    told: Callable[..., None]
    signal: Signal
    abandoned: Callable[[], bool]

    def __call__(self, *, refused: bool = False, **_: Any) -> None:
        self.told(self.signal, refused=refused)


def send(signal: Signal, value: Any) -> None:
    """Put a value that nobody waits for; not at all where its PV is lost, which may not block."""
    if getattr(signal, "_write_pv", None) is None:  # in process
        signal.put(value, use_complete=False)
        return
    try:
        if burst.can_join(signal, value):
            _prepare(signal, value)
            burst.join(signal, value, lambda **_: None)
        else:
            log.warning("%s: %r was not sent, its IOC is gone", signal.name, value)
    finally:
        burst.flush()


def waited(device: PositionerBase, status: StatusBase, wait: bool) -> StatusBase:
    """A move's status, waited for if asked; Ctrl-C stops the device."""
    if wait:
        try:
            wait_for(status)
        except KeyboardInterrupt:
            device.stop()
            raise
    return status
