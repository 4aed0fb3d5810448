"""The motors of tuning rod and antenna: EPICS motor records, judged by where they are."""

from __future__ import annotations

from typing import Any, TypeVar

from ophyd import Component, EpicsMotor, Signal
from ophyd.epics_motor import HomeEnum
from ophyd.status import StatusBase

from devices.hardware.absent import is_absent
from devices.hardware.optional import optional
from devices.parts.base import check_position, wall_timeout
from devices.signals.reading import CONNECTION_TIMEOUT_S, READ_TIMEOUT_S, WRITE_TIMEOUT_S, Readback
from devices.signals.settable import Command, Order, Target
from devices.signals.values import show
from devices.waiting.moves import Move, Mover
from devices.waiting.status import NotReachedError, completion, send, waited

__all__ = ["Axis"]

#: Seconds of instrument time granted to a move beyond distance / velocity.
MOVE_OVERHEAD_S = 60.0

#: Seconds of instrument time that any move may take where nobody states a velocity.
LONGEST_MOVE_S = 7200.0

UNRECORDED = "not recorded"
UNSET = "its position cannot be set without moving"
LIMITED = "VAL's own control limits hold"
HOMELESS = "it cannot be sent home"
NO_REASON = "not among the reasons why a move has failed"

S = TypeVar("S", bound=Signal)


def _field(cls: type[S], suffix: str, kind: str, **more: Any) -> Component[S]:
    """A field of the record that can be written to."""
    return Component(
        cls,
        suffix,
        kind=kind,
        auto_monitor=cls is not Order,
        put_complete=True,
        timeout=READ_TIMEOUT_S,
        write_timeout=WRITE_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
        **more,
    )


def _flag(suffix: str, kind: str, *, monitor: bool = True, **more: Any) -> Component[Readback]:
    """A field that is read only."""
    return Component(
        Readback,
        suffix,
        kind=kind,
        auto_monitor=monitor,
        timeout=READ_TIMEOUT_S,
        connection_timeout=CONNECTION_TIMEOUT_S,
        **more,
    )


