"""Small helpers for tables: read or write one attribute, in the units of the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pvdb.records import AlarmLimits, Range, Record, readback, setpoint
from pvdb.records.description import NO_LIMITS, Write


def reader(thing: Any, attribute: str, scale: float = 1.0) -> Callable[[], float]:
    """Gives ``thing.attribute * scale``."""
    return lambda: float(getattr(thing, attribute)) * scale


def writer(thing: Any, attribute: str, scale: float = 1.0) -> Callable[[float], None]:
    """Sets ``thing.attribute`` to the put value divided by ``scale``."""
    return lambda value: setattr(thing, attribute, value / scale)


def setting(
    name: str,
    thing: Any,
    attribute: str,
    what: str,
    units: str,
    control: Range,
    *,
    scale: float = 1.0,
    precision: int = 3,
    alarms: AlarmLimits = NO_LIMITS,
    guard: Callable[[Write], Write] = lambda write: write,
) -> list[Record]:
    """A setpoint ``name`` and its readback ``name_RBV`` over one attribute.

    Args:
        name: Of the setpoint.
        thing: Object of the machine.
        attribute: Its attribute, in SI units.
        what: Description.
        units: Units on the wire.
        control: Values a put may take.
        scale: Units on the wire per SI unit.
        precision: Decimals.
        alarms: Of the readback.
        guard: Wrapped around the write (an interlock).
    """
    read, write = reader(thing, attribute, scale), guard(writer(thing, attribute, scale))
    return [
        setpoint(name, read, write, what, units, control=control, precision=precision),
        readback(
            f"{name}_RBV", read, what, units, precision=precision, display=control, alarms=alarms
        ),
    ]
