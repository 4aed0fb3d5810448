"""The catalog on a Tiled server, which is asked as that of a folder is.

A run that is asked for comes into the user's own cache as the file that it was, and is read there:
by the same reader, with the same bounds, to the same bits. What has come stays; only what is new
of a run is fetched.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryohalo.catalog.codec import Document
from cryohalo.catalog.entries import Entry, Filter
from cryohalo.catalog.extents import documents_in
from cryohalo.catalog.folder import ALL, Listing
from cryohalo.catalog.index import cache_folder
from cryohalo.catalog.run import Run
from cryohalo.catalog.writer import SUFFIX, is_file_name
from cryohalo.errors import CatalogError
from cryohalo.sharing.connection import Connection, speaking
from cryohalo.sharing.documents import told_by
from cryohalo.sharing.source import Source
from instruments.printable import escaped

__all__ = ["SharedCatalog", "SharedRun"]

log = logging.getLogger("cryohalo.sharing")

_IDENTITY: Final = re.compile(r"[0-9a-f]{32}")
#: A start document has some kilobytes.
_BEGINNING_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class SharedRun(Run):
    """A run from a server; ``path`` is its copy in the cache, which comes when it is needed.

    Attributes:
        source: Brings the copy.
    """

    source: Source = field(repr=False, compare=False)

    @property
    def place(self) -> str:
        """Where it is from."""
        return self.source.address

    @cached_property
    def start(self) -> dict[str, Any]:
        """As ``Run.start``; of the rest no more than a beginning is fetched.

        Raises:
            CatalogError: It cannot be had, or is of another run.
        """
        self.source.fetch(_BEGINNING_BYTES)
        if not _whole_start(self.path):
            self.source.fetch()
        found = Run(self.path).start
        if found["uid"] != self.path.stem:
            raise CatalogError(f"{self.place}: {self.path.stem} holds another run")
        return found

    def documents(self) -> Iterator[Document]:
        """As ``Run.documents``.

        Raises:
            CatalogError: As there, or its file was damaged before it was shared.
        """
        yield from super().documents()
        if self.source.damaged:
            raise CatalogError(f"run {self.path.stem} of {self.place}: {self.source.damaged}")

    @contextmanager
    def _opened(self) -> Iterator[int]:
        self.source.fetch()
        with super()._opened() as handle:
            yield handle


def _whole_start(path: Path) -> bool:
    """Whether the copy goes beyond the start document."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return any(documents_in(file.fileno(), size))


class SharedCatalog:
    """The runs that were delivered to a server, oldest first; asked as ``Catalog`` is.

    Args:
        address: Of the server.
        key: Its API key.
        cache: Where copies are kept; the user's cache unless given.

    Raises:
        CatalogError: No server answers, or nothing has been shared there.
    """

    def __init__(self, address: str, key: str, cache: Path | None = None) -> None:
        self.root = address
        self._to = Connection(address, key)
        if not _IDENTITY.fullmatch(self._to.identity):
            raise CatalogError(f"{address}: its documents are none of ours")
        self._cache = (cache or cache_folder().parent / "tiled") / self._to.identity
        self._told = set[str]()

    def entries(
        self, which: Filter = ALL, note: Callable[[int, int], None] = lambda *_: None
    ) -> list[Entry]:
        """As ``Catalog.entries``; nothing is fetched.

        Raises:
            CatalogError: The server does not answer.
        """
        return self.look(which, note)[0]

    def look(
        self, which: Filter = ALL, note: Callable[[int, int], None] = lambda *_: None
    ) -> tuple[list[Entry], list[str]]:
        """As ``Catalog.look``.

        Raises:
            CatalogError: The server does not answer.
        """
        found, refused = list[Entry](), list[str]()
        with speaking(self.root):
            for uid, node in _asked(self._to.documents, which).items():
                if which.last is not None and len(found) >= which.last:
                    break
                try:
                    entry = told_by(node.metadata, uid).entry
                except (KeyError, TypeError, ValueError) as error:
                    refused.append(f"{self.root}: {escaped(uid, 60)}: {escaped(error, 200)}")
                    continue
                if which.text is None or which.text.casefold() in entry.text:
                    found.append(entry)
        return found[::-1], sorted(refused)

    def listing(self) -> Listing:
        """As ``Catalog.listing``.

        Raises:
            CatalogError: The server does not answer.
        """
        found, refused = self.look()
        return Listing([self._run(entry.uid) for entry in found], refused)

    def __iter__(self) -> Iterator[Run]:
        for entry in self._known():
            yield self._run(entry.uid)

    def __len__(self) -> int:
        return len(self._known())

    def __getitem__(self, key: int | str) -> Run:
        """As ``Catalog[key]``.

        Raises:
            CatalogError: No run, or more than one, fits, or the one that fits cannot be had.
        """
        if key == "last":
            key = -1
        if isinstance(key, str):
            return self._run(self._named(key))
        if not isinstance(key, int):
            raise CatalogError(f"catalog {self.root}: a run is named by its uid or place")
        found = self._known(Filter(last=-key) if key < 0 else ALL)
        place = len(found) + key if key < 0 else key
        if not 0 <= place < len(found):
            raise CatalogError(f"catalog {self.root}: no run {key}, it holds {len(self)}")
        return self._run(found[place].uid)

    def named(self, plan_name: str) -> list[Run]:
        """The runs of one plan, oldest first."""
        return [self._run(entry.uid) for entry in self._known(Filter(plan=plan_name))]

    def of_campaign(self, name: str) -> list[Run]:
        """The runs of one campaign, oldest first."""
        return [self._run(entry.uid) for entry in self._known(Filter(campaign=name))]

    def _known(self, which: Filter = ALL) -> list[Entry]:
        found, refused = self.look(which)
        for line in refused:
            if line not in self._told:
                self._told.add(line)
                log.warning("%s", line)
        return found

    def _named(self, key: str) -> str:
        from tiled.queries import Like

        if not key:
            raise CatalogError(
                f"catalog {self.root}: every uid begins with ''; give its first characters"
            )
        with speaking(self.root):
            near = self._to.documents.search(Like("uid", f"{key}%")).keys()
            found = sorted(uid for uid in near if uid.startswith(key))
        found = [uid for uid in found if uid == key] or found
        if len(found) == 1:
            return str(found[0])
        some = ": " + ", ".join(escaped(uid, 40) for uid in found[:5]) if found else ""
        raise CatalogError(f"catalog {self.root}: {len(found)} runs begin with {key!r:.80}{some}")

    def _run(self, uid: str) -> SharedRun:
        if not is_file_name(uid):
            raise CatalogError(f"{self.root}: no run has the uid {escaped(uid, 80)}")
        path = self._cache / f"{uid}{SUFFIX}"
        return SharedRun(path, Source(self._to, uid, path))


def _asked(documents: Any, which: Filter) -> Any:
    """What the server itself picks and sorts, the newest first."""
    from tiled.queries import Key

    asked = documents
    if which.plan is not None:
        asked = asked.search(Key("plan") == which.plan)
    if which.campaign is not None:
        asked = asked.search(Key("campaign") == which.campaign)
    if which.status is not None:
        asked = asked.search(Key("status") == which.status)
    if which.since is not None:
        asked = asked.search(Key("time") >= float(which.since))
    if which.until is not None:
        asked = asked.search(Key("time") < float(which.until))
    return asked.sort(("at", -1), ("uid", -1))
