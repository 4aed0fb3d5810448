"""One action for all who ask for it at about the same time."""

from __future__ import annotations

import asyncio
import contextlib
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

    Attributes:
        hurried: Whether who calls now knows of nobody else to wait for: the action is done in the
            turn of the call, and whoever waits already shares it.
    """

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        self._act = act
        self._calls = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._gathering: set[asyncio.Task[None]] = set()
        self.hurried = False

    @property
    def awaited(self) -> bool:
        """Whether the action has been asked for and has not begun."""
        return bool(self._waiting)

    async def __call__(self) -> None:
        """Return when an action that began after this call has ended."""
        self._calls += 1
        if self.hurried:
            await self._now()
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            task = asyncio.ensure_future(self._gather())
            self._gathering.add(task)
            task.add_done_callback(self._gathering.discard)
        await waiting

    async def _now(self) -> None:
        """Act in this very turn, for those who wait as well; they are told first."""
        others = bool(self._waiting)
        await self._begin()
        if others:
            await asyncio.sleep(0)

    async def _gather(self) -> None:
        await self._all_called()
        if self._waiting:
            with contextlib.suppress(Exception):  # told to those who waited
                await self._begin()

    async def _begin(self) -> None:
        """Act, and tell those who have waited how it ended; later calls need another action."""
        told, self._waiting = self._waiting, []
        try:
            await self._act()
        except BaseException as error:
            for waiting in told:
                _end(waiting, error)
            raise
        for waiting in told:
            _end(waiting)

    async def _all_called(self) -> None:
        for _ in range(MOST_TURNS):
            calls = self._calls
            for _ in range(IDLE_TURNS):
                await asyncio.sleep(0)
            if calls == self._calls:
                return


def _end(waiting: asyncio.Future[None], error: BaseException | None = None) -> None:
    if waiting.done():  # it has gone
        return
    if error is None:
        waiting.set_result(None)
    elif isinstance(error, Exception):
        waiting.set_exception(error)
    else:
        waiting.cancel()
