"""What all devices share: parts, signals with a kind, finite time-outs, positioners that check.

Three rules of this room stand here once:

* every signal has an explicit kind, and takes units, limits and precision from its PV;
* nothing waits for ever: time-outs are stated in simulated seconds and turned into seconds of the
  wall by the speed that the IOC reports (`devices.clock.SimClock`);
* channel access reports no failure with a completed put, so a positioner reads back, directly and
  not from a monitor, and fails if the readback is not where it was asked to be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from ophyd import Component, Device, EpicsSignal, EpicsSignalRO, EpicsSignalWithRBV, PVPositionerPC
from ophyd.status import Status, StatusBase, SubscriptionStatus
from ophyd.status import wait as wait_for
from ophyd.utils.errors import InvalidState, LimitError

__all__ = [
    "NotReachedError",
    "Part",
    "Positioner",
    "Setting",
    "Watch",
    "check_limits",
    "command",
    "completion",
    "fail_when_lost",
    "limits_of",
    "readback",
    "setting",
    "wall_timeout",
    "watched",
]

#: Seconds allowed for one read over channel access: many round trips, one lost beacon.
READ_TIMEOUT_S = 10.0
#: Seconds allowed for finding a channel on the network.
CONNECTION_TIMEOUT_S = 10.0
#: Seconds allowed for a put that starts nothing slow.
WRITE_TIMEOUT_S = 20.0


class NotReachedError(RuntimeError):
    """A put completed, but the readback is not where it was asked to be."""


class Part(Component):
    """A component named by its attribute alone: `daq_spectrum`, not `haloscope_daq_spectrum`."""

    def create_component(self, instance: Any) -> Any:
        """Make the sub-device for `instance`."""
        return self.cls(
            f"{instance.prefix}{self.suffix or ''}",
            parent=instance,
            name=self.attr,
            kind=instance._component_kinds[self.attr],  # noqa: SLF001 (ophyd has no public way)
            attr_name=self.attr,
            **self.kwargs,
        )


def readback(
    suffix: str, kind: str = "normal", *, monitor: bool = False, string: bool = False, doc: str = ""
) -> Any:
    """A read-only signal, fetched whenever it is read.

    With `monitor` a read returns what the last monitor brought, which costs no round trip. An IOC
    that runs its physics fast posts by the clock on the wall: such a value may be old in simulated
    time, which is right for what changes slowly and wrong for what an event is about.
    """
    return Component(
        EpicsSignalRO,
        suffix,
        kind=kind,
        auto_monitor=monitor,
        string=string,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
        doc=doc or None,
    )


class Setting(EpicsSignalWithRBV):
    """A setpoint `X` with its readback `X_RBV`; remembers what this client asked for last."""

    wanted: Any = None

    def put(self, value: Any, *args: Any, **kwargs: Any) -> None:
        """Put, and remember."""
        self.wanted = value
        super().put(value, *args, **kwargs)

    def set(self, value: Any, *, timeout: float | None = None, **_: Any) -> Status:
        """Put; the status ends with the put's completion, or fails when the IOC goes away."""
        limit_s = timeout if isinstance(timeout, int | float) else self.write_timeout
        return completion(self, self, value, limit_s)

    def holds(self, value: Any, reported: Any) -> bool:
        """Whether `value` need not be put again.

        That is so if this client asked for it last and the readback reports it: a readback alone
        may be older than the last put, a memory alone than another client's.
        """
        return self.wanted is not None and same(self.wanted, value) and same(reported, value)


def same(one: Any, other: Any) -> bool:
    """Whether two values of a setting are the same, numbers to nine digits."""
    if isinstance(one, str) or isinstance(other, str):
        return str(one) == str(other)
    return abs(float(one) - float(other)) <= 1e-9 * max(1.0, abs(float(other)))


def setting(suffix: str, kind: str = "config", *, string: bool = False, doc: str = "") -> Any:
    """A setpoint `X` with its readback `X_RBV`; a set completes when the IOC says so."""
    return Component(
        Setting,
        suffix,
        kind=kind,
        auto_monitor=True,
        string=string,
        limits=not string,
        put_complete=True,
        timeout=READ_TIMEOUT_S,
        write_timeout=WRITE_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
        doc=doc or None,
    )


def command(suffix: str, kind: str = "omitted", *, string: bool = False, doc: str = "") -> Any:
    """A signal to write to: a momentary command, or a setpoint whose readback is another signal."""
    return Component(
        EpicsSignal,
        suffix,
        kind=kind,
        auto_monitor=False,
        string=string,
        put_complete=True,
        timeout=READ_TIMEOUT_S,
        write_timeout=WRITE_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
        doc=doc or None,
    )


def wall_timeout(device: Any, simulated_s: float) -> float:
    """Wall seconds to allow for what takes `simulated_s` of the instrument's time.

    A device that stands alone, or in front of hardware with no simulated clock, gets real time.
    """
    clock = getattr(device.root, "sim", None)
    return clock.timeout(simulated_s) if clock is not None else simulated_s + WRITE_TIMEOUT_S


