"""When clients are sent what is ready for them: all in one go, and for a share of the time only.

A system call for each client and post is what many clients cost most. Whoever waits for an answer
is answered at once; what goes to those who only watch may wait for as long as a few such rounds
take, and everything that was posted meanwhile then leaves in one piece per client.

An IOC with time to spare sends much to few at once. One that works without a pause, as it does when
simulated time runs free, does not: each piece would wake a process, and those take the processor
from whom a plan waits for.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Rounds"]

#: Of the time, one part in so many is spent on sending to those who watch; but however long a round
#: takes, the next begins after so many seconds.
TO_MANY: Final = (20, 0.05)
#: The same for few ...
TO_FEW: Final = (10, 0.02)
#: ... and who that is.
FEW: Final = 2
#: A round that takes longer than this lets answers to puts go first, ...
SHORT_S: Final = 0.0001
#: ... for so many turns of the event loop.
TURNS_LATER: Final = 4
#: While much is posted to few, who then have it while it is new, one part in so many, ...
ONE_PART_IN_OF_MUCH: Final = 2
#: ... unless the IOC itself has taken more than this share of a processor ...
BUSY: Final = 1 / 3
#: ... for so long.
LOOK_EVERY_S: Final = 0.25


class Rounds:
    """Calls those who have something to send; each is called once in a round."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []
        self._begun = False
        self._took_s = 0.0
        self._not_before_s = self._much_not_before_s = 0.0
        self._is_busy = False
        self._looked_s = self._used_s = math.nan

    def join(self, send: Callable[[], None]) -> None:
        """Have this called in the next round; it must not raise."""
        self._waiting.append(send)
        if not self._begun:
            self._begun = True
            turns = TURNS_LATER if self._took_s > SHORT_S else 0
            asyncio.get_running_loop().call_soon(self._wait, turns)

    def hasten(self) -> None:
        """Much is ready: begin the round now, unless it is for many, too soon, or time is short."""
        now_s = asyncio.get_running_loop().time()
        self._look(now_s)
        if 0 < len(self._waiting) <= FEW and now_s >= self._much_not_before_s and not self._is_busy:
            self._go()

    def _look(self, now_s: float) -> None:
        """See now and then whether the IOC has time to spare."""
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        used_s = time.thread_time()
        # The first time there is nothing to compare with: no share is more than none.
        self._is_busy = (used_s - self._used_s) / (now_s - self._looked_s) > BUSY
        self._looked_s, self._used_s = now_s, used_s

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
        began_s, began_cpu_s = loop.time(), time.thread_time()
        waiting, self._waiting = self._waiting, []
        for send in waiting:
            send()
        now_s, used_s = loop.time(), time.thread_time() - began_cpu_s
        self._took_s = now_s - began_s
        # By the clock: where a client that is woken takes the processor at once, there are more of
        # them than the machine has room for.
        one_part_in, longest_s = TO_FEW if len(waiting) <= FEW else TO_MANY
        self._not_before_s = now_s + min((one_part_in - 1) * self._took_s, longest_s)
        self._much_not_before_s = now_s + (ONE_PART_IN_OF_MUCH - 1) * used_s
