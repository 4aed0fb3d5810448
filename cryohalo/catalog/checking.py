"""Whether a run's file holds all that it says it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.order import events_of
from cryohalo.catalog.run import Run

__all__ = ["Verdict", "checked"]


@dataclass(frozen=True)
class Verdict:
    """What a reading of a whole run found.

    Attributes:
        good: Nothing is wrong. A run that was cut off is good as far as it goes.
        words: What is wrong, or that it was cut off; "" for a run that is whole.
        events: Number of events by stream.
    """

    good: bool
    words: str
    events: Mapping[str, int]


def checked(run: Run) -> Verdict:
    """Read every document of a run, one at a time."""
    streams: dict[str, str] = {}
    numbers: dict[str, set[int]] = {}
    counts: Counter[str] = Counter()
    stop: Mapping[str, Any] | None = None
    last = "nothing"
    try:
        for name, document in run.documents():
            last = name
            if name == "descriptor":
                streams[document["uid"]] = str(document.get("name", ""))
            elif name in ("event", "event_page"):
                events = [document] if name == "event" else list(events_of(document))
                stream = streams[document["descriptor"]]
                counts[stream] += len(events)
                numbers.setdefault(stream, set()).update(int(one["seq_num"]) for one in events)
            elif name == "stop":
                stop = document
    except CatalogError as error:
        return Verdict(False, f"{error}; {sum(counts.values())} events before it", counts)
    wrong = [*_missing(numbers), *_miscounted(counts, stop)]
    if wrong:
        return Verdict(False, "; ".join(wrong), counts)
    if stop is None:
        total = sum(counts.values())
        return Verdict(True, f"cut off after {total} events; its last document is {last}", counts)
    return Verdict(True, "", counts)


def _missing(numbers: Mapping[str, set[int]]) -> list[str]:
    """Streams whose numbers have gaps."""
    found = []
    for stream, seen in numbers.items():
        gaps = max(seen) - len(seen) if min(seen) >= 1 else 0
        if gaps > 0:
            found.append(f"stream {stream}: {gaps} numbers of events are missing")
    return found


def _miscounted(counts: Mapping[str, int], stop: Mapping[str, Any] | None) -> list[str]:
    """Streams of which the stop document tells another number of events.

    An event may be taken again after a pause under the number it had; it counts once there.
    """
    told = (stop or {}).get("num_events")
    if not isinstance(told, Mapping):
        return []
    found = []
    for stream, count in told.items():
        if isinstance(count, int) and counts.get(stream, 0) < count:
            there = counts.get(stream, 0)
            found.append(f"stream {stream}: {there} events, {count} by the stop document")
    return found
