"""The signals that devices set: settings, commands, setpoints of positioners.

A put is held against what its PV can take before it leaves, completes when the IOC says so, and
fails in words. How it can be called off, and how it ends then, is in ``devices.waiting.status``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ophyd import Component, EpicsSignal, EpicsSignalWithRBV, Signal
from ophyd.status import Status

from devices.hardware.naming import called, completes, settled
from devices.signals import burst
from devices.signals.reading import (
    CONNECTION_TIMEOUT_S,
    READ_TIMEOUT_S,
    WRITE_TIMEOUT_S,
    Monitored,
)
from devices.signals.values import check_number, check_state, check_text, same
from devices.waiting.status import call_off, completion

__all__ = [
    "Command",
    "Order",
    "Ordering",
    "Remembering",
    "Settable",
    "Setting",
    "Target",
    "Targeting",
    "command",
    "limits_of",
    "setting",
]


if TYPE_CHECKING:  # what the mixins are mixed in before
    _Signal = EpicsSignal
else:
    _Signal = object


class Settable(_Signal):
    """Mixed in before a signal that can be set: its put is checked, and completes or says why not.

    It shows what it is set to, whatever its kind is: ophyd hints by kind alone, but a setting that
    is scanned is what the scan is about, although it is mere configuration of its device otherwise.

    A value is held against type, states and limits of the PV before it is put. The status ends with
    the put's completion, and fails when the put is refused, when the IOC goes away, or when it
    takes too long; a RunEngine that pauses or suspends ends it well.
    """

    #: Whether a put completes when what was asked for is there; else its device looks for it.
    completes = True

    if TYPE_CHECKING:

        def whole(self) -> bool:
            """Whether the PV takes whole numbers only."""

        def know(self) -> None:
            """Wait, if it was never connected, until type, states and limits are known."""

        def catch_up(self, value: Any) -> None:
            """See to it that a read shows what is now that this value is there."""

    @property
    def hints(self) -> dict[str, list[str]]:
        """The field that shows it."""
        return {"fields": [self.name]}

    def locate(self) -> dict[str, Any]:
        """What was asked for and what is, both fetched: bluesky's ``Location``."""
        asked = self.get_setpoint(use_monitor=False)
        return {"setpoint": asked, "readback": self.get(use_monitor=False)}

    def check_value(self, value: Any) -> None:
        """Refuse what the PV cannot take.

        Raises:
            InvalidValueError: The value is of the wrong type, not finite, no state of the PV's, or
                outside its limits; names the signal, the value with its unit, and what it takes.
        """
        self.know()
        if states := self.metadata.get("enum_strs"):
            check_state(self.name, value, states)
        elif self._string:
            check_text(self.name, value)
        else:
            units = str(self.metadata.get("units") or "")
            check_number(self.name, value, units, limits_of(self), whole=self.whole())

    def asked(self, value: Any) -> None:
        """Called with every value just before it is put."""

    def put(self, value: Any, force: bool = False, **how: Any) -> None:
        """Put; ``force`` skips the check."""
        if not force:
            self.check_value(value)
        self.asked(value)
        super().put(value, force=True, **how)

    def set(self, value: Any, *, timeout: float | None = None, **_: Any) -> Status:
        """Put; the status ends with the put's completion."""
        self.check_value(value)
        limit_s = timeout if isinstance(timeout, int | float) else self.write_timeout
        return completion(self, [(self, value)], limit_s, lambda: self.catch_up(value))

    def stop(self, *, success: bool = False) -> None:
        """End what is under way well, if a RunEngine calls it off; a put cannot be taken back."""
        if success:
            call_off(self)


class OverEpics(Settable):
    """``Settable`` mixed in before one of ophyd's EPICS signals."""

    def __init__(self, read_pv: str, *, parent: Any = None, **kwargs: Any) -> None:
        self.completes = completes(parent, read_pv)
        [read_pv], more = called(parent, read_pv)
        super().__init__(read_pv, parent=parent, **more, **kwargs)

    def whole(self) -> bool:
        """Whether the PV is of an integer type."""
        return burst.is_whole(self)

    def know(self) -> None:
        """Wait until the PV has been seen once."""
        if not all(self._received_first_metadata.values()):
            self.wait_for_connection()


class Remembering(_Signal):
    """Mixed in before a ``Settable``: remembers what this client asked for last."""

    wanted: Any = None

    def asked(self, value: Any) -> None:
        """Remember."""
        self.wanted = value

    def holds(self, value: Any) -> bool:
        """Whether ``value`` need not be put again.

        That is so if this client asked for it last and the readback reports it: a readback alone
        may be older than the last put, a memory alone than another client's.
        """
        remembered = self.wanted is not None and same(self.wanted, value)
        return remembered and self.connected and same(self.get(), value)


class Targeting(_Signal):
    """Mixed in before a positioner's setpoint: to set it is to move the positioner."""

    def set(self, value: Any, *, timeout: float | None = None, **_: Any) -> Any:
        """Move the positioner; the status is its move's."""
        return self.parent.set(value, timeout=timeout if isinstance(timeout, int | float) else None)

    def stop(self, *, success: bool = False) -> None:
        """Stop the positioner."""
        self.parent.stop(success=success)


class Ordering(_Signal):
    """Mixed in before a command that ends what its device is doing; calls its ``ordered``."""

    def asked(self, _: Any) -> None:
        """Tell the device that it is this session that ends it."""
        self.parent.ordered()


class Command(OverEpics, Monitored, EpicsSignal):
    """A PV to write to that is its own readback."""


class Order(Ordering, Command):
    """A command that ends what its device is doing."""


class Target(Targeting, OverEpics, Monitored, EpicsSignal):
    """The setpoint of a positioner."""


class Setting(Remembering, OverEpics, Monitored, EpicsSignalWithRBV):
    """A setpoint ``X`` with its readback ``X_RBV``, of which the readback alone is monitored."""

    _following = False

    def __init__(self, prefix: str, *, parent: Any = None, **kwargs: Any) -> None:
        (read, write), more = called(parent, settled(parent, prefix), prefix)
        EpicsSignal.__init__(self, read, write_pv=write, parent=parent, **more, **kwargs)
        if read != write:
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
        if self._following or pvname == self.pvname:
            super()._add_callback(pvname, pv, callback)


def setting(
    suffix: str, kind: str = "config", *, string: bool = False, doc: str = ""
) -> Component[Setting]:
    """A setpoint ``X`` with its readback ``X_RBV``; a set completes when the IOC says so."""
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


def limits_of(signal: Signal) -> tuple[float, float] | None:
    """The control limits of a signal, or None where the PV has none (equal, or not known)."""
    low, high = signal.limits or (0, 0)
    return None if low is None or high is None or low >= high else (float(low), float(high))


def command(
    suffix: str, kind: str = "omitted", *, string: bool = False, ends: bool = False, doc: str = ""
) -> Component[Command]:
    """A signal to write to: a momentary command, or a setpoint whose readback is another signal.

    With ``ends`` it is a command that ends what its device is doing.
    """
    kinds: dict[bool, type[Command]] = {False: Command, True: Order}
    return Component(
        kinds[ends],
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
