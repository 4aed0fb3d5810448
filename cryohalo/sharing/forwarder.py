"""Delivers what comes into the catalog's folder to a Tiled server; the folder is its buffer.

It only reads the folder, so a session never waits for it. How far each run has been delivered
stands in a ledger; what the server has not confirmed is delivered again, to the same place.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryohalo.catalog.writer import SUFFIX
from cryohalo.errors import CatalogError
from cryohalo.sharing.connection import Connection, ServerError, UnreachableError
from cryohalo.sharing.delivery import Delivery
from cryohalo.sharing.ledger import Ledger
from instruments.foreign_files import reason
from instruments.printable import escaped

__all__ = ["Forwarder", "Passed"]

log = logging.getLogger("cryohalo.sharing")

#: After so long the newest come first again, and others have their turn.
LONGEST_LOOK_S: Final = 5.0
_SETTLED_NS: Final = 2_000_000_000
_LONGEST: Final = 300


@dataclass
class Passed:
    """What one look at the folder has led to.

    Attributes:
        delivered: Runs of which something was delivered.
        waiting: Files of which something is left to deliver.
        growing: Runs that have not ended, and of which all is delivered.
        trouble: What went wrong with runs, by uid.
    """

    delivered: int
    waiting: int
    growing: int
    trouble: dict[str, str]


class Forwarder:
    """Delivers the runs of one folder to one server.

    Args:
        folder: Of the catalog.
        connection: To the server.
        ledger: Of what has been delivered there.
    """

    def __init__(self, folder: Path, connection: Connection, ledger: Ledger) -> None:
        self._folder, self._to, self._ledger = folder, connection, ledger
        self._whole = ledger.whole()
        self._under_way = dict[str, Delivery]()
        self._refused = dict[str, tuple[int, int]]()
        self._names = dict[str, None]()
        self._listed_ns: int | None = None

    def waiting(self) -> list[Path]:
        """Files of which something may be left to deliver, the newest first.

        Raises:
            CatalogError: The folder cannot be read.
        """
        found = []
        for name in self._unfinished():
            path = self._folder / name
            stamp = _stamp(path)
            if stamp is not None and self._refused.get(name) != stamp:
                found.append((stamp, path))
        return [path for _, path in sorted(found, reverse=True)]

    def _unfinished(self) -> list[str]:
        """Files of runs that are not whole; the folder is listed when it has changed alone."""
        try:
            changed_ns = os.stat(self._folder).st_mtime_ns
            if changed_ns != self._listed_ns:
                now_ns = time.time_ns()
                with os.scandir(self._folder) as entries:
                    names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
                left = [name for name in names if name[: -len(SUFFIX)] not in self._whole]
                self._names = dict.fromkeys(left)
                # What changes within the same tick of the file system's clock is not seen by it.
                self._listed_ns = changed_ns if now_ns - changed_ns > _SETTLED_NS else None
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CatalogError(f"catalog {escaped(self._folder)}: {reason(error)}") from error
        return list(self._names)

    def look(self) -> Passed:
        """Deliver what is new, the newest runs first; all of it, or for some seconds.

        Raises:
            UnreachableError: The server does not answer.
            CatalogError: The folder cannot be read.
        """
        delivered, trouble = 0, dict[str, str]()
        enough_s = time.monotonic() + LONGEST_LOOK_S
        paths = self.waiting()
        waiting = len(paths)
        for path in paths:
            if time.monotonic() > enough_s:
                break
            try:
                delivered += self._deliver(path)
                waiting -= 1
            except UnreachableError:
                raise
            except CatalogError as error:  # of this run alone
                trouble[path.stem] = escaped(error, _LONGEST)
        growing = sum(run.row.bytes > 0 for run in self._under_way.values())
        return Passed(delivered, waiting, growing, trouble)

    def _deliver(self, path: Path) -> bool:
        run = self._under_way.get(path.stem)
        if run is not None and self._ledger.row(run.entry.uid) != run.row:
            run = None  # delivered by hand meanwhile: what our view would add is there already
        if run is None:
            try:
                run = Delivery(path, self._to, self._ledger)
            except (ServerError, UnreachableError):
                raise
            except CatalogError as error:  # no run, or not yet
                log.debug("left out: %s", error)
                if (stamp := _stamp(path)) is not None:
                    self._refused[path.name] = stamp
                return False
            self._under_way[path.stem] = run
        something = run.go_on()
        if run.row.whole:
            self._whole.add(path.stem)
            self._names.pop(path.name, None)
            del self._under_way[path.stem]
        return something


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when the file does; None where it is gone."""
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return None
