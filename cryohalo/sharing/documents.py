"""The bytes of runs on a Tiled server: each run an array of them, which only grows.

An array is made whole at once, full of zeros, and has no length of its own: its metadata say how
many bytes have come (``bytes``), after they have. So a kill between any two requests leaves what
a reader takes for a shorter run, and the next delivery writes the same bytes to the same place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from cryohalo.catalog.entries import Entry
from cryohalo.catalog.order import LATEST_TIME_S
from cryohalo.catalog.writer import SUFFIX
from cryohalo.errors import CatalogError
from cryohalo.sharing.connection import Connection, ServerError, speaking

__all__ = ["PIECE_BYTES", "SharedBytes", "Told", "pieces", "told_by"]

#: A request carries no more.
PIECE_BYTES: Final = 8 << 20
#: What the server keeps as one file, and writes anew when a byte is added to it.
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Told:
    """What the metadata of a run's bytes say.

    Attributes:
        entry: What is known of the run.
        bytes: How many have come.
        digest: SHA-256 of all of them, "" while the run has not ended.
        damaged: Why the file of the run goes no further, "" if nothing is wrong with it.
    """

    entry: Entry
    bytes: int
    digest: str = ""
    damaged: str = ""


def _sort_key(time_s: float) -> str:
    """The time of a start as a text that sorts as it does: Tiled sorts metadata as texts."""
    return f"{time_s:018.6f}"


class SharedBytes:
    """The bytes of one run on a server.

    Args:
        connection: To it.
    """

    def __init__(self, connection: Connection) -> None:
        self._to = connection
        self._node: Any = None

    def write(self, entry: Entry, at: int, data: bytes) -> None:
        """Put bytes of the run where they belong; again does no harm.

        Raises:
            UnreachableError, ServerError: They have not come, or nobody knows.
        """
        with self._node_of(entry) as node:
            node.patch(np.frombuffer(data, np.uint8), offset=at, extend=True)

    def tell(self, told: Told) -> None:
        """Say what has come.

        Raises:
            UnreachableError, ServerError: Nobody knows whether it was heard.
        """
        with self._node_of(told.entry) as node:
            node.update_metadata(_metadata(told), drop_revision=True)

    @contextmanager
    def _node_of(self, entry: Entry) -> Iterator[Any]:
        try:
            with speaking(self._to.address):
                if self._node is None:
                    there = entry.uid in self._to.documents
                    self._node = self._to.documents[entry.uid] if there else self._new(entry)
                yield self._node
        except CatalogError:
            self._node = None  # looked up anew
            raise

    def _new(self, entry: Entry) -> Any:
        from tiled.structures.array import ArrayStructure, BuiltinDtype
        from tiled.structures.core import StructureFamily
        from tiled.structures.data_source import DataSource

        structure = ArrayStructure(
            data_type=BuiltinDtype.from_numpy_dtype(np.dtype(np.uint8)),
            shape=(_CHUNK_BYTES,),
            chunks=((_CHUNK_BYTES,),),
        )
        source = DataSource(structure=structure, structure_family=StructureFamily.array)
        return self._to.documents.new(
            StructureFamily.array,
            [source],
            key=entry.uid,
            metadata=_metadata(Told(entry, 0)),
        )


def pieces(node: Any, begin: int, end: int) -> Iterator[bytes]:
    """The bytes of an array from the server, piece by piece."""
    for at in range(begin, end, PIECE_BYTES):
        wanted = min(PIECE_BYTES, end - at)
        data = np.asarray(node[at : at + wanted], np.uint8).tobytes()
        if len(data) != wanted:
            raise ServerError(f"{node.uri}: {len(data)} bytes at {at} instead of {wanted}")
        yield data


def _metadata(told: Told) -> dict[str, Any]:
    known = {name: value for name, value in asdict(told.entry).items() if name != "refused"}
    return {
        **known,
        "at": _sort_key(told.entry.time),
        "bytes": told.bytes,
        "digest": told.digest,
        "damaged": told.damaged,
    }


def told_by(metadata: Mapping[str, Any], uid: str) -> Told:
    """What metadata say, which may come from anybody.

    Raises:
        ValueError: They are not what is written here.
    """
    try:
        return _told_by(metadata, uid)
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"a number or a nesting beyond all bounds: {error}") from error


def _told_by(metadata: Mapping[str, Any], uid: str) -> Told:
    number, lasted = metadata.get("scan_id"), metadata.get("duration_s")
    if metadata.get("uid") != uid:
        raise ValueError(f"its uid is {metadata.get('uid')!r:.60}")
    events = str(metadata.get("events", "{}"))
    if not isinstance(json.loads(events), dict):
        raise ValueError(f"its events are {events!r:.60}")
    time_s = float(metadata["time"])
    if not 0 <= time_s < LATEST_TIME_S:
        raise ValueError(f"its time is {time_s!r:.60} s of the epoch")
    entry = Entry(
        name=uid + SUFFIX,
        uid=uid,
        time=time_s,
        plan=str(metadata.get("plan", "")),
        campaign=str(metadata.get("campaign", "")),
        scan_id=number if isinstance(number, int) else None,
        status=str(metadata.get("status", "?")),
        events=events,
        duration_s=float(lasted) if isinstance(lasted, int | float) else None,
        text=str(metadata.get("text", "")),
    )
    length = metadata.get("bytes")
    if not isinstance(length, int) or length < 0:
        raise ValueError(f"its bytes are {length!r:.60}")
    return Told(entry, length, str(metadata.get("digest", "")), str(metadata.get("damaged", "")))
