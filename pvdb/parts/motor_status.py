"""``MSTA`` and the switches of a motor record."""

from __future__ import annotations

from enum import IntFlag

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
    axis, moving, stalled = motor.axis, motor.motion.moving(), motor.axis.stalled
    bits = {
        Bits.DIRECTION: motor.motion.towards_high,
        Bits.DONE: not moving,
        Bits.PLUS_LS: axis.at_high_switch,
        Bits.HOMELS: axis.at_low_switch,
        Bits.POSITION: True,
        Bits.SLIP_STALL: stalled,
        Bits.HOME: axis.at_low_switch,
        Bits.PRESENT: True,
        Bits.PROBLEM: stalled,
        Bits.MOVING: moving,
        Bits.MINUS_LS: axis.at_low_switch,
        Bits.HOMED: axis.homed,
    }
    return sum(bit for bit, on in bits.items() if on)


def at_user_switch(motor: MotorRecord, high: bool) -> bool:
    """``HLS`` or ``LLS``: whether it stands at the switch on that side in user coordinates."""
    return motor.motion.at_switch(high != motor.frame.reversed)
