"""Takes the steps of a machine; a step that fails stops time, not the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from pvdb.parts.clock import SimClock, SteppedMachine

log = logging.getLogger("cryohalo.pvdb")


class Driver:
    """A machine, its clock, and what looks at it after every step.

    Args:
        machine: The physics.
        clock: Of its time.
        guards: Called after every step (interlocks, faults).

    Attributes:
        error: Why time was stopped, "" while steps succeed.
    """

    def __init__(
        self, machine: SteppedMachine, clock: SimClock, guards: Sequence[Callable[[], None]] = ()
    ) -> None:
        self.machine = machine
        self.clock = clock
        self.guards = tuple(guards)
        self.error = ""

    def step(self, step_s: float) -> bool:
        """Take one step of ``step_s`` simulated seconds.

        Returns:
            False if it failed: simulated time is then paused and ``error`` says why.
        """
        try:
            self.machine.step(step_s)
            self.look()
        except Exception as error:
            self.stop(error)
            return False
        self.error = ""
        return True

    def stop(self, error: Exception) -> None:
        """The machine fails: hold simulated time and say why."""
        log.error("the simulation stopped", exc_info=error)
        text = " ".join(str(error).split())
        self.error = f"{type(error).__name__}: {text}" if text else type(error).__name__
        self.clock.paused = True

    def look(self) -> None:
        """Let the guards look at the machine."""
        for guard in self.guards:
            guard()
