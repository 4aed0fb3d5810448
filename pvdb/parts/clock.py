"""The simulated clock of an IOC: how far the physics should be by now.

The machine advances in its own fixed steps, so what it does never depends on the host's speed. The
clock says only whether one more step is due: at speed N, when N times the wall time since the last
change of speed is ahead of it; at speed 0, always while the machine is busy or a put waits, else as
at speed 1. A machine that cannot keep up is not hurried: the clock forgets the lag and counts an
overrun.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from instruments.errors import Refused
from instruments.ranges import commanded

MAX_SPEED: Final = 1e6
#: A machine may want longer steps; this is as coarse as its readings and interlocks may be.
LONGEST_STEP_S: Final = 1.0
#: The same at speed 0, where nobody sees the readings in between. A machine asks for as much only
#: while nothing that an interlock looks at changes by itself.
LONGEST_FREE_STEP_S: Final = 50.0
#: Wall seconds the physics may be late before it counts as an overrun (assumed: five screen
#: updates).
LAG_ALLOWED_S: Final = 0.5


class SteppedMachine(Protocol):
    """What the clock drives."""

    @property
    def time_s(self) -> float:
        """Simulated time."""

    @property
    def dt_s(self) -> float:
        """The step the machine wants now."""

    @property
    def busy(self) -> bool:
        """Whether something is in progress."""

    def step(self, dt_s: float) -> None:
        """Advance by ``dt_s``."""

    def state(self) -> dict[str, Any]:
        """The whole physical state."""

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what ``state`` returned, or an older version's; refuses anything else."""

    def check_state(self, state: dict[str, Any]) -> None:
        """Raise ``Refused`` for what ``state`` cannot have returned."""

    def contradiction(self) -> str:
        """What of the state does not follow from the rest, "" while all does."""


class SimClock:
    """Simulated time of a machine.

    Args:
        machine: What is stepped.
        speed: Simulated seconds per wall second; 0 as fast as possible while busy.
        wall: Monotonic wall clock, s.
    """

    def __init__(
        self,
        machine: SteppedMachine,
        speed: float = 1.0,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self.machine = machine
        self.overruns = 0
        self.awaited: Callable[[], bool] = lambda: False
        self._wall = wall
        self._speed = speed
        self._paused = False
        self._step_until_s: float | None = None
        self._last_piece_given = False
        self._cut_short = False
        self._anchor()

    # -- what the operator sets ------------------------------------------------------------------

    @property
    def speed(self) -> float:
        """Simulated seconds per wall second; 0 as fast as possible while busy."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._speed = commanded("speed", value, 0.0, MAX_SPEED, "")
        self._anchor()

    @property
    def paused(self) -> bool:
        """Whether simulated time stands still (but for single steps)."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._paused = bool(value)
        self._cut_short = self._cut_short or self.stepping
        self._step_until_s = None
        self._anchor()

    def advance_by(self, seconds: float) -> None:
        """Let exactly ``seconds`` of simulated time pass, then stand still again.

        Raises:
            Refused: The clock runs, or has not finished the last such step.
        """
        if not self._paused:
            raise Refused("the clock runs: pause it before stepping")
        if self.stepping:
            raise Refused(f"the clock is stepping to {self._step_until_s:g} s")
        if not seconds > 0:
            raise Refused(f"a step of {seconds:g} s is not in the future")
        self._step_until_s = self.machine.time_s + seconds
        self._last_piece_given = self._cut_short = False

    def step_done(self) -> bool:
        """Whether the last single step has ended.

        Raises:
            Refused: It was cut short, by a pause or by a step of the machine that failed.
        """
        if self._cut_short:
            raise Refused(f"the step was cut short at {self.machine.time_s:g} s")
        return not self.stepping

    @property
    def stepping(self) -> bool:
        """Whether a single step has not finished."""
        return self._step_until_s is not None

    def begin_now(self) -> None:
        """Let time go on from here: the wall time since nobody asked does not count."""
        self._anchor()

    # -- what the simulation asks ----------------------------------------------------------------

    @property
    def free_running(self) -> bool:
        """Whether time passes as fast as the physics can."""
        if self._paused:
            return self.stepping
        return self._speed == 0 and (self.awaited() or self.machine.busy)

    def due_s(self) -> float:
        """The step to take now, in simulated seconds; 0 if none is due."""
        if self._paused:
            return self._single_step_s()
        if self.free_running:
            self._anchor()
            return self._step_s(free=True)
        step_s = self._step_s(free=False)
        return step_s if self.machine.time_s + step_s <= self._target_s() else 0.0

    def _single_step_s(self) -> float:
        """The machine's own step, or what is left of the single step."""
        if self._step_until_s is None:
            return 0.0
        left_s = self._step_until_s - self.machine.time_s
        step_s = self.step_s
        if left_s > step_s * (1 - 1e-6):
            return step_s
        # A machine of fixed steps may owe a remainder to its next step: it is asked for it once.
        if left_s > 1e-6 * step_s and not self._last_piece_given:
            self._last_piece_given = True  # until it is taken, a pause still cuts the step short
            return left_s
        self._step_until_s = None
        return 0.0

    def forgive_lag(self) -> None:
        """Forget a lag beyond what is allowed, and count it as an overrun."""
        rate = self._speed or 1.0
        if not self._paused and self._target_s() - self.machine.time_s > self._allowed_lag_s(rate):
            self.overruns += 1
            self._anchor()

    def _allowed_lag_s(self, rate: float) -> float:
        return rate * LAG_ALLOWED_S + self.step_s

    def until_due_s(self) -> float:
        """Wall seconds until the next step is due; infinite while time stands still."""
        if self.free_running:
            return 0.0
        if self._paused:
            return float("inf")
        ahead_s = self.machine.time_s + self.step_s - self._target_s()
        return max(0.0, ahead_s / (self._speed or 1.0))

    @property
    def step_s(self) -> float:
        """The machine's own step, and not longer than may pass between two looks at it."""
        return self._step_s(free=self.free_running and not self._paused)

    def _step_s(self, *, free: bool) -> float:
        return min(self.machine.dt_s, LONGEST_FREE_STEP_S if free else LONGEST_STEP_S)

    def _target_s(self) -> float:
        return self._anchor_sim_s + (self._speed or 1.0) * (self._wall() - self._anchor_wall_s)

    def _anchor(self) -> None:
        self._anchor_wall_s = self._wall()
        self._anchor_sim_s = self.machine.time_s
