"""Brings a run from a server into the user's cache; only what is new of it is fetched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cryohalo.catalog.writer import SUFFIX
from cryohalo.errors import CatalogError
from cryohalo.sharing.connection import Connection, speaking
from cryohalo.sharing.documents import Told, pieces, told_by
from instruments.foreign_files import reason
from instruments.printable import escaped

__all__ = ["Source"]

#: The cache gives up what was read longest ago, beyond so much.
CACHE_BYTES: Final = 20_000_000_000


class Source:
    """One run on a server, and its copy.

    Args:
        connection: To the server.
        uid: Of the run.
        path: Of the copy: a beginning of the run's file, and all of it in the end.

    Attributes:
        address: Of the server.
        damaged: Why the file went no further where it was written, "" if it was whole; known once
            all has been fetched.
    """

    def __init__(self, connection: Connection, uid: str, path: Path) -> None:
        self.address, self.damaged = connection.address, ""
        self._to, self._uid, self._path = connection, uid, path
        self._all = False

    def fetch(self, most: int | None = None) -> None:
        """Bring the copy up to what is there; a run that has ended is looked at once.

        Args:
            most: No more than so many bytes from the beginning.

        Raises:
            CatalogError: It cannot be had, or what came is not what was delivered.
        """
        with _cached(self._path):
            have = self._path.stat().st_size if self._path.exists() else 0
        if have and (self._all or (most is not None and have >= most)):
            return
        with speaking(self.address):
            node = self._to.documents[self._uid]
            told = self._told_by(node.metadata)
            wanted = told.bytes if most is None else min(most, told.bytes)
            if have < wanted:
                self._add(pieces(node, have, wanted), have, wanted)
        if wanted == told.bytes and told.digest:
            self._demand(told)
            self._all, self.damaged = True, escaped(told.damaged, 300)

    def _told_by(self, metadata: object) -> Told:
        try:
            return told_by(metadata, self._uid)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise CatalogError(f"{self.address}: {self._uid}: {escaped(error, 200)}") from error

    def _add(self, data: Iterator[bytes], at: int, end: int) -> None:
        with _cached(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make_room(self._path.parent.parent, end - at, self._path)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            for piece in data:
                with _cached(self._path):
                    at += os.pwrite(handle, piece, at)
        finally:
            os.close(handle)

    def _demand(self, told: Told) -> None:
        """Refuse a copy that is not what was delivered, and give it up."""
        with _cached(self._path), self._path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != told.digest:
            self._path.unlink(missing_ok=True)
            raise CatalogError(f"{self.address}: run {self._uid} is not what was delivered")


@contextmanager
def _cached(path: Path) -> Iterator[None]:
    """What goes wrong with the copy, by its name: it is no fault of the server's."""
    try:
        yield
    except OSError as error:
        raise CatalogError(f"copy {escaped(path)}: {reason(error)}") from error


def _make_room(cache: Path, wanted: int, keep: Path) -> None:
    there = list[tuple[os.stat_result, Path]]()
    for path in cache.glob(f"*/*{SUFFIX}"):
        with suppress(FileNotFoundError):  # another process makes room, too
            there.append((path.stat(), path))
    excess = sum(found.st_size for found, _ in there) + wanted - CACHE_BYTES
    for found, path in sorted(there, key=lambda one: one[0].st_atime_ns):
        if excess <= 0:
            return
        if path != keep:
            path.unlink(missing_ok=True)
            excess -= found.st_size
