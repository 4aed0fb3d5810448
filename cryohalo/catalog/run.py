"""One run, read from its file whenever asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from cryohalo.catalog.codec import Document, decode
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.extents import DamagedFileError, documents_in, end_of_value
from cryohalo.catalog.order import DocumentOrder, OrderError, events_of
from haloscope.analysis.exchange.keys import AmbiguousFieldError, key_of
from instruments.foreign_files import open_regular, reason
from instruments.printable import escaped

_STOP: Final = b"\x92\xa4stop"
#: A stop document is a few hundred bytes.
_TAIL_BYTES: Final = 1 << 16
#: Places in the tail that begin like one; an array's bytes may, by chance or on purpose.
_TRIES: Final = 8


@dataclass(frozen=True)
class Run:
    """One run of the catalog, read from its file whenever asked.

    Whatever is asked raises ``CatalogError`` where the file cannot be read or holds what no
    run holds; the message names the file, the place and the reason.
    """

    path: Path

    @cached_property
    def start(self) -> dict[str, Any]:
        """The start document: plan, arguments, metadata, provenance.

        Raises:
            CatalogError: The file holds no start document that is whole.
        """
        for _, document in self.documents():
            return document
        raise CatalogError(f"catalog {escaped(self.path)}: no start document that is whole")

    @property
    def uid(self) -> str:
        """The run's unique identifier."""
        return str(self.start["uid"])

    @property
    def stop(self) -> dict[str, Any] | None:
        """The stop document, or None for a run that was cut off.

        It is looked for at the end of the file. Only where there is none, the file is gone through
        from document to document, and no array is read even then.

        Raises:
            CatalogError: The file cannot be read, or is damaged.
        """
        uid = self.uid
        with self._opened() as handle:
            size = os.fstat(handle).st_size
            found = _stop_at_the_end(handle, size, uid)
            if found is None:
                for at, end in documents_in(handle, size):
                    found = (at, end) if os.pread(handle, len(_STOP), at) == _STOP else None
            return None if found is None else _stop(handle, *found, uid)

    def documents(self) -> Iterator[Document]:
        """All documents in order, up to the first that is incomplete.

        A loss of power can leave zeros where the last document should be: they end the run too.

        Raises:
            CatalogError: The file cannot be read; or, after its last whole document, something
                comes that is none or does not belong there.
        """
        order, end = DocumentOrder(), 0
        with self._opened() as handle:
            size = os.fstat(handle).st_size
            for at, end in documents_in(handle, size):
                name, document = _document(handle, at, end)
                _take(order, name, document, at)
                yield name, document
            if order.uid and not order.ended and _stop_at_the_end(handle, size, order.uid):
                raise DamagedFileError(
                    f"damaged at byte {end}: no document there, yet the run ended"
                )

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """A descriptor of the file; what goes wrong with it is a ``CatalogError``."""
        try:
            with open_regular(self.path) as file:
                yield file.fileno()
        except OSError as error:
            raise CatalogError(f"catalog {escaped(self.path)}: {reason(error)}") from error
        except (DamagedFileError, OrderError) as error:
            raise CatalogError(f"catalog {escaped(self.path)}: {escaped(error)}") from error

    def events(self, stream: str = "primary") -> Iterator[dict[str, Any]]:
        """The event documents of one stream, in order; a page of events is taken apart."""
        descriptors: set[str] = set()
        for name, document in self.documents():
            if name == "descriptor" and document.get("name") == stream:
                descriptors.add(document["uid"])
            elif name == "event" and document["descriptor"] in descriptors:
                yield document
            elif name == "event_page" and document["descriptor"] in descriptors:
                yield from events_of(document)

    def table(self, *fields: str, stream: str = "primary") -> dict[str, np.ndarray]:
        """Some fields of a stream as arrays of shape (events, ...), by the names asked for.

        Args:
            fields: With or without their instrument's name: ``measured_beta`` is
                ``haloscope_measured_beta`` where no other instrument of the run has one.
            stream: Whose events.

        Raises:
            CatalogError: An event lacks one of the fields, several instruments have it, or its
                length changes from event to event.
        """
        rows = [event["data"] for event in self.events(stream)]
        return {field: self._column(rows, field, stream) for field in fields}

    def _column(self, rows: list[dict[str, Any]], field: str, stream: str) -> np.ndarray:
        where = f"run {escaped(self.uid, 60)}: stream {stream!r}"
        try:
            found = [(row, key_of(row, field)) for row in rows]
        except AmbiguousFieldError as error:
            raise CatalogError(f"{where}: {escaped(error)}") from error
        values = [row[key] for row, key in found if key is not None]
        if len(values) < len(rows):
            raise CatalogError(f"{where} has no field {field!r}")
        try:
            shapes = sorted({np.shape(value) for value in values})
        except ValueError as error:
            raise CatalogError(f"{where}: a value of {field} has no shape of its own") from error
        if len(shapes) > 1:
            raise CatalogError(
                f"{where}: {field} has different lengths, {', '.join(map(str, shapes[:5]))}: "
                "no table; read the events one by one"
            )
        return np.asarray(values)


def _document(handle: int, at: int, end: int) -> Document:
    try:
        return decode(os.pread(handle, end - at, at))
    except DamagedFileError as error:
        raise DamagedFileError(f"damaged at byte {at}: {error}") from error


def _take(order: DocumentOrder, name: str, document: dict[str, Any], at: int) -> None:
    try:
        order.check(name, document)
    except OrderError as error:
        raise OrderError(f"the {name} document at byte {at} is out of place: {error}") from error
    order.note(name, document)


def _stop_at_the_end(handle: int, size: int, uid: str) -> tuple[int, int] | None:
    """Where the stop document is that ends the file, found from behind."""
    first = max(0, size - _TAIL_BYTES)
    tail = os.pread(handle, size - first, first)
    place = len(tail)
    for _ in range(_TRIES):
        place = tail.rfind(_STOP, 0, place)
        if place < 0:
            break
        try:
            if end_of_value(partial(os.pread, handle), first + place, size) == size:
                _stop(handle, first + place, size, uid)
                return first + place, size
        except (DamagedFileError, OrderError):  # bytes of an array that look like one
            continue
    return None


def _stop(handle: int, at: int, end: int, uid: str) -> dict[str, Any]:
    name, document = _document(handle, at, end)
    _take(DocumentOrder(uid), name, document, at)
    return document
