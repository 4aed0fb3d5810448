"""The log of alarms on the page: what lasts, and what has ended that nobody has acknowledged yet.

The recorder writes the log (``cryohalo.history``); an acknowledgement is written into the same
file, so that it holds for all pages and commands, and through the end of either process.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from cryohalo.history.alarms import Latched, acknowledge_latched, latched
from cryohalo.history.recorder import now_us
from cryohalo.history.store import HistoryError, read_only
from cryohalo.page.viewers import Hub
from instruments.printable import escaped

__all__ = ["MOST_SHOWN", "AlarmBook", "NotAcknowledgedError", "wanted"]

log = logging.getLogger("cryohalo.page")

_PERIOD_S: Final = 1.0
#: Variables of one page that are shown, the worst first; how many more there are is said.
MOST_SHOWN: Final = 100
_LONGEST_NAME: Final = 80
_LONGEST_WHO: Final = 60


class NotAcknowledgedError(Exception):
    """Nothing was acknowledged; the message says why."""


class AlarmBook:
    """The log of a history.

    Args:
        history: Its file; it need not be there yet.
        hubs: Whose viewers are told, by their instruments' prefixes.
    """

    def __init__(self, history: Path, hubs: Mapping[str, Hub]) -> None:
        self._history, self._hubs = history, hubs
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Tell what is new, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_PERIOD_S)

    async def look(self) -> None:
        """Read the log once."""
        for prefix, hub in self._hubs.items():
            text = await asyncio.to_thread(self._text, prefix)
            if text != self._told.get(prefix):
                self._told[prefix] = text
                hub.tell("alarms", text)

    def _text(self, prefix: str) -> str:
        try:
            with read_only(self._history) as reader:
                found = latched(reader, prefix)
        except HistoryError as error:
            return json.dumps({"error": escaped(error), "alarms": [], "more": 0})
        more = max(0, len(found) - MOST_SHOWN)
        rows = [_row(one, prefix) for one in found[:MOST_SHOWN]]
        return json.dumps({"error": "", "alarms": rows, "more": more})

    async def acknowledge(self, prefix: str, seen: Sequence[Latched], who: str) -> int:
        """Write down that somebody has seen alarms of an instrument.

        Args:
            prefix: Of the instrument.
            seen: What was seen, by names without prefix.
            who: Says so.

        Returns:
            How many variables' alarms are acknowledged now that were not.

        Raises:
            NotAcknowledgedError: The log cannot be written.
        """
        try:
            changed = await asyncio.to_thread(
                acknowledge_latched, self._history, prefix, seen, who, now_us()
            )
        except HistoryError as error:
            raise NotAcknowledgedError(escaped(error)) from None
        await self.look()
        return changed


def _row(one: Latched, prefix: str) -> dict[str, Any]:
    row = asdict(one)
    row["name"] = escaped(one.name.removeprefix(prefix), _LONGEST_NAME)
    row["who"] = escaped(one.who, _LONGEST_WHO)
    return row


def wanted(told: Any) -> tuple[list[Latched], str] | None:
    """What a request asks for: ``{"alarms": [[name, id, severity], ...], "who": ...}``.

    Returns:
        What was seen, and who says so; None for anything else.
    """
    if not isinstance(told, dict) or set(told) != {"alarms", "who"}:
        return None
    rows, who = told["alarms"], told["who"]
    fits = isinstance(who, str) and who.strip() and who.isprintable() and len(who) <= _LONGEST_WHO
    if not fits or not isinstance(rows, list) or not 0 < len(rows) <= MOST_SHOWN:
        return None
    seen = []
    for row in rows:
        if not isinstance(row, list) or [type(part) for part in row] != [str, int, int]:
            return None
        if not (0 <= row[1] < 2**63 and 0 <= row[2] < 2**63):
            return None
        seen.append(Latched(row[0], row[1], row[2]))
    return seen, who.strip()
