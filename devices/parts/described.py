"""The description of an apparatus as its IOC serves it, read once and again when it changes."""

from __future__ import annotations

import logging
import threading
from typing import Any, Protocol

from ophyd import Component as Cpt
from ophyd import Device

from amrr.description import RefrigeratorDescription
from devices.hardware.absent import AbsentError, is_absent
from devices.hardware.optional import optional
from devices.parts.base import Instrument
from devices.parts.clock import InstrumentClock, ServerHealth
from devices.signals.reading import CONNECTION_TIMEOUT_S, LOST, readback
from haloscope.description import Description
from instruments.printable import escaped

__all__ = [
    "DescribedInstrument",
    "NoDescriptionError",
    "ServedDescription",
    "ServedHaloscope",
    "ServedRefrigerator",
]

log = logging.getLogger("devices.described")

#: A description and its hash are two PVs: read again where they are of two IOC lives.
_ATTEMPTS = 3
#: What another attempt may mend.
_ASKED_AGAIN: tuple[type[Exception], ...] = (*LOST, ValueError)
#: Characters of what is wrong with a served description.
_MOST_TOLD = 500


class NoDescriptionError(RuntimeError):
    """Nothing says what the apparatus is: its IOC serves no description that can be used."""


class Described(Protocol):
    """A description of any apparatus."""

    @property
    def name(self) -> str:
        """Of the apparatus."""

    def hash(self) -> str:
        """Of everything in it."""


class ServedDescription(Device):
    """``Apparatus:``, what the owners state of the apparatus, as JSON, and its hash."""

    apparatus_name = readback("Name_RBV", "omitted", long=True)
    hash = readback("Hash_RBV", "omitted", string=True, monitor=True)
    content = readback("Description_RBV", "omitted", string=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = threading.Lock()
        self._known: Any = None

    def parsed(self, text: str) -> Described:
        """A description from what is served.

        Raises:
            ValueError: It is none; says why.
        """
        raise NotImplementedError

    def demand_served(self) -> None:
        """Refuse where no IOC serves it.

        Raises:
            AbsentError: None does.
        """
        for part in (self.hash, self.content):
            if is_absent(part):
                part.get()

    def now(self) -> Any:
        """The description: the one known as long as its hash stands, else fetched.

        While the IOC is gone it is the last one.

        Raises:
            NoDescriptionError: None is served, or none that can be used; says why.
        """
        with self._reading:
            known = self._known
            if known is not None and self._stands(known):
                return known
            found = self._fetched()
            if known is not None and known != found:
                log.warning(
                    "%s: another apparatus is described now: %s (%s), before %s (%s)",
                    self.root.name, found.name, found.hash(), known.name, known.hash(),
                )  # fmt: skip
            self._known = found
            return found

    def _stands(self, known: Any) -> bool:
        """Whether it is still the one served; it is while nothing is, also from this moment on."""
        if not self.hash.connected:
            return True
        try:
            return bool(self._hash() == known.hash())
        except LOST:
            return True

    def _hash(self, **how: Any) -> str:
        return str(self.hash.get(**how))

    def _fetched(self) -> Described:
        why = ""
        for _ in range(_ATTEMPTS):
            try:
                stated = self._hash(use_monitor=False)
                found = self.parsed(str(self.content.get(use_monitor=False)))
            except _ASKED_AGAIN as error:
                why = escaped(str(error), _MOST_TOLD)
                continue
            if found.hash() == stated:
                return found
            why = f"its hash is {found.hash()}, Hash_RBV says {escaped(stated, 40)}"
        raise NoDescriptionError(
            f"{self.root.name}: no description of the apparatus by {self.content.pvname}: {why}. "
            "Where the IOC serves none, give the device one: description=..."
        )


class ServedHaloscope(ServedDescription):
    """That of a haloscope."""

    def parsed(self, text: str) -> Description:
        """From JSON."""
        return Description.from_json(text)


class ServedRefrigerator(ServedDescription):
    """That of a refrigerator."""

    def parsed(self, text: str) -> RefrigeratorDescription:
        """From JSON."""
        return RefrigeratorDescription.from_json(text)


class DescribedInstrument(Instrument):
    """An instrument with clock, IOC and description.

    The component ``described`` is lazy: it is not waited for if a description is given.
    """

    described: Any

    sim = optional(
        Cpt(InstrumentClock, "Sim:", kind="normal"),
        "time-outs are in real time; no simulated time in events",
    )
    ioc = optional(
        Cpt(ServerHealth, "IOC:", kind="config"),
        "a lost IOC is told by the devices' own PVs; no version in runs",
    )

    def __init__(self, prefix: str = "", *, description: Any = None, **kwargs: Any) -> None:
        """Make the device.

        Args:
            prefix: Of its PVs.
            description: Of the apparatus, where the IOC is not to be asked.
            kwargs: Passed on.
        """
        self._given = description
        super().__init__(prefix, **kwargs)

    def connect(self, timeout_s: float = CONNECTION_TIMEOUT_S) -> None:
        """Wait until every PV is found, those of the description only where none is given.

        Raises:
            TimeoutError: Some PVs that it needs did not answer within ``timeout_s``.
        """
        if self._given is None:
            self.lazy_wait_for_connection = False  # found, or not, with all the others
            _ = self.described
        super().connect(timeout_s)

    def _stated(self) -> Any:
        """The description that was given, else what is served."""
        if self._given is not None:
            return self._given
        try:
            described = self.described
            described.demand_served()
        except (TimeoutError, AbsentError) as error:
            raise NoDescriptionError(
                f"{self.name}: its IOC says nothing of the apparatus ({error}); start the IOC, or "
                "give the device a description: description=..."
            ) from None
        return described.now()
