"""A temperature of the refrigerator as its thermometer reads it."""

from __future__ import annotations

from amrr.controls.thermometry import ReadingStatus
from amrr.refrigerator import SimulatedRefrigerator
from pvdb.parts.faults import SensorFaults
from pvdb.records import AlarmLimits, Record, readback

DISPLAY_K = (0.0, 5.0)

_TROUBLES = {
    ReadingStatus.STALE: "reading is stale",
    ReadingStatus.OVER_RANGE: "outside the sensor's curve",
    ReadingStatus.OPEN: "sensor open",
}


def thermometer(
    machine: SimulatedRefrigerator,
    faults: SensorFaults,
    name: str,
    sensor: str,
    what: str,
    alarms: AlarmLimits,
) -> Record:
    """A temperature as its thermometer reads it, INVALID when it cannot be believed."""
    meter = machine.thermometers[sensor]
    return readback(
        name,
        lambda: faults.reading(sensor),
        what,
        "K",
        precision=4,
        display=DISPLAY_K,
        alarms=alarms,
        deadband=1e-5,
        trouble=lambda: faults.trouble(sensor) or _TROUBLES.get(meter.status, ""),
    )
