"""The EPICS motor record over an axis: what its fields do to each other and to the axis.

Field names and meanings are those of the motor record (https://epics-motor.readthedocs.io,
motorRecord.html, and motorRecord.cc). Every way to a motion acts as there in every mode. The rules,
and what differs on purpose, are in ``docs/reference/motors.md``; the table of all of them is in
``tests/backends``. What clients rely on:

- a put to ``VAL`` (or ``DVAL``, ``RVAL``, ``RLV``, ``TWF`` ...) completes when its motion has
  ended, ``DMOV`` is 1 and ``RBV`` posted, also where the motion had to wait for ``SPMG``;
- a second put redirects the motion; both complete at rest;
- ``STOP`` decelerates, sets ``VAL`` to ``RBV``, and lets the waiting puts complete;
- a target outside the limits is refused, ``LVIO`` is 1, nothing changes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from instruments.errors import Refused
from instruments.ranges import commanded, landed
from instruments.still import Still
from pvdb.parts.motor_axis import MotorAxis, MotorSettings
from pvdb.parts.motor_frame import Frame
from pvdb.parts.motor_motion import Doing, Motion

log = logging.getLogger("cryohalo.pvdb.motor")

SPMG = ("Stop", "Pause", "Move", "Go")
STOP, PAUSE, MOVE, GO = range(4)

#: Of ``RVAL``, a 32-bit integer.
LARGEST_STEPS = 2**31 - 1


class MotorRecord:
    """The commands of a motor record, and the state that is not the axis's own.

    Args:
        axis: The motor.
        settings: What the record says about it.
        time: Simulated time, s.
        interlock_reason: Why it may not move now, "" if it may (an interlock).

    Attributes:
        frame: Coordinates and soft limits.
        motion: What is under way.
        limit_violation: ``LVIO``.
        frozen_offset: ``FOFF``.
        set_mode: ``SET``.
        spmg: ``SPMG``.
        tweak: ``TWV``.
        still: The same mark until a field can be another; None while something is under way.
    """

    def __init__(
        self,
        axis: MotorAxis,
        settings: MotorSettings,
        time: Callable[[], float],
        interlock_reason: Callable[[], str] = lambda: "",
    ) -> None:
        self.axis = axis
        self.settings = settings
        self.frame = Frame(*axis.travel, settings.units)
        self.motion = Motion(axis, settings.deadband, time)
        self.limit_violation = False
        self.frozen_offset = False
        self.set_mode = False
        self.spmg = GO
        self.tweak = 10 * settings.resolution
        self._interlock_reason = interlock_reason
        self._target: float | None = None
        self._target_waits = False
        # The button that is pressed, also while it waits for SPMG: 1 JOGF or HOMF, 0 the other one.
        self._jog: int | None = None
        self._home: int | None = None
        self.still = Still(self, self.frame, parts=(axis.still, self.motion.still))

    # -- what it says ----------------------------------------------------------------------------

    def position(self) -> float:
        """``RBV``."""
        return self.frame.user(self.axis.position)

    def target(self) -> float:
        """``VAL``: where it goes or shall go, else where it stands."""
        return self.frame.user(self.dial_target())

    def dial_target(self) -> float:
        """``DVAL``."""
        return self.axis.setpoint if self._target is None else self._target

    def jogging(self, end: int) -> bool:
        """``JOGR`` (0) or ``JOGF`` (1): from the press to the end of the jog."""
        return self._jog == end

    def homing(self, forward: int) -> bool:
        """``HOMR`` (0) or ``HOMF`` (1): from the press to the end of the search."""
        return self._home == forward

    def at_rest(self) -> bool:
        """``DMOV``: nothing moves, and nothing waits for ``SPMG`` to move.

        A jog button that is held down while paused does not count, as in the record.
        """
        waits = self._target_waits or self._home is not None
        return not (waits or self.motion.under_way or self.axis.moving)

    def problem(self) -> str:
        """Why the axis does not follow (a stall), "" if it does."""
        return "stalled short of its target" if self.axis.stalled else ""

    # -- drive fields ----------------------------------------------------------------------------

    def move(self, user: float) -> None:
        """``VAL``: go there; in Set mode with a variable offset, call the present target so."""
        self.process()
        if self.set_mode and not self.frozen_offset:
            self._check_countable(user)
            self.frame.name(user, self.dial_target())
        else:
            self._take(self.frame.dial(user))

    def move_dial(self, dial: float) -> None:
        """``DVAL``: go there; in Set mode, load the axis's position with it."""
        self.process()
        self._take(dial)

    def move_raw(self, steps: int) -> None:
        """``RVAL``: as ``DVAL``, in steps."""
        self.move_dial(steps * self.settings.resolution)

    def move_by(self, distance: float) -> None:
        """``RLV``: as a put to ``VAL`` of so much more. It adds to the target, not to ``RBV``."""
        self.process()
        # A jog has no target: what is put ends it, and counts from where it is.
        jogs = self.motion.doing is Doing.JOGGING
        self.move((self.position() if jogs else self.target()) + distance)

    def _take(self, dial: float) -> None:
        self._check_countable(dial)
        if self.set_mode:
            self._load(dial)
            return
        why = self.frame.violation(dial, self.dial_target())
        self.limit_violation = bool(why)
        if why:
            raise Refused(f"{self.settings.name}: {why}")
        if self._held or self.motion.doing is Doing.HOMING:
            self._jog = None
            self._target, self._target_waits = dial, True
        else:
            self._start_move(dial)

    def _check_countable(self, position: float) -> None:
        most = LARGEST_STEPS * self.settings.resolution
        commanded(f"{self.settings.name}: position", position, -most, most, self.settings.units)

    def _load(self, dial: float) -> None:
        """Set mode: the present position is ``dial`` from now on."""
        if self.motion.moving():
            raise Refused(f"{self.settings.name}: it moves; its position cannot be set")
        user = self.target()
        self.axis.load_position(dial)
        self._stand()
        if not self.frozen_offset:
            self.frame.name(user, dial)

    # -- buttons ---------------------------------------------------------------------------------

    def jog(self, end: int, on: bool) -> None:
        """``JOGR`` (end 0) or ``JOGF`` (end 1), in user coordinates.

        Releasing a button stops only the jog that it began.
        """
        self.process()
        if on:
            self._press_jog(end)
        elif self._jog == end:
            self._jog = None
            if self.motion.doing is Doing.JOGGING:
                self.stop()

    def _press_jog(self, end: int) -> None:
        self._check_not_homing()
        if self._jog == end:
            return
        if self._held:
            self._stand()
            self._jog = end
        else:
            self._start_jog(end)

    def home(self, forward: int, on: bool) -> None:
        """``HOMF`` (1) or ``HOMR`` (0); both search the one reference, at the low switch."""
        self.process()
        self._check_not_homing()
        if not on:
            self._home = None if self._home == forward else self._home
        elif self._held:
            self._jog, self._home = None, forward
        else:
            self._start_home(forward)

    def _check_not_homing(self) -> None:
        if self.motion.doing is Doing.HOMING:
            raise Refused(f"{self.settings.name}: it is homing")

    def stop(self) -> None:
        """``STOP``: decelerate and stay, forget what waits; ``VAL`` becomes ``RBV``."""
        self.process()
        self.motion.stop()
        self._stand()

    def synchronize(self) -> None:
        """``SYNC``: ``VAL`` becomes ``RBV``; what waits is forgotten."""
        self.process()
        if self.motion.moving():
            raise Refused(f"{self.settings.name}: it moves; its target stays")
        self._stand()

    def _stand(self) -> None:
        """Nothing waits, no button is pressed, and ``VAL`` is ``RBV``."""
        self._target = self.axis.position if self.axis.stalled else None  # else it is its setpoint
        self._target_waits = False
        self._jog = self._home = None

    # -- modes -----------------------------------------------------------------------------------

    @property
    def _held(self) -> bool:
        return self.spmg in (STOP, PAUSE)

    def set_spmg(self, index: int) -> None:
        """``SPMG``: Stop, Pause, Move or Go."""
        self.process()
        before, self.spmg = self.spmg, index
        if index == before:
            return
        if index == STOP:
            self.stop()
        elif index == PAUSE:
            self._pause()
        else:
            try:
                self._proceed()
            except Refused:
                self.spmg = before
                raise

    def _pause(self) -> None:
        doing = self.motion.doing
        self.motion.stop()
        if doing is Doing.MOVING:
            self._target_waits = True
        elif doing is Doing.JOGGING:  # goes on at Go
            self._target = None
        elif doing is Doing.HOMING:  # does not, as in the record; a target that waits for it does
            self._home = None
            self._target = self._target if self._target_waits else None

    def _proceed(self) -> None:
        """Start what waits, if it may now."""
        if self._held or self.motion.under_way:
            return
        if self._home is not None:
            self._start_home(self._home)
        elif self._target_waits:
            self._start_waiting()
        elif self._jog is not None and self.spmg == GO:
            self._start_jog(self._jog)

    def _start_waiting(self) -> None:
        dial = self.dial_target()
        if self.set_mode:  # it was to be a move, so it waits for Use
            return
        if self.frame.violation(dial, self.axis.setpoint):  # the limits have been changed since
            self.limit_violation = True
            self._stand()
        else:
            self._start_move(dial)

    def set_set_mode(self, index: int) -> None:
        """``SET``: Use, or Set: puts to drive fields then redefine positions."""
        self.process()
        before, self.set_mode = self.set_mode, bool(index)
        try:
            self._proceed()
        except Refused:
            self.set_mode = before
            raise

    def set_reversed(self, index: int) -> None:
        """``DIR``; ``VAL`` is kept and the offset changes; if it is frozen, ``VAL`` changes."""
        user, dial = self.target(), self.dial_target()
        self.frame.reversed = bool(index)
        if not self.frozen_offset:
            self.frame.name(user, dial)

    def set_dial_limit(self, high: bool, dial: float) -> None:
        """``DHLM`` or ``DLLM``: within the travel, or zero, as both are where there is none."""
        low_end, high_end = self.axis.travel
        limit = landed(dial, low_end, high_end)
        if limit != 0.0:
            what = f"{self.settings.name}: {('low', 'high')[high]} limit (dial)"
            limit = commanded(what, dial, low_end, high_end, self.settings.units)
        if high:
            self.frame.high = limit
        else:
            self.frame.low = limit
        places = self.dial_target(), self.axis.position
        self.limit_violation = any(self.frame.violation(place) for place in places)

    def set_user_limit(self, high: bool, user: float) -> None:
        """``HLM`` or ``LLM``."""
        self.set_dial_limit(high != self.frame.reversed, self.frame.dial(user))

    # -- motions ---------------------------------------------------------------------------------

    def _check_free(self) -> None:
        if reason := self._interlock_reason():
            raise Refused(f"{self.settings.name}: {reason}")

    def _start_move(self, dial: float) -> None:
        self._check_free()
        self.motion.move(dial)
        self._stand()
        self._target = dial
        self.limit_violation = False

    def _start_jog(self, end: int) -> None:
        self._check_free()
        towards_high = (end == 1) != self.frame.reversed
        edge = self._jog_edge(towards_high)
        way = edge - self.axis.position if towards_high else self.axis.position - edge
        if way <= 0.0:
            self._jog = None
            raise Refused(f"{self.settings.name}: {self._no_way(towards_high)}")
        before = self.dial_target()
        self.motion.jog(edge, towards_high)
        self._stand()
        self._target, self._jog = before, end  # VAL is what it was until the jog has ended
        self.limit_violation = False

    def _jog_edge(self, towards_high: bool) -> float:
        """Where a jog ends by itself."""
        low, high = self.axis.travel
        if self.frame.limited and not self.set_mode:  # in Set mode only the switches count
            ends = self.frame.jog_limits(self.axis.velocity)
            low, high = max(low, ends[0]), min(high, ends[1])
        return high if towards_high else low

    def _no_way(self, towards_high: bool) -> str:
        if self.motion.at_switch(towards_high):
            return "it is at the limit switch"
        self.limit_violation = True
        return "a jog ends one second of travel before its soft limit; it is there"

    def _start_home(self, forward: int) -> None:
        self._check_free()
        waiting = self.dial_target() if self._target_waits else None
        before = self.axis.position if self.motion.under_way else self.dial_target()
        self.motion.home()
        self._stand()
        self._home, self.limit_violation = forward, False
        self._target = before if waiting is None else waiting
        self._target_waits = waiting is not None  # it is made when the reference has been found

    def process(self) -> None:
        """End what has ended, and start what waited for that; called after every step."""
        ended = self.motion.end()
        if ended is Doing.NOTHING:
            return
        if ended is Doing.MOVING:
            self._end_move()
            return
        if ended is Doing.JOGGING:
            self.limit_violation = self.frame.limited and not self.axis.stalled
        waiting = self._target if self._target_waits else None
        self._stand()
        if waiting is not None:
            self._target, self._target_waits = waiting, True
            self._go_on()

    def _end_move(self) -> None:
        # VAL is the axis's setpoint: what was asked for, also if it ended short, or the switch.
        self._target = None
        if self.motion.arrived and self.spmg == MOVE:
            self.spmg = PAUSE

    def _go_on(self) -> None:
        try:
            self._proceed()
        except Refused as refusal:  # no client waits for an answer
            log.warning("%s; the target that waited is forgotten", refusal)
            self._stand()
