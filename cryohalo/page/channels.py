"""One Channel Access subscription per variable, into a board.

aioca costs 43 us of processor for each update, pyepics 50, caproto's client 96 (450 PVs of both
IOCs at speed 100, 617 updates a second); its puts say why they were refused.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable
from typing import Any, Final

import aioca

from cryohalo.page.board import UNDEFINED, Board
from instruments.printable import escaped
from pvdb.records import Status

__all__ = ["Channels"]

log = logging.getLogger("cryohalo.page")

#: How long an IOC may take to tell what a variable is (assumed).
PROPERTIES_TIMEOUT_S: Final = 10.0
_LONG_TEXT: Final = "$"


class Channels:
    """The subscriptions of one board; open them inside a running event loop.

    Args:
        board: Takes the values.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self._subscriptions: list[Any] = []
        self._undescribed: set[str] = set(board.shown)
        self._to_ask: set[str] = set()
        self._asking: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Subscribe to all; values come as IOCs answer, now or later."""
        for name in self.board.shown:
            self._subscriptions.append(self._subscribe(name))

    def close(self) -> None:
        """End all subscriptions."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        if self._asking is not None:
            self._asking.cancel()

    def address(self, name: str) -> str:
        """The full name under which the variable's value is read."""
        full = self.board.prefix + name
        if self.board.shown[name].variable.kind != "text":
            return full
        return f"{full}{'' if '.' in name else '.VAL'}{_LONG_TEXT}"

    def _subscribe(self, name: str) -> Any:
        text = self.board.shown[name].variable.kind == "text"

        def take(value: Any) -> None:
            try:
                self._take(name, value)
            except Exception as error:  # aioca would end the subscription
                log.warning("%s: %s", name, escaped(error))

        return aioca.camonitor(
            self.address(name),
            take,
            datatype=aioca.DBR_CHAR_STR if text else None,
            format=aioca.FORMAT_TIME,
            notify_disconnect=True,
            connect_timeout=None,
        )

    def _take(self, name: str, value: Any) -> None:
        if not value.ok:
            self._undescribed.add(name)
            self.board.lose(name)
            return
        if name in self._undescribed:  # connected anew: it may be another IOC
            self._undescribed.discard(name)
            self._ask(name)
        severity = UNDEFINED if value.status == Status.UDF else int(value.severity)
        self.board.update(name, value, severity, float(value.timestamp))

    def _ask(self, name: str) -> None:
        self._to_ask.add(name)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._describe())

    async def _describe(self) -> None:
        """Ask for the properties of all that have just connected, together."""
        while self._to_ask:
            names, self._to_ask = sorted(self._to_ask), set()
            found = await aioca.caget(
                [self.board.prefix + name for name in names],
                format=aioca.FORMAT_CTRL,
                count=1,
                timeout=PROPERTIES_TIMEOUT_S,
                throw=False,
            )
            for name, told in zip(names, found, strict=True):
                if told.ok:
                    self.board.describe(name, _properties(told))


def _properties(told: Any) -> dict[str, Any]:
    """Units, precision, limits and states as far as the type has them."""
    if hasattr(told, "enums"):
        return {"states": [str(state) for state in told.enums]}
    found: dict[str, Any] = {}
    for key, attribute in (("units", "units"), ("prec", "precision")):
        if hasattr(told, attribute):
            found[key] = getattr(told, attribute)
    high = float(getattr(told, "upper_warning_limit", math.nan))
    if math.isfinite(high):
        found["high"] = high
    found.update(_range(told, "display", "upper_disp_limit", "lower_disp_limit"))
    found.update(_range(told, "control", "upper_ctrl_limit", "lower_ctrl_limit"))
    return found


def _range(told: Any, key: str, high: str, low: str) -> Iterable[tuple[str, list[float]]]:
    limits = [float(getattr(told, low, math.nan)), float(getattr(told, high, math.nan))]
    if not all(map(math.isfinite, limits)) or limits[0] >= limits[1]:
        return ()
    return ((key, limits),)
