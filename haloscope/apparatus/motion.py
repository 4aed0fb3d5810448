"""Piezo drives of the tuning rod and the antenna: scatter, backlash, creep, limits, stall.

The controller steps until its own encoder reads the target, so a finished move is always where the
encoder says. The load is not quite there: each move ends with a random error of about a step, play
in the crank or spindle is taken up on reversal, and the piezo creeps for a minute. All of it is an
exact function of time since the last command.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from haloscope.apparatus.timeline import NS_PER_S, Timeline, checked, to_ns
from instruments.random import generator

#: Both ends of travel carry a switch that closes within this share of the travel.
_SWITCH_SHARE: Final[float] = 1e-6


@dataclass(frozen=True)
class DriveParameters:
    """What one drive is like; ``unit`` is deg or mm and all lengths are in it."""

    name: str
    unit: str
    low: float
    high: float
    velocity: float
    highest_velocity: float
    scatter: float
    backlash: float
    settle_s: float
    creep_fraction: float = 0.0
    creep_range: float = 1.0
    creep_time_s: float = 60.0


@dataclass
class _Move:
    """The last command: from ``start`` to ``end`` (encoder) beginning at ``since_ns``."""

    start: float
    end: float
    since_ns: int
    speed: float
    error_start: float
    error_end: float
    load_start: float
    lag_start: float

    def fraction(self, now_ns: int) -> float:
        distance = abs(self.end - self.start)
        travelled = self.speed * (now_ns - self.since_ns) / NS_PER_S
        return 1.0 if travelled >= distance else travelled / distance


class PiezoDrive:
    """One motor. Positions are encoder readings; ``load`` is where the rod or antenna really is.

    Args:
        parameters: What the drive is like.
        timeline: The machine's clock.
        seed: The machine's seed.
        position: Where it stands at the start.
        changed: Called when a move begins or is cut short.
    """

    def __init__(
        self,
        parameters: DriveParameters,
        timeline: Timeline,
        seed: int,
        position: float,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.parameters = parameters
        self._timeline, self._seed, self._changed = timeline, seed, changed
        p = parameters
        self._move = _Move(position, position, 0, p.velocity, 0.0, 0.0, position, 0.0)
        self._count = 0
        self._setpoint = position
        self._velocity = p.velocity
        self._low, self._high = p.low, p.high
        self._done_ns = 0
        self._stall_at: float | None = None
        self._homed = True

    # commands

    def move_to(self, position: float) -> None:
        """Start a move; a move under way is superseded from where it is.

        Raises:
            Refused: Not a number or beyond the soft limits.
        """
        p = self.parameters
        self._begin(checked(f"{p.name} position", position, self._low, self._high, p.unit))

    def stop(self) -> None:
        """Stop where it is; the setpoint becomes the position."""
        if self.moving:
            self._begin(self.position)

    def home(self) -> None:
        """Drive to the low switch, whatever the soft limit, and reference the encoder there."""
        self._begin(self.parameters.low)
        self._move.error_end = 0.0
        self._homed = True

    def inject_stall(self) -> None:
        """Make the next move stall half-way (a fault for tests and training)."""
        self._stall_at = math.nan

    # settings

    @property
    def velocity(self) -> float:
        """Speed of moves, unit/s."""
        return self._velocity

    @velocity.setter
    def velocity(self, value: float) -> None:
        p = self.parameters
        slowest = 1e-3 * p.velocity
        self._velocity = checked(
            f"{p.name} velocity", value, slowest, p.highest_velocity, f"{p.unit}/s"
        )

    @property
    def low_limit(self) -> float:
        """Soft limit, unit."""
        return self._low

    @low_limit.setter
    def low_limit(self, value: float) -> None:
        p = self.parameters
        self._low = checked(f"{p.name} low limit", value, p.low, self._high, p.unit)

    @property
    def high_limit(self) -> float:
        """Soft limit, unit."""
        return self._high

    @high_limit.setter
    def high_limit(self, value: float) -> None:
        p = self.parameters
        self._high = checked(f"{p.name} high limit", value, self._low, p.high, p.unit)

    # readings

    @property
    def position(self) -> float:
        """Encoder reading, unit."""
        move = self._move
        return move.start + (move.end - move.start) * move.fraction(self._timeline.now_ns)

    @property
    def setpoint(self) -> float:
        """Last commanded position, unit."""
        return self._setpoint

    @property
    def moving(self) -> bool:
        """True from the command until the controller has settled."""
        return self._timeline.now_ns < self._done_ns

    @property
    def stalled(self) -> bool:
        """True if the last move ended short of its setpoint because the drive did not get on."""
        return not self.moving and abs(self.position - self._setpoint) > 1e-9

    @property
    def homed(self) -> bool:
        """True once the encoder has been referenced."""
        return self._homed

    @property
    def direction(self) -> int:
        """Sign of the last move, 0 before the first."""
        return int(math.copysign(1, self._move.end - self._move.start)) if self._count else 0

    @property
    def at_low_switch(self) -> bool:
        """Mechanical end of travel, low side."""
        return self.position <= self.parameters.low + self._switch

    @property
    def at_high_switch(self) -> bool:
        """Mechanical end of travel, high side."""
        return self.position >= self.parameters.high - self._switch

    @property
    def done_ns(self) -> int:
        """When the present move ends; in the past if none is under way."""
        return self._done_ns

    def load(self, now_ns: int) -> float:
        """True position of the load at ``now_ns``, not before the last command."""
        move, p = self._move, self.parameters
        fraction = move.fraction(now_ns)
        motor = move.start + (move.end - move.start) * fraction
        motor += move.error_start + (move.error_end - move.error_start) * fraction
        half = 0.5 * p.backlash
        carried = min(max(move.load_start, motor - half), motor + half)
        return carried + self._lag(now_ns, fraction * (move.end - move.start))

    # saving

    def state(self) -> dict[str, Any]:
        """Plain values for saving."""
        return {
            "move": list(vars(self._move).values()),
            "count": self._count,
            "setpoint": self._setpoint,
            "velocity": self._velocity,
            "limits": [self._low, self._high],
            "done_ns": self._done_ns,
            "stall": self._stall_at is not None,
            "homed": self._homed,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over saved values."""
        self._move = _Move(*state["move"])
        self._count, self._setpoint = state["count"], state["setpoint"]
        self._velocity = state["velocity"]
        self._low, self._high = state["limits"]
        self._done_ns, self._homed = state["done_ns"], state["homed"]
        self._stall_at = math.nan if state["stall"] else None

    @property
    def _switch(self) -> float:
        return _SWITCH_SHARE * (self.parameters.high - self.parameters.low)

    def _begin(self, target: float) -> None:
        p, now = self.parameters, self._timeline.now_ns
        position, fraction = self.position, self._move.fraction(now)
        error = self._move.error_start + (self._move.error_end - self._move.error_start) * fraction
        moved = fraction * (self._move.end - self._move.start)
        lag = self._lag(now, moved)
        load = self.load(now) - lag
        end = target
        if self._stall_at is not None and target != position:
            end, self._stall_at = 0.5 * (position + target), None
        self._count += 1
        scatter = p.scatter * generator(self._seed, f"{p.name}.move", self._count).standard_normal()
        arriving = error if end == position else scatter
        self._move = _Move(position, end, now, self._velocity, error, arriving, load, lag)
        self._setpoint = target
        duration_s = abs(end - position) / self._velocity + p.settle_s
        self._done_ns = now + to_ns(duration_s)
        self._changed()

    def _lag(self, now_ns: int, moved: float) -> float:
        """What creep still owes: a share of the move, and what was owed before, both dying away."""
        move, p = self._move, self.parameters
        elapsed_s = (now_ns - move.since_ns) / NS_PER_S
        after_s = max(0.0, elapsed_s - abs(move.end - move.start) / move.speed)
        owed = move.lag_start * math.exp(-elapsed_s / p.creep_time_s)
        # Creep follows the last few steps, not the length of a long walk.
        fresh = p.creep_range * math.tanh(moved / p.creep_range)
        return owed - p.creep_fraction * fresh * math.exp(-after_s / p.creep_time_s)
