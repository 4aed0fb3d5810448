"""``MSTA`` and the switches of a motor record."""

from __future__ import annotations

from enum import IntFlag
from typing import Final

from pvdb.parts.motor import MotorRecord


class Bits(IntFlag):
    """Bits of ``MSTA`` (``motor.h``); those that are never set here are left out."""

    DIRECTION = 1 << 0
    DONE = 1 << 1
    PLUS_LS = 1 << 2
    HOMELS = 1 << 3
    POSITION = 1 << 5  # the drive holds its position by the encoder
    SLIP_STALL = 1 << 6
    HOME = 1 << 7
    PRESENT = 1 << 8  # an encoder
    PROBLEM = 1 << 9
    MOVING = 1 << 10
    MINUS_LS = 1 << 13
    HOMED = 1 << 14


def status_bits(motor: MotorRecord) -> int:
    """``MSTA``.

    ``DONE`` is the controller's word: a move that waits for ``SPMG`` is not done (``DMOV`` 0) while
    the controller is.
    """
    axis = motor.axis
    moving, stalled, low = motor.motion.moving(), axis.stalled, axis.at_low_switch
    bits = _ALWAYS | (_RUNNING if moving else _STANDING)
    if motor.motion.towards_high:
        bits |= _DIRECTION
    if axis.at_high_switch:
        bits |= _PLUS_LS
    if low:
        bits |= _AT_LOW_SWITCH
    if stalled:
        bits |= _STALLED
    if axis.homed:
        bits |= _HOMED
    return bits


# As plain numbers: it is read at each look, and two flags cost more than the rest of a motor.
_ALWAYS: Final = int(Bits.POSITION | Bits.PRESENT)
_RUNNING, _STANDING = int(Bits.MOVING), int(Bits.DONE)
_DIRECTION, _PLUS_LS, _HOMED = int(Bits.DIRECTION), int(Bits.PLUS_LS), int(Bits.HOMED)
_AT_LOW_SWITCH: Final = int(Bits.HOMELS | Bits.HOME | Bits.MINUS_LS)
_STALLED: Final = int(Bits.SLIP_STALL | Bits.PROBLEM)


def at_user_switch(motor: MotorRecord, high: bool) -> bool:
    """``HLS`` or ``LLS``: whether it stands at the switch on that side in user coordinates."""
    return motor.motion.at_switch(high != motor.frame.reversed)
