"""A run in Tiled's own form, by bluesky-tiled-plugins: tables, arrays, metadata.

That writer keeps what it has begun in memory, and appends rows: after anything that goes wrong
nobody knows which have come. So a view that has not been finished is taken away and made anew from
the file, and each event is there once.

Of a document it keeps what JSON and columns of one type can hold. What it would stumble over is
fitted here first: a column has the type that its descriptor declares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from cryohalo.sharing.connection import Connection, ServerError, UnfitRunError, speaking

__all__ = ["EVENTS_AT_ONCE", "View"]

#: Events that are written at once: 40 MB of spectra of 100 000 points.
EVENTS_AT_ONCE: Final = 50
#: What the writer notes where it asked again, and cannot know whether a row has come twice.
_TWICE: Final = "may be duplicated"
_CASTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "number": float,
    "integer": int,
    "boolean": bool,
    "string": str,
}
_LARGEST: Final = 2**63
_NOT_THERE: Final = 404


class View:
    """One run on its way into Tiled's own form, from its start document on.

    Args:
        connection: To the server.
        uid: Of the run; what is there of it is taken away.

    Raises:
        UnreachableError, ServerError: It cannot be begun.
    """

    def __init__(self, connection: Connection, uid: str) -> None:
        from bluesky_tiled_plugins.writing.tiled_writer import RunNormalizer

        from cryohalo.sharing.rows import RowWriter

        self._to = connection
        take_away(connection, uid)
        fitting = _Fitting()
        patches = {"start": _start, "descriptor": fitting.descriptor, "event": fitting.event}
        self._normalizer = RunNormalizer(patches=patches)
        self._writer = RowWriter(connection.runs.include_data_sources(), batch_size=EVENTS_AT_ONCE)
        self._normalizer.subscribe(self._writer)

    def add(self, name: str, document: Mapping[str, Any]) -> None:
        """Take the next document.

        Raises:
            UnreachableError, ServerError: Nobody knows whether it came: the view has to be made
                anew.
            UnfitRunError: The run cannot have this form.
        """
        with speaking(self._to.address), _fitting_or_told(name):
            self._normalizer(name, dict(document))
            if name == "stop":
                self._demand_once()

    def flush(self) -> None:
        """Write the events that have been taken and not written.

        Raises:
            UnreachableError, ServerError, UnfitRunError: As ``add``.
        """
        with speaking(self._to.address), _fitting_or_told("event"):
            self._writer.flush()

    def _demand_once(self) -> None:
        if any(_TWICE in note for note in self._writer.notes):
            raise ServerError(f"{self._to.address}: rows may have come twice")


@contextmanager
def _fitting_or_told(name: str) -> Iterator[None]:
    """What the writer stumbles over, as an error of the run; what the network does passes."""
    import httpx

    try:
        yield
    except (httpx.HTTPError, OSError, ServerError):
        raise
    except Exception as error:
        raise UnfitRunError(f"{name} document: {type(error).__name__}: {error}") from error


def take_away(connection: Connection, uid: str) -> None:
    """Delete a view, where there is one.

    Raises:
        UnreachableError, ServerError: It cannot be done.
    """
    try:
        with speaking(connection.address):
            connection.runs.delete_contents(uid, recursive=True, external_only=False)
    except ServerError as error:
        if error.code != _NOT_THERE:
            raise


def _start(document: dict[str, Any]) -> dict[str, Any]:
    """A start without what the writer takes for orders to the server."""
    return {k: v for k, v in document.items() if k not in ("tiled_access_tags", "tiled_specs")}


class _Fitting:
    """Fits the values of events to the types that their descriptors declare."""

    def __init__(self) -> None:
        self._kinds = dict[str, dict[str, str]]()

    def descriptor(self, document: dict[str, Any]) -> dict[str, Any]:
        """Note the types, and leave the exact type of an array to the array."""
        keys = document["data_keys"]
        self._kinds[document["uid"]] = {name: key.get("dtype", "") for name, key in keys.items()}
        return document

    def event(self, document: dict[str, Any]) -> dict[str, Any]:
        """The event with its values fitted."""
        kinds = self._kinds.get(document["descriptor"], {})
        data = {
            name: _fitted(value, kinds.get(name, "")) for name, value in document["data"].items()
        }
        stamps = dict(document.get("timestamps") or {})
        times = {name: float(stamps.get(name, document["time"])) for name in data}
        return {**document, "data": data, "timestamps": times}


def _fitted(value: Any, kind: str) -> Any:
    if kind == "array":
        return value
    if isinstance(value, np.generic):
        value = value.item()
    cast = _CASTS.get(kind)
    if value is None or cast is None:
        return math.nan if value is None and kind == "number" else value
    try:
        fitted = cast(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan if kind == "number" else None
    return fitted if kind != "integer" or -_LARGEST <= fitted < _LARGEST else None
