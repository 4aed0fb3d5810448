"""Whether an IOC answers: one that hangs keeps its process and its sockets, and answers nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from cryohalo.processes.addresses import search

__all__ = ["HANGS_S", "Pulse"]

#: An IOC that answers no search for so long hangs (assumed: many times what a busy host needs).
HANGS_S: Final = 30.0
_ASK_EVERY_S: Final = 5.0
_TIMEOUT_S: Final = 2.0


class Pulse:
    """Searches for a PV on this host from a thread of its own, until it is stopped.

    Args:
        name: The PV.
        port: Where it is searched for.
        silent: Called once, from that thread, when nobody has answered for ``hangs_s``.
        hangs_s: Wall seconds.
        ask_every_s: Wall seconds between two searches.

    Attributes:
        thread: That thread.
    """

    def __init__(
        self,
        name: str,
        port: int,
        silent: Callable[[], None],
        hangs_s: float = HANGS_S,
        ask_every_s: float = _ASK_EVERY_S,
    ) -> None:
        self._name, self._port, self._silent = name, port, silent
        self._hangs_s, self._ask_every_s = hangs_s, ask_every_s
        self._stopped = threading.Event()
        self.thread = threading.Thread(target=self._feel, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Search no more; nothing is called from now on but what has begun."""
        self._stopped.set()

    def _feel(self) -> None:
        last_s = time.monotonic()
        while not self._stopped.wait(self._ask_every_s):
            if search(self._name, self._port, timeout_s=_TIMEOUT_S) is not None:
                last_s = time.monotonic()
            elif time.monotonic() - last_s >= self._hangs_s and not self._stopped.is_set():
                self._silent()
                return
