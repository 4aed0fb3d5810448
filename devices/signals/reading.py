"""The signals that devices read; what can be set is in ``devices.signals.settable``.

Every signal has an explicit kind and finite time-outs, and takes units, limits and precision from
its PV.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from epics import ca, dbr
from ophyd import Component, Device, EpicsSignalRO, Kind
from ophyd.signal import EpicsSignalBase
from ophyd.utils import DisconnectedError
from ophyd.utils.epics_pvs import AlarmSeverity, AlarmStatus

from devices.hardware.naming import as_shown, called, is_converted
from devices.signals.fetches import Fetch, Foreseen, ask_for, send_requests
from devices.signals.values import same
from devices.waiting.claims import begun

__all__ = [
    "CONNECTION_TIMEOUT_S",
    "LONG_TEXT",
    "LOST",
    "READ_TIMEOUT_S",
    "WRITE_TIMEOUT_S",
    "Fetching",
    "LengthError",
    "Monitored",
    "Readback",
    "Shaped",
    "Varying",
    "foresee",
    "readback",
]

#: Seconds allowed for one read over channel access: many round trips, one lost beacon.
READ_TIMEOUT_S = 10.0
#: Seconds allowed for finding a channel on the network.
CONNECTION_TIMEOUT_S = 10.0
#: Seconds allowed for a put that starts nothing slow.
WRITE_TIMEOUT_S = 20.0
#: Ends the name of a text that is read as characters, all of it.
LONG_TEXT = ".VAL$"

#: What pyepics and ophyd raise for a PV that is gone, or goes while it is asked.
LOST: Final[tuple[type[Exception], ...]] = (
    *(ca.ChannelAccessException, ca.ChannelAccessGetFailure, ca.CASeverityException),
    *(DisconnectedError, TimeoutError, ConnectionError),
)

#: By their numbers: to call an enumeration takes five times as long.
_NAMED: Final[dict[Any, dict[int, Any]]] = {
    kind: {int(one): one for one in kind} for kind in (AlarmStatus, AlarmSeverity)
}


if TYPE_CHECKING:  # what the mixin is mixed in before
    _Signal = EpicsSignalBase
else:
    _Signal = object


class LengthError(ValueError):
    """An array has another length than its description says."""


class Shaped:
    """Mixed in before a signal: what it describes and what it reads agree in length.

    A descriptor is written once for all events of a run. An array whose number of points is a
    setting is ``varying``: its description has ``None`` there, which event-model has for a length
    that is unknown or changes. Any other array has the length of its description, or is refused.
    """

    name: str
    varying = False
    _described: list[int | None] | None = None

    def describe(self) -> dict[str, Any]:
        """Describe, with the length only if it stays."""
        description = super().describe()  # type: ignore[misc]
        found = description[self.name]
        if self.varying:
            found["shape"] = [None for _ in found["shape"]]
        self._described = found["shape"]
        return dict(description)

    def read(self) -> dict[str, Any]:
        """Read.

        Raises:
            LengthError: An array has not the length that was described. The description is
                forgotten with that: the next one, of a new run, is of what is there then.
        """
        reading = super().read()  # type: ignore[misc]
        described, now = self._described, list(np.shape(reading[self.name]["value"]))
        if described is not None and not self.varying and now != described:
            self._described = None
            raise LengthError(
                f"{self.name}: {_length(now)}, but this run describes {_length(described)}"
            )
        return dict(reading)


def _length(shape: list[Any]) -> str:
    return " x ".join(map(str, shape)) + " values" if shape else "a single value"


class Monitored(_Signal):
    """Mixed in before an EPICS signal: what a monitor holds is taken as it is.

    pyepics copies all it knows of a PV, and works out its text, for every look at a value: a step
    of a scan takes seventy. ophyd makes five dictionaries of what a monitor tells, and words for a
    log that nobody keeps.
    """

    def get(self, **how: Any) -> Any:
        """The value; see ophyd's."""
        if how or not self._auto_monitor:
            return super().get(**how)
        pv = self._read_pv
        if is_converted(pv):
            return super().get()
        value, kind = pv._args["value"], pv.ftype  # noqa: SLF001  (pyepics has no public way)
        if self.connected and pv.connected and pv.auto_monitor:
            if type(value) in (int, float) and not self._string:
                return value
            if type(value) is str and self._string:
                return value
            states = pv._args["enum_strs"]  # noqa: SLF001
            if self._string and kind == dbr.TIME_ENUM and states and value in range(len(states)):
                return states[value]
        return super().get()

    def _read_changed(self, value: Any = None, **told: Any) -> None:
        """Called with what the monitor tells: kept, and told on, as by ophyd's own."""
        if self.control_layer_log.isEnabledFor(logging.DEBUG):
            super()._read_changed(value, **told)
            return
        known: dict[str, Any] = {}
        for key, (name, convert) in self._metadata_key_map[self.pvname].items():
            if (found := told.get(key)) is not None:
                named = _NAMED.get(convert)
                if named is not None and found in named:
                    found = named[found]
                elif convert is not None:
                    found = convert(found)
                known[name] = found
        known.setdefault("timestamp", time.time())
        if self._string:
            value = told.get("char_value", value)
        before, self._readback = self._readback, value
        self._metadata.update(known)
        known.update(old_value=before, value=value, sub_type=self.SUB_VALUE, obj=self)
        self._args_cache[self.SUB_VALUE] = ((), known)  # for who subscribes later
        for call in list(self._callbacks[self.SUB_VALUE].values()):
            call(**known)

    def catch_up(self, value: Any) -> None:
        """Have a read show what is, now that this value is known to be there.

        EPICS base answers a put before its monitors tell of what the put changed. Where the monitor
        shows another value yet, the PV is fetched, and shows that until the monitor tells more.
        """
        if not self._auto_monitor or same(self.get(), value):
            return
        how = (self.timeout, self.connection_timeout, None, self._string, "time", False)
        found = super()._get_with_timeout(self._read_pv, *how)  # pyepics keeps what it fetches
        self._metadata_changed(
            self.pvname, found, update=True, require_timestamp=True, from_monitor=False
        )


