"""One run, read from its file whenever asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from cryohalo.catalog.codec import Document, decode
from cryohalo.catalog.columns import Columns, expected_events, gathered
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.extents import DamagedFileError, documents_in, end_of_value
from cryohalo.catalog.order import DocumentOrder, OrderError, events_of
from cryohalo.catalog.streams import Stream, streams_in
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
    def place(self) -> str:
        """Where it is from."""
        return str(self.path)

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

    def stop_at_its_end(self) -> dict[str, Any] | None:
        """The stop document, if the file ends with it: nothing else is looked at.

        Raises:
            CatalogError: The file cannot be read.
        """
        uid = self.uid
        with self._opened() as handle:
            size = os.fstat(handle).st_size
            found = _stop_at_the_end(handle, size, uid)
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
            with _still_whole(handle, size):
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
        """Fields of a stream as arrays of shape (events, ...), by the names asked for.

        Args:
            fields: With or without their instrument's name: ``measured_beta`` is
                ``haloscope_measured_beta`` where no other instrument of the run has one. None are
                all that are one number or one text in the first event, with ``seq_num`` and
                ``time``.
            stream: Whose events.

        Raises:
            CatalogError: An event lacks one of the fields, several instruments have it, or its
                length changes from event to event.
        """
        where = f"run {escaped(self.uid, 60)}: stream {stream!r}"
        columns = Columns(fields, where, expected_events(self.stop, stream))
        return gathered(self.events(stream), columns)

    def streams(self) -> dict[str, Stream]:
        """The streams of the run by name, with what their events hold; no event is read.

        Raises:
            CatalogError: The file cannot be read, or is damaged.
        """
        stop = self.stop_at_its_end()
        counts = (stop or {}).get("num_events")
        wanted = set(counts) if isinstance(counts, Mapping) else None
        with self._opened() as handle:
            return streams_in(handle, os.fstat(handle).st_size, wanted)

    def xarray(self, stream: str = "primary") -> Any:
        """The events of a stream as an ``xarray.Dataset``; arrays are read when they are used.

        It wants the extra ``export``. Dimension ``event``, coordinates ``seq_num`` and ``time``; an
        array of a field ``f`` has the dimensions ``f_0``, ``f_1``, ...

        Raises:
            CatalogError: There is no such stream, or its events do not make a table.
            ModuleNotFoundError: The extra is not installed.
        """
        from cryohalo.catalog.lazily import dataset

        return dataset(self, stream)


@contextmanager
def _still_whole(handle: int, size: int) -> Iterator[None]:
    """Reading a file of ``size`` bytes: that it has become shorter is told before anything else.

    Else a run whose end somebody cuts off meanwhile would be one that was interrupted.
    """
    try:
        yield
    except (DamagedFileError, OrderError):
        _demand_size(handle, size)
        raise
    _demand_size(handle, size)


def _demand_size(handle: int, size: int) -> None:
    if (now := os.fstat(handle).st_size) < size:
        raise DamagedFileError(f"cut short while it was read: {now} bytes, were {size}")


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
