"""Waypoints of the refrigerator's cycle: scans of one, and the search for the best of several.

Streams are those of cooling curves: ``primary`` has one event per point, ``cycles`` one per cycle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray

from devices.amrr import Refrigerator
from devices.parts.base import limits_of
from devices.signals.settable import Setting
from instruments.ranges import within
from plans.refrigerator.ask_tell import Optimizer
from plans.refrigerator.cooling import LoadPoint, curve
from plans.refrigerator.cycles import (
    MAX_CYCLES,
    CycleRecorder,
    Periodic,
    cold_k,
    load_uw,
    start_document,
)
from plans.refrigerator.startup import run_safely, safe_start
from plans.shared.common import in_run, record, require, value_of

__all__ = ["WAYPOINTS", "Optimum", "optimize_waypoints", "waypoint_scan"]

#: The waypoints of the cycle that an operator may scan: signals of ``cycle``, with their units.
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
class Optimum:
    """Where an optimisation ended.

    Attributes:
        waypoints: The best, by name.
        figure: Measured there: temperature (K) or power (uW).
        first: The same where it began.
        points: Points measured to find it.
    """

    waypoints: dict[str, float]
    figure: float
    first: float
    points: int


def waypoint_scan(
    refrigerator: Refrigerator,
    waypoint: str,
    values: Sequence[float],
    *,
    tolerance_k: float = 0.005,
    max_cycles: int = MAX_CYCLES,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[LoadPoint]]:
    """Scan one waypoint of the cycle at the present load; the old value is restored at the end.

    Parameters
    ----------
    refrigerator
        The device.
    waypoint
        One of ``WAYPOINTS``.
    values
        In its unit, T or s.
    tolerance_k
        Consecutive cycles agree within this, K.
    max_cycles
        Per point.
    md
        Metadata for the start document.
    """
    signal = _signal(refrigerator, waypoint)
    require(len(values) > 0, "values is empty: a scan needs at least one")
    for value in values:
        signal.check_value(value)
    settings = {"values": [float(value) for value in values]}
    periodic = Periodic(tolerance_k, max_cycles=max_cycles)

    def settle(value: float) -> MsgGenerator[None]:
        yield from bps.abs_set(signal, value, wait=True)

    plan = curve(
        "waypoint_scan", refrigerator, settings, settle, periodic,
        recorded=[signal], md=md, waypoint=waypoint,
    )  # fmt: skip
    before = yield from value_of(signal, values[0])
    return (yield from bpp.finalize_wrapper(plan, bps.abs_set(signal, before, wait=True)))


def optimize_waypoints(
    refrigerator: Refrigerator,
    bounds: Mapping[str, tuple[float, float]],
    *,
    objective: str = "temperature",
    heater_power_uw: float | None = None,
    temperature_k: float | None = None,
    points: int = 25,
    tolerance_k: float = 0.005,
    tolerance_uw: float = 5.0,
    max_cycles: int = 40,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[Optimum]:
    """Find the waypoints of lowest temperature at a load, or of highest power at a temperature.

    scipy's COBYQA (a derivative-free trust-region method that honours bounds) proposes, the
    refrigerator answers; bounds are cut to the limits that the PVs state. It begins at the present
    waypoints and ends at the best point.

    Parameters
    ----------
    refrigerator
        The device.
    bounds
        Waypoint (one of ``WAYPOINTS``) to its lowest and highest value.
    objective
        "temperature": lowest mean at ``heater_power_uw``; "power": highest at
        ``temperature_k``.
    heater_power_uw
        The load for "temperature", uW; as described if not given.
    temperature_k
        The temperature for "power", K; as described if not given.
    points
        Measurements at most.
    tolerance_k
        Consecutive cycles agree within this, K.
    tolerance_uw
        And for "power" within this in mean heater power, uW.
    max_cycles
        Per point.
    md
        Metadata for the start document.
    """
    require(bool(bounds), "nothing to optimise")
    require(objective in ("temperature", "power"), f"objective {objective!r} is unknown")
    within("points", points, 1, math.inf, "points")
    heater_power_uw = load_uw(refrigerator, heater_power_uw)
    temperature_k = cold_k(refrigerator, temperature_k)
    wanted = tolerance_uw if objective == "power" else math.inf
    periodic = Periodic(tolerance_k, wanted, max_cycles=max_cycles)
    box = {name: _box(_signal(refrigerator, name), limits) for name, limits in bounds.items()}
    args = {
        "bounds": {name: list(limits) for name, limits in box.items()},
        "objective": objective,
        "heater_power_uw": heater_power_uw,
        "temperature_k": temperature_k,
        "points": points,
        **periodic.recorded(),
    }
    start = yield from start_document("optimize_waypoints", refrigerator, args, md)
    search = _Search(refrigerator, box, objective, periodic)

    def inner() -> MsgGenerator[Optimum]:
        yield from search.load(heater_power_uw, temperature_k)
        yield from safe_start(refrigerator)
        return (yield from search.run(points))

    return (yield from run_safely(in_run(inner(), start), refrigerator))


class _Search:
    """An optimisation within an open run."""

    def __init__(
        self,
        refrigerator: Refrigerator,
        box: Mapping[str, tuple[float, float]],
        objective: str,
        periodic: Periodic,
    ) -> None:
        self.refrigerator, self.box, self.periodic = refrigerator, box, periodic
        self.sign = 1.0 if objective == "temperature" else -1.0
        self.signals = {name: _signal(refrigerator, name) for name in box}
        self.recorder = CycleRecorder(refrigerator, stream="cycles")

    def load(self, power_uw: float, temperature_k: float) -> MsgGenerator[None]:
        """Set the load, or the temperature to be held."""
        chx = self.refrigerator.chx
        if self.sign > 0.0:
            yield from bps.mv(chx.mode, "Open loop", chx.heater_power, power_uw)
        else:
            yield from bps.mv(chx.setpoint, temperature_k, chx.mode, "Closed loop")

    def run(self, points: int) -> MsgGenerator[Optimum]:
        """Measure what the optimiser proposes, then the best once more."""
        begin = yield from self._present()
        figures = []
        with Optimizer(list(self.box.values()), points, begin) as optimizer:
            while (values := optimizer.ask()) is not None:
                figures.append((yield from self._measure(values)))
                optimizer.tell(self.sign * figures[-1])
        best = yield from self._measure(optimizer.best)
        found = dict(zip(self.signals, (float(v) for v in optimizer.best), strict=True))
        return Optimum(found, best, figures[0], optimizer.count)

    def _present(self) -> MsgGenerator[list[float]]:
        """The present waypoints, moved into the box."""
        begin = []
        for name, (low, high) in self.box.items():
            now = yield from value_of(self.signals[name], (low + high) / 2.0)
            begin.append(min(max(float(now), low), high))
        return begin

    def _measure(self, values: NDArray[np.float64]) -> MsgGenerator[float]:
        """Mean temperature (K) or mean power (uW) at these waypoints."""
        pairs = zip(self.signals.values(), (float(v) for v in values), strict=True)
        yield from bps.mv(*(item for pair in pairs for item in pair))
        end = yield from self.recorder.until(self.periodic)
        devices = [self.refrigerator.cycle, *self.signals.values(), self.refrigerator.sim]
        yield from record(devices, "primary")
        return end.mean_temperature_k if self.sign > 0.0 else end.mean_power_uw


def _signal(refrigerator: Refrigerator, name: str) -> Setting:
    require(name in WAYPOINTS, f"{name!r} is none of {', '.join(WAYPOINTS)}")
    return getattr(refrigerator.cycle, name)


def _box(signal: Setting, limits: tuple[float, float]) -> tuple[float, float]:
    """The wanted bounds cut to what the PV allows."""
    require(limits[0] < limits[1], f"{signal.name}: {limits[0]} is not below {limits[1]}")
    allowed = limits_of(signal) or (-math.inf, math.inf)
    box = max(limits[0], allowed[0]), min(limits[1], allowed[1])
    require(box[0] < box[1], f"{signal.name}: {limits} lies outside the limits {allowed}")
    return box
