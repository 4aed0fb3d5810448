"""The catalog: every run a file of bluesky documents that survives a crash.

A folder holds one file per run, ``<start uid>.msgpack``: the documents in the order in which the
RunEngine emitted them, each a msgpack pair ``(name, document)``, arrays packed by
``msgpack_numpy``. A document is with the operating system before the RunEngine goes on, so
whatever kills the session loses nothing that an event had promised. A file whose last document
was cut off reads up to the cut.

The format is an append-only log on purpose: no server, no index to repair, and it replays into any
other bluesky consumer (Tiled, databroker, a live callback):
``for name, doc in run.documents(): consumer(name, doc)``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import msgpack
import msgpack_numpy
import numpy as np

from haloscope.analysis.exchange.keys import AmbiguousFieldError, key_of

Document = tuple[str, dict[str, Any]]
"""A document's name (``start``, ``descriptor``, ``event`` ...) and its content."""

SUFFIX = ".msgpack"
_NO_LIMIT = 2**31 - 1  # a run of 2000 spectra of 800 kB passes through the reader


class CatalogError(RuntimeError):
    """The catalog cannot be read or written; the message names the file and the cause."""


class DocumentWriter:
    """Writes each run's documents to a file of its own: subscribe it to a RunEngine first.

    Args:
        root: Folder of the catalog; made if absent.
        sync: Wait for the disk after each document, which keeps it through a loss of power as well.
            Without it a killed process still loses nothing: the operating system holds the data.
    """

    def __init__(self, root: Path | str, *, sync: bool = False) -> None:
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)
        self._sync = sync
        self._files: dict[str, BinaryIO] = {}
        self._run_of: dict[str, str] = {}

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Append one document.

        Raises:
            CatalogError: The disk refused it (full, read-only, gone); all documents before it are
                kept.
        """
        uid = self._run(name, document)
        path = self.root / f"{uid}{SUFFIX}"
        try:
            file = self._files.get(uid) or self._open(path, uid)
            self._append(file, msgpack.packb((name, document), default=msgpack_numpy.encode))
        except OSError as error:
            raise CatalogError(f"catalog {path}: {name} document not written: {error}") from error
        if name == "stop":
            self._files.pop(uid).close()

    def close(self) -> None:
        """Close the files of runs that never saw their stop document."""
        while self._files:
            self._files.popitem()[1].close()

    def _run(self, name: str, document: Mapping[str, Any]) -> str:
        """The uid of the run a document belongs to, kept for the documents that refer to it."""
        if name == "start":
            return document["uid"]
        if name in ("stop", "descriptor", "resource", "stream_resource"):
            uid = document["run_start"]
        else:
            uid = self._run_of[document.get("descriptor") or document["resource"]]
        if "uid" in document:
            self._run_of[document["uid"]] = uid
        return uid

    def _open(self, path: Path, uid: str) -> BinaryIO:
        # Unbuffered: a failed write must not leave a remainder for close() to write later.
        self._files[uid] = file = open(path, "xb", buffering=0)  # noqa: SIM115
        return file

    def _append(self, file: BinaryIO, data: bytes) -> None:
        before = file.tell()
        view = memoryview(data)
        try:
            while view:
                view = view[file.write(view) :]
            if self._sync:
                os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            file.seek(before)
            raise


@dataclass(frozen=True)
class Run:
    """One run of the catalog, read from its file whenever asked."""

    path: Path

    @cached_property
    def start(self) -> dict[str, Any]:
        """The start document: plan, arguments, metadata, provenance.

        Raises:
            CatalogError: The file holds no start document.
        """
        for name, document in self.documents():
            if name == "start":
                return document
            break
        raise CatalogError(f"catalog {self.path}: no start document")

    @property
    def uid(self) -> str:
        """The run's unique identifier."""
        return self.start["uid"]

    @property
    def stop(self) -> dict[str, Any] | None:
        """The stop document, or None for a run that was cut off."""
        last = None
        for last in self.documents():  # noqa: B007  (the last one is wanted)
            pass
        return last[1] if last and last[0] == "stop" else None

    def documents(self) -> Iterator[Document]:
        """All documents in order, up to the first that is incomplete.

        A loss of power can leave zeros where the last document should be: they end the run too.
        """
        with open(self.path, "rb") as file:
            unpacker = msgpack.Unpacker(
                file,
                object_hook=msgpack_numpy.decode,
                max_buffer_size=_NO_LIMIT,
                strict_map_key=False,
            )
            try:
                for pair in unpacker:
                    if not _is_document(pair):
                        return
                    yield pair[0], pair[1]
            except (msgpack.exceptions.UnpackException, ValueError):  # bytes of no document
                return

    def events(self, stream: str = "primary") -> Iterator[dict[str, Any]]:
        """The event documents of one stream, in order."""
        descriptors: set[str] = set()
        for name, document in self.documents():
            if name == "descriptor" and document.get("name") == stream:
                descriptors.add(document["uid"])
            elif name == "event" and document["descriptor"] in descriptors:
                yield document

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

    def _column(self, rows: list[Mapping[str, Any]], field: str, stream: str) -> np.ndarray:
        values = [self._value(row, field, stream) for row in rows]
        shapes = sorted({np.shape(value) for value in values})
        if len(shapes) > 1:
            raise CatalogError(
                f"run {self.uid}: stream {stream!r}: {field} has different lengths, "
                f"{', '.join(map(str, shapes))}: no table; read the events one by one"
            )
        return np.asarray(values)

    def _value(self, row: Mapping[str, Any], field: str, stream: str) -> Any:
        try:
            key = key_of(row, field)
        except AmbiguousFieldError as error:
            raise CatalogError(f"run {self.uid}: stream {stream!r}: {error}") from error
        if key is None:
            raise CatalogError(f"run {self.uid}: stream {stream!r} has no field {field!r}")
        return row[key]


class Catalog:
    """The runs of a folder, oldest first.

    ``catalog[-1]`` is the newest run, ``catalog["3f2a"]`` the one whose uid begins so. A run that
    was cut off before its start document was whole promised nothing, and is left out.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def __iter__(self) -> Iterator[Run]:
        runs = [Run(path) for path in self.root.glob(f"*{SUFFIX}")]
        return iter(sorted(filter(_began, runs), key=lambda run: run.start["time"]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, key: int | str) -> Run:
        """A run by position or by the beginning of its uid.

        Raises:
            CatalogError: No run, or more than one, fits.
        """
        if isinstance(key, int):
            runs = list(self)
            if not -len(runs) <= key < len(runs):
                raise CatalogError(f"catalog {self.root}: no run {key}, it holds {len(runs)}")
            return runs[key]
        fitting = [Run(path) for path in self.root.glob(f"{key}*{SUFFIX}")]
        if len(fitting) != 1:
            raise CatalogError(f"catalog {self.root}: {len(fitting)} runs begin with {key!r}")
        return fitting[0]

    def named(self, plan_name: str) -> list[Run]:
        """The runs of one plan, oldest first."""
        return [run for run in self if run.start.get("plan_name") == plan_name]


def _is_document(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[1], dict)


def _began(run: Run) -> bool:
    """Whether the run's start document is whole."""
    return next((name for name, _ in run.documents()), None) == "start"
