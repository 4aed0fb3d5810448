"""Let other tasks run when one has kept the event loop for too long."""

from __future__ import annotations

import asyncio

from iocs.serving.limits import Limits


class Breath:
    """Awaited by tasks that may run without pause; gives way when one has run long enough.

    Attributes:
        after_s: How long one turn of the event loop may post before others get theirs.
    """

    def __init__(self) -> None:
        self.after_s = Limits().fairness_s
        self._turn: asyncio.AbstractEventLoop | None = None
        self._began = 0.0

    async def __call__(self) -> None:
        """Give way if this turn of the event loop has lasted long."""
        loop = asyncio.get_running_loop()
        if self._turn is not loop:
            self._turn, self._began = loop, loop.time()
            loop.call_soon(self._end_turn)
        elif loop.time() - self._began > self.after_s:
            await asyncio.sleep(0)

    def _end_turn(self) -> None:
        self._turn = None
