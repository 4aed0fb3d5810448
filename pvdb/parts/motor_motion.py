"""What the axis of a motor record has been sent to do, and how that ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum, auto

from instruments.still import Mark, Still
from pvdb.parts.motor_axis import MotorAxis


class Doing(Enum):
    """Kinds of motion."""

    NOTHING = auto()
    MOVING = auto()
    JOGGING = auto()
    HOMING = auto()


class Motion:
    """The motion that is under way.

    Args:
        axis: What moves.
        deadband: ``RDBD``: this close counts as there.
        time: Simulated time, s. A motion takes some of it, however short.

    Attributes:
        doing: What it is; it stands until ``end`` finds that it has ended.
        towards_high: ``TDIR``: the direction of the last motion, in dial coordinates.
        arrived: Whether the last move ended where it was sent.
        retries: ``RTRY``: how often a move that ended short is tried again.
        retried: ``RCNT``.
        missed: ``MISS``: the last move ended short after all its retries.
    """

    def __init__(self, axis: MotorAxis, deadband: float, time: Callable[[], float]) -> None:
        self.axis = axis
        self.doing = Doing.NOTHING
        self.towards_high = True
        self.arrived = True
        self.retries = self.retried = 0
        self.missed = False
        self._deadband = deadband
        self._time = time
        self._started_s = -math.inf
        self._goal = 0.0
        self._still = Still(self)

    @property
    def under_way(self) -> bool:
        """Whether a motion has begun whose end has not been seen."""
        return self.doing is not Doing.NOTHING

    def still(self) -> Mark:
        """The same mark until anything here can be another; None while a motion is under way."""
        return None if self.under_way else self._still()

    def moving(self) -> bool:
        """``MOVN``; the moment of its start belongs to a motion."""
        return self.axis.moving or (self.under_way and self._time() <= self._started_s)

    def move(self, dial: float) -> None:
        """Go to a dial position; the switches end what no soft limit ends."""
        self._goal = dial
        self.retried = 0
        self._send(dial)

    def _send(self, dial: float) -> None:
        towards_high = dial >= self.axis.position
        low, high = self.axis.travel
        self.axis.move_to(min(max(dial, low), high))
        self._begun(Doing.MOVING, towards_high)

    def jog(self, edge: float, towards_high: bool) -> None:
        """Run until it is stopped, at the latest to ``edge``."""
        self.axis.move_to(edge)
        self._begun(Doing.JOGGING, towards_high)

    def home(self) -> None:
        """Search the reference, which is at the low switch."""
        self.axis.home()
        self._begun(Doing.HOMING, towards_high=False)

    def stop(self) -> None:
        """Stop; there is no end of the motion to be seen any more."""
        self.axis.stop()
        self.doing = Doing.NOTHING

    def _begun(self, doing: Doing, towards_high: bool) -> None:
        self.doing, self.towards_high = doing, towards_high
        self._started_s = self._time()

    def end(self) -> Doing:
        """What has ended just now, if anything. A move that ended short may be tried again."""
        if not self.under_way or self.moving():
            return Doing.NOTHING
        if self.doing is Doing.MOVING and self._tries_again():
            return Doing.NOTHING
        ended, self.doing = self.doing, Doing.NOTHING
        return ended

    def _tries_again(self) -> bool:
        self.arrived = abs(self._goal - self.axis.position) < self._deadband
        if self.arrived:
            self.missed = False
        elif self.retries and not self.at_switch(self.towards_high):
            self.retried += 1
            self.missed = self.retried > self.retries
            if not self.missed:
                self._send(self._goal)
                return True
        return False

    def at_switch(self, high: bool) -> bool:
        """Whether it stands at the high or at the low limit switch (dial)."""
        return self.axis.at_high_switch if high else self.axis.at_low_switch
