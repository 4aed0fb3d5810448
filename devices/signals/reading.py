"""The signals that devices read; what can be set is in ``devices.signals.settable``.

Every signal has an explicit kind and finite time-outs, and takes units, limits and precision from
its PV.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from epics import ca
from ophyd import Component, Device, EpicsSignalRO, Kind
from ophyd.utils import DisconnectedError

__all__ = [
    "CONNECTION_TIMEOUT_S",
    "LONG_TEXT",
    "LOST",
    "READ_TIMEOUT_S",
    "WRITE_TIMEOUT_S",
    "Fetching",
    "LengthError",
    "Readback",
    "Shaped",
    "Varying",
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


class Readback(Shaped, EpicsSignalRO):
    """A read-only signal that can be asked for its value before the value is needed.

    A fetch is one round trip, and most of it is waiting: a device that is read asks for all of its
    values first, and then collects the answers. Texts and states are fetched when they are needed:
    what they are called is looked up by pyepics' own ``get``.
    """

    _asked = False

    def ask(self, *, anew: bool = False) -> None:
        """Ask the IOC for the value; the next fetch collects the answer.

        Args:
            anew: Ask though a monitor holds a value; ``get(use_monitor=False)`` collects the
            answer.
        """
        pv = self._read_pv
        if (self._auto_monitor and not anew) or self._string:
            return
        if not pv.wait_for_connection(timeout=0.0):  # which also gives this thread libca's context
            return
        ca.get_with_metadata(pv.chid, ftype=pv.ftype, wait=False)
        self._asked = True

    def forget(self) -> None:
        """Let the next ``get`` ask anew."""
        self._asked = False

    def _get_with_timeout(self, pv: Any, timeout: Any, *args: Any) -> Any:
        if self._asked and not args[-1]:  # the last: whether a monitor's value will do
            self._asked = False
            how = {"ftype": pv.ftype, "count": 0, "timeout": self.timeout}
            if (found := ca.get_complete_with_metadata(pv.chid, **how)) is not None:
                return found
        return super()._get_with_timeout(pv, timeout, *args)


class Varying(Readback):
    """An array whose length a setting of its instrument changes."""

    varying = True


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
