"""The description of an apparatus as its IOC serves it, read once and again when it changes."""

from __future__ import annotations

import logging
import threading
from typing import Any

from ophyd import Device

from devices.signals.reading import readback
from haloscope.description import Description
from instruments.printable import escaped

__all__ = ["NoDescriptionError", "ServedDescription"]

log = logging.getLogger("devices.described")

#: A description and its hash are two PVs: read again where they are of two IOC lives.
_ATTEMPTS = 3
#: Characters of what is wrong with a served description.
_MOST_TOLD = 500


class NoDescriptionError(RuntimeError):
    """Nothing says what the apparatus is: its IOC serves no description that can be used."""


class ServedDescription(Device):
    """``Apparatus:``, what the owners state of the apparatus, as JSON, and its hash."""

    apparatus_name = readback("Name_RBV", "omitted", long=True)
    hash = readback("Hash_RBV", "omitted", string=True, monitor=True)
    content = readback("Description_RBV", "omitted", string=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = threading.Lock()
        self._known: Description | None = None

    def now(self) -> Description:
        """The description: the one known as long as its hash stands, else fetched.

        While the IOC is gone it is the last one.

        Raises:
            NoDescriptionError: None is served, or none that can be used; says why.
        """
        with self._reading:
            known = self._known
            if known is not None and (not self.hash.connected or self._hash() == known.hash()):
                return known
            found = self._fetched()
            if known is not None and known != found:
                log.warning(
                    "%s: another apparatus is described now: %s (%s), before %s (%s)",
                    self.root.name, found.name, found.hash(), known.name, known.hash(),
                )  # fmt: skip
            self._known = found
            return found

    def _hash(self, **how: Any) -> str:
        return str(self.hash.get(**how))

    def _fetched(self) -> Description:
        why = ""
        for _ in range(_ATTEMPTS):
            try:
                stated = self._hash(use_monitor=False)
                found = Description.from_json(str(self.content.get(use_monitor=False)))
            except (TimeoutError, ValueError) as error:
                why = escaped(str(error), _MOST_TOLD)
                continue
            if found.hash() == stated:
                return found
            why = f"its hash is {found.hash()}, Hash_RBV says {escaped(stated, 40)}"
        raise NoDescriptionError(
            f"{self.root.name}: no description of the apparatus by {self.content.pvname}: {why}. "
            "Where the IOC serves none, give the device one: Haloscope(..., description=...)"
        )
