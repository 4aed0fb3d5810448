"""What the cold fluid passes between the regenerators: detectors' stages, temperatures, loads."""

from __future__ import annotations

import math
from collections.abc import Iterator

from amrr.refrigerator import SimulatedRefrigerator
from instruments.errors import Refused
from pvdb.parts.faults import SensorFaults
from pvdb.records import Record, readback, setpoint, waveform
from pvdb.records.binding import reader, writer
from pvdb.refrigerator.alarms import cold_alarms
from pvdb.refrigerator.thermometer import DISPLAY_K, thermometer

UW_PER_W = 1e6
MM_PER_M = 1e3

#: What a device has signals for; served of a machine without them too, to say so.
ALWAYS_SERVED = ("Detector1", "Detector2")


def cold_path_records(machine: SimulatedRefrigerator, faults: SensorFaults) -> Iterator[Record]:
    """``DetectorN:...`` of the stages that the machine has, and ``ColdPath:...`` along the tube."""
    for name, stage in machine.detectors.items():
        highest_uw = stage.parameters.highest_w * UW_PER_W
        what = f"Detector stage {name[-1]}"
        yield thermometer(
            machine, faults, f"{name}:Temp_RBV", name, what, cold_alarms(machine.parameters)
        )
        yield setpoint(
            f"{name}:Power",
            reader(stage, "power_w", UW_PER_W),
            writer(stage, "power_w", UW_PER_W),
            f"{what}, what it dissipates",
            "uW",
            control=(0.0, highest_uw),
            precision=2,
        )
        yield readback(
            f"{name}:Power_RBV",
            reader(stage, "power_w", UW_PER_W),
            f"{what}, what it dissipates",
            "uW",
            precision=2,
            display=(0.0, highest_uw),
        )
        yield readback(
            f"{name}:Distance_RBV",
            reader(stage.parameters, "distance_m", MM_PER_M),
            f"Distance from regenerator {stage.parameters.side}",
            "mm",
            precision=1,
            display=(0.0, machine.parameters.cold_line.length_m * MM_PER_M),
        )
    for name in ALWAYS_SERVED:
        if name not in machine.detectors:
            yield from _absent(name)
    yield from _along(machine)


def _absent(name: str) -> Iterator[Record]:
    """The records of a stage that this machine does not have."""
    what = f"Detector stage {name[-1]}, not fitted"

    def refuse(_: float) -> None:
        raise Refused(f"{name}:Power: this machine has no such stage")

    for part, units in (("Temp_RBV", "K"), ("Power_RBV", "uW"), ("Distance_RBV", "mm")):
        yield readback(
            f"{name}:{part}",
            lambda: math.nan,
            what,
            units,
            display=(0.0, 1.0),
            trouble=lambda: "not fitted",
        )
    yield setpoint(
        f"{name}:Power", lambda: 0.0, refuse, what, "uW", control=(0.0, 1.0), saved=False
    )


def _along(machine: SimulatedRefrigerator) -> Iterator[Record]:
    positions_mm = machine.cold_path_positions_m * MM_PER_M
    count = positions_mm.size
    yield waveform(
        "ColdPath:TempProfile_RBV",
        lambda: machine.cold_path_temperatures_k,
        "Fluid from regenerator B to A",
        count,
        "K",
        precision=4,
        display=DISPLAY_K,
    )
    yield waveform(
        "ColdPath:Load_RBV",
        lambda: machine.cold_path_loads_w * UW_PER_W,
        "Load map from regenerator B to A",
        count,
        "uW",
        precision=2,
        display=(0.0, machine.chx_heater.highest_w * UW_PER_W),
    )
    yield waveform(
        "ColdPath:Position_RBV",
        lambda: positions_mm,
        "Positions from regenerator B",
        count,
        "mm",
        display=(0.0, float(positions_mm[-1])),
        version=lambda: 0,
    )
