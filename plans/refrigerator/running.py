"""Running the magnetic refrigerator: a number of cycles, or a cool-down to its periodic state.

Starting, shutting down and recovering from a quench are in ``plans.refrigerator.startup`` and can
be called from here too. Events: stream ``primary`` has one event per cycle, stream ``phases`` one
per phase (``plans.refrigerator.cycles``). Cooling curves are in ``plans.refrigerator.cooling``, the
cycle's waypoints in ``plans.refrigerator.waypoints``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from devices.amrr import Refrigerator
from instruments.ranges import within
from plans.refrigerator.cycles import (
    MAX_CYCLES,
    CycleRecorder,
    Ending,
    Periodic,
    load_uw,
    start_document,
)
from plans.refrigerator.startup import (
    NotReadyError,
    recover_from_quench,
    run_safely,
    safe_shutdown,
    safe_start,
)
from plans.shared.common import in_run
from plans.shared.needs import demand

__all__ = [
    "Ending",
    "NotReadyError",
    "Recorded",
    "cooldown",
    "recover_from_quench",
    "run_cycles",
    "safe_shutdown",
    "safe_start",
]


@dataclass(frozen=True)
class Recorded:
    """What ``run_cycles`` recorded.

    Attributes:
        cycles: Cycles recorded.
        unseen: Cycles that ended between them without an event of their own.
    """

    cycles: int
    unseen: int


def run_cycles(
    refrigerator: Refrigerator,
    cycles: int = 10,
    *,
    record_phases: bool = True,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[Recorded]:
    """Record ``cycles`` cycles of a running refrigerator: one event per cycle, one per phase.

    Parameters
    ----------
    refrigerator
        The device; its cycle is started if it does not run.
    cycles
        Cycles to record.
    record_phases
        Record an event at the end of each phase too. A client can only see the
        phases that are posted while it looks; far above real time some go by unseen.
    md
        Metadata for the start document.
    """
    within("cycles", cycles, 1, math.inf, "cycles")
    if record_phases:
        demand("run_cycles with record_phases", refrigerator, ("cycle.phase",))
    args = {"cycles": int(cycles), "record_phases": record_phases}
    start = yield from start_document("run_cycles", refrigerator, args, md, num_points=int(cycles))

    def inner() -> MsgGenerator[Recorded]:
        yield from safe_start(refrigerator)
        recorder = CycleRecorder(refrigerator, phases=record_phases)
        for _ in range(int(cycles)):
            yield from recorder.cycle()
        return Recorded(recorder.recorded, recorder.unseen)

    return (yield from run_safely(in_run(inner(), start), refrigerator))


def cooldown(
    refrigerator: Refrigerator,
    *,
    heater_power_uw: float | None = None,
    tolerance_k: float = 0.005,
    agree: int = 2,
    max_cycles: int = MAX_CYCLES,
    record_phases: bool = False,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[Ending]:
    """Cool down under a load until the cycle is periodic.

    It ends when consecutive cycles agree in their mean temperature so well that less than the
    tolerance is still to come, not after a fixed count; the cycle goes on running.

    Parameters
    ----------
    refrigerator
        The device.
    heater_power_uw
        Load on the cold exchanger, uW, open loop; as described if not given.
    tolerance_k
        How far the mean temperature may still be from where it is going, K.
    agree
        How many consecutive cycles must say so.
    max_cycles
        Give up after so many cycles; the result then says so.
    record_phases
        Record an event per phase too.
    md
        Metadata for the start document.
    """
    if record_phases:
        demand("cooldown with record_phases", refrigerator, ("cycle.phase",))
    heater_power_uw = load_uw(refrigerator, heater_power_uw)
    periodic = Periodic(tolerance_k, agree=int(agree), max_cycles=int(max_cycles))
    args = {"heater_power_uw": heater_power_uw, **periodic.recorded(), "agree": int(agree)}
    start = yield from start_document("cooldown", refrigerator, args, md)

    def inner() -> MsgGenerator[Ending]:
        chx = refrigerator.chx
        yield from bps.mv(chx.mode, "Open loop", chx.heater_power, heater_power_uw)
        yield from safe_start(refrigerator)
        return (yield from CycleRecorder(refrigerator, phases=record_phases).until(periodic))

    return (yield from run_safely(in_run(inner(), start), refrigerator))