class Readback(Shaped, Monitored, EpicsSignalRO):
    """A read-only signal that can be asked for its value before the value is needed.

    A fetch is one round trip, and most of it is waiting: a device that is read asks for all of its
    values first, and then collects the answers. Texts and states are fetched when they are needed:
    what they are called is looked up by pyepics' own ``get``.
    """

    _asked: Fetch | None = None
    _foreseen: Foreseen | None = None

    def __init__(self, read_pv: str, *, parent: Any = None, **kwargs: Any) -> None:
        [read_pv], more = called(parent, read_pv)
        super().__init__(read_pv, parent=parent, **more, **kwargs)

    def ask(self, *, anew: bool = False) -> None:
        """Ask the IOC for the value; the next fetch collects the answer.

        Args:
            anew: Ask though a monitor holds a value; ``get(use_monitor=False)`` collects the
            answer.
        """
        if (self._auto_monitor and not anew) or self._string:
            return
        foreseen, self._foreseen = self._foreseen, None
        if foreseen is not None and foreseen.holds():
            self._asked = foreseen.fetch
        else:
            self._asked = ask_for(self._read_pv)

    def foresee(self) -> None:
        """Ask now for what is about to be read; ``ask`` takes it unless something has begun."""
        if self._auto_monitor or self._string:
            return
        if self._foreseen is None or not self._foreseen.holds():
            before = begun()
            fetch = ask_for(self._read_pv)
            self._foreseen = None if fetch is None else Foreseen(fetch, before)

    def forget(self) -> None:
        """Let the next ``get`` ask anew."""
        self._asked = self._foreseen = None

    def _get_with_timeout(
        self,
        pv: Any,
        timeout: Any,
        connection_timeout: Any,
        count: Any,
        as_string: Any,
        form: Any,
        use_monitor: Any,
    ) -> Any:
        fetch = None
        if not (use_monitor or as_string or count) and form == "time":
            fetch, self._asked = self._asked, None
            if fetch is None and self.connected:
                fetch = ask_for(pv)
        if fetch is not None:
            return as_shown(pv, fetch.result(self.timeout))
        return super()._get_with_timeout(
            pv, timeout, connection_timeout, count, as_string, form, use_monitor
        )


class Varying(Readback):
    """An array whose length a setting of its instrument changes."""

    varying = True


class Fetching(Device):
    """A device whose readbacks are fetched in one round trip, not in one each."""

    def read(self) -> dict[str, Any]:
        """Read all signals of kind normal and hinted."""
        parts = self._read_parts()
        fetched = [part for part in parts if isinstance(part, Readback)]
        try:
            for part in fetched:
                part.ask()
            return {name: value for part in parts for name, value in part.read().items()}
        finally:
            for part in fetched:
                part.forget()

    def foresee(self) -> None:
        """Ask for what ``read`` is about to read, so that the answers travel meanwhile."""
        for part in self._read_parts():
            if isinstance(part, Readback | Fetching):
                part.foresee()

    def _read_parts(self) -> list[Any]:
        # ophyd has the same by adding enums, for each part at each reading.
        return [
            getattr(self, name)
            for name in self.component_names
            if self._get_kind(name).value & Kind.normal.value
        ]


def foresee(devices: Iterable[Any]) -> None:
    """Ask for all that devices are about to be read for, in one packet.

    What each reads is asked for once, and belongs to this moment: it is asked again where an action
    of this session begins, or ``FORESIGHT_S`` pass, before it is read.
    """
    for device in devices:
        if isinstance(device, Readback | Fetching):
            device.foresee()
    send_requests()


def readback(
    suffix: str,
    kind: str = "normal",
    *,
    monitor: bool = False,
    string: bool = False,
    long: bool = False,
    varying: bool = False,
    doc: str = "",
) -> Component[Readback]:
    """A read-only signal, fetched whenever it is read.

    With ``monitor`` a read returns what the last monitor brought, which costs no round trip. An IOC
    that runs its physics fast posts by the clock on the wall: such a value may be old in simulated
    time, which is right for what changes slowly and wrong for what an event is about.

    With ``long`` a text is read as characters: a string of channel access (DBR_STRING) ends after
    39 of them, in the middle of a reason or of a hash.

    With ``varying`` it is an array whose length a setting of the instrument changes.
    """
    return Component(
        Varying if varying else Readback,
        f"{suffix}{LONG_TEXT}" if long else suffix,
        kind=kind,
        auto_monitor=monitor,
        string=string or long,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
        doc=doc or None,
    )
