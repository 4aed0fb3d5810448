"""The EPICS motor record over an axis, complete for ophyd, ophyd-async and pyepics.

Field names and meanings are those of the motor record (https://epics-motor.readthedocs.io,
motorRecord.html). The axis works in dial coordinates; user = ``DIR`` * dial + ``OFF``. What clients
rely on:

- a put to ``VAL`` (or ``DVAL``, ``RLV``, ``TWF`` ...) completes when the move has ended, ``DMOV``
  is 1 and ``RBV`` posted;
- a second put redirects the move; both puts complete when the axis is at rest, as the record does
  it;
- ``STOP`` decelerates, sets ``VAL`` to ``RBV``, and lets the waiting puts complete;
- a target outside ``LLM..HLM`` is refused, ``LVIO`` is 1, nothing moves; the limits are ``VAL``'s
  control limits too;
- ``MSTA`` has the record's bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from instruments.errors import Refused
from pvdb.records import Range


class Axis(Protocol):
    """What the record needs of a motor; positions in its own (dial) units."""

    @property
    def position(self) -> float: ...  # noqa: D102
    @property
    def setpoint(self) -> float: ...  # noqa: D102
    @property
    def moving(self) -> bool: ...  # noqa: D102
    @property
    def homed(self) -> bool: ...  # noqa: D102
    @property
    def stalled(self) -> bool: ...  # noqa: D102
    @property
    def at_low_switch(self) -> bool: ...  # noqa: D102
    @property
    def at_high_switch(self) -> bool: ...  # noqa: D102

    velocity: float
    low_limit: float
    high_limit: float

    def move_to(self, position: float) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def home(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class MotorSettings:
    """What a motor record says about its axis.

    Attributes:
        name: Record name without prefix.
        description: ``.DESC``.
        units: ``.EGU``.
        precision: ``.PREC``.
        resolution: Units per step (``.MRES``).
        max_velocity: ``.VMAX``, units/s.
        acceleration_s: ``.ACCL``, seconds to full velocity.
        deadband: ``.RDBD``: this close counts as there.
    """

    name: str
    description: str
    units: str
    precision: int
    resolution: float
    max_velocity: float
    acceleration_s: float
    deadband: float


DIRECTION, DONE, PLUS_LIMIT, HOME, POWERED, PROBLEM, MOVING, MINUS_LIMIT, HOMED = (
    1 << bit for bit in (0, 1, 2, 3, 5, 9, 10, 13, 14)
)
"""Bits of ``MSTA``."""

SPMG = ("Stop", "Pause", "Move", "Go")
STOP, PAUSE, MOVE, GO = range(4)


class MotorRecord:
    """State of the record that is not the axis's own: offset, direction, modes, user limits.

    Args:
        axis: The motor.
        settings: What the record says about it.
        time: Simulated time, s. A move takes some of it, however short: ``DMOV`` always goes down
            and up.
        hindrance: Why it may not move now, "" if it may (an interlock).
    """

    def __init__(
        self,
        axis: Axis,
        settings: MotorSettings,
        time: Callable[[], float],
        hindrance: Callable[[], str] = lambda: "",
    ) -> None:
        self.axis = axis
        self.settings = settings
        self.time = time
        self.hindrance = hindrance
        self._started_s = -math.inf
        self.offset = 0.0
        self.reversed = False
        self.set_mode = False
        self.frozen_offset = False
        self.limit_violation = False
        self.spmg = GO
        self.tweak = 10 * settings.resolution
        self._hard = (axis.low_limit, axis.high_limit)
        self._target: float | None = None
        self._suspended = False
        self._jog: int | None = None
        self._towards_high = True

    # -- coordinates -----------------------------------------------------------------------------

    @property
    def sign(self) -> float:
        """+1, or -1 where user and dial directions are opposite."""
        return -1.0 if self.reversed else 1.0

    def user(self, dial: float) -> float:
        """User position of a dial position."""
        return self.sign * dial + self.offset

    def dial(self, user: float) -> float:
        """Dial position of a user position."""
        return self.sign * (user - self.offset)

    def position(self) -> float:
        """``RBV``."""
        return self.user(self.axis.position)

    def target(self) -> float:
        """``VAL``: where it is going, or where it stands after a stop."""
        return self.user(self.dial_target())

    def dial_target(self) -> float:
        """``DVAL``."""
        return self.axis.setpoint if self._target is None else self._target

    def user_limits(self) -> Range:
        """``LLM``, ``HLM``."""
        ends = self.user(self.axis.low_limit), self.user(self.axis.high_limit)
        return min(ends), max(ends)

    # -- commands --------------------------------------------------------------------------------

    def move(self, user: float) -> None:
        """Go to a user position, or in Set mode call the present position by it."""
        if self.set_mode:
            self._redefine(user)
            return
        low, high = self.user_limits()
        if not low <= user <= high:
            self.limit_violation = True
            unit = self.settings.units
            raise Refused(
                f"{self.settings.name} = {user:g} {unit} is outside {low:g}..{high:g} {unit}"
            )
        self._start(self.dial(user))

    def _start(self, dial: float) -> None:
        name = self.settings.name
        if self.spmg in (STOP, PAUSE):
            raise Refused(f"{name}: SPMG is {SPMG[self.spmg]}")
        reason = self.hindrance()
        if reason:
            raise Refused(f"{name}: {reason}")
        self._towards_high = dial >= self.axis.position
        self.axis.move_to(dial)
        self._started_s = self.time()
        self._target = dial
        self._suspended, self._jog = False, None
        self.limit_violation = False

    def _redefine(self, user: float) -> None:
        if self.frozen_offset:
            raise Refused(
                f"{self.settings.name}: the controller's position is fixed while FOFF is Frozen"
            )
        self.offset = user - self.sign * self.axis.position
        self._forget_move()

    def _forget_move(self) -> None:
        self._target, self._suspended, self._jog = None, False, None

    def jog(self, end: int, on: bool) -> None:
        """``JOGR`` (end 0) or ``JOGF`` (end 1).

        Off stops only the motion that this jog began.
        """
        if on:
            self.move(self.user_limits()[end])
            self._jog = end
        elif self._jog == end:
            self.stop()

    def stop(self) -> None:
        """Decelerate and stay; ``VAL`` becomes ``RBV``."""
        self.axis.stop()
        self._forget_move()

    def home(self) -> None:
        """Find the reference."""
        reason = self.hindrance()
        if reason:
            raise Refused(f"{self.settings.name}: {reason}")
        self.axis.home()
        self._started_s = self.time()
        self._forget_move()

    def set_spmg(self, index: int) -> None:
        """Stop, Pause, Move or Go."""
        before, self.spmg = self.spmg, index
        if index == STOP:
            self.stop()
        elif index == PAUSE:
            self._suspended = self._target is not None and not self.at_rest()
            self.axis.stop()
        elif self._suspended and self._target is not None:
            self._resume(self._target, before)

    def _resume(self, target: float, before: int) -> None:
        try:
            self._start(target)
        except Refused:
            self.spmg = before
            raise

    def set_reversed(self, index: int) -> None:
        """``DIR``; the offset is kept."""
        self.reversed = bool(index)

    def set_dial_limit(self, high: bool, dial: float) -> None:
        """``DHLM`` or ``DLLM``; inside the axis's hard limits, and low below high."""
        low_end, high_end = self._hard
        bounds = (self.axis.low_limit, high_end) if high else (low_end, self.axis.high_limit)
        if not bounds[0] <= dial <= bounds[1]:
            side, unit = ("high" if high else "low"), self.settings.units
            raise Refused(
                f"{self.settings.name}: {side} limit {dial:g} {unit} is outside "
                f"{bounds[0]:g}..{bounds[1]:g} {unit}"
            )
        if high:
            self.axis.high_limit = dial
        else:
            self.axis.low_limit = dial

    def set_user_limit(self, high: bool, user: float) -> None:
        """``HLM`` or ``LLM``."""
        self.set_dial_limit(high != self.reversed, self.dial(user))

    def at_rest(self) -> bool:
        """Whether a move has ended; a paused one has not."""
        if self.axis.moving or self.time() <= self._started_s:
            return False
        return not self._suspended

    # -- state -----------------------------------------------------------------------------------

    def towards_high(self) -> bool:
        """``TDIR``: the direction of the last move, in dial coordinates."""
        return self._towards_high

    def status_bits(self) -> int:
        """``MSTA``."""
        axis = self.axis
        bits = {
            DIRECTION: self._towards_high,
            DONE: not axis.moving,
            PLUS_LIMIT: axis.at_high_switch,
            POWERED: True,
            PROBLEM: bool(self.problem()),
            MOVING: axis.moving,
            MINUS_LIMIT: axis.at_low_switch,
            HOMED: axis.homed,
        }
        return sum(bit for bit, on in bits.items() if on)

    def problem(self) -> str:
        """Why the axis does not follow (a stall), "" if it does."""
        return "stalled short of its target" if self.axis.stalled else ""
