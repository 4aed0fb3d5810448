"""Drives a machine by its clock, and posts what changed on a steady tick.

Everything runs on one event loop: physics for a few milliseconds, then the server's turn, so that
puts and gets never wait for more than one step of the machine. The results do not depend on the
slices: the machine is stepped with its own fixed step, and guards (interlocks, faults) look at it
after every step, not on the wall's tick.

A step that raises does not kill the server: time is paused and ``Sim:Error_RBV`` says why. Nor does
anything that is done beside the physics on each tick (health, saving): ``Chore``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from iocs.records import Database
from iocs.words.complaints import Complaints, words
from pvdb.live.driver import Driver
from pvdb.parts.clock import SimClock, SteppedMachine

log = logging.getLogger("cryohalo.iocs.simulation")

#: Wall seconds between posts: 10 Hz, what screens and archivers expect.
TICK_S: Final = 0.1
#: Wall seconds of physics before others get their turn.
SLICE_S: Final = 0.005
LONGEST_SLEEP_S: Final = 0.05


class Chore:
    """Something beside the physics that is done on each tick, and whose failure stops nothing.

    It is tried again on the next tick.

    Args:
        name: What it is, for the log and for ``IOC:Error_RBV``.
        act: Does it.

    Attributes:
        error: Why it failed the last time, "" if it did not.
    """

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self.name = name
        self.error = ""
        self._act = act
        self._complaints = Complaints(log)

    def __call__(self) -> None:
        """Do it."""
        try:
            self._act()
        except Exception as error:
            self.error = f"{self.name}: {words(error)}"
            self._complaints.tell(type(error).__name__, f"{self.error}; it is tried again")
        else:
            self.error = ""


class Simulation:
    """One machine, its clock and its records.

    Args:
        machine: The physics.
        clock: When to step.
        database: What to post.
        guards: Called after every step (interlocks, faults).
        wall: Monotonic wall clock, s.

    Attributes:
        driver: Takes the steps.
        chores: Done on each tick.
    """

    def __init__(
        self,
        machine: SteppedMachine,
        clock: SimClock,
        database: Database,
        guards: Sequence[Callable[[], None]] = (),
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.database = database
        self.driver = Driver(machine, clock, guards)
        self.chores: list[Chore] = []
        self._wall = wall
        self._next_tick_s = wall()
        self._awake = asyncio.Event()
        clock.awaited = lambda: database.waiting
        database.on_wake = self._awake.set

    @property
    def error(self) -> str:
        """Why the last step of the machine failed, "" if it did not."""
        return self.driver.error

    @property
    def trouble(self) -> str:
        """What of the chores fails, in words; "" while all is well."""
        return "; ".join(chore.error for chore in self.chores if chore.error)

    async def run(self) -> None:
        """Drive the machine until cancelled."""
        while True:
            stepped = self.advance(SLICE_S)
            await self._serve_records(stepped)
            await self._rest()

    def advance(self, budget_s: float) -> bool:
        """Take the steps that are due, for ``budget_s`` wall seconds; at least one if one is due.

        It ends early when a put has had its effect, so that what is posted then belongs to that
        moment. Nothing moves while records are being posted.
        """
        if self.database.posting:
            return False
        end_s = self._wall() + budget_s
        stepped = False
        try:
            while (step_s := self.clock.due_s()) > 0.0:
                stepped = True
                took = self.driver.step(step_s)
                if not took or self.database.settled() or self._wall() >= end_s:
                    break
            self.clock.forgive_lag()
        except Exception as error:  # the machine cannot even say when its next step is due
            self.driver.stop(error)
        return stepped

    async def _serve_records(self, stepped: bool) -> None:
        if stepped or self.database.waiting:
            await self.database.settle()
        now_s = self._wall()
        if now_s < self._next_tick_s:
            return
        # Ticks stay on their grid; those that were missed are not made up for.
        self._next_tick_s += TICK_S * (1 + (now_s - self._next_tick_s) // TICK_S)
        for chore in self.chores:
            chore()
        # In a single step the values in between depend on the host's speed: they are not posted.
        if not self.clock.stepping:
            await self.database.post()

    async def _rest(self) -> None:
        """Give others their turn; sleep while nothing is due."""
        wait_s = min(self.clock.until_due_s(), self._next_tick_s - self._wall(), LONGEST_SLEEP_S)
        if wait_s <= 0.0:
            await asyncio.sleep(0)
            return
        self._awake.clear()
        try:
            # Not ``wait_for``: with Python 3.11 it swallows a cancellation that comes with the
            # wake, and the IOC would never end.
            async with asyncio.timeout(wait_s):
                await self._awake.wait()
        except TimeoutError:
            return
