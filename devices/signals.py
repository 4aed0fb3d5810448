"""The signals of this project's devices: readbacks, settings, commands.

Every signal has an explicit kind and finite time-outs, and takes units, limits and precision from
its PV.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from epics import ca
from ophyd import Component, Device, EpicsSignal, EpicsSignalRO, EpicsSignalWithRBV, Kind
from ophyd.status import Status

from devices.status import completion

__all__ = [
    "CONNECTION_TIMEOUT_S",
    "LONG_TEXT",
    "READ_TIMEOUT_S",
    "WRITE_TIMEOUT_S",
    "Fetching",
    "Readback",
    "Remembering",
    "Setting",
    "command",
    "readback",
    "setting",
]

#: Seconds allowed for one read over channel access: many round trips, one lost beacon.
READ_TIMEOUT_S = 10.0
#: Seconds allowed for finding a channel on the network.
CONNECTION_TIMEOUT_S = 10.0
#: Seconds allowed for a put that starts nothing slow.
WRITE_TIMEOUT_S = 20.0
#: Ends the name of a text that is read as characters, all of it.
LONG_TEXT = ".VAL$"


class Readback(EpicsSignalRO):
    """A read-only signal that can be asked for its value before the value is needed.

    A fetch is one round trip, and most of it is waiting: a device that is read asks for all of its
    values first, and then collects the answers. Texts and states are fetched when they are needed:
    what they are called is looked up by pyepics' own `get`.
    """

    _asked = False

    def ask(self, *, anew: bool = False) -> None:
        """Ask the IOC for the value; the next fetch collects the answer.

        Args:
            anew: ask though a monitor holds a value; `get(use_monitor=False)` collects the answer.
        """
        pv = self._read_pv
        if (self._auto_monitor and not anew) or self._string:
            return
        if not pv.wait_for_connection(timeout=0.0):  # which also gives this thread libca's context
            return
        ca.get_with_metadata(pv.chid, ftype=pv.ftype, wait=False)
        self._asked = True

    def forget(self) -> None:
        """Let the next `get` ask anew."""
        self._asked = False

    def _get_with_timeout(self, pv: Any, timeout: Any, *args: Any) -> Any:
        if self._asked and not args[-1]:  # the last: whether a monitor's value will do
            self._asked = False
            how = {"ftype": pv.ftype, "count": 0, "timeout": self.timeout}
            if (found := ca.get_complete_with_metadata(pv.chid, **how)) is not None:
                return found
        return super()._get_with_timeout(pv, timeout, *args)


class Fetching(Device):
    """A device whose readbacks are fetched in one round trip, not in one each."""

    def read(self) -> dict[str, Any]:
        """Read all signals of kind normal and hinted."""
        parts = [part for _, part in self._get_components_of_kind(Kind.normal)]
        fetched = [part for part in parts if isinstance(part, Readback)]
        try:
            for part in fetched:
                part.ask()
            return {name: value for part in parts for name, value in part.read().items()}
        finally:
            for part in fetched:
                part.forget()


def readback(
    suffix: str,
    kind: str = "normal",
    *,
    monitor: bool = False,
    string: bool = False,
    long: bool = False,
    doc: str = "",
) -> Any:
    """A read-only signal, fetched whenever it is read.

    With `monitor` a read returns what the last monitor brought, which costs no round trip. An IOC
    that runs its physics fast posts by the clock on the wall: such a value may be old in simulated
    time, which is right for what changes slowly and wrong for what an event is about.

    With `long` a text is read as characters: a string of channel access (DBR_STRING) ends after 39
    of them, in the middle of a reason or of a hash.
    """
    return Component(
        Readback,
        f"{suffix}{LONG_TEXT}" if long else suffix,
        kind=kind,
        auto_monitor=monitor,
        string=string or long,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
        doc=doc or None,
    )


class Remembering:
    """Mixed in before a signal: remembers what this client asked for last."""

    name: str
    wanted: Any = None
    get: Callable[..., Any]

    def put(self, value: Any, *args: Any, **kwargs: Any) -> None:
        """Put, and remember; `devices.status.completion` remembers what it puts by itself."""
        self.wanted = value
        super().put(value, *args, **kwargs)  # type: ignore[misc]

    def holds(self, value: Any) -> bool:
        """Whether `value` need not be put again.

        That is so if this client asked for it last and the readback reports it: a readback alone
        may be older than the last put, a memory alone than another client's.
        """
        return self.wanted is not None and same(self.wanted, value) and same(self.get(), value)


class Setting(Remembering, EpicsSignalWithRBV):
    """A setpoint `X` with its readback `X_RBV`, of which the readback alone is monitored."""

    _following = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._write_pv.clear_auto_monitor()

    @property
    def setpoint(self) -> Any:
        """What the setpoint is now, fetched."""
        return self.get_setpoint(use_monitor=False)

    def subscribe(self, callback: Any, event_type: Any = None, run: bool = True) -> int:
        """Subscribe; the setpoint is monitored from the first subscription to it on."""
        self._following = self._following or event_type == self.SUB_SETPOINT
        return int(super().subscribe(callback, event_type=event_type, run=run))

    def _add_callback(self, pvname: str, pv: Any, callback: Any) -> None:
        if self._following or pvname != self.setpoint_pvname:
            super()._add_callback(pvname, pv, callback)

    def set(self, value: Any, *, timeout: float | None = None, **_: Any) -> Status:
        """Put; the status ends with the put's completion.

        It fails when the put is refused, when the IOC goes away, or when it takes too long.
        """
        limit_s = timeout if isinstance(timeout, int | float) else self.write_timeout
        return completion(self, [(self, value)], limit_s)


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
