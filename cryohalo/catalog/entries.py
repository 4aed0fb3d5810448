"""What is known of a run without its file being read, and which runs are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryohalo.catalog.errors import CatalogError
from cryohalo.catalog.run import Run
from instruments.printable import escaped

__all__ = ["Entry", "Filter", "entry_of"]

#: How much of a start document's texts can be searched.
_SEARCHED: Final = 2000


@dataclass(frozen=True)
class Entry:
    """What is known of one run without its file being read.

    Attributes:
        name: Of its file.
        uid: Of the run.
        time: When it began, s since 1970.
        plan: Name of the plan, "" if it has none.
        scan_id: Its number, None if it has none.
        status: ``success``, ``fail``, ``abort``, ``cut off`` where no stop document ends the file,
            ``damaged``, ``?`` where that cannot be told.
        events: Number of events by stream, as the stop document has them.
        duration_s: From start to stop, None for a run that was cut off.
        text: What ``Filter.text`` looks through.
        refused: Why it is no run of this catalog, "" if it is one; nothing else is known then.
        campaign: Name of the campaign that it is part of, "" for none.
    """

    name: str
    uid: str = ""
    time: float = 0.0
    plan: str = ""
    scan_id: int | None = None
    status: str = ""
    events: str = "{}"
    duration_s: float | None = None
    text: str = ""
    refused: str = ""
    campaign: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Number of events by stream."""
        found: dict[str, int] = json.loads(self.events)
        return found


@dataclass(frozen=True)
class Filter:
    """Which runs are asked for; what is None does not matter.

    Attributes:
        plan: Name of the plan.
        since: Begun at or after this time, s since 1970.
        until: Begun before this time.
        text: In the plan's name, the uid or a text of the start document, whatever the case.
        status: How it ended, as ``Entry.status``.
        last: At most so many, the newest.
        campaign: Name of the campaign.
    """

    plan: str | None = None
    since: float | None = None
    until: float | None = None
    text: str | None = None
    status: str | None = None
    last: int | None = None
    campaign: str | None = None


def entry_of(run: Run) -> Entry:
    """What is kept of a run: its start and its stop.

    Raises:
        CatalogError: It cannot be read.
    """
    start = run.start
    try:
        stop = run.stop_at_its_end()
        status = "cut off" if stop is None else str(stop.get("exit_status") or "?")
    except CatalogError:  # damaged after its start; a check says where
        stop, status = None, "damaged"
    number = start.get("scan_id")
    whole = isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**63
    ended = (stop or {}).get("time")
    lasted = isinstance(ended, int | float) and not isinstance(ended, bool)
    return Entry(
        name=run.path.name,
        uid=run.uid,
        time=float(start["time"]),
        plan=str(start.get("plan_name") or ""),
        scan_id=number if whole else None,
        status=status,
        events=json.dumps(_counts((stop or {}).get("num_events"))),
        duration_s=float(ended) - float(start["time"]) if lasted and ended is not None else None,
        text=_searched(start),
        campaign=str(start.get("campaign") or ""),
    )


def _counts(told: Any) -> dict[str, int]:
    """A stop document's counts, as far as they are counts."""
    if not isinstance(told, Mapping):
        return {}
    return {
        escaped(name, 60): count
        for name, count in list(told.items())[:100]
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**63
    }


def _searched(start: Mapping[str, Any]) -> str:
    """The texts of a start document, one after the other."""
    found: list[str] = []
    length = 0
    for text in _texts(start):
        found.append(text)
        length += len(text) + 1
        if length > _SEARCHED:
            break
    return "\n".join(found)[:_SEARCHED].casefold()


def _texts(value: Any) -> Iterator[str]:
    """Texts of maps and lists within each other, the outer ones first."""
    waiting = [value]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list) and value and not isinstance(value[0], int | float):
            waiting.extend(value[:100])
