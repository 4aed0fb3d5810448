"""Bytes that all clients together may make the server hold.

A bound for each client is no bound for all of them: fifty that read nothing, a hundred puts that
are never finished. What several clients share (a posted value, its encoded form) counts once.
"""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Final

#: Less is not worth the milliseconds that giving it back takes.
GIVE_BACK_BYTES: Final = 8_000_000

log = logging.getLogger("iocs.serving")


class Budget:
    """Bytes held, counted once for all who hold them.

    Args:
        most_bytes: How many may be held.

    Attributes:
        nbytes: How many are.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.nbytes = 0
        self._holders: dict[int, int] = {}
        self._peak_bytes = 0

    @property
    def over(self) -> bool:
        """Whether more are held than may be."""
        return self.nbytes > self.most_bytes

    def hold(self, thing: Any, nbytes: int) -> None:
        """One more holder of this object; the same object is released later."""
        holders = self._holders.get(id(thing), 0)
        self._holders[id(thing)] = holders + 1
        if not holders:
            self.change(nbytes)

    def release(self, thing: Any, nbytes: int) -> None:
        """One holder less."""
        holders = self._holders.pop(id(thing)) - 1
        if holders:
            self._holders[id(thing)] = holders
        else:
            self.change(-nbytes)

    def change(self, nbytes: int) -> None:
        """So many more, or fewer, are held."""
        self.nbytes += nbytes
        if self.nbytes > self._peak_bytes:
            self._peak_bytes = self.nbytes

    def has_fallen(self) -> bool:
        """Whether much less is held than there was; said once."""
        fallen = self._peak_bytes - self.nbytes >= GIVE_BACK_BYTES
        if fallen:
            self._peak_bytes = self.nbytes
        return fallen


def give_back() -> None:
    """Return freed memory to the system.

    The C library keeps what was freed for the next time; a server that was abused once would hold
    some hundred megabytes for the rest of its life. Only glibc has the call.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        log.debug("freed memory is not returned on this system")
