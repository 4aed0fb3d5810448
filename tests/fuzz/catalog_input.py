"""One input of the catalog's fuzzer: bytes as the file of a run, beside a good one."""

from __future__ import annotations

import contextlib
from io import StringIO
from pathlib import Path

from rich.console import Console

from cryohalo.catalog import Catalog, CatalogError, DocumentWriter, Run
from cryohalo.catalog.codec import decode, encode
from cryohalo.catalog.entries import Filter
from cryohalo.commands.runs import list_runs
from haloscope.analysis.exchange.documents import spectra_from_documents
from tests.session import hostile
from tests.session.test_catalog_damage import documents

GOOD = "good"


class Reader:
    """Reads inputs in every way there is.

    Args:
        folder: Of a catalog of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "bad.msgpack"
        writer = DocumentWriter(folder)
        writer("start", {"uid": GOOD, "time": 1.0})
        writer.close()

    def read(self, data: bytes) -> bool:
        """Read one input; whether it is a run.

        Raises:
            AssertionError: It hides the good run, is refused in more than one line, or comes back
                otherwise than it was written.
        """
        self.file.write_bytes(data)
        listing = Catalog(self.folder).listing()
        uids = [run.uid for run in listing.runs]
        if GOOD not in uids or len(uids) + len(listing.refused) != 2:
            raise AssertionError(f"listed {uids}, refused {listing.refused}")
        sink = Console(file=StringIO(), markup=False)
        list_runs(self.folder, sink, sink, Filter())
        Catalog(self.folder).named("scan")
        run = Run(self.file)
        try:
            for name, document in run.documents():
                _written_again(name, document)
            _asked(run)
            _analysed(run)
        except CatalogError as error:
            if not str(error).isprintable():
                raise AssertionError(f"not of one line: {error!r}") from error
            return False
        return True


def seeds(folder: Path) -> dict[str, bytes]:
    """The first inputs by name: a good run, and what the tests have against it."""
    writer = DocumentWriter(folder)
    for name, document in documents():
        writer(name, document)
    (written,) = folder.glob("*.msgpack")
    inputs = {"good": written.read_bytes()}
    written.unlink()
    inputs |= {kind: content for kind, (content, _) in hostile.NO_START.items()}
    inputs |= {kind: hostile.packed(*found) for kind, (found, _) in hostile.LATER.items()}
    return inputs | {"short": hostile.packed(*hostile.GOOD)}


def _written_again(name: str, document: dict) -> None:
    """What has been read can be written, and is read again as it was."""
    try:
        data = encode(name, document)
    except ValueError:  # keys that are numbers are read, and not written
        return
    again = encode(*decode(data))
    if again != data:
        raise AssertionError(f"{name}: {data!r} comes back as {again!r}")


def _analysed(run: Run) -> None:
    """What the analysis cannot use it refuses by a `ValueError`."""
    documents = list(run.documents())
    with contextlib.suppress(ValueError):
        spectra_from_documents(documents)


def _asked(run: Run) -> None:
    run.stop  # noqa: B018
    fields = {key for event in run.events() for key in event["data"]}
    for field in sorted(fields)[:5]:
        run.table(field)
