"""When clients are sent what is ready for them: all in one go, and for a share of the time only.

A system call for each client and post is what many clients cost most. Whoever waits for an answer
is answered at once; what goes to those who only watch may wait for as long as a few such rounds
take, and everything that was posted meanwhile then leaves in one piece per client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

__all__ = ["Rounds"]

#: Of the time, one part in so many is spent on sending to those who watch.
ONE_PART_IN: Final = 10
#: However long a round takes, the next begins after this.
LONGEST_PAUSE_S: Final = 0.02
#: A round that takes longer than this lets answers to puts go first, ...
SHORT_S: Final = 0.0001
#: ... for so many turns of the event loop.
TURNS_LATER: Final = 4


class Rounds:
    """Calls those who have something to send; each is called once in a round."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []
        self._begun = False
        self._took_s = 0.0
        self._not_before_s = 0.0

    def join(self, send: Callable[[], None]) -> None:
        """Have this called in the next round; it must not raise."""
        self._waiting.append(send)
        if not self._begun:
            self._begun = True
            self._wait(TURNS_LATER if self._took_s > SHORT_S else 0)

    def _wait(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before_s:
            loop.call_at(self._not_before_s, self._wait, 0)
        elif turns:
            loop.call_soon(self._wait, turns - 1)
        else:
            loop.call_soon(self._go)

    def _go(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        waiting, self._waiting = self._waiting, []
        self._begun = False
        for send in waiting:
            send()
        ended_s = loop.time()
        self._took_s = ended_s - began_s
        pause_s = min((ONE_PART_IN - 1) * self._took_s, LONGEST_PAUSE_S)
        self._not_before_s = ended_s + pause_s