def completion(
    device: Any,
    signal: Any,
    value: Any,
    timeout_s: float,
    check: Callable[[], str | None] = lambda: None,
) -> Status:
    """Put `value` and return the status that ends with the put's own completion.

    Args:
        device: the device whose action this is.
        signal: what to put to.
        value: what to put.
        timeout_s: wall seconds after which the status fails.
        check: called after completion; returns why it failed, or None.
    """
    status = Status(device, timeout=timeout_s)

    def completed(**_: Any) -> None:
        try:
            problem = check()
        except Exception as error:
            _end(status, error)
        else:
            _end(status, None if problem is None else NotReachedError(problem))

    fail_when_lost(signal, status)
    try:
        signal.put(value, use_complete=True, callback=completed)
    except Exception as error:
        _end(status, error)
        raise
    return status


def fail_when_lost(signal: Any, status: StatusBase) -> None:
    """Fail `status` with `ConnectionError` once the signal's PV is lost.

    A put whose IOC is gone never completes, and its time-out may be hours.
    """

    def lost(connected: bool = True, **_: Any) -> None:
        if not connected:
            message = f"{signal.name}: the IOC went away before the put completed"
            _end(status, ConnectionError(message))

    watch = signal.subscribe(lost, event_type=signal.SUB_META, run=False)
    status.add_callback(lambda _: signal.unsubscribe(watch))
    lost(connected=signal.connected)  # it may have gone before there was a watch


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


def _end(status: StatusBase, error: Exception | None) -> None:
    """End a status; of two ends at once the first counts."""
    with contextlib.suppress(InvalidState):
        if status.done:
            return
        if error is None:
            status.set_finished()
        else:
            status.set_exception(error)


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


def limits_of(signal: Any) -> tuple[float, float] | None:
    """The control limits of a signal, or None where the PV has none (equal, or not known)."""
    low, high = signal.limits or (0, 0)
    return None if low is None or high is None or low >= high else (float(low), float(high))


def check_limits(device: Any, signal: Any, position: float) -> None:
    """Refuse, before anything moves, what the control limits of `signal` would refuse.

    Raises:
        LimitError: outside; names the device, the position with its unit, and the limits.
    """
    limits = limits_of(signal)
    if limits is not None and not limits[0] <= position <= limits[1]:
        raise LimitError(
            f"{device.name}: {position:g} {device.egu} is outside {limits[0]:g} to {limits[1]:g}"
            f" {device.egu}"
        )


class Positioner(PVPositionerPC):
    """A setpoint with put completion, a readback and a tolerance.

    `X` is the setpoint (it completes when the readback is there), `X_RBV` the readback. The status
    fails with `NotReachedError` if completion leaves the readback farther away than the tolerance.
    """

    setpoint = Component(
        EpicsSignal,
        "",
        kind="normal",
        limits=True,
        auto_monitor=True,
        put_complete=True,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
    )
    readback = Component(
        EpicsSignalRO,
        "_RBV",
        kind="hinted",
        auto_monitor=False,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
    )

    def __init__(
        self, prefix: str = "", *, tolerance: float, simulated_s: float, **kwargs: Any
    ) -> None:
        """Make the positioner.

        Args:
            prefix: name of the setpoint PV.
            tolerance: greatest distance of the readback from the setpoint, in the PV's units.
            simulated_s: seconds of the instrument's time that the longest move may take.
            kwargs: passed on to ophyd.
        """
        super().__init__(prefix, **kwargs)
        self.tolerance = tolerance
        self.longest_move_s = simulated_s
        self.readback.name = self.name

    @property
    def egu(self) -> str:
        """Engineering units, as the readback's PV reports them."""
        return str(self.readback.metadata.get("units") or "")

    def check_value(self, pos: float) -> None:
        """Refuse, before anything moves, what the PV's own limits would refuse."""
        check_limits(self, self.setpoint, pos)

    def move(
        self, position: float, wait: bool = True, timeout: float | None = None, moved_cb: Any = None
    ) -> Any:
        """Move; without a time-out of its own the move gets its longest time, scaled by speed."""
        self.check_value(position)
        limit = wall_timeout(self, self.longest_move_s) if timeout is None else timeout
        status = super().move(position, wait=False, timeout=limit, moved_cb=moved_cb)
        return watched(self, self.setpoint, status, wait)

    def _setup_move(self, position: float) -> None:
        self._move_changed(value=1 - self.done_value)
        try:
            self.setpoint.put(
                position, use_complete=True, callback=lambda **_: self._arrived(position)
            )
        except Exception:
            self._done_moving(success=False)
            raise

    def _arrived(self, position: float) -> None:
        """Judge a completed put by a readback fetched now."""
        try:
            actual = self.readback.get(use_monitor=False)
        except Exception:
            self.log.exception("%s: no readback after the put completed", self.name)
            self._done_moving(success=False)
            return
        reached = abs(actual - position) <= self.tolerance
        if not reached:
            self.log.error(
                "%s: asked for %g %s, is at %g %s", self.name, position, self.egu, actual, self.egu
            )
        self._done_moving(success=reached)


class Instrument(Device):
    """A whole machine: its parts, and `stop` that leaves it safe."""

    def connect(self, timeout_s: float = CONNECTION_TIMEOUT_S) -> None:
        """Wait until every PV is found, or say which are not.

        Raises:
            TimeoutError: some PVs did not answer within `timeout_s`.
        """
        self.wait_for_connection(all_signals=True, timeout=timeout_s)
