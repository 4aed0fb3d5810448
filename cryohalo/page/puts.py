"""Setting a variable from the page: only what is offered; refusals in the IOC's words."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any, Final

import aioca
from epicscorelibs.ca import cadef

from cryohalo.page.board import LOST, Board
from instruments.printable import escaped

__all__ = ["NotSetError", "set_variable"]

log = logging.getLogger("cryohalo.page")

#: How long the IOC may take to take or refuse a value (assumed).
TIMEOUT_S: Final = 5.0
#: How long after an error the IOC may take to post why.
_REASON_S: Final = 2.0
_REASON, _COUNT = "IOC:Refusal_RBV", "IOC:RefusedPuts_RBV"
_LONGEST_TEXT: Final = 39


class NotSetError(Exception):
    """The variable was not set; the message says why."""


async def set_variable(board: Board, name: str, value: Any) -> str:
    """Put a value.

    Args:
        board: Of the instrument.
        name: Without prefix; one of those that the page may set.
        value: A number, or a state's name or number.

    Returns:
        What has been done: ``"done"``, or ``"under way"`` for what goes on.

    Raises:
        NotSetError: It may not be set here, is lost, does not fit, or the IOC refused it.
    """
    shown = board.shown.get(name)
    if shown is None or not shown.variable.settable:
        raise NotSetError(f"{escaped(name, 60)} cannot be set from this page")
    if shown.severity == LOST:
        raise NotSetError(f"{name} is lost: its IOC does not answer")
    fitting = _fitting(name, value, shown.properties.get("states"))
    before = _refusals(board)
    try:
        await aioca.caput(board.prefix + name, fitting, wait=True, timeout=TIMEOUT_S)
    except aioca.CANothing as error:
        if shown.variable.done and error.errorcode == cadef.ECA_TIMEOUT:
            return "under way"  # a ramp, a motion: the readback shows its end
        raise NotSetError(await _why(board, name, before, error)) from None
    return "done"


def _fitting(name: str, value: Any, states: Any) -> Any:
    """The value as it is put.

    Raises:
        NotSetError: It is neither a finite number nor one of the states.
    """
    if isinstance(states, list):
        if isinstance(value, str) and value in states:
            return states.index(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(states):
            return value
        raise NotSetError(f"{name}: {escaped(value, 60)!r} is none of {', '.join(states)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotSetError(f"{name}: {escaped(value, 60)!r} is no number")
    return float(value)


def _refusals(board: Board) -> tuple[str, float]:
    """The words of the IOC's last refusal, and how many there were."""
    words, count = (board.shown.get(name) for name in (_REASON, _COUNT))
    return (
        "" if words is None else str(words.value or ""),
        0.0 if count is None or count.value is None else float(count.value),
    )


async def _why(board: Board, name: str, before: tuple[str, float], error: Exception) -> str:
    """What the IOC says of the refusal; the error's own words where it says nothing.

    A text that is refused twice for the same reason does not change: then the count does.
    """
    loop = asyncio.get_running_loop()
    last = loop.time() + _REASON_S
    while loop.time() < last:
        if _refusals(board) != before:
            return escaped(_refusals(board)[0])
        await asyncio.sleep(0.05)
    return f"{name}: {escaped(error)}"
