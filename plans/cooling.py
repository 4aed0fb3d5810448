"""Cooling curves of the refrigerator, scans and optimisation of its cycle.

Each point waits until consecutive cycles agree. Stream `primary` has one event per point, stream
`cycles` one per cycle on the way there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from devices.amrr import Refrigerator
from devices.base import limits_of
from plans.amrr import (
    MAX_HEATER_POWER_UW,
    CoolDown,
    run_safely,
    safe_start,
    start_document,
    until_periodic,
)
from plans.ask_tell import Optimizer
from plans.common import finite, in_run, record, require, value_of

__all__ = [
    "WAYPOINTS",
    "LoadPoint",
    "Optimum",
    "load_curve",
    "optimize_waypoints",
    "temperature_curve",
    "waypoint_scan",
]

#: The waypoints of the cycle that an operator may scan: signals of `cycle`, with their units.
WAYPOINTS: Mapping[str, str] = {
    "pump_low": "T",
    "pump_high": "T",
    "regen_cold_start": "T",
    "regen_cold_end": "T",
    "regen_hot_start": "T",
    "regen_hot_end": "T",
    "flow_time": "s",
    "hold_time": "s",
}


@dataclass(frozen=True)
class LoadPoint:
    """One point of a cooling curve.

    Attributes:
        setting: what was set: heater power (uW), temperature (K), or a waypoint (its unit).
        mean_temperature_k: mean over the last cycle.
        mean_power_uw: mean heater power over the last cycle.
        converged: consecutive cycles agreed.
        cycles: cycles it took.
    """

    setting: float
    mean_temperature_k: float
    mean_power_uw: float
    converged: bool
    cycles: int


@dataclass(frozen=True)
class Optimum:
    """Where an optimisation ended: waypoints by name, the figure there, points measured."""

    waypoints: dict[str, float]
    figure: float
    points: int


def load_curve(
    refrigerator: Refrigerator,
    powers_uw: Sequence[float],
    *,
    tolerance_k: float = 0.005,
    max_cycles: int = 60,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[LoadPoint]]:
    """Temperature of the cold exchanger at constant heater powers.

    Args:
        refrigerator: the device.
        powers_uw: heater powers, uW, in the order to be taken.
        tolerance_k: consecutive cycles agree within this, K.
        max_cycles: per point.
        md: metadata for the start document.
    """
    require(len(powers_uw) > 0, "a load curve needs at least one power")
    for power in powers_uw:
        finite("power", power, 0.0, MAX_HEATER_POWER_UW, "uW")
    chx = refrigerator.chx

    def settle(power: float) -> MsgGenerator[None]:
        yield from bps.mv(chx.mode, "Open loop", chx.heater_power, power)

    args = {"powers_uw": list(powers_uw), "tolerance_k": tolerance_k, "max_cycles": max_cycles}
    return (
        yield from _curve(
            "load_curve", refrigerator, powers_uw, settle, args, md, tolerance_k, math.inf
        )
    )


def temperature_curve(
    refrigerator: Refrigerator,
    temperatures_k: Sequence[float],
    *,
    tolerance_k: float = 0.005,
    tolerance_uw: float = 5.0,
    max_cycles: int = 60,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[LoadPoint]]:
    """Cooling power at constant temperatures: the heater holds each, its mean power is the answer.

    Args:
        refrigerator: the device.
        temperatures_k: setpoints of the cold exchanger, K.
        tolerance_k: consecutive cycles agree within this in temperature, K.
        tolerance_uw: and within this in mean heater power, uW.
        max_cycles: per point.
        md: metadata for the start document.
    """
    require(len(temperatures_k) > 0, "a curve needs at least one temperature")
    for kelvin in temperatures_k:
        finite("temperature", kelvin, 0.3, 1.6, "K")
    chx = refrigerator.chx

    def settle(kelvin: float) -> MsgGenerator[None]:
        yield from bps.mv(chx.setpoint, kelvin, chx.mode, "Closed loop")

    args = {"temperatures_k": list(temperatures_k), "max_cycles": max_cycles}
    args |= {"tolerance_k": tolerance_k, "tolerance_uw": tolerance_uw}
    return (
        yield from _curve(
            "temperature_curve",
            refrigerator,
            temperatures_k,
            settle,
            args,
            md,
            tolerance_k,
            tolerance_uw,
        )
    )


def waypoint_scan(
    refrigerator: Refrigerator,
    waypoint: str,
    values: Sequence[float],
    *,
    tolerance_k: float = 0.005,
    max_cycles: int = 60,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[LoadPoint]]:
    """Scan one waypoint of the cycle at the present load; the old value is restored at the end.

    Args:
        refrigerator: the device.
        waypoint: one of `WAYPOINTS`.
        values: in its unit, T or s.
        tolerance_k: consecutive cycles agree within this, K.
        max_cycles: per point.
        md: metadata for the start document.
    """
    require(waypoint in WAYPOINTS, f"{waypoint!r} is none of {', '.join(WAYPOINTS)}")
    require(len(values) > 0, "a scan needs at least one value")
    signal = getattr(refrigerator.cycle, waypoint)
    for value in values:
        signal.check_value(value)

    def settle(value: float) -> MsgGenerator[None]:
        yield from bps.abs_set(signal, value, wait=True)

    args = {"waypoint": waypoint, "values": list(values), "max_cycles": max_cycles}
    plan = _curve(
        "waypoint_scan", refrigerator, values, settle, args, md, tolerance_k, math.inf, signal
    )
    before = yield from value_of(signal, values[0])
    return (yield from bpp.finalize_wrapper(plan, bps.abs_set(signal, before, wait=True)))


def optimize_waypoints(
    refrigerator: Refrigerator,
    bounds: Mapping[str, tuple[float, float]],
    *,
    objective: str = "temperature",
    heater_power_uw: float = 600.0,
    temperature_k: float = 0.9,
    points: int = 25,
    tolerance_k: float = 0.005,
    max_cycles: int = 40,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[Optimum]:
    """Find the waypoints of lowest temperature at a load, or of highest power at a temperature.

    scipy's COBYQA (a derivative-free trust-region method that honours bounds) proposes, the
    refrigerator answers; bounds are cut to the limits that the PVs state. Ends at the best point.

    Args:
        refrigerator: the device.
        bounds: waypoint (one of `WAYPOINTS`) to its lowest and highest value.
        objective: "temperature": lowest mean at `heater_power_uw`; "power": highest at
            `temperature_k`.
        heater_power_uw: the load for "temperature", uW.
        temperature_k: the temperature for "power", K.
        points: measurements at most.
        tolerance_k: consecutive cycles agree within this, K.
        max_cycles: per point.
        md: metadata for the start document.
    """
    require(bool(bounds), "nothing to optimise")
    require(objective in ("temperature", "power"), f"objective {objective!r} is unknown")
    signals = {name: _signal(refrigerator, name, limits) for name, limits in bounds.items()}
    boxes = [_box(signals[name], limits) for name, limits in bounds.items()]
    chx = refrigerator.chx
    loads: tuple[Any, ...] = (chx.mode, "Open loop", chx.heater_power, heater_power_uw)
    if objective == "power":
        loads = (chx.setpoint, temperature_k, chx.mode, "Closed loop")
    args = {
        "bounds": {name: list(box) for name, box in zip(bounds, boxes, strict=True)},
        "objective": objective,
        "heater_power_uw": heater_power_uw,
        "temperature_k": temperature_k,
        "points": points,
    }
    start = yield from start_document("optimize_waypoints", refrigerator, args, md)

    def measure(values: NDArray[np.float64]) -> MsgGenerator[float]:
        pairs = [item for pair in zip(signals.values(), values, strict=True) for item in pair]
        yield from bps.mv(*pairs)
        result = yield from _point(refrigerator, tolerance_k, math.inf, max_cycles)
        yield from record([refrigerator.cycle, *signals.values(), refrigerator.sim], "primary")
        return result.mean_temperature_k if objective == "temperature" else -result.mean_power_uw

    def inner() -> MsgGenerator[Optimum]:
        yield from bps.mv(*loads)
        yield from safe_start(refrigerator)
        with Optimizer(boxes, points) as optimizer:
            while (values := optimizer.ask()) is not None:
                optimizer.tell((yield from measure(values)))
        best = yield from measure(optimizer.best)
        found = dict(zip(signals, (float(v) for v in optimizer.best), strict=True))
        return Optimum(found, best if objective == "temperature" else -best, optimizer.count)

    return (yield from run_safely(in_run(inner(), start), refrigerator))


def _curve(
    name: str,
    refrigerator: Refrigerator,
    settings: Sequence[float],
    settle: Callable[[float], MsgGenerator[None]],
    args: Mapping[str, Any],
    md: Mapping[str, Any] | None,
    tolerance_k: float,
    tolerance_uw: float,
    *recorded: Any,
) -> MsgGenerator[list[LoadPoint]]:
    """Set each setting in turn, wait for periodic cycles, record the point."""
    finite("tolerance_k", tolerance_k, 1e-5, 0.1, "K")
    require(args["max_cycles"] >= 3, "max_cycles must be at least 3")
    start = yield from start_document(name, refrigerator, args, md, num_points=len(settings))

    def inner() -> MsgGenerator[list[LoadPoint]]:
        points = []
        yield from settle(settings[0])
        yield from safe_start(refrigerator)
        for setting in settings:
            yield from bps.checkpoint()
            yield from settle(setting)
            end = yield from _point(refrigerator, tolerance_k, tolerance_uw, args["max_cycles"])
            devices = [refrigerator.cycle, refrigerator.chx.heater_power, refrigerator.sim]
            yield from record([*devices, *recorded], "primary")
            mean = end.mean_temperature_k, end.mean_power_uw
            points.append(LoadPoint(float(setting), *mean, end.converged, end.cycles))
        return points

    return (yield from run_safely(in_run(inner(), start), refrigerator))


def _point(
    refrigerator: Refrigerator, tolerance_k: float, tolerance_uw: float, max_cycles: int
) -> MsgGenerator[CoolDown]:
    return (
        yield from until_periodic(
            refrigerator,
            tolerance_k=tolerance_k,
            tolerance_uw=tolerance_uw,
            max_cycles=max_cycles,
            stream="cycles",
        )
    )


def _signal(refrigerator: Refrigerator, name: str, limits: tuple[float, float]) -> Any:
    require(name in WAYPOINTS, f"{name!r} is none of {', '.join(WAYPOINTS)}")
    require(limits[0] < limits[1], f"{name}: {limits[0]} is not below {limits[1]}")
    return getattr(refrigerator.cycle, name)


def _box(signal: Any, limits: tuple[float, float]) -> tuple[float, float]:
    """The wanted bounds cut to what the PV allows."""
    allowed = limits_of(signal) or (-math.inf, math.inf)
    box = max(limits[0], allowed[0]), min(limits[1], allowed[1])
    require(box[0] < box[1], f"{signal.name}: {limits} lies outside the limits {allowed}")
    return box
