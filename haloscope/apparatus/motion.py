"""Piezo drives of the tuning rod and the antenna: scatter, backlash, creep, switches, stall.

The controller steps until its own encoder reads the target, so a finished move is always where the
encoder says. The load is not quite there: each move ends with a random error of about a step, play
in the crank or spindle is taken up on reversal, and the piezo creeps for a minute. All of it is an
exact function of time since the last command.

The encoder can be set so that the present position has another number
(``PiezoDrive.load_position``); until the next search of the reference, readings are then shifted
against the mechanics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from haloscope.apparatus.timeline import NS_PER_S, Timeline, to_ns
from instruments.errors import Refused
from instruments.kept import Flag, Group, Maybe, Number, Spec, check
from instruments.random import generator
from instruments.ranges import commanded
from instruments.still import Mark, Still

#: Both ends of travel carry a switch that closes within this share of the travel.
_SWITCH_SHARE: Final[float] = 1e-6
#: More than any drive will make; their number is part of a random key.
MOST_MOVES: Final[int] = 10**15

#: Readings beyond this mean nothing for a drive of some cm or deg.
_LARGEST: Final[float] = 1e9


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


_MOVE_KEYS: Final = tuple(field.name for field in fields(_Move))


def adopted(state: Any) -> Any:
    """A saved state in the present layout.

    Older versions kept the soft limits, a move as a list, and knew no shift of the encoder.
    """
    if not isinstance(state, dict) or "limits" not in state:
        return state
    kept = {key: value for key, value in state.items() if key != "limits"}
    if isinstance(move := state.get("move"), list) and len(move) == len(_MOVE_KEYS):
        kept["move"] = dict(zip(_MOVE_KEYS, move, strict=True))
    return {"shift": 0.0, "found_ns": None} | kept


class PiezoDrive:
    """One motor. Positions are encoder readings; ``load`` is where the rod or antenna really is.

    Everything private and the ends of travel in the parameters are mechanical positions: readings
    less the shift.

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
        self._done_ns = 0
        self._stall_at: float | None = None
        self._homed = True
        self._shift = 0.0
        self._found_ns: int | None = None  # when the search that is under way meets the reference
        self._still = Still(self)

    # commands

    def move_to(self, position: float) -> None:
        """Start a move; a move under way is superseded from where it is.

        Raises:
            Refused: Not a number, or beyond the travel.
        """
        p, (low, high) = self.parameters, self.travel
        target = commanded(f"{p.name} position", position, low, high, p.unit)
        self._begin(min(max(target - self._shift_now, p.low), p.high))

    def stop(self) -> None:
        """Stop where it is; the setpoint becomes the position."""
        if self.moving:
            self._begin(self._mechanical)

    def home(self) -> None:
        """Drive to the low switch and reference the encoder there.

        The reference is lost when the search begins, and there again when the switch is met.
        """
        p = self.parameters
        self._begin(p.low)
        self._homed = False
        if self._move.end == p.low:  # it does not stall on the way
            self._move = replace(self._move, error_end=0.0)
            self._found_ns = self._done_ns

    def load_position(self, position: float) -> None:
        """Call the present position by another number; nothing moves.

        Raises:
            Refused: Not a number, or it moves.
        """
        p = self.parameters
        if self.moving:
            raise Refused(f"{p.name}: it moves; its position cannot be set")
        number = commanded(f"{p.name} position", position, -_LARGEST, _LARGEST, p.unit)
        self._meet_reference()
        self._shift = number - self._mechanical
        self._setpoint = self._mechanical

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
        self._velocity = commanded(
            f"{p.name} velocity", value, self._slowest, p.highest_velocity, f"{p.unit}/s"
        )

    @property
    def _slowest(self) -> float:
        return 1e-3 * self.parameters.velocity

    # readings

    @property
    def position(self) -> float:
        """Encoder reading, unit."""
        return self._mechanical + self._shift_now

    @property
    def setpoint(self) -> float:
        """Last commanded position, unit."""
        return self._setpoint + self._shift_now

    @property
    def travel(self) -> tuple[float, float]:
        """Readings at the low and at the high switch, unit."""
        p, shift = self.parameters, self._shift_now
        return p.low + shift, p.high + shift

    @property
    def moving(self) -> bool:
        """True from the command until the controller has settled."""
        return self._timeline.now_ns < self._done_ns

    @property
    def stalled(self) -> bool:
        """True if the last move ended short of its setpoint because the drive did not get on."""
        return not self.moving and abs(self._mechanical - self._setpoint) > 1e-9

    @property
    def homed(self) -> bool:
        """True while the encoder is referenced: not from the beginning of a search to its end."""
        return self._homed or self._found

    @property
    def direction(self) -> int:
        """Sign of the last move, 0 before the first."""
        return int(math.copysign(1, self._move.end - self._move.start)) if self._count else 0

    @property
    def at_low_switch(self) -> bool:
        """Mechanical end of travel, low side; it is the reference too."""
        return self._mechanical <= self.parameters.low + self._switch

    @property
    def at_high_switch(self) -> bool:
        """Mechanical end of travel, high side."""
        return self._mechanical >= self.parameters.high - self._switch

    @property
    def done_ns(self) -> int:
        """When the present move ends; in the past if none is under way."""
        return self._done_ns

    def still(self) -> Mark:
        """The same mark until a reading or a setting can be another; None while that is so."""
        now_ns = self._timeline.now_ns
        searches = self._found_ns is not None and now_ns < self._found_ns
        if searches or now_ns < self._done_ns or self._move.fraction(now_ns) != 1.0:
            return None
        return self._still()

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
            "move": dict(vars(self._move)),
            "count": self._count,
            "setpoint": self._setpoint,
            "velocity": self._velocity,
            "done_ns": self._done_ns,
            "stall": self._stall_at is not None,
            "homed": self._homed,
            "shift": self._shift,
            "found_ns": self._found_ns,
        }

    def allowed(self, now_ns: int) -> Spec:
        """What a saved state may hold at a time."""
        p = self.parameters
        place, error = Number(p.low, p.high, p.unit), Number(p.low - p.high, p.high - p.low, p.unit)
        slowest = Number(self._slowest, p.highest_velocity, f"{p.unit}/s")
        since = Number(0, now_ns, "ns", whole=True)
        longest_ns = to_ns((p.high - p.low) / self._slowest + p.settle_s)
        ending = Number(0, now_ns + longest_ns, "ns", whole=True)
        move = {
            "start": place,
            "end": place,
            "since_ns": since,
            "speed": slowest,
            "error_start": error,
            "error_end": error,
            "load_start": Number(2 * p.low - p.high, 2 * p.high - p.low, p.unit),
            "lag_start": error,
        }
        state: dict[str, Spec] = {
            "move": Group(move),
            "count": Number(0, MOST_MOVES, whole=True),
            "setpoint": place,
            "velocity": slowest,
            "done_ns": ending,
            "stall": Flag(),
            "homed": Flag(),
            "shift": Number(-2 * _LARGEST, 2 * _LARGEST, p.unit),
            "found_ns": Maybe(ending),
        }
        return Group(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Take over saved values.

        Raises:
            Refused: One of them cannot be; nothing is taken over.
        """
        state = adopted(state)
        check(self.allowed(self._timeline.now_ns), state, self.parameters.name)
        self._move = _Move(**state["move"])
        self._count, self._setpoint = state["count"], state["setpoint"]
        self._velocity, self._shift = state["velocity"], state["shift"]
        self._done_ns, self._homed = state["done_ns"], state["homed"]
        self._stall_at = math.nan if state["stall"] else None
        self._found_ns = state["found_ns"]

    @property
    def _mechanical(self) -> float:
        move = self._move
        return move.start + (move.end - move.start) * move.fraction(self._timeline.now_ns)

    @property
    def _found(self) -> bool:
        return self._found_ns is not None and self._timeline.now_ns >= self._found_ns

    @property
    def _shift_now(self) -> float:
        return 0.0 if self._found else self._shift

    def _meet_reference(self) -> None:
        """Keep what a finished search has found; forget one that was cut short."""
        if self._found:
            self._homed, self._shift = True, 0.0
        self._found_ns = None

    @property
    def _switch(self) -> float:
        return _SWITCH_SHARE * (self.parameters.high - self.parameters.low)

    def _begin(self, target: float) -> None:
        self._meet_reference()
        p, now = self.parameters, self._timeline.now_ns
        position, fraction = self._mechanical, self._move.fraction(now)
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
