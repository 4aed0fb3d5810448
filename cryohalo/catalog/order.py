"""What each document of a run must hold, and what must have come before it.

The same rules hold for what is written and for what is read, so that a reader of the documents
finds a complete start, events whose descriptor came before, and one end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

__all__ = ["REFERS_TO", "RUN_DOCUMENTS", "DocumentOrder", "OrderError", "events_of"]

#: Year 3000: the time of a start must be one that a calendar can show.
LATEST_TIME_S: Final = 32_503_680_000.0

#: Documents that name their run itself; events and the like name one of these.
RUN_DOCUMENTS: Final = ("stop", "descriptor", "resource", "stream_resource")
#: Document: the key by which it names one that came before.
REFERS_TO: Final = {
    "event": "descriptor",
    "event_page": "descriptor",
    "stream_datum": "stream_resource",
    "datum": "resource",
    "datum_page": "resource",
}


#: Keys of a start by which runs are distinguished, where present.
_TEXTS: Final = ("plan_name", "plan_type", "campaign")


class OrderError(ValueError):
    """A document that does not belong where it stands; the message says why."""


class DocumentOrder:
    """Follows the documents of one run.

    Args:
        uid: Of a run whose start has been seen elsewhere.

    Attributes:
        uid: Of the run, "" before its start.
        told: What later documents refer to, each with its kind: descriptors and resources so far.
        ended: Whether its stop document has come.
    """

    def __init__(self, uid: str = "") -> None:
        self.uid = uid
        self.told: dict[str, str] = {}
        self.ended = False

    def check(self, name: str, document: Mapping[str, Any]) -> None:
        """Whether ``document`` may come next.

        Raises:
            OrderError: It may not.
        """
        if (name == "start") == bool(self.uid):
            raise OrderError("a second start" if self.uid else "it comes before a start document")
        if self.ended:
            raise OrderError("it comes after the stop document")
        if name == "start":
            _check_start(document)
        elif name in RUN_DOCUMENTS:
            of = document.get("run_start")
            # The type first: an array compared to a text is an array, neither true nor false.
            if not isinstance(of, str) or of != self.uid:
                raise OrderError(f"it is of another run, {of!r:.50}")
            uid = document.get("uid")
            if name != "stop" and isinstance(uid, str) and uid in self.told:
                raise OrderError(f"its uid {uid!r:.50} is that of a {self.told[uid]} before it")
        elif name in REFERS_TO:
            self._check_reference(REFERS_TO[name], document)
        else:
            raise OrderError("no document has this name")
        _CONTENT.get(name, _nothing_more)(document)

    def note(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document that was checked as the last one so far."""
        if name == "start":
            self.uid = document["uid"]
        elif name == "stop":
            self.ended = True
        elif name in RUN_DOCUMENTS:
            self.told[document["uid"]] = name

    def _check_reference(self, key: str, document: Mapping[str, Any]) -> None:
        named = document.get(key)
        if not isinstance(named, str) or self.told.get(named) != key:
            raise OrderError(f"its {key} {named!r:.50} has not come before it")


def _check_start(document: Mapping[str, Any]) -> None:
    _check_uid(document)
    time = document.get("time")
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise OrderError(f"its time is {time!r:.50}, not a number of seconds")
    if not (math.isfinite(time) and 0 <= time < LATEST_TIME_S):
        raise OrderError(f"its time is {time!r:.50} s, not between the years 1970 and 3000")
    for key in _TEXTS:
        if not isinstance(document.get(key, ""), str):
            raise OrderError(f"its {key} is {document[key]!r:.50}, not a text")


def _check_uid(document: Mapping[str, Any]) -> None:
    uid = document.get("uid")
    if not isinstance(uid, str) or not uid:
        raise OrderError(f"its uid is {uid!r:.50}, not a text")


def _check_descriptor(document: Mapping[str, Any]) -> None:
    _check_uid(document)
    _check_types(document, data_keys=Mapping)
    _check_keys(document["data_keys"])
    if not isinstance(document.get("name", ""), str):
        raise OrderError("its name is no text")


def _check_event(document: Mapping[str, Any]) -> None:
    _check_types(document, data=Mapping)
    if not _is_whole(number := document.get("seq_num")):
        raise OrderError(f"its seq_num is {number!r:.50}, not a whole number")
    _check_keys(document["data"])


def _check_page(document: Mapping[str, Any]) -> None:
    _check_types(document, data=Mapping)
    _check_keys(document["data"])
    numbers = document.get("seq_num")
    rows = _rows(numbers)
    if rows is None or not all(_is_whole(number) for number in numbers):  # type: ignore[union-attr]
        raise OrderError(f"its seq_num is {numbers!r:.50}, not a row of whole numbers")
    for key, column in document["data"].items():
        if _rows(column) != rows:
            raise OrderError(f"its column {key!r:.50} has not the {rows} rows of seq_num")


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _rows(column: object) -> int | None:
    """How many events a column of a page has; None of what is none, as a text or a map."""
    if isinstance(column, np.ndarray):
        return len(column) if column.ndim else None
    return len(column) if isinstance(column, list | tuple) else None


def events_of(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a page that was checked, one after the other."""
    for row, number in enumerate(page["seq_num"]):
        data = {key: column[row] for key, column in page["data"].items()}
        yield {"descriptor": page["descriptor"], "seq_num": int(number), "data": data}


def _check_stop(document: Mapping[str, Any]) -> None:
    for key, kind in (("num_events", Mapping), ("exit_status", str)):
        if document.get(key) is not None:
            _check_types(document, **{key: kind})


def _check_keys(values: Mapping[Any, Any]) -> None:
    for key in values:
        if not isinstance(key, str):
            raise OrderError(f"a key of its data is {key!r:.50}, not a text")


def _check_types(document: Mapping[str, Any], **kinds: type) -> None:
    for key, kind in kinds.items():
        found = document.get(key)
        if not isinstance(found, kind):
            raise OrderError(f"its {key} is of type {type(found).__name__}")


def _nothing_more(_: Mapping[str, Any]) -> None:
    return


_CONTENT: Final = {
    "descriptor": _check_descriptor,
    "resource": _check_uid,
    "stream_resource": _check_uid,
    "event": _check_event,
    "event_page": _check_page,
    "stop": _check_stop,
}
