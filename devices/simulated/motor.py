"""Channels of a motor record over a simulated drive: what `ophyd.EpicsMotor` connects to."""

from __future__ import annotations

from typing import Any

from devices.simulated.bench import Channel, Done
from devices.simulated.interlocks import Guard, unguarded

__all__ = ["motor_channels"]


def motor_channels(
    name: str, drive: Any, units: str, guard: Guard = unguarded
) -> dict[str, Channel]:
    """The fields of one motor record.

    Args:
        name: of the record.
        drive: a `haloscope.apparatus.motion.PiezoDrive`.
        units: of its position.
        guard: wrapped around what moves it (an interlock).
    """

    def move(position: float) -> Done:
        drive.move_to(float(position))
        return lambda: not drive.moving

    def stop(value: float) -> None:
        if value:
            drive.stop()

    def find_reference(_: float) -> Done:
        drive.home()
        return lambda: not drive.moving

    guarded_home = guard(find_reference)

    def home(value: float) -> Done | None:
        return guarded_home(value) if value else None

    def limit(attribute: str) -> Channel:
        return Channel(
            lambda: float(getattr(drive, attribute)),
            lambda value: setattr(drive, attribute, float(value)),
            units,
            6,
        )

    table = {
        "VAL": Channel(
            lambda: float(drive.setpoint),
            guard(move),
            units,
            6,
            lambda: (float(drive.low_limit), float(drive.high_limit)),
        ),
        "RBV": Channel(lambda: float(drive.position), None, units, 6),
        "OFF": Channel(lambda: 0.0, _ignore, units, 6),
        "DIR": Channel(lambda: 0, _ignore, enum=("Pos", "Neg")),
        "FOFF": Channel(lambda: 1, _ignore, enum=("Variable", "Frozen")),
        "SET": Channel(lambda: 0, _ignore, enum=("Use", "Set")),
        "VELO": Channel(
            lambda: float(drive.velocity),
            lambda value: setattr(drive, "velocity", float(value)),
            f"{units}/s",
            6,
            (0.0, drive.parameters.highest_velocity),
        ),
        "ACCL": Channel(lambda: 0.0, None, "s", 3),
        "EGU": Channel(lambda: units),
        "MOVN": Channel(lambda: int(drive.moving)),
        "DMOV": Channel(lambda: int(not drive.moving)),
        "HLS": Channel(lambda: int(drive.at_high_switch)),
        "LLS": Channel(lambda: int(drive.at_low_switch)),
        "HLM": limit("high_limit"),
        "LLM": limit("low_limit"),
        "TDIR": Channel(lambda: int(drive.direction > 0)),
        "STOP": Channel(lambda: 0, stop, limits=(0, 1)),
        "HOMF": Channel(lambda: 0, home, limits=(0, 1)),
        "HOMR": Channel(lambda: 0, home, limits=(0, 1)),
    }
    return {f"{name}.{field}": channel for field, channel in table.items()}


def _ignore(_: Any) -> None:
    return None
