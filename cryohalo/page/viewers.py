"""What each viewer still has to be sent, and the tick that sends it.

A viewer's queue holds names, not values: a value that is newer takes the place of one that was not
sent yet. So it never holds more than the instrument has variables, a slow viewer skips what is
past, and the last value always arrives.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from cryohalo.page.board import Board

__all__ = ["FRAME_PERIOD_S", "Hub", "Viewer"]

log = logging.getLogger("cryohalo.page")

#: 5 Hz.
FRAME_PERIOD_S: Final = 0.2
#: A viewer that takes no frame for so long is let go (assumed).
STALLED_S: Final = 20.0

Send = Callable[[str], Awaitable[None]]


class Viewer:
    """One browser window.

    Args:
        board: What it looks at.
        send: Sends a text, and returns when it has gone out.
        close: Ends the connection.
        beside: What is told beside the values, ``"search"`` and ``"queue"``, each as JSON.

    Attributes:
        waiting: Names whose newest value it has not been sent.
        undescribed: Likewise, whose properties.
        beside: What is told beside the values and was not sent yet.
    """

    def __init__(
        self,
        board: Board,
        send: Send,
        close: Callable[[], None],
        beside: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.board = board
        self._send, self._close = send, close
        self.waiting: set[str] = set(board.shown)
        self.undescribed: set[str] = set(board.shown)
        self.beside = dict(beside)
        self._news = asyncio.Event()
        self._news.set()
        self._task = asyncio.ensure_future(self._run())

    def note(self, changed: set[str], redescribed: set[str]) -> None:
        """These are new."""
        self.waiting |= changed
        self.undescribed |= redescribed
        self._news.set()

    def end(self) -> None:
        """Send nothing more."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await asyncio.wait_for(self._send(self.frame()), STALLED_S)
        except TimeoutError:
            log.warning("a viewer took no frame for %g s and was let go", STALLED_S)
            self._close()
        except asyncio.CancelledError:
            raise
        except Exception:  # the connection has gone
            self._close()

    def frame(self) -> str:
        """All that waits, as one JSON text; afterwards nothing waits."""
        names, self.waiting = self.waiting, set()
        described, self.undescribed = self.undescribed, set()
        beside, self.beside = self.beside, {}
        told = f',"pvs":{self.board.described_text(described)}' if described else ""
        told += "".join(f",{json.dumps(what)}:{text}" for what, text in beside.items())
        values = self.board.values_text(names)
        return f'{{"t":{time.time():.3f},"lost":{self.board.lost()}{told},"v":{values}}}'


class Hub:
    """The viewers of one instrument.

    Args:
        board: What they look at.
        ticked: Called at each tick, with viewers or without.

    Attributes:
        viewers: Those that look now.
        beside: What was told last beside the values.
    """

    def __init__(self, board: Board, ticked: Sequence[Callable[[], None]] = ()) -> None:
        self.board = board
        self.viewers: set[Viewer] = set()
        self.beside: dict[str, str] = {}
        self._ticked = ticked

    def tell(self, what: str, text: str) -> None:
        """Something is new of the search or the queue: JSON, in one line."""
        self.beside[what] = text
        for viewer in self.viewers:
            viewer.beside[what] = text

    def is_looked_at(self) -> bool:
        """Whether anybody looks."""
        return bool(self.viewers)

    def tick(self) -> None:
        """Tell the viewers what has changed since the last tick."""
        changed, redescribed = self.board.take_changed(), self.board.take_redescribed()
        for act in self._ticked:
            act()
        for viewer in self.viewers:
            # An empty frame is a sign of life: the browser tells a server that hangs from a quiet
            # instrument.
            viewer.note(changed, redescribed)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(FRAME_PERIOD_S)
            self.tick()
