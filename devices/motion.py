"""The motors of the tuning rod and of the antenna: EPICS motor records with scaled time-outs."""

from __future__ import annotations

import threading
from typing import Any

from ophyd import EpicsMotor
from ophyd.positioner import PositionerBase

from devices.base import OneMoveAtATime, check_limits, wall_timeout
from devices.status import NotReachedError, end, fail_when_late, later, watched

__all__ = ["Axis"]

#: Seconds of instrument time granted to a move beyond distance / velocity.
MOVE_OVERHEAD_S = 60.0
#: Wall seconds after a put's completion in which `DMOV`'s edge must have been seen. A client that
#: has asked its server to hold events back gets the newest value only, and no edge.
EDGE_GRACE_S = 2.0


class Axis(OneMoveAtATime, EpicsMotor):
    """A motor record; every move has a finite time-out from its distance and velocity.

    A move ends with `DMOV`'s edge, as in `EpicsMotor`. The put's completion stands in for an edge
    that was not seen, and tells a refused move at once instead of by its time-out.
    """

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        for signal in (self.user_setpoint, self.user_readback):
            signal.kind = "normal" if signal is self.user_setpoint else "hinted"

    def locate(self) -> dict[str, float]:
        """Where it was told to be and where it is, both fetched: bluesky's `Location`."""
        asked = self.user_setpoint.get(use_monitor=False)
        return {"setpoint": asked, "readback": self.user_readback.get(use_monitor=False)}

    def check_value(self, pos: float) -> None:
        """Refuse a position outside the motor's limits before anything moves."""
        check_limits(self, self.user_setpoint, pos)

    def move(
        self, position: float, wait: bool = True, timeout: float | None = None, **kwargs: Any
    ) -> Any:
        """Move; without a time-out of its own the move gets one from its distance and velocity."""
        self.check_value(position)
        limit = self.longest_move_s(position) if timeout is None else timeout
        self.replace_last()
        self._started_moving = False
        status = PositionerBase.move(self, position, **kwargs)
        move = f"{self.name}: the move to {position:g} {self.egu}"
        fail_when_late(status, limit, f"{move} has not ended")
        self.user_setpoint.put(
            position, use_complete=True, callback=lambda **_: self._completed(status, position)
        )
        return watched(self, self.user_setpoint, status, wait)

    def _completed(self, status: Any, position: float) -> None:
        """Give the edge its time, then judge by what the motor says."""

        def judge() -> None:
            if not status.done:
                threading.Thread(target=self._judge, args=(status, position), daemon=True).start()

        if not status.done:
            later(EDGE_GRACE_S, judge)

    def _judge(self, status: Any, position: float) -> None:
        if not self.motor_done_move.get(use_monitor=False):
            return
        target = float(self.user_setpoint.get(use_monitor=False))
        if target != position:
            text = f"{self.name}: asked for {position:g} {self.egu}, stays at {target:g} {self.egu}"
            end(status, NotReachedError(text))
            return
        self.log.warning("%s: the move to %g %s ended unseen", self.name, position, self.egu)
        self._move_changed(value=0)
        self._move_changed(value=1)

    def longest_move_s(self, position: float) -> float:
        """Wall seconds to allow for a move from here to `position`."""
        velocity = abs(float(self.velocity.get())) or 1.0
        travel_s = abs(position - float(self.user_readback.get())) / velocity
        return wall_timeout(self, MOVE_OVERHEAD_S + travel_s)
