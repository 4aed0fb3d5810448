"""The catalog: every run a file of bluesky documents that survives a crash and executes nothing.

A folder holds one file per run, ``<start uid>.msgpack``: the documents in the order in which the
RunEngine emitted them, each a msgpack pair ``(name, document)``; ``cryohalo.catalog.codec`` says
how arrays are kept. A document is with the operating system before the RunEngine goes on, so
whatever kills the session loses nothing that an event had promised. A file whose last document
was cut off reads up to the cut.

The format is an append-only log on purpose: no server, no index to repair, and it replays into any
other bluesky consumer (Tiled, databroker, a live callback):
``for name, doc in run.documents(): consumer(name, doc)``.

A file may come from anybody. Reading it makes numbers, texts, lists, maps and plain arrays, nothing
else; what is damaged or foreign is refused by ``CatalogError``, and hides no other run.
"""

from cryohalo.catalog.codec import Document, UnfitError, plain
from cryohalo.catalog.entries import Entry, Filter
from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.folder import Catalog, Listing
from cryohalo.catalog.opening import RunCatalog, open_catalog
from cryohalo.catalog.run import Run
from cryohalo.catalog.writer import SUFFIX, DocumentWriter

__all__ = [
    "SUFFIX",
    "Catalog",
    "CatalogError",
    "Document",
    "DocumentWriter",
    "Entry",
    "Filter",
    "Listing",
    "Run",
    "RunCatalog",
    "UnfitError",
    "open_catalog",
    "plain",
]
