"""The documents of the newest search of a catalog, as they are written: each read once.

A search is all runs of one campaign, or a scan by itself. The newest begins where a run of another
search appears.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryohalo.catalog import CatalogError, Run
from cryohalo.catalog.codec import Document, decode
from cryohalo.catalog.extents import DamagedFileError, documents_in
from cryohalo.catalog.writer import SUFFIX
from haloscope.analysis.exchange.keys import SEARCHES
from instruments.foreign_files import open_regular
from instruments.printable import escaped

__all__ = ["Follower", "Newest", "search_of"]

log = logging.getLogger("cryohalo.page.search")

#: Of a catalog that is there already, so many of the newest files are looked at.
_MOST_AT_FIRST: Final = 1000


def search_of(start: Mapping[str, Any]) -> str:
    """What names the search that a run is of; "" for a run of none."""
    if start.get("plan_name") not in SEARCHES:
        return ""
    campaign = start.get("campaign")
    return f"campaign {campaign}" if isinstance(campaign, str) and campaign else start["uid"]


@dataclass(frozen=True)
class Newest:
    """Which search is the newest of a catalog.

    Attributes:
        search: Its name, as ``search_of`` calls it.
        changed_ns: When a file of its runs last changed, by the file system's clock.
    """

    search: str
    changed_ns: int


@dataclass
class _Followed:
    path: Path
    search: str
    time_s: float
    at: int = 0


class Follower:
    """Gives what is new in a catalog at each call.

    Args:
        catalog: Its folder; it need not be there yet.

    Attributes:
        search: Which search is followed; "" before the first.
    """

    def __init__(self, catalog: Path) -> None:
        self.search = ""
        self._catalog = catalog
        self._runs: dict[str, _Followed] = {}
        self._passed: set[str] = set()

    def newest(self) -> Newest | None:
        """The newest search, of which no document is read; None without any."""
        self._look()
        newest = self._newest()
        if not newest:
            return None
        files = [run.path for run in self._runs.values() if run.search == newest]
        return Newest(newest, max(map(_changed_ns, files)))

    def _newest(self) -> str:
        searches = {run.search: run.time_s for run in self._in_order()}
        return max(searches, key=lambda name: searches[name], default="")

    def new(self) -> Iterator[tuple[str, Document]]:
        """The search and the documents that have come since the last call, in their order.

        Where the search is another than before, its documents come from their beginning.
        """
        self._look()
        newest = self._newest()
        if newest != self.search:
            self.search = newest
            for run in self._runs.values():
                run.at = 0
        for run in self._in_order():
            if run.search == newest:
                for document in _read(run):
                    yield newest, document

    def _in_order(self) -> list[_Followed]:
        return sorted(self._runs.values(), key=lambda run: (run.time_s, run.path.name))

    def _look(self) -> None:
        """Take in what files are new; of each only its start is read."""
        known = self._runs.keys() | self._passed
        try:
            with os.scandir(self._catalog) as entries:
                files = [
                    (entry.stat().st_mtime, entry.name)
                    for entry in entries
                    if entry.name.endswith(SUFFIX) and entry.name not in known
                ]
        except OSError:  # not there yet, or a file was taken away meanwhile
            return
        files.sort()
        for _, name in files[-_MOST_AT_FIRST:]:
            self._take_in(name)
        self._passed |= {name for _, name in files[:-_MOST_AT_FIRST]}

    def _take_in(self, name: str) -> None:
        path = self._catalog / name
        try:
            start = Run(path).start
        except CatalogError:
            return  # not whole yet, or none: looked at again
        search = search_of(start)
        if search:
            self._runs[name] = _Followed(path, search, float(start["time"]))
        else:
            self._passed.add(name)


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # taken away meanwhile
        return 0


def _read(run: _Followed) -> Iterator[Document]:
    try:
        with open_regular(run.path) as file:
            handle = file.fileno()
            for begin, end in documents_in(handle, os.fstat(handle).st_size, run.at):
                document = decode(os.pread(handle, end - begin, begin))
                run.at = end
                yield document
    except (OSError, DamagedFileError) as error:
        log.warning("%s: %s", escaped(run.path.name, 60), escaped(error))
