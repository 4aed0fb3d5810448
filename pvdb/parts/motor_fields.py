"""The fields of a motor record, as records over a `MotorRecord`.

Each field is a PV of its own (``Rod.RBV``), polled, posted and put like any other; see
`pvdb.parts.motor` for what they mean together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instruments.errors import Refused
from pvdb.parts.motor import SPMG, MotorRecord
from pvdb.parts.motor_status import at_user_switch, status_bits
from pvdb.records import OnBusy, Record, State, Wire
from pvdb.records.description import Read, Write
from pvdb.records.severity import Severity

DESCRIPTIONS = {
    "RBV": "Readback",
    "DRBV": "Dial readback",
    "DVAL": "Dial target",
    "RRBV": "Raw readback, steps",
    "RVAL": "Raw target, steps",
    "RLV": "Move by this much",
    "DIFF": "Dial target less dial readback",
    "OFF": "User offset",
    "TWV": "Size of a tweak",
    "HLM": "High limit, user",
    "LLM": "Low limit, user",
    "DHLM": "High limit, dial",
    "DLLM": "Low limit, dial",
    "VELO": "Velocity",
    "VMAX": "Highest velocity",
    "VBAS": "Base velocity",
    "ACCL": "Seconds to velocity",
    "RDBD": "Retry deadband",
    "MRES": "Motor step",
    "ERES": "Encoder step",
    "BDST": "Backlash distance",
    "DMOV": "Done moving",
    "MOVN": "Moving",
    "HLS": "At the high limit switch",
    "LLS": "At the low limit switch",
    "RHLS": "At the high limit switch, dial",
    "RLLS": "At the low limit switch, dial",
    "ATHM": "At home",
    "TDIR": "Direction of travel",
    "LVIO": "Limit violation",
    "MISS": "Ran out of retries",
    "RCNT": "Retries made",
    "RTRY": "Retries allowed",
    "MSTA": "Status bits",
    "STOP": "Stop",
    "HOMF": "Home, forward",
    "HOMR": "Home, reverse",
    "TWF": "Tweak forward",
    "TWR": "Tweak reverse",
    "JOGF": "Jog forward",
    "JOGR": "Jog reverse",
    "DIR": "User direction",
    "FOFF": "Offset variable or frozen",
    "SET": "Use, or set the position",
    "SPMG": "Stop, pause, move, go",
    "CNEN": "Power",
    "STUP": "Status update",
    "OUT": "Output link",
    "SREV": "Steps per revolution",
    "UREV": "Units per revolution",
}


MOST_RETRIES = 100


def motor_records(motor: MotorRecord) -> list[Record]:
    """The records of one motor: ``Rod``, ``Rod.VAL`` is the same, ``Rod.RBV``, ``Rod.DMOV`` ..."""
    return [
        _value_record(motor),
        *_positions(motor),
        *_limits(motor),
        *_flags(motor),
        *_commands(motor),
        *_modes(motor),
        *_constants(motor),
    ]


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


def _field(
    motor: MotorRecord,
    name: str,
    wire: Wire,
    read: Read | None,
    write: Write | None = None,
    **extra: Any,
) -> Record:
    settings = motor.settings
    extra.setdefault("units", settings.units if wire is Wire.DOUBLE else "")
    extra.setdefault("group", "DEFAULT" if write else "READBACK")
    extra.setdefault(
        "display",
        motor.frame.user_limits()
        if extra["units"] == settings.units
        else extra.get("control", (0, 0)),
    )
    return Record(
        name=f"{settings.name}.{name}",
        kind="motor",
        wire=wire,
        description=DESCRIPTIONS[name],
        precision=settings.precision,
        read=read,
        write=write,
        **extra,
    )


def _double(
    motor: MotorRecord, name: str, read: Read, write: Write | None = None, **extra: Any
) -> Record:
    return _field(motor, name, Wire.DOUBLE, read, write, **extra)


def _short(
    motor: MotorRecord, name: str, read: Read | None, write: Write | None = None, **extra: Any
) -> Record:
    if write:
        extra["control"] = (0, 1)
    return _field(motor, name, Wire.SHORT, read, write, **extra)


def _menu(
    motor: MotorRecord,
    name: str,
    read: Read,
    states: tuple[str, ...],
    write: Write | None = None,
    **extra: Any,
) -> Record:
    return _field(
        motor, name, Wire.ENUM, read, write, states=tuple(State(state) for state in states), **extra
    )


def _moves(motor: MotorRecord) -> dict[str, Any]:
    """What a put to a drive field or a button waits for."""
    return {"done": motor.at_rest, "on_busy": OnBusy.QUEUE}


def _positions(motor: MotorRecord) -> list[Record]:
    axis, moves = motor.axis, _moves(motor)
    return [
        _double(
            motor,
            "RBV",
            motor.position,
            trouble=motor.problem,
            trouble_severity=Severity.MAJOR_ALARM,
        ),
        _double(motor, "DRBV", lambda: axis.position),
        _double(motor, "DVAL", motor.dial_target, motor.move_dial, **moves),
        _steps(motor, "RRBV", lambda: axis.position),
        _steps(motor, "RVAL", motor.dial_target, motor.move_raw, **moves),
        _double(motor, "RLV", lambda: 0.0, motor.move_by, **moves),
        _double(motor, "DIFF", lambda: motor.dial_target() - axis.position),
        _double(
            motor,
            "TWV",
            lambda: motor.tweak,
            lambda size: setattr(motor, "tweak", size),
            saved=True,
        ),
    ]


def _steps(
    motor: MotorRecord, name: str, read: Read, write: Write | None = None, **extra: Any
) -> Record:
    step = motor.settings.resolution
    return _field(
        motor, name, Wire.LONG, lambda: round(read() / step), write, units="steps", **extra
    )


def _limits(motor: MotorRecord) -> list[Record]:
    frame = motor.frame
    return [
        _double(
            motor,
            "HLM",
            lambda: motor.frame.user_limits()[1],
            lambda x: motor.set_user_limit(True, x),
        ),
        _double(
            motor,
            "LLM",
            lambda: motor.frame.user_limits()[0],
            lambda x: motor.set_user_limit(False, x),
        ),
        _double(
            motor,
            "DHLM",
            lambda: frame.high,
            lambda x: motor.set_dial_limit(True, x),
            saved=True,
        ),
        _double(
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
            raise Refused(f"{settings.name}: velocity {velocity:g} {speed} must be above 0")
        axis.velocity = velocity

    return [
        _double(
            motor,
            "VELO",
            lambda: axis.velocity,
            set_velocity,
            control=(0.0, settings.max_velocity),
            units=speed,
            saved=True,
        ),
        _double(motor, "VMAX", lambda: settings.max_velocity, units=speed),
        _double(motor, "VBAS", lambda: 0.0, units=speed),
        _double(motor, "ACCL", lambda: settings.acceleration_s, units="s"),
        _double(motor, "RDBD", lambda: settings.deadband),
        _double(motor, "MRES", lambda: settings.resolution),
        _double(motor, "ERES", lambda: settings.resolution),
        _double(motor, "BDST", lambda: 0.0),
    ]


def _flags(motor: MotorRecord) -> list[Record]:
    axis, motion = motor.axis, motor.motion
    return [
        _short(motor, "DMOV", lambda: int(motor.at_rest())),
        _short(motor, "MOVN", lambda: int(motion.moving())),
        _short(motor, "HLS", lambda: int(at_user_switch(motor, True))),
        _short(motor, "LLS", lambda: int(at_user_switch(motor, False))),
        _short(motor, "RHLS", lambda: int(axis.at_high_switch)),
        _short(motor, "RLLS", lambda: int(axis.at_low_switch)),
        _short(motor, "ATHM", lambda: int(axis.at_low_switch)),
        _short(motor, "TDIR", lambda: int(motion.towards_high)),
        _short(motor, "LVIO", lambda: int(motor.limit_violation)),
        _short(motor, "MISS", lambda: int(motion.missed)),
        _field(motor, "RCNT", Wire.SHORT, lambda: motion.retried),
        _field(motor, "MSTA", Wire.DOUBLE, lambda: status_bits(motor), units=""),
    ]


def _commands(motor: MotorRecord) -> list[Record]:
    def press(name: str, act: Callable[[], None]) -> Record:
        """A button that is up again at once."""
        return _short(
            motor,
            name,
            lambda: 0,
            lambda on: act() if on else None,
            momentary=True,
            **_moves(motor),
        )

    def hold(name: str, read: Callable[[], bool], act: Callable[[bool], None]) -> Record:
        """A button that shows what it has begun."""
        return _short(motor, name, lambda: int(read()), lambda on: act(bool(on)), **_moves(motor))

    return [
        press("STOP", motor.stop),
        hold("HOMF", lambda: motor.homing(1), lambda on: motor.home(1, on)),
        hold("HOMR", lambda: motor.homing(0), lambda on: motor.home(0, on)),
        press("TWF", lambda: motor.move_by(motor.tweak)),
        press("TWR", lambda: motor.move_by(-motor.tweak)),
        hold("JOGF", lambda: motor.jogging(1), lambda on: motor.jog(1, on)),
        hold("JOGR", lambda: motor.jogging(0), lambda on: motor.jog(0, on)),
    ]


def _modes(motor: MotorRecord) -> list[Record]:
    def freeze(index: int) -> None:
        motor.frozen_offset = bool(index)

    frame = motor.frame
    return [
        # Saved values are restored in this order: DIR changes OFF, so OFF comes after it.
        _menu(
            motor,
            "DIR",
            lambda: int(frame.reversed),
            ("Pos", "Neg"),
            motor.set_reversed,
            saved=True,
        ),
        _double(
            motor,
            "OFF",
            lambda: frame.offset,
            lambda offset: setattr(frame, "offset", offset),
            saved=True,
        ),
        _menu(
            motor,
            "FOFF",
            lambda: int(motor.frozen_offset),
            ("Variable", "Frozen"),
            freeze,
            saved=True,
        ),
        _menu(motor, "SET", lambda: int(motor.set_mode), ("Use", "Set"), motor.set_set_mode),
        _menu(motor, "SPMG", lambda: motor.spmg, SPMG, motor.set_spmg),
        _menu(motor, "CNEN", lambda: 1, ("Disable", "Enable")),
        _menu(motor, "STUP", lambda: 0, ("OFF", "ON", "BUSY")),
    ]


def _constants(motor: MotorRecord) -> list[Record]:
    name = motor.settings.name
    return [
        _field(motor, "OUT", Wire.STRING, lambda: f"@simulated {name}", length=39),
        _field(motor, "SREV", Wire.LONG, lambda: 200, units=""),
        _double(motor, "UREV", lambda: 200 * motor.settings.resolution),
        _field(
            motor,
            "RTRY",
            Wire.SHORT,
            lambda: motor.motion.retries,
            lambda count: setattr(motor.motion, "retries", count),
            control=(0, MOST_RETRIES),
            saved=True,
        ),
    ]