class Axis(Mover, EpicsMotor):
    """A motor record; every move has a finite time-out from its distance and velocity.

    A move is over when its put completes: when the motor is at rest, for whatever reason. It has
    arrived if its readback then is within the record's retry deadband (``.RDBD``) of what was asked
    for.
    """

    user_setpoint = _field(Target, ".VAL", "normal", doc="where it shall be")
    user_readback = _flag(".RBV", "hinted", doc="where it is")
    motor_stop = _field(Order, ".STOP", "omitted", doc="1 stops it")
    deadband = _flag(".RDBD", "config", doc="greatest distance that counts as there")
    velocity = optional(
        _field(Command, ".VELO", "config"), f"a move may take {LONGEST_MOVE_S:g} s, however short"
    )
    acceleration = optional(_field(Command, ".ACCL", "config"), UNRECORDED)
    user_offset = optional(_field(Command, ".OFF", "config"), UNRECORDED)
    user_offset_dir = optional(_field(Command, ".DIR", "config"), UNRECORDED)
    offset_freeze_switch = optional(_field(Command, ".FOFF", "omitted"), UNSET)
    set_use_switch = optional(_field(Command, ".SET", "omitted"), UNSET)
    motor_egu = optional(_field(Command, ".EGU", "config"), "the unit is the readback's anyway")
    #: ``.DMOV``, which moves are watched by, says the same.
    motor_is_moving = optional(_flag(".MOVN", "omitted", monitor=False), UNRECORDED)
    motor_done_move = optional(_flag(".DMOV", "omitted"), "a move ends by its put or its readback")
    high_limit_switch = optional(_flag(".HLS", "omitted"), NO_REASON)
    low_limit_switch = optional(_flag(".LLS", "omitted"), NO_REASON)
    high_limit_travel = optional(_field(Command, ".HLM", "omitted"), LIMITED)
    low_limit_travel = optional(_field(Command, ".LLM", "omitted"), LIMITED)
    direction_of_travel = optional(_field(Command, ".TDIR", "omitted"), UNRECORDED)
    home_forward = optional(_field(Order, ".HOMF", "omitted"), HOMELESS)
    home_reverse = optional(_field(Order, ".HOMR", "omitted"), HOMELESS)
    at_home = optional(_flag(".ATHM", "omitted"), HOMELESS)
    mode = optional(_field(Command, ".SPMG", "omitted", string=True), NO_REASON)

    @property
    def egu(self) -> str:
        """Engineering units, as the readback's PV reports them."""
        return str(self.user_readback.metadata.get("units") or "")

    @property
    def position(self) -> float | None:
        """Where it is, by the monitor; the last position seen while the IOC is gone."""
        return self._position

    @property
    def target(self) -> Target:
        """The record's ``.VAL``."""
        return self.user_setpoint

    @property
    def followed(self) -> Signal:
        """The record's ``.RBV``."""
        return self.user_readback

    @property
    def reach(self) -> float:
        """The record's retry deadband."""
        return float(self.deadband.get())

    def check_value(self, pos: Any) -> None:
        """Refuse a position outside the motor's limits before anything moves."""
        check_position(self, self.user_setpoint, pos)

    def where(self) -> float:
        """The readback, fetched; a read shows it from now on."""
        actual = float(self.user_readback.get(use_monitor=False))
        self.user_readback.catch_up(actual)
        return actual

    def allowance_s(self, position: float) -> float:
        """Wall seconds to allow for a move from here to ``position``."""
        return self._travel_s(position - float(self.user_readback.get()))

    def _travel_s(self, distance: float) -> float:
        """Wall seconds to allow for a way."""
        if is_absent(self.velocity):
            return wall_timeout(self, LONGEST_MOVE_S)
        velocity = abs(float(self.velocity.get())) or 1.0
        return wall_timeout(self, MOVE_OVERHEAD_S + abs(distance) / velocity)

    def halt(self, move: Move | None) -> None:
        """Bring the motor to rest, also if another client moves it."""
        send(self.motor_stop, 1)

    def ordered(self) -> None:
        """A command of this session ends the move under way."""
        self.slot.ordered()

    def known_causes(self, move: Move, actual: float, why: str) -> list[str]:
        """Stopped, sent elsewhere, at a limit switch, or in alarm since it does not follow."""
        asked = float(self.user_setpoint.get(use_monitor=False))
        found = super().known_causes(move, actual, why)
        if abs(asked - actual) <= self.reach and not (why or move.orders.given):
            # A record at rest keeps no difference: STOP sets VAL to where it is.
            found.append("stopped or sent there by another client")
        mode = "" if is_absent(self.mode) else self.mode.get(use_monitor=False)
        if mode in ("Stop", "Pause"):
            found.append(f"its mode (SPMG) is {mode}")
        for side in ("high", "low"):
            switch = getattr(self, f"{side}_limit_switch")
            if not is_absent(switch) and switch.get(use_monitor=False):
                found.append(f"at its {side} limit switch")
        if self.user_readback.alarm_severity:
            found.append("the record is in alarm: the motor does not follow")
        return found

    def home(
        self, direction: HomeEnum | str, wait: bool = True, timeout: float | None = None
    ) -> StatusBase:
        """Find the reference; the status fails if it was ended on the way.

        Args:
            direction: "forward" or "reverse".
            wait: Return when it has ended.
            timeout: Wall seconds after which the status fails.
        """
        forward = HomeEnum(direction) is HomeEnum.forward
        button = self.home_forward if forward else self.home_reverse
        low, high = self.limits
        limit_s = self._travel_s(high - low) if timeout is None else timeout
        return waited(self, completion(self, [(button, 1)], limit_s, self._check_home), wait)

    def _check_home(self) -> None:
        """The record's ``.ATHM`` says so."""
        if not self.at_home.get(use_monitor=False):
            place = show(self.where(), self.egu)
            raise NotReachedError(f"{self.name}: asked to go home, is at {place}: it was stopped")

    @user_readback.sub_value
    def _pos_changed(self, timestamp: Any = None, value: Any = None, **_: Any) -> None:
        """Called with ``.RBV``."""
        self._set_position(value)

    @motor_done_move.sub_value
    def _move_changed(self, timestamp: Any = None, value: Any = None, **_: Any) -> None:
        """Called with ``.DMOV``; ophyd's own ends a move by its edge."""
        self._moving = value != 1
