"""What a run holds, and where in its file, found without its arrays being read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryohalo.catalog.codec import decode
from cryohalo.catalog.extents import DamagedFileError, documents_in
from cryohalo.catalog.order import DocumentOrder

__all__ = ["Place", "Stream", "places_in", "streams_in"]

_EVENTS: Final = frozenset({"event", "event_page", "datum", "datum_page", "stream_datum"})
_LONGEST_NAME: Final = 31  # of a text whose header is one byte


@dataclass
class Stream:
    """One stream of a run.

    Attributes:
        name: Such as ``primary``.
        descriptors: Its descriptors, in order.
    """

    name: str
    descriptors: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def keys(self) -> dict[str, Mapping[str, Any]]:
        """Units, type and shape of each field, as its first descriptor has them."""
        found: dict[str, Mapping[str, Any]] = {}
        for descriptor in self.descriptors:
            for name, key in descriptor["data_keys"].items():
                found.setdefault(name, key if isinstance(key, Mapping) else {})
        return found


@dataclass(frozen=True)
class Place:
    """Where a document is in its file.

    Attributes:
        name: What it is.
        at: Its first byte.
        end: The byte after its last.
    """

    name: str
    at: int
    end: int


def places_in(handle: int, size: int) -> Iterator[Place]:
    """Where each document is; none is read.

    Raises:
        DamagedFileError: After the last whole document comes what is none.
    """
    for at, end in documents_in(handle, size):
        yield Place(_name(os.pread(handle, _LONGEST_NAME + 2, at)), at, end)


def _name(head: bytes) -> str:
    """A document's name by its first bytes, "" where it is no short text."""
    if len(head) < 2 or head[1] & 0xE0 != 0xA0:
        return ""
    length = head[1] & 0x1F
    return head[2 : 2 + length].decode("ascii", "replace")


def streams_in(handle: int, size: int, wanted: set[str] | None) -> dict[str, Stream]:
    """The streams of a file, by name.

    Args:
        handle: Descriptor of the open file.
        size: Its size.
        wanted: Names that are known to be all there are: found, the rest is not looked at.

    Raises:
        DamagedFileError, OrderError: What no run holds.
    """
    order, found = DocumentOrder(), dict[str, Stream]()
    for place in places_in(handle, size):
        if place.name in _EVENTS:
            if wanted is not None and wanted <= found.keys():
                break
            continue
        try:
            name, document = decode(os.pread(handle, place.end - place.at, place.at))
            order.check(name, document)
        except DamagedFileError as error:
            raise DamagedFileError(f"damaged at byte {place.at}: {error}") from error
        order.note(name, document)
        if name == "descriptor":
            stream = str(document.get("name", ""))
            found.setdefault(stream, Stream(stream)).descriptors.append(document)
    return found
