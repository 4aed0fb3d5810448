"""Moves: from what a positioner was asked for to an end that is judged by where it is.

A move ends well when the readback, fetched, is within the positioner's tolerance of what was asked
for, and when its caller calls it off (``devices.waiting.status``). Whatever else keeps the
positioner from its position fails the move, and the failure says what was asked for, where it is,
and why, as far as it is known. What was seen on the way, an edge of a flag or the completion of a
put, never decides: it only says when to look.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from ophyd import PositionerBase, Signal
from ophyd.status import MoveStatus, StatusBase

from devices.hardware.absent import is_absent
from devices.signals.reading import LOST
from devices.signals.values import show
from devices.waiting.claims import begins
from devices.waiting.status import (
    Caller,
    NotReachedError,
    Orders,
    Telling,
    UnseenError,
    caller,
    end,
    end_by,
    end_short,
    interlock_of,
    ioc_is_gone,
    mark,
    refusal_of,
    start_puts,
    waited,
)
from devices.waiting.watch import Watch
from devices.waiting.watchdogs import begin_connected, fail_when_late

__all__ = ["Move", "Mover", "Slot"]


if TYPE_CHECKING:  # what the mixin is mixed in before
    _Positioner = PositionerBase
else:
    _Positioner = object


class Moving(Telling, MoveStatus):
    """The status of a move."""

    def _notify_watchers(self, value: Any, *args: Any, **more: Any) -> None:
        """Tell who watches how far it is; ophyd takes numbers for arrays, at ten times the cost."""
        initial, target = self.start_pos, self.target
        if not type(value) is type(initial) is type(target) is float or initial == target:
            super()._notify_watchers(value, *args, **more)
            return
        left = abs(target - value) / abs(initial - target)
        for told in self._watchers:
            told(
                name=self._name,
                current=value,
                initial=initial,
                target=target,
                unit=self._unit,
                precision=self._precision,
                time_elapsed=time.time() - self.start_ts,
                fraction=None if math.isnan(left) else min(1.0, left),
            )


class Move:
    """One move.

    Attributes:
        mover: The positioner.
        position: What was asked for.
        status: What the caller has; a plan may hold further ones, of moves that this one replaced.
    """

    def __init__(self, mover: Mover, position: float) -> None:
        self.mover, self.position = mover, position
        self.status: Moving = mark(
            Moving(mover, position, settle_time=mover.settle_time, call_stop_on_failure=False)
        )
        self.replaced: list[Moving] = []
        self.orders = Orders()

    @property
    def statuses(self) -> list[Moving]:
        """Its own status and those of the moves that it replaced."""
        return [self.status, *self.replaced]

    @property
    def caller(self) -> Caller:
        """The plan that asked for it, None by hand."""
        return self.status.caller

    def end(self, error: Exception | None) -> None:
        """End its statuses."""
        for status in self.statuses:
            end(status, error)


class Slot:
    """What is under way of a thing that can be sent to one place at a time.

    Positioners of the same thing (field and current of a coil) share one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Move | None = None

    @property
    def current(self) -> Move | None:
        """The move under way."""
        return self._current

    def begin(self, move: Move) -> None:
        """Let a move take the place of the last.

        A plan that sends elsewhere what it has sent before waits for the later move in both: so a
        clean-up is not ended by what it cleans up. Anybody else's move fails the one under way.
        """
        with self._lock:
            last, self._current = self._current, move
            own = last is not None and last.caller is not None and last.caller is move.caller
            if last is not None and own:
                move.replaced = [status for status in last.statuses if not status.done]
        if last is not None and not own and not last.status.done:
            place = show(move.position, move.mover.egu)
            why = f"a later set of this session, not of its plan, sends it to {place}"
            last.end(last.mover.not_reached(last, why))

    def take(self, move: Move | None = None) -> Move | None:
        """Clear the slot if ``move`` is under way (whichever is, if None); returns what was."""
        with self._lock:
            current = self._current
            if current is None or (move is not None and move is not current):
                return None
            self._current = None
            return current

    def ordered(self) -> None:
        """Note a command of this session that ends what is under way."""
        if (move := self._current) is not None:
            move.orders.give()


