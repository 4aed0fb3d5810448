"""Signals bound to records in process, with the interface of ophyd's EPICS signals."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ophyd import Device, EpicsSignal, EpicsSignalRO, EpicsSignalWithRBV, Signal
from ophyd.status import StatusBase
from ophyd.utils import ReadOnlyError

from devices.signals.reading import WRITE_TIMEOUT_S, Readback, Shaped, Varying
from devices.signals.settable import (
    Command,
    Order,
    Ordering,
    Remembering,
    Settable,
    Setting,
    Target,
    Targeting,
)
from devices.simulated.bench import Bench, current_bench
from instruments.errors import Refused
from pvdb.live.point import Point
from pvdb.records import Wire

__all__ = ["RecordSignal", "RecordSignalRO", "RecordSignalWithRBV", "simulated"]


class RecordSignal(Signal):
    """A signal over one record, or over a readback and its setpoint.

    The arguments are those of ``ophyd.EpicsSignal``; time-outs of the network mean nothing here.
    """

    def __init__(
        self,
        read_pv: str,
        write_pv: str | None = None,
        *,
        string: bool = False,
        limits: bool = False,
        put_complete: bool = False,
        auto_monitor: bool | None = None,
        timeout: float | None = None,
        write_timeout: float | None = None,
        connection_timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.bench: Bench = current_bench.get()
        self.pvname, self.setpoint_pvname = read_pv, write_pv or read_pv
        self._read: Point = self.bench.point(read_pv)
        self._write: Point = self.bench.point(self.setpoint_pvname)
        self._string, self._use_limits = string, limits
        self._write_timeout = write_timeout
        self._key: int | None = None
        self._waiting: set[int] = set()
        super().__init__(value=self._shown(self._read.read()), **kwargs)
        low, high = self.limits
        self._metadata.update(
            units=self._read.record.units,
            precision=self.precision,
            enum_strs=self.enum_strs,
            lower_ctrl_limit=low,
            upper_ctrl_limit=high,
            severity=int(self._read.alarm.severity),
            status=int(self._read.alarm.status),
            write_access=self._write.record.writable,
        )

    def _shown(self, value: Any) -> Any:
        """The value as this signal shows it: states by name or by index, characters as text."""
        names = self._read.record.state_names()
        if names:
            return value if self._string else names.index(value)
        if self._string and self._read.record.array:
            return np.asarray(value, dtype=np.uint8).tobytes().decode("utf-8", "replace")
        return str(value) if self._string else value

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of what may be put, as (low, high); equal for none."""
        return self._write.record.control_range() or (0.0, 0.0)

    @property
    def precision(self) -> int | None:
        """Digits shown; None of what is no floating-point number."""
        record = self._read.record
        return record.precision if record.wire in (Wire.DOUBLE, Wire.FLOAT) else None

    @property
    def enum_strs(self) -> tuple[str, ...] | None:
        """Names of the states, if an enumeration."""
        return self._read.record.state_names() or None

    @property
    def alarm_severity(self) -> int:
        """Severity of the readback's alarm now."""
        self.get()
        return int(self._read.alarm.severity)

    @property
    def alarm_status(self) -> int:
        """What kind of alarm the readback is in now."""
        self.get()
        return int(self._read.alarm.status)

    @property
    def source_name(self) -> str:
        """Where the value comes from, for descriptors."""
        return f"SIM:{self.pvname}"

    def get(self, **_: Any) -> Any:
        """Read the machine now."""
        with self.bench.lock:
            value = self._shown(self._read.read())
            alarm = self._read.alarm
        self._readback = value
        self._metadata.update(
            timestamp=time.time(), severity=int(alarm.severity), status=int(alarm.status)
        )
        return value

    def get_setpoint(self, **_: Any) -> Any:
        """Read the setpoint now."""
        with self.bench.lock:
            return self._shown(self._write.read())

    def put(
        self,
        value: Any,
        force: bool = False,
        *,
        callback: Callable[..., None] | None = None,
        **_: Any,
    ) -> None:
        """Command the machine; ``callback`` is called when that is completed."""
        if not self._write.record.writable:
            raise ReadOnlyError(f"{self.name} is read-only")

        def completed(refusal: Refused | None) -> None:
            if callback is not None:
                callback(refused=refusal is not None)

        abandoned = getattr(callback, "abandoned", lambda: False)
        self.bench.put(self._write, value, completed, abandoned)

    @property
    def write_timeout(self) -> float:
        """Wall seconds after which a put without a time-out of its own fails."""
        return self._write_timeout or WRITE_TIMEOUT_S

    def know(self) -> None:
        """Nothing to wait for: the record is there."""

    def whole(self) -> bool:
        """Whether the record takes whole numbers only."""
        return self._write.record.wire.integer

    def subscribe(
        self, callback: Callable[..., Any], event_type: str | None = None, run: bool = True
    ) -> int:
        """Subscribe as to any signal; while a status is subscribed, time passes."""
        if event_type not in (None, self.SUB_VALUE):
            return super().subscribe(callback, event_type=event_type, run=run)
        with self.bench.lock:
            if self._key is None:
                self._key = self.bench.watch(self._read, self._post)
            cid = super().subscribe(callback, event_type=event_type, run=False)
            # A status that waits is a reason for time to pass; a plain callback is not.
            status = getattr(callback, "__self__", None)
            if isinstance(status, StatusBase) and not getattr(status, "aside", False):
                self._waiting.add(cid)
                self.bench.demand(self._key, len(self._waiting))
            if run:
                value = self.get()
                callback(value=value, old_value=value, timestamp=time.time(), obj=self)
        return cid

    def unsubscribe(self, cid: int) -> None:
        """End a subscription."""
        super().unsubscribe(cid)
        if cid in self._waiting:
            self._waiting.discard(cid)
            self.bench.demand(self._key, len(self._waiting))

    def _post(self, value: Any) -> None:
        Signal.put(self, self._shown(value), force=True, timestamp=time.time())

    def describe(self) -> dict[str, Any]:
        """Describe as ophyd's EPICS signals do."""
        description = super().describe()
        low, high = self.limits
        more: dict[str, Any] = {
            "units": self._read.record.units,
            "lower_ctrl_limit": low,
            "upper_ctrl_limit": high,
        }
        if self.precision is not None:
            more["precision"] = self.precision
        if self.enum_strs is not None:
            more["enum_strs"] = self.enum_strs
        description[self.name].update(more)
        return description

    def catch_up(self, value: Any) -> None:
        """Nothing: the machine itself is read."""


