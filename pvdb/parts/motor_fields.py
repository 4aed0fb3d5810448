"""The fields of a motor record, as records over a ``MotorRecord``.

Each field is a PV of its own (``Rod.RBV``), polled, posted and put like any other; see
``pvdb.parts.motor`` for what they mean together.
"""

from __future__ import annotations

from collections.abc import Callable

from instruments.errors import Refused
from pvdb.parts.motor import SPMG, MotorRecord
from pvdb.parts.motor_field_kinds import double, field, menu, press, short, steps, waits_for_rest
from pvdb.parts.motor_other_fields import STEPS_PER_REVOLUTION, other_fields
from pvdb.parts.motor_status import at_user_switch, status_bits
from pvdb.records import OnBusy, Record, Wire, while_still
from pvdb.records.severity import Severity

MOST_RETRIES = 100


def motor_records(motor: MotorRecord) -> list[Record]:
    """The records of one motor: ``Rod``, ``Rod.VAL`` is the same, ``Rod.RBV``, ``Rod.DMOV`` ..."""
    fields = [
        _value_record(motor),
        *_positions(motor),
        *_limits(motor),
        *_flags(motor),
        *_commands(motor),
        *_modes(motor),
        *_constants(motor),
        *other_fields(motor),
    ]
    return while_still(motor.still, fields)


def _value_record(motor: MotorRecord) -> Record:
    settings = motor.settings
    return Record(
        name=settings.name,
        kind="motor",
        wire=Wire.DOUBLE,
        description=settings.description,
        units=settings.units,
        precision=settings.precision,
        display=motor.frame.user_limits(),
        control=motor.frame.user_limits,
        read=motor.target,
        write=motor.move,
        done=motor.at_rest,
        on_busy=OnBusy.QUEUE,
        trouble=motor.problem,
        trouble_severity=Severity.MAJOR_ALARM,
        write_checks_range=True,
    )


def _positions(motor: MotorRecord) -> list[Record]:
    axis, waits = motor.axis, waits_for_rest(motor)
    return [
        double(
            motor,
            "RBV",
            motor.position,
            trouble=motor.problem,
            trouble_severity=Severity.MAJOR_ALARM,
        ),
        double(motor, "DRBV", lambda: axis.position),
        double(motor, "DVAL", motor.dial_target, motor.move_dial, **waits),
        steps(motor, "RRBV", lambda: axis.position),
        steps(motor, "RVAL", motor.dial_target, motor.move_raw, **waits),
        double(motor, "RLV", lambda: 0.0, motor.move_by, **waits),
        double(motor, "DIFF", lambda: motor.dial_target() - axis.position),
        double(
            motor,
            "TWV",
            lambda: motor.tweak,
            lambda size: setattr(motor, "tweak", size),
            saved=True,
        ),
    ]


def _limits(motor: MotorRecord) -> list[Record]:
    frame = motor.frame
    return [
        double(
            motor,
            "HLM",
            lambda: motor.frame.user_limits()[1],
            lambda x: motor.set_user_limit(True, x),
        ),
        double(
            motor,
            "LLM",
            lambda: motor.frame.user_limits()[0],
            lambda x: motor.set_user_limit(False, x),
        ),
        double(
            motor,
            "DHLM",
            lambda: frame.high,
            lambda x: motor.set_dial_limit(True, x),
            saved=True,
        ),
        double(
            motor,
            "DLLM",
            lambda: frame.low,
            lambda x: motor.set_dial_limit(False, x),
            saved=True,
        ),
        *_speeds(motor),
    ]


def _speeds(motor: MotorRecord) -> list[Record]:
    axis, settings = motor.axis, motor.settings
    speed = f"{settings.units}/s"

    def set_velocity(velocity: float) -> None:
        if not velocity > 0:
            raise Refused(f"{settings.name}: velocity = {velocity:g} {speed} must be above 0")
        axis.velocity = velocity

    return [
        double(
            motor,
            "VELO",
            lambda: axis.velocity,
            set_velocity,
            control=(0.0, settings.max_velocity),
            units=speed,
            saved=True,
        ),
        double(motor, "VMAX", lambda: settings.max_velocity, units=speed),
        double(motor, "VBAS", lambda: 0.0, units=speed),
        double(motor, "ACCL", lambda: settings.acceleration_s, units="s"),
        double(motor, "RDBD", lambda: settings.deadband),
        double(motor, "MRES", lambda: settings.resolution),
        double(motor, "ERES", lambda: settings.resolution),
        double(motor, "BDST", lambda: 0.0),
    ]


