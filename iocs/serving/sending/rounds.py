"""When clients are sent what is ready for them: all in one go, and for a share of the time only.

A system call for each client and post is what many clients cost most. Whoever waits for an answer
is answered at once; what goes to those who only watch may wait for as long as a few such rounds
take, and everything that was posted meanwhile then leaves in one piece per client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Rounds"]

#: Of the time, one part in so many is spent on sending to those who watch, ...
ONE_PART_IN: Final = 20
#: ... and to so few of them ...
FEW: Final = 2
#: ... one part in so many.
ONE_PART_IN_FOR_FEW: Final = 10
#: However long a round takes, the next begins after this: half the time between two ticks.
LONGEST_PAUSE_S: Final = 0.05
#: A round for more than few lets answers to puts go first, ...
#: ... for so many turns of the event loop.
TURNS_LATER: Final = 4
#: While much is posted to few, who then have it while it is new, one part in so many.
ONE_PART_IN_OF_MUCH: Final = 2


class Rounds:
    """Calls those who have something to send; each is called once in a round."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []
        self._begun = False
        self._for_few = True
        self._not_before_s = self._much_not_before_s = 0.0

    def join(self, send: Callable[[], None]) -> None:
        """Have this called in the next round; it must not raise."""
        self._waiting.append(send)
        if not self._begun:
            self._begun = True
            turns = 0 if self._for_few else TURNS_LATER
            asyncio.get_running_loop().call_soon(self._wait, turns)

    def hasten(self) -> None:
        """Much is ready: begin the round now, unless it is for many or one has just been."""
        now_s = asyncio.get_running_loop().time()
        if 0 < len(self._waiting) <= FEW and now_s >= self._much_not_before_s:
            self._go()

    def _wait(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if not self._waiting:  # it was hastened
            self._begun = False
        elif loop.time() < self._not_before_s:
            loop.call_at(self._not_before_s, self._wait, 0)
        elif turns:
            loop.call_soon(self._wait, turns - 1)
        else:
            self._begun = False
            self._go()

    def _go(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = time.thread_time()
        waiting, self._waiting = self._waiting, []
        for send in waiting:
            send()
        # Not by the clock: a client that is woken may take the processor at once.
        took_s = time.thread_time() - began_s
        self._for_few = len(waiting) <= FEW
        now_s = loop.time()
        one_part_in = ONE_PART_IN_FOR_FEW if self._for_few else ONE_PART_IN
        self._not_before_s = now_s + min((one_part_in - 1) * took_s, LONGEST_PAUSE_S)
        self._much_not_before_s = now_s + (ONE_PART_IN_OF_MUCH - 1) * took_s
