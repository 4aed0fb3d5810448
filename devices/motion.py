"""The motors of the tuning rod and of the antenna: EPICS motor records with scaled time-outs."""

from __future__ import annotations

from typing import Any

from ophyd import EpicsMotor

from devices.base import check_limits, wall_timeout, watched

__all__ = ["Axis"]

#: Seconds of instrument time granted to a move beyond distance / velocity.
MOVE_OVERHEAD_S = 60.0


class Axis(EpicsMotor):
    """A motor record; every move has a finite time-out from its distance and velocity."""

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        for signal in (self.user_setpoint, self.user_readback):
            signal.kind = "normal" if signal is self.user_setpoint else "hinted"

    def check_value(self, pos: float) -> None:
        """Refuse a position outside the motor's limits before anything moves."""
        check_limits(self, self.user_setpoint, pos)

    def move(
        self, position: float, wait: bool = True, timeout: float | None = None, **kwargs: Any
    ) -> Any:
        """Move; without a time-out of its own the move gets one from its distance and velocity."""
        self.check_value(position)
        limit = self.longest_move_s(position) if timeout is None else timeout
        status = super().move(position, wait=False, timeout=limit, **kwargs)
        return watched(self, self.user_setpoint, status, wait)

    def longest_move_s(self, position: float) -> float:
        """Wall seconds to allow for a move from here to `position`."""
        velocity = abs(float(self.velocity.get())) or 1.0
        travel_s = abs(position - float(self.user_readback.get())) / velocity
        return wall_timeout(self, MOVE_OVERHEAD_S + travel_s)
