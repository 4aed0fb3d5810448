"""Fields of a motor record that say or do otherwise what the other fields say and do.

Steps, revolutions, buttons for scripts that put to one field for one thing.
"""

from __future__ import annotations

from collections.abc import Callable

from pvdb.parts.motor import SPMG, MotorRecord
from pvdb.parts.motor_field_kinds import double, menu, press, short, steps
from pvdb.records import Record

#: ``SREV``: the record's own default; a piezo drive has no revolutions.
STEPS_PER_REVOLUTION = 200


def other_fields(motor: MotorRecord) -> list[Record]:
    """The records of these fields."""
    return [*_readings(motor), *_buttons(motor)]


def _readings(motor: MotorRecord) -> list[Record]:
    axis, frame = motor.axis, motor.frame
    revolution = STEPS_PER_REVOLUTION * motor.settings.resolution
    return [
        steps(motor, "RDIF", lambda: motor.dial_target() - axis.position),
        steps(motor, "RMP", lambda: axis.position),
        steps(motor, "REP", lambda: axis.position),
        steps(motor, "RHLM", lambda: frame.high),
        steps(motor, "RLLM", lambda: frame.low),
        double(motor, "JVEL", lambda: axis.velocity, units=f"{motor.settings.units}/s"),
        double(motor, "HVEL", lambda: axis.velocity, units=f"{motor.settings.units}/s"),
        double(motor, "S", lambda: axis.velocity / revolution, units="1/s"),
        double(motor, "SMAX", lambda: motor.settings.max_velocity / revolution, units="1/s"),
        short(motor, "CDIR", lambda: int(motor.motion.towards_high)),
        menu(motor, "LSPG", lambda: motor.spmg, SPMG),
    ]


def _buttons(motor: MotorRecord) -> list[Record]:
    def setter(name: str, act: Callable[[], None]) -> Record:
        """Any value does it, as in the record: autosave puts what it has kept."""
        return short(motor, name, lambda: 0, lambda _: act())

    def freeze(frozen: bool) -> Callable[[], None]:
        return lambda: setattr(motor, "frozen_offset", frozen)

    return [
        press(motor, "SYNC", motor.synchronize),
        setter("SSET", lambda: motor.set_set_mode(1)),
        setter("SUSE", lambda: motor.set_set_mode(0)),
        setter("FOF", freeze(True)),
        setter("VOF", freeze(False)),
    ]