def _flags(motor: MotorRecord) -> list[Record]:
    axis, motion = motor.axis, motor.motion
    return [
        short(motor, "DMOV", lambda: int(motor.at_rest())),
        short(motor, "MOVN", lambda: int(motion.moving())),
        short(motor, "HLS", lambda: int(at_user_switch(motor, True))),
        short(motor, "LLS", lambda: int(at_user_switch(motor, False))),
        short(motor, "RHLS", lambda: int(axis.at_high_switch)),
        short(motor, "RLLS", lambda: int(axis.at_low_switch)),
        short(motor, "ATHM", lambda: int(axis.at_low_switch)),
        short(motor, "TDIR", lambda: int(motion.towards_high)),
        short(motor, "LVIO", lambda: int(motor.limit_violation)),
        short(motor, "MISS", lambda: int(motion.missed)),
        field(motor, "RCNT", Wire.SHORT, lambda: motion.retried),
        field(motor, "MSTA", Wire.DOUBLE, lambda: status_bits(motor), units=""),
    ]


def _commands(motor: MotorRecord) -> list[Record]:
    def hold(name: str, read: Callable[[], bool], act: Callable[[bool], None]) -> Record:
        """A button that shows what it has begun."""
        return short(
            motor, name, lambda: int(read()), lambda on: act(bool(on)), **waits_for_rest(motor)
        )

    return [
        press(motor, "STOP", motor.stop),
        hold("HOMF", lambda: motor.homing(1), lambda on: motor.home(1, on)),
        hold("HOMR", lambda: motor.homing(0), lambda on: motor.home(0, on)),
        press(motor, "TWF", lambda: motor.move_by(motor.tweak)),
        press(motor, "TWR", lambda: motor.move_by(-motor.tweak)),
        hold("JOGF", lambda: motor.jogging(1), lambda on: motor.jog(1, on)),
        hold("JOGR", lambda: motor.jogging(0), lambda on: motor.jog(0, on)),
    ]


def _modes(motor: MotorRecord) -> list[Record]:
    def freeze(index: int) -> None:
        motor.frozen_offset = bool(index)

    frame = motor.frame
    return [
        # Saved values are restored in this order: DIR changes OFF, so OFF comes after it.
        menu(
            motor,
            "DIR",
            lambda: int(frame.reversed),
            ("Pos", "Neg"),
            motor.set_reversed,
            saved=True,
        ),
        double(
            motor,
            "OFF",
            lambda: frame.offset,
            lambda offset: setattr(frame, "offset", offset),
            saved=True,
        ),
        menu(
            motor,
            "FOFF",
            lambda: int(motor.frozen_offset),
            ("Variable", "Frozen"),
            freeze,
            saved=True,
        ),
        menu(motor, "SET", lambda: int(motor.set_mode), ("Use", "Set"), motor.set_set_mode),
        menu(motor, "SPMG", lambda: motor.spmg, SPMG, motor.set_spmg),
        menu(motor, "CNEN", lambda: 1, ("Disable", "Enable")),
        menu(motor, "STUP", lambda: 0, ("OFF", "ON", "BUSY")),
    ]


def _constants(motor: MotorRecord) -> list[Record]:
    name = motor.settings.name
    return [
        field(motor, "OUT", Wire.STRING, lambda: f"@simulated {name}", length=39),
        field(motor, "SREV", Wire.LONG, lambda: STEPS_PER_REVOLUTION, units=""),
        double(motor, "UREV", lambda: STEPS_PER_REVOLUTION * motor.settings.resolution),
        field(
            motor,
            "RTRY",
            Wire.SHORT,
            lambda: motor.motion.retries,
            lambda count: setattr(motor.motion, "retries", count),
            control=(0, MOST_RETRIES),
            saved=True,
        ),
    ]