class Mover(_Positioner):
    """Mixed in before an ophyd positioner: one move at a time, judged by where it is.

    A positioner defines ``target``, ``reach``, ``where`` and ``allowance_s``; ``begin``, ``halt``
    and ``known_causes`` where there is more to begin, something to halt, and something known.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.slot = Slot()
        super().__init__(*args, **kwargs)

    def __repr__(self) -> str:
        """Name and prefix: ophyd writes every move down, and would list all its parts each time."""
        prefix = getattr(self, "prefix", "")
        return f"{type(self).__name__}({prefix!r}, name={self.name!r})"

    # What a positioner defines --------------------------------------------------------------------

    @property
    def target(self) -> Signal:
        """The signal whose PV takes the position; its loss fails a move."""
        raise NotImplementedError

    @property
    def followed(self) -> Signal:
        """The signal that says where it is."""
        raise NotImplementedError

    @property
    def reach(self) -> float:
        """Greatest distance from what was asked for that counts as there, in its units."""
        raise NotImplementedError

    def where(self) -> float:
        """Where it is, fetched."""
        raise NotImplementedError

    def allowance_s(self, position: float) -> float:
        """Wall seconds that a move from here to ``position`` may take."""
        raise NotImplementedError

    def begin(self, move: Move) -> None:
        """Set it in motion; ``judge`` is called when it is time to look where it is."""

        def told(_: Signal, *, refused: bool) -> None:
            if refused and ioc_is_gone(self):
                return  # the loss of the IOC ends it, in its own words
            if not refused and not getattr(self.target, "completes", True):
                self.follow(move)
                return
            self.judge(move, (refusal_of(self) or "the put was refused") if refused else "")

        start_puts([(self.target, move.position)], told, lambda: self.slot.current is not move)

    def follow(self, move: Move) -> None:
        """Judge a move when its readback comes near: its put completes before it is there."""

        def near(value: Any) -> bool:
            replaced = self.slot.current is not move
            return replaced or abs(float(value) - move.position) <= self.reach

        watch = Watch(self.followed, near, self.allowance_s(move.position))
        watch.add_callback(lambda _: self.judge(move))
        move.status.add_callback(lambda _: end(watch, None))

    def halt(self, move: Move | None) -> None:
        """Stop the motion.

        Args:
            move: The one of this session that is under way; None if somebody else moves it.
        """

    def known_causes(self, move: Move, actual: float, why: str) -> list[str]:
        """What is known, besides ``why``, of what keeps it at ``actual``; "" if nothing is."""
        asked = float(self.target.get(use_monitor=False))
        if abs(asked - move.position) <= self.reach:
            return []
        return [f"its setpoint is {show(asked, self.egu)} now"]

    # What ophyd and bluesky call ------------------------------------------------------------------

    @property
    def moving(self) -> bool:
        """Whether a move of this session is under way."""
        return self.slot.current is not None

    def move(
        self, position: Any, wait: bool = True, timeout: float | None = None, moved_cb: Any = None
    ) -> StatusBase:
        """Move; without a time-out of its own a move gets its longest time, scaled by the speed.

        Args:
            position: Where to.
            wait: Return when it has ended.
            timeout: Wall seconds after which the move fails, and is stopped.
            moved_cb: Called as ``moved_cb(status, obj=self)`` when it has ended.

        Raises:
            InvalidValueError: The positioner cannot take this; nothing was put.
        """
        self.check_value(position)
        move = Move(self, float(position))
        if moved_cb is not None:
            move.status.add_callback(partial(moved_cb, obj=self))
        move.status.add_callback(lambda _: self.slot.take(move))
        begins(self)
        self.slot.begin(move)
        try:
            begin_connected(self.target, move.status, partial(self._set_off, move, timeout))
        except Exception as error:
            move.end(error)
            raise
        return waited(self, move.status, wait)

    def _set_off(self, move: Move, timeout: float | None) -> None:
        limit_s = self.allowance_s(move.position) if timeout is None else float(timeout)
        self._watch_over(move, limit_s)
        self._run_subs(sub_type=self.SUB_START)
        self.begin(move)

    @property
    def hints(self) -> dict[str, list[str]]:
        """Where it is: the axis that a scan is plotted against. The setpoint is read beside it."""
        return {"fields": [self.name]}

    def locate(self) -> dict[str, float]:
        """Where it was sent and where it is, both fetched: bluesky's ``Location``."""
        asked = float(self.target.get(use_monitor=False))
        return {"setpoint": asked, "readback": self.where()}

    def stop(self, *, success: bool = False) -> None:
        """Stop; the move under way ends where it is.

        Args:
            success: That is no failure: a RunEngine pauses, suspends or ends. What others move is
                then left alone.

        Raises:
            ConnectionError: Its IOC is gone, and ``success`` is false.
        """
        move = self.slot.take()
        if success:
            if move is not None:
                move.end(None)  # first: what is halted may just be getting lost, and fail it
                self.halt(move)
            return
        begins(self)
        if is_absent(self.target):
            return
        try:
            if not self.target.connected:
                raise ConnectionError(f"{self.name}: cannot be stopped, its IOC is gone")
            self.halt(move)
        finally:
            if move is not None:
                move.end(self.not_reached(move, "stopped", by=caller()))

    # The end --------------------------------------------------------------------------------------

    def judge(self, move: Move, refusal: str = "") -> None:
        """Look where it is, and end the move by that.

        Args:
            move: One that is over, as far as can be seen.
            refusal: Why the IOC has refused or ended it; then it is not there, wherever it is.
        """
        if self.slot.current is not move:  # a later move has replaced it, or it has ended
            return
        try:
            actual = self.where()
            self._set_position(actual)
            there = not refusal and abs(actual - move.position) <= self.reach
        except Exception as error:
            text = f"{self._asked(move)}; its readback could not be read at the end: {error}"
            kind = UnseenError if isinstance(error, LOST) else NotReachedError
            end_by(kind(text), *move.statuses)
            return
        if there:
            self._run_subs(sub_type=self.SUB_DONE)
            move.end(None)
        else:
            end_short(self, self.not_reached(move, refusal), *move.statuses)

    def not_reached(self, move: Move, why: str = "", by: Caller = None) -> NotReachedError:
        """The error of a move that is over short of its position: asked, is, why."""
        reasons = [why] if why else []
        try:
            actual, reach = self.where(), show(self.reach, self.egu)
            place = f"is at {show(actual, self.egu)} (within {reach} counts as there)"
            reasons += self.known_causes(move, actual, why)
        except Exception as error:
            place = f"where it is is not known ({error})"
        if (interlock := interlock_of(self)) and interlock not in "; ".join(reasons):
            reasons.append(f"interlock: {interlock}")
        if move.orders.given:
            reasons.append("a command of this session ended it")
        because = "; ".join(reasons) or "no reason is known"
        return NotReachedError(f"{self._asked(move)}, {place}: {because}", by or move.orders.by)

    def _asked(self, move: Move) -> str:
        return f"{self.name}: asked for {show(move.position, self.egu)}"

    def _watch_over(self, move: Move, limit_s: float) -> None:
        known = weakref.ref(move)

        def late(_: StatusBase, error: Exception) -> None:
            """Stop what takes too long; one that a later move has replaced is that one's matter."""
            if (found := known()) is None or self.slot.take(found) is None:
                return
            error = TimeoutError(str(self.not_reached(found, str(error))))
            try:
                self.halt(found)
            except Exception:
                self.log.exception("%s: could not be stopped", self.name)
            found.end(error)

        fail_when_late(move.status, limit_s, "the move has not ended", late)
