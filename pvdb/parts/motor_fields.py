"""The fields of a motor record, as records over a `MotorRecord`.

Each field is a PV of its own (``Rod.RBV``), polled, posted and put like any other; see
`pvdb.parts.motor` for what they mean together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from instruments.errors import Refused
from pvdb.parts.motor import SPMG, MotorRecord
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
        display=motor.user_limits(),
        control=motor.user_limits,
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
        motor.user_limits() if extra["units"] == settings.units else extra.get("control", (0, 0)),
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
    motor: MotorRecord, name: str, read: Read, states: tuple[str, ...], write: Write | None = None
) -> Record:
    return _field(
        motor, name, Wire.ENUM, read, write, states=tuple(State(state) for state in states)
    )


def _positions(motor: MotorRecord) -> list[Record]:
    axis, step = motor.axis, motor.settings.resolution
    moves: dict[str, Any] = {"done": motor.at_rest, "on_busy": OnBusy.QUEUE}

    def relative(distance: float) -> None:
        motor.move(motor.position() + distance)

    return [
        _double(
            motor,
            "RBV",
            motor.position,
            trouble=motor.problem,
            trouble_severity=Severity.MAJOR_ALARM,
        ),
        _double(motor, "DRBV", lambda: axis.position),
        _double(
            motor, "DVAL", motor.dial_target, lambda dial: motor.move(motor.user(dial)), **moves
        ),
        _double(motor, "RRBV", lambda: round(axis.position / step), units="steps"),
        _double(motor, "RVAL", lambda: round(motor.dial_target() / step), units="steps"),
        _double(motor, "RLV", lambda: 0.0, relative, **moves),
        _double(motor, "DIFF", lambda: motor.dial_target() - axis.position),
        _double(
            motor,
            "OFF",
            lambda: motor.offset,
            lambda offset: setattr(motor, "offset", offset),
            saved=True,
        ),
        _double(
            motor,
            "TWV",
            lambda: motor.tweak,
            lambda size: setattr(motor, "tweak", size),
            saved=True,
        ),
    ]


def _limits(motor: MotorRecord) -> list[Record]:
    axis = motor.axis
    return [
        _double(
            motor, "HLM", lambda: motor.user_limits()[1], lambda x: motor.set_user_limit(True, x)
        ),
        _double(
            motor, "LLM", lambda: motor.user_limits()[0], lambda x: motor.set_user_limit(False, x)
        ),
        _double(
            motor,
            "DHLM",
            lambda: axis.high_limit,
            lambda x: motor.set_dial_limit(True, x),
            saved=True,
        ),
        _double(
            motor,
            "DLLM",
            lambda: axis.low_limit,
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
    axis = motor.axis
    return [
        _short(motor, "DMOV", lambda: int(motor.at_rest())),
        _short(motor, "MOVN", lambda: int(axis.moving)),
        _short(
            motor, "HLS", lambda: int(axis.at_low_switch if motor.reversed else axis.at_high_switch)
        ),
        _short(
            motor, "LLS", lambda: int(axis.at_high_switch if motor.reversed else axis.at_low_switch)
        ),
        _short(motor, "RHLS", lambda: int(axis.at_high_switch)),
        _short(motor, "RLLS", lambda: int(axis.at_low_switch)),
        _short(
            motor,
            "ATHM",
            lambda: int(
                axis.homed and math.isclose(axis.position, 0.0, abs_tol=motor.settings.deadband)
            ),
        ),
        _short(motor, "TDIR", lambda: int(motor.towards_high())),
        _short(motor, "LVIO", lambda: int(motor.limit_violation)),
        _short(motor, "MISS", lambda: 0),
        _field(motor, "RCNT", Wire.SHORT, lambda: 0),
        _field(motor, "MSTA", Wire.DOUBLE, motor.status_bits, units=""),
    ]


def _commands(motor: MotorRecord) -> list[Record]:
    def button(name: str, act: Callable[[], None], waits: bool = True) -> Record:
        return _short(
            motor,
            name,
            None,
            lambda on: act() if on else None,
            momentary=True,
            initial=0,
            done=motor.at_rest if waits else None,
            on_busy=OnBusy.QUEUE,
        )

    def tweak(side: float) -> None:
        motor.move(motor.target() + side * motor.tweak)

    def jog(name: str, end: int) -> Record:
        return _short(motor, name, None, lambda on: motor.jog(end, bool(on)), initial=0)

    return [
        button("STOP", motor.stop),
        button("HOMF", motor.home),
        button("HOMR", motor.home),
        button("TWF", lambda: tweak(1.0)),
        button("TWR", lambda: tweak(-1.0)),
        jog("JOGF", 1),
        jog("JOGR", 0),
    ]


def _modes(motor: MotorRecord) -> list[Record]:
    def set_mode(index: int) -> None:
        motor.set_mode = bool(index)

    def set_frozen(index: int) -> None:
        motor.frozen_offset = bool(index)

    return [
        replace(
            _menu(motor, "DIR", lambda: int(motor.reversed), ("Pos", "Neg"), motor.set_reversed),
            saved=True,
        ),
        _menu(motor, "FOFF", lambda: int(motor.frozen_offset), ("Variable", "Frozen"), set_frozen),
        _menu(motor, "SET", lambda: int(motor.set_mode), ("Use", "Set"), set_mode),
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
        _field(motor, "RTRY", Wire.SHORT, lambda: 0),
    ]
