"""How the fields of a motor record are written down: one call each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pvdb.parts.motor import MotorRecord
from pvdb.records import OnBusy, Record, State, Wire
from pvdb.records.description import Read, Write

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
    "RDIF": "Raw target less raw readback, steps",
    "RMP": "Raw motor position, steps",
    "REP": "Raw encoder position, steps",
    "RHLM": "Raw high limit, steps",
    "RLLM": "Raw low limit, steps",
    "JVEL": "Velocity of jogs",
    "HVEL": "Velocity of home searches",
    "S": "Speed, revolutions per second",
    "SMAX": "Highest speed, revolutions per second",
    "CDIR": "Direction sent to, raw",
    "LSPG": "Stop, pause, move, go before",
    "SYNC": "Let the target be the readback",
    "SSET": "Set mode",
    "SUSE": "Use mode",
    "FOF": "Freeze the offset",
    "VOF": "Offset variable",
}


def field(
    motor: MotorRecord,
    name: str,
    wire: Wire,
    read: Read | None,
    write: Write | None = None,
    **extra: Any,
) -> Record:
    """A field; double without more."""
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


def double(
    motor: MotorRecord, name: str, read: Read, write: Write | None = None, **extra: Any
) -> Record:
    """A number in the motor's units, unless said otherwise."""
    return field(motor, name, Wire.DOUBLE, read, write, **extra)


def short(
    motor: MotorRecord, name: str, read: Read | None, write: Write | None = None, **extra: Any
) -> Record:
    """A flag, or a button if it is written."""
    if write:
        extra["control"] = (0, 1)
    return field(motor, name, Wire.SHORT, read, write, **extra)


def menu(
    motor: MotorRecord,
    name: str,
    read: Read,
    states: tuple[str, ...],
    write: Write | None = None,
    **extra: Any,
) -> Record:
    """A choice."""
    return field(
        motor, name, Wire.ENUM, read, write, states=tuple(State(state) for state in states), **extra
    )


def waits_for_rest(motor: MotorRecord) -> dict[str, Any]:
    """What a put to a drive field or a button waits for."""
    return {"done": motor.at_rest, "on_busy": OnBusy.QUEUE}


def press(motor: MotorRecord, name: str, act: Callable[[], None]) -> Record:
    """A button that is up again at once."""
    return short(
        motor,
        name,
        lambda: 0,
        lambda on: act() if on else None,
        momentary=True,
        **waits_for_rest(motor),
    )


def steps(
    motor: MotorRecord, name: str, read: Read, write: Write | None = None, **extra: Any
) -> Record:
    """A whole number of steps, read in units."""
    step = motor.settings.resolution
    return field(
        motor, name, Wire.LONG, lambda: round(read() / step), write, units="steps", **extra
    )
