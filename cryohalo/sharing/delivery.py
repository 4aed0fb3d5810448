"""One run on its way to a server: first its bytes, then Tiled's own form of it."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryohalo.catalog.codec import decode
from cryohalo.catalog.entries import Entry, entry_of
from cryohalo.catalog.extents import DamagedFileError, documents_in
from cryohalo.catalog.folder import checked_run
from cryohalo.catalog.order import DocumentOrder, OrderError
from cryohalo.errors import CatalogError
from cryohalo.sharing.connection import (
    Connection,
    ServerError,
    UnfitRunError,
    UnreachableError,
)
from cryohalo.sharing.documents import PIECE_BYTES, SharedBytes, Told
from cryohalo.sharing.ledger import DONE, NONE, Ledger, Row
from cryohalo.sharing.view import View
from instruments.foreign_files import open_regular, reason
from instruments.printable import escaped

__all__ = ["Delivery"]

log = logging.getLogger("cryohalo.sharing")

#: A view that the server refuses is tried so often; the run's bytes are there all the same.
_TRIES: Final = 5
_LONGEST: Final = 300
_NOT_ENDED: Final = ("cut off", "damaged")


class Delivery:
    """One run, delivered as its file grows.

    Args:
        path: Its file.
        connection: To the server.
        ledger: Of what has been delivered there.
        anew: Deliver all of it, whatever the ledger says.

    Raises:
        CatalogError: The file is no run.
    """

    def __init__(
        self, path: Path, connection: Connection, ledger: Ledger, *, anew: bool = False
    ) -> None:
        self._path, self._to, self._ledger = path, connection, ledger
        self.entry: Entry = entry_of(checked_run(path))
        self.row = Row() if anew else ledger.row(self.entry.uid)
        self._bytes = SharedBytes(connection)
        self._tries = 0
        self._view: View | None = None
        self._at, self._order = 0, DocumentOrder()

    def go_on(self) -> bool:
        """Deliver what is new; returns whether anything was.

        Raises:
            UnreachableError: The server does not answer.
            ServerError: It refuses this run.
            CatalogError: The file cannot be read.
        """
        before = self.row
        with _opened(self._path) as handle:
            end, damaged = _whole_to(handle, before.bytes)
            if end > before.bytes or not before.bytes or (damaged and not before.ended):
                self._send(handle, end, damaged)
            self._show(handle)
        return self.row != before

    def _send(self, handle: int, end: int, damaged: str) -> None:
        """Bring the bytes on the server up to ``end``, then say so there, then in the ledger."""
        for at in range(self.row.bytes, end, PIECE_BYTES):
            piece = os.pread(handle, min(PIECE_BYTES, end - at), at)
            self._bytes.write(self.entry, at, piece)
        entry = entry_of(checked_run(self._path))
        # A session may have written more, even the end, since ``end`` was found.
        stopped = entry.status not in _NOT_ENDED and end == os.fstat(handle).st_size
        if not stopped:
            status = "damaged" if damaged else "cut off"
            entry = replace(entry, status=status, events="{}", duration_s=None)
        ended = stopped or bool(damaged)
        self._bytes.tell(Told(entry, end, _digest(handle, end) if ended else "", damaged))
        self.entry = entry
        self._put(replace(self.row, bytes=end, ended=ended))

    def _show(self, handle: int) -> None:
        """Bring Tiled's own form up to the bytes that have come."""
        if self.row.view != NONE or (self._at >= self.row.bytes > 0 and not self.row.ended):
            return
        try:
            if self._view is None:
                self._view = View(self._to, self.entry.uid)
            self._feed(handle, self._view)
        except (DamagedFileError, OrderError) as error:
            self._without_view(f"damaged: {escaped(error, _LONGEST)}")
        except UnfitRunError as error:
            self._without_view(f"it does not fit: {escaped(error, _LONGEST)}")
        except (ServerError, UnreachableError) as error:
            self._give_view_up()
            self._tries += isinstance(error, ServerError)
            if self._tries < _TRIES:
                raise
            self._without_view(f"refused: {escaped(error, _LONGEST)}")
        else:
            if self.row.ended:
                self._put(replace(self.row, view=DONE))

    def _feed(self, handle: int, view: View) -> None:
        for at, end in documents_in(handle, self.row.bytes, self._at):
            name, document = decode(os.pread(handle, end - at, at))
            self._order.check(name, document)
            self._order.note(name, document)
            view.add(name, document)
            self._at = end
        view.flush()

    def _give_view_up(self) -> None:
        self._view = None
        self._at, self._order = 0, DocumentOrder()

    def _without_view(self, why: str) -> None:
        log.warning("run %s is not in Tiled's own form: %s", self.entry.uid[:8], why)
        self._give_view_up()
        self._put(replace(self.row, view=why))

    def _put(self, row: Row) -> None:
        self._ledger.put(self.entry.uid, row)
        self.row = row


def _whole_to(handle: int, begin: int) -> tuple[int, str]:
    """Where the last whole document ends, and what is wrong after it, "" if nothing is."""
    end = begin
    try:
        for _, after in documents_in(handle, os.fstat(handle).st_size, begin):
            end = after
    except DamagedFileError as error:
        return end, escaped(error, _LONGEST)
    return end, ""


def _digest(handle: int, end: int) -> str:
    found = hashlib.sha256()
    for at in range(0, end, PIECE_BYTES):
        found.update(os.pread(handle, min(PIECE_BYTES, end - at), at))
    return found.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        with open_regular(path) as file:
            yield file.fileno()
    except OSError as error:
        raise CatalogError(f"catalog {escaped(path)}: {reason(error)}") from error