class RecordSignalRO(RecordSignal):
    """A read-only signal over a record."""

    def put(self, value: Any, force: bool = False, **_: Any) -> None:
        """Refuse."""
        raise ReadOnlyError(f"{self.name} is read-only")

    def set(self, value: Any, **_: Any) -> Any:
        """Refuse."""
        raise ReadOnlyError(f"{self.name} is read-only")


class RecordReadback(Shaped, RecordSignalRO):
    """``devices.signals.reading.Readback`` over a record: there is no round trip to save."""

    _answer: Any = None

    def ask(self, *, anew: bool = False) -> None:
        """Remember what the machine says now for the next ``get(use_monitor=False)``."""
        self._answer = self.get() if anew else None

    def get(self, *, use_monitor: bool | None = None, **how: Any) -> Any:
        """Read the machine now, or collect what was asked for."""
        answer, self._answer = self._answer, None
        if answer is not None and use_monitor is False:
            return answer
        return super().get(**how)


class RecordVarying(RecordReadback):
    """``devices.signals.reading.Varying`` over a record."""

    varying = True


class RecordSignalWithRBV(RecordSignal):
    """A setpoint ``X`` with its readback ``X_RBV``."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        super().__init__(f"{prefix}_RBV", write_pv=prefix, **kwargs)


class RecordCommand(Settable, RecordSignal):
    """``devices.signals.settable.Command`` over a record."""


class RecordOrder(Ordering, RecordCommand):
    """``devices.signals.settable.Order`` over a record."""


class RecordTarget(Targeting, RecordCommand):
    """``devices.signals.settable.Target`` over a record."""


class RecordSetting(Remembering, Settable, RecordSignalWithRBV):
    """``devices.signals.settable.Setting`` over records."""


_REPLACEMENTS: dict[type, type] = {
    Command: RecordCommand,
    Order: RecordOrder,
    Readback: RecordReadback,
    Setting: RecordSetting,
    Target: RecordTarget,
    Varying: RecordVarying,
    EpicsSignal: RecordCommand,
    EpicsSignalRO: RecordSignalRO,
    EpicsSignalWithRBV: RecordSignalWithRBV,
}


def simulated(cls: Any) -> Any:
    """The class of a device with every EPICS signal replaced; it is a subclass of ``cls``."""
    if cls in _REPLACEMENTS:
        return _REPLACEMENTS[cls]
    if not issubclass(cls, Device):
        return cls
    components: dict[str, Any] = {}
    for name in cls.component_names:
        component = copy.copy(getattr(cls, name))
        component.cls = simulated(component.cls)
        component.lazy = False  # made while the bench is at hand
        components[name] = component
    doc = f"{cls.__name__}, simulated in process."
    more = {"__doc__": doc, "__module__": __name__, "in_process": True}
    made = type(cls.__name__, (cls,), {**components, **more})
    _REPLACEMENTS[cls] = made
    return made
