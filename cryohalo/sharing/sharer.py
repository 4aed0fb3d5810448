"""Keeps delivering, whatever becomes of the server; a thread beside the service's loop runs it."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from cryohalo.errors import CatalogError
from cryohalo.sharing.connection import Connection
from cryohalo.sharing.forwarder import Forwarder
from cryohalo.sharing.health import HEALTH, Health
from cryohalo.sharing.ledger import Ledger

__all__ = ["LEDGER", "LOOK_EVERY_S", "Place", "Sharer", "turn"]

log = logging.getLogger("cryohalo.sharing")

LEDGER: Final = "delivered.sqlite"
_TURN: Final = "turn.lock"
#: Between two looks at the folder: so late a document is in Tiled.
LOOK_EVERY_S: Final = 1.0
#: Between two attempts to reach a server, at first and at most; it doubles.
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0


@dataclass(frozen=True)
class Place:
    """Where runs go, from where, and where it is noted.

    Attributes:
        catalog: Folder of the catalog.
        state: Folder of the ledger and the health.
        address: Of the server.
        key: Its API key.
    """

    catalog: Path
    state: Path
    address: str
    key: str


@contextlib.contextmanager
def turn(state: Path, timeout_s: float) -> Iterator[None]:
    """Be the only one that delivers from this state folder.

    Raises:
        CatalogError: Somebody else has been at it for too long.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with FileLock(state / _TURN, timeout=timeout_s):
            yield
    except Timeout:
        raise CatalogError(f"{state}: another process is delivering for {timeout_s:g} s") from None


class Sharer:
    """Delivers until it is asked to end.

    Args:
        place: From where to where.
        asked: Set when it should end.
        connect: Makes the connection.
    """

    def __init__(
        self,
        place: Place,
        asked: threading.Event,
        connect: Callable[[str, str], Connection] = lambda address, key: Connection(
            address, key, make=True
        ),
    ) -> None:
        self._place, self._asked, self._connect = place, asked, connect
        self._forwarder: Forwarder | None = None
        self._told: Health | None = None
        self._connected = False

    def run(self) -> None:
        """Deliver until asked to end; nothing that goes wrong ends it."""
        pause_s = _FIRST_PAUSE_S
        while not self._asked.is_set():
            try:
                self._keep_on()
                return
            except CatalogError as error:
                self._say(str(error))
            except Exception as error:  # a fault of ours or of a library: told, and tried again
                log.exception("while delivering")
                self._say(f"{type(error).__name__}: {error}")
            if self._connected:
                pause_s = _FIRST_PAUSE_S
            self._asked.wait(pause_s)
            pause_s = min(2.0 * pause_s, _LONGEST_PAUSE_S)

    def _keep_on(self) -> None:
        self._connected = False
        place = self._place
        connection = self._connect(place.address, place.key)
        with contextlib.closing(Ledger(place.state / LEDGER, connection.identity)) as ledger:
            self._forwarder = Forwarder(place.catalog, connection, ledger)
            self._connected = True
            while not self._asked.is_set():
                with turn(place.state, 600.0):
                    passed = self._forwarder.look()
                self._tell(
                    Health(place.address, "", passed.waiting, passed.growing, passed.trouble)
                )
                self._asked.wait(LOOK_EVERY_S)

    def _say(self, unreachable: str) -> None:
        waiting = 0
        if self._forwarder is not None:
            with contextlib.suppress(CatalogError):
                waiting = len(self._forwarder.waiting())
        self._tell(Health(self._place.address, unreachable, waiting))

    def _tell(self, health: Health) -> None:
        """Write it where it has changed; a word in the log where the server came or went."""
        before = self._told
        if before is None or before.unreachable != health.unreachable:
            log.warning("%s: %s", health.address, health.unreachable or "delivering")
        self._told = health
        try:
            health.write(self._place.state / HEALTH)
        except OSError as error:  # a full disk ends no delivery
            log.error("the health cannot be written: %s", error)
