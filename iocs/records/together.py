"""One action for all who ask for it at about the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["Together"]

#: Turns of the event loop in which others may still join; some microseconds each.
MOST_TURNS: Final = 20
#: Turns without anybody joining after which the action begins: of the puts in one packet one begins
#: in each turn.
IDLE_TURNS: Final = 1


class Together:
    """Call it to have the action done after this call; calls close to each other share one.

    A client that sets up an instrument puts six settings in a row, and looking through all channels
    after each of them costs more than the puts.

    Args:
        act: The action.
    """

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        self._act = act
        self._calls = 0
        self._next: asyncio.Future[None] | None = None

    @property
    def awaited(self) -> bool:
        """Whether the action has been asked for and has not begun."""
        return self._next is not None

    async def __call__(self) -> None:
        """Return when an action that began after this call has ended."""
        self._calls += 1
        if self._next is None:
            self._next = asyncio.ensure_future(self._gather())
        await asyncio.shield(self._next)

    async def _gather(self) -> None:
        try:
            await self._all_called()
        finally:
            self._next = None  # requests from now on need the next one
        await self._act()

    async def _all_called(self) -> None:
        for _ in range(MOST_TURNS):
            calls = self._calls
            for _ in range(IDLE_TURNS):
                await asyncio.sleep(0)
            if calls == self._calls:
                return
