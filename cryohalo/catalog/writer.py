"""Writes each run's documents to a file of its own, so that a crash loses none it had taken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryohalo.catalog.codec import UnfitError, encode
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.order import REFERS_TO, RUN_DOCUMENTS, DocumentOrder, OrderError
from instruments.printable import escaped

SUFFIX: Final = ".msgpack"
#: Bytes of a uid: it names a file.
LONGEST_UID: Final = 200


class DocumentWriter:
    """Writes each run's documents to a file of its own: subscribe it to a RunEngine first.

    A run whose start document cannot be kept gets no file: the start is refused, which ends the
    plan, and whatever else comes of that run is left out.

    Args:
        root: Folder of the catalog; made if absent.
        sync: Wait for the disk after each document, which keeps it through a loss of power as well.
            Without it a killed process still loses nothing: the operating system holds the data.

    Raises:
        CatalogError: The folder cannot be made.
    """

    def __init__(self, root: Path | str, *, sync: bool = False) -> None:
        self.root = Path(root)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(f"catalog {self.root}: {error.strerror}") from error
        self._sync = sync
        self._runs: dict[str, _RunFile] = {}
        self._run_of: dict[str, str] = {}

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Append one document.

        Raises:
            CatalogError: It cannot be kept (its key is named), does not belong where it comes, or
                the disk refused it (full, read-only, gone); all documents before it are kept.
        """
        if name == "start":
            self._begin(document)
            return
        uid, run = self._run_that(name, document)
        try:
            run.append(name, document)
        except _NOT_WRITTEN as error:
            raise _not_written(run.path, name, error) from error
        finally:
            if name == "stop":
                self._end(uid)
        if name in RUN_DOCUMENTS and name != "stop":
            self._run_of[document["uid"]] = uid

    def close(self) -> None:
        """Close the files of runs that never saw their stop document."""
        for uid in list(self._runs):
            self._end(uid)

    def _begin(self, document: Mapping[str, Any]) -> None:
        uid = document.get("uid")
        if not isinstance(uid, str) or not is_file_name(uid) or uid in self._runs:
            raise CatalogError(f"catalog {self.root}: no run has the uid {escaped(repr(uid), 80)}")
        run = self._runs[uid] = _RunFile(self.root / f"{uid}{SUFFIX}", self._sync)
        try:
            run.begin(document)
        except _NOT_WRITTEN as error:
            raise _not_written(run.path, "start", error) from error

    def _run_that(self, name: str, document: Mapping[str, Any]) -> tuple[str, _RunFile]:
        """The run a document belongs to, with its uid."""
        of = document.get("run_start")
        if of is None:
            named = document.get(REFERS_TO.get(name, ""))
            of = self._run_of.get(named) if isinstance(named, str) else None
        if not isinstance(of, str) or of not in self._runs:
            raise CatalogError(f"catalog {self.root}: {name} document of a run that has not begun")
        return of, self._runs[of]

    def _end(self, uid: str) -> None:
        self._runs.pop(uid).close()
        self._run_of = {told: run for told, run in self._run_of.items() if run != uid}


_NOT_WRITTEN: Final = (OSError, UnfitError, OrderError)


def _not_written(path: Path, name: str, error: Exception) -> CatalogError:
    return CatalogError(f"catalog {escaped(path)}: {name} document not written: {escaped(error)}")


class _RunFile:
    """The file of one run; none while its start document has not been kept."""

    def __init__(self, path: Path, sync: bool) -> None:
        self.path = path
        self._sync = sync
        self._order = DocumentOrder()
        self._file: BinaryIO | None = None

    def begin(self, document: Mapping[str, Any]) -> None:
        self._order.check("start", document)
        data = encode("start", document)
        # Unbuffered: a failed write must not leave a remainder for close() to write later.
        file = open(self.path, "xb", buffering=0)  # noqa: SIM115
        try:
            self._write(file, data)
        except OSError:
            file.close()
            self.path.unlink(missing_ok=True)
            raise
        self._order.note("start", document)
        self._file = file

    def append(self, name: str, document: Mapping[str, Any]) -> None:
        if self._file is None:  # the start was refused, and the plan got the error
            return
        self._order.check(name, document)
        self._write(self._file, encode(name, document))
        self._order.note(name, document)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, file: BinaryIO, data: bytes) -> None:
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


def is_file_name(uid: str) -> bool:
    """Whether a run of this uid can have a file of its own, in the catalog's folder."""
    return (
        uid.isprintable()
        and not set(uid) & set("/\\\0")
        and not uid.startswith(".")
        and 0 < len(os.fsencode(uid)) <= LONGEST_UID
    )
