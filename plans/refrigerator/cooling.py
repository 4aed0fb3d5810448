"""Cooling curves of the refrigerator: temperature at heater powers, power at temperatures.

Each point waits until the cycles are periodic. Stream ``primary`` has one event per point, whose
``converged`` is 0 where they were not and the plan went on; stream ``cycles`` has one per cycle on
the way there (``plans.refrigerator.cycles``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd import OphydObject

from devices.amrr import CurvePoint, Refrigerator
from instruments.ranges import within
from plans.refrigerator.cycles import (
    MAX_CYCLES,
    CycleRecorder,
    Periodic,
    cold_range_k,
    highest_uw,
    start_document,
)
from plans.refrigerator.startup import run_safely, safe_start
from plans.shared.common import in_run, record, require
from plans.shared.needs import needs

__all__ = ["LoadPoint", "curve", "load_curve", "load_map", "temperature_curve"]


@dataclass(frozen=True)
class LoadPoint:
    """One point of a cooling curve.

    Attributes:
        setting: What was set: heater power (uW), temperature (K), or a waypoint (its unit).
        mean_temperature_k: Mean over the last cycle.
        mean_power_uw: Mean heater power over the last cycle.
        converged: Consecutive cycles agreed.
        cycles: Cycles it took.
        unseen: Cycles that ended on the way without an event.
    """

    setting: float
    mean_temperature_k: float
    mean_power_uw: float
    converged: bool
    cycles: int
    unseen: int = 0


def load_curve(
    refrigerator: Refrigerator,
    powers_uw: Sequence[float],
    *,
    tolerance_k: float = 0.005,
    max_cycles: int = MAX_CYCLES,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[LoadPoint]]:
    """Temperature of the cold exchanger at constant heater powers.

    Parameters
    ----------
    refrigerator
        The device.
    powers_uw
        Heater powers, uW, in the order to be taken.
    tolerance_k
        Consecutive cycles agree within this, K.
    max_cycles
        Per point.
    md
        Metadata for the start document.
    """
    settings = _within("powers_uw", powers_uw, 0.0, highest_uw(refrigerator), "uW")
    periodic = Periodic(tolerance_k, max_cycles=max_cycles)
    chx = refrigerator.chx

    def settle(power: float) -> MsgGenerator[None]:
        yield from bps.mv(chx.mode, "Open loop", chx.heater_power, power)

    return (yield from curve("load_curve", refrigerator, settings, settle, periodic, md=md))


def temperature_curve(
    refrigerator: Refrigerator,
    temperatures_k: Sequence[float],
    *,
    tolerance_k: float = 0.005,
    tolerance_uw: float = 5.0,
    max_cycles: int = MAX_CYCLES,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[LoadPoint]]:
    """Cooling power at constant temperatures: the heater holds each, its mean power is the answer.

    Parameters
    ----------
    refrigerator
        The device.
    temperatures_k
        Setpoints of the cold exchanger, K.
    tolerance_k
        Consecutive cycles agree within this in temperature, K.
    tolerance_uw
        And within this in mean heater power, uW.
    max_cycles
        Per point.
    md
        Metadata for the start document.
    """
    settings = _within("temperatures_k", temperatures_k, *cold_range_k(refrigerator), "K")
    periodic = Periodic(tolerance_k, tolerance_uw, max_cycles=max_cycles)
    chx = refrigerator.chx

    def settle(kelvin: float) -> MsgGenerator[None]:
        yield from bps.mv(chx.setpoint, kelvin, chx.mode, "Closed loop")

    return (yield from curve("temperature_curve", refrigerator, settings, settle, periodic, md=md))


@needs("detector1", "detector2")
def load_map(
    refrigerator: Refrigerator,
    plate_uw: Sequence[float],
    detector1_uw: Sequence[float],
    detector2_uw: Sequence[float],
    *,
    tolerance_k: float = 0.005,
    max_cycles: int = MAX_CYCLES,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[LoadPoint]]:
    """Temperatures along the cold line for loads that are spread over plate and detectors' stages.

    A point's event has the stages' thermometers, and fluid temperatures and loads along the line,
    as they are when its last cycle ends. The stages keep the loads of the last point.

    Parameters
    ----------
    refrigerator
        The device.
    plate_uw
        Heater powers of the cold exchanger, uW, one for each point.
    detector1_uw
        What the first stage dissipates, uW, as many.
    detector2_uw
        What the second dissipates.
    tolerance_k
        Consecutive cycles of the plate agree within this, K.
    max_cycles
        Per point.
    md
        Metadata for the start document.
    """
    args: dict[str, list[float]] = {}
    named = {"plate_uw": plate_uw, "detector1_uw": detector1_uw, "detector2_uw": detector2_uw}
    for name, powers_uw in named.items():
        args |= _within(name, powers_uw, 0.0, highest_uw(refrigerator), "uW")
    counts = [len(powers_uw) for powers_uw in args.values()]
    together = "{}, {} and {} loads of plate and stages: as many of each".format(*counts)
    require(len(set(counts)) == 1, together)
    chx, stages = refrigerator.chx, (refrigerator.detector1, refrigerator.detector2)

    def settle(point: float) -> MsgGenerator[None]:
        plate, first, second = (powers_uw[int(point)] for powers_uw in args.values())
        yield from bps.mv(chx.mode, "Open loop", chx.heater_power, plate)
        yield from bps.mv(stages[0].power, first, stages[1].power, second)

    path = refrigerator.cold_path
    line = (path.temperatures, path.loads, path.positions)
    points: dict[str, list[float]] = {"points": [float(k) for k in range(counts[0])]}
    plan = curve(
        "load_map", refrigerator, points, settle, Periodic(tolerance_k, max_cycles=max_cycles),
        recorded=[*stages, *line], md=md, **args,
    )  # fmt: skip
    return (yield from plan)


def curve(
    name: str,
    refrigerator: Refrigerator,
    settings: Mapping[str, Sequence[float]],
    settle: Callable[[float], MsgGenerator[None]],
    periodic: Periodic,
    *,
    recorded: Sequence[OphydObject] = (),
    md: Mapping[str, Any] | None = None,
    **args: Any,
) -> MsgGenerator[list[LoadPoint]]:
    """Set each setting in turn, wait for periodic cycles, record the point: one run.

    Parameters
    ----------
    name
        Of the plan, for the start document.
    refrigerator
        The device.
    settings
        The plan's argument that lists the settings, by its name.
    settle
        Sets one of them.
    periodic
        When a point is reached.
    recorded
        Devices whose readings go into each point's event too.
    md
        Metadata for the start document.
    **args
        The plan's further arguments, for the start document.
    """
    (values,) = settings.values()
    args = {**args, **settings, **periodic.recorded()}
    start = yield from start_document(name, refrigerator, args, md, num_points=len(values))
    mark = CurvePoint(name=f"{refrigerator.name}_point")
    devices = [refrigerator.cycle, refrigerator.chx.heater_power, refrigerator.sim, *recorded, mark]
    recorder = CycleRecorder(refrigerator, stream="cycles")

    def inner() -> MsgGenerator[list[LoadPoint]]:
        points = []
        yield from settle(values[0])
        yield from safe_start(refrigerator)
        for value in values:
            yield from bps.checkpoint()
            yield from settle(value)
            end = yield from recorder.until(periodic)
            yield from bps.abs_set(mark, {"converged": float(end.converged)}, wait=True)
            yield from record(devices, "primary")
            means = end.mean_temperature_k, end.mean_power_uw
            points.append(LoadPoint(value, *means, end.converged, end.cycles, end.unseen))
        return points

    return (yield from run_safely(in_run(inner(), start), refrigerator))


def _within(
    name: str, values: Sequence[float], low: float, high: float, unit: str
) -> dict[str, list[float]]:
    """The settings of a curve by the name of their argument; at least one, all within limits."""
    require(len(values) > 0, f"{name} is empty: a curve needs at least one point")
    return {name: [within(name, value, low, high, unit) for value in values]}
