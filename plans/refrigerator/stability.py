"""How steadily the cold exchanger holds a temperature, measured by its own thermometer.

The loop is closed on a setpoint and fed forward from the phase of the cycle; once the cycles have
settled their phases are recorded: stream ``primary`` has one event per cycle with the mean reading
and power at each of its phases, stream ``settling`` the same of the cycles on the way there, stream
``stability`` one event of what they say (``instruments.stability``).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator

from devices.amrr import Refrigerator, StabilityMeasured
from instruments.ranges import within
from instruments.stability import stability
from plans.refrigerator.cycles import cold_k, start_document, still_to_come
from plans.refrigerator.startup import run_safely, safe_start
from plans.shared.common import in_run, record
from plans.shared.needs import needs

__all__ = ["StabilityMeasurement", "temperature_stability"]


@dataclass(frozen=True)
class StabilityMeasurement:
    """What ``temperature_stability`` found.

    Attributes:
        settled: The cycles had settled before they were recorded.
        settling_cycles: Cycles that took.
        unseen: Cycles that ended among the recorded ones without an event: the series has gaps.
        mean_power_uw: Mean heater power over the recorded cycles.
        numbers: Of ``instruments.stability.Stability`` by name, in K but for ``cycles``.
    """

    settled: bool
    settling_cycles: int
    unseen: int
    mean_power_uw: float
    numbers: Mapping[str, float]


@needs("chx.phases", "chx.learning", "chx.feed_forward")
def temperature_stability(
    refrigerator: Refrigerator,
    temperature_k: float | None = None,
    *,
    cycles: int = 20,
    proportional_uw_per_k: float | None = None,
    integral_per_s: float | None = None,
    feed_forward: bool = True,
    learning: float = 0.3,
    tolerance_k: float = 1e-5,
    max_cycles: int = 200,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[StabilityMeasurement]:
    """Hold a temperature, wait until the cycles have settled, record how steady it is.

    Parameters
    ----------
    refrigerator
        The device; its cycle is started if it does not run. The loop stays closed.
    temperature_k
        Setpoint of the cold exchanger, K; as described if not given.
    cycles
        Cycles to record.
    proportional_uw_per_k
        P of the loop, uW/K; None leaves it. What is steady depends on the heat capacity: up to
        some 200 000 uW/K for each J/K on the plate.
    integral_per_s
        I of the loop, 1/s; None leaves it.
    feed_forward
        Feed the heater forward from the phase of the cycle.
    learning
        Part of what the loop did in a cycle that is fed forward in the next, 0 to 1.
    tolerance_k
        The cycles have settled when their mean and their spread have less than this to go, K.
    max_cycles
        Record after so many in any case; the result then says that they had not.
    md
        Metadata for the start document.
    """
    args: dict[str, Any] = {
        "temperature_k": cold_k(refrigerator, temperature_k),
        "cycles": int(within("cycles", cycles, 2, 1e6, "cycles")),
        "proportional_uw_per_k": proportional_uw_per_k,
        "integral_per_s": integral_per_s,
        "feed_forward": feed_forward,
        "learning": within("learning", learning, 0.0, 1.0, ""),
        "tolerance_k": within("tolerance_k", tolerance_k, 1e-7, 0.1, "K"),
        "max_cycles": int(within("max_cycles", max_cycles, 3, 1e6, "cycles")),
    }
    start = yield from start_document(
        "temperature_stability", refrigerator, args, md, num_points=int(cycles)
    )

    def inner() -> MsgGenerator[StabilityMeasurement]:
        yield from _hold(refrigerator, args)
        yield from safe_start(refrigerator)
        recorder = _Recorder(refrigerator)
        settled, settling = yield from recorder.settle(args["tolerance_k"], args["max_cycles"])
        unseen = recorder.unseen
        seen = []
        for _ in range(args["cycles"]):
            seen.append((yield from recorder.cycle("primary")))
        readings, powers = (np.array(part) for part in zip(*seen, strict=True))
        numbers = asdict(stability(readings))
        measured = StabilityMeasured(name=f"{refrigerator.name}_stability")
        mean_uw = float(powers.mean())
        found = {**numbers, "mean_power": mean_uw, "settled": float(settled)}
        yield from bps.abs_set(measured, found, wait=True)
        yield from record([measured, refrigerator.sim], "stability")
        missed = recorder.unseen - unseen
        return StabilityMeasurement(settled, settling, missed, mean_uw, numbers)

    return (yield from run_safely(in_run(inner(), start), refrigerator))


def _hold(refrigerator: Refrigerator, args: Mapping[str, Any]) -> MsgGenerator[None]:
    """Set gains, feed-forward and setpoint, and close the loop."""
    chx = refrigerator.chx
    gains = (chx.proportional, "proportional_uw_per_k"), (chx.integral, "integral_per_s")
    for signal, name in gains:
        if args[name] is not None:
            yield from bps.mv(signal, args[name])
    yield from bps.mv(chx.learning, args["learning"])
    yield from bps.mv(chx.feed_forward, "On" if args["feed_forward"] else "Off")
    yield from bps.mv(chx.setpoint, args["temperature_k"], chx.mode, "Closed loop")


class _Recorder:
    """Records whole cycles, phase by phase, into an open run."""

    def __init__(self, refrigerator: Refrigerator) -> None:
        self.refrigerator, self.phases = refrigerator, refrigerator.chx.phases
        self.unseen = 0
        self._last: int | None = None

    def cycle(self, stream: str) -> MsgGenerator[tuple[list[float], list[float]]]:
        """The next cycle: readings (K) and powers (uW) at its phases."""
        yield from bps.checkpoint()
        yield from bps.trigger(self.phases, wait=True)
        devices = [self.phases, self.refrigerator.cycle, self.refrigerator.sim]
        reading = yield from record(devices, stream)
        if self.phases.count.name not in reading:  # a rehearsal: nothing answers
            return [0.0, 0.0], [0.0, 0.0]
        count = int(reading[self.phases.count.name]["value"])
        if self._last is not None:
            self.unseen += max(0, count - self._last - 1)
        self._last = count
        kelvin, microwatts = (
            [float(value) for value in reading[signal.name]["value"]]
            for signal in (self.phases.temperatures, self.phases.powers)
        )
        return kelvin, microwatts

    def settle(self, tolerance_k: float, max_cycles: int) -> MsgGenerator[tuple[bool, int]]:
        """Cycles until mean and spread have less than the tolerance to go, twice in a row."""
        means: list[float] = []
        spreads: list[float] = []
        agreed = 0
        while len(means) < max_cycles and agreed < 2:
            kelvin, _ = yield from self.cycle("settling")
            means.append(float(np.mean(kelvin)))
            spreads.append(float(np.std(kelvin)))
            to_come = max(still_to_come(means), still_to_come(spreads))
            agreed = agreed + 1 if math.isfinite(to_come) and to_come <= tolerance_k else 0
        return agreed >= 2, len(means)
