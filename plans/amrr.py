"""Plans of the magnetic refrigerator: start, run, cool down, shut down, recover from a quench.

Events: stream `primary` has one event per cycle (mean, minimum and maximum temperature of the cold
exchanger, its heater power, field work, rejected heat), stream `phases` one per phase of the cycle.
Cooling curves and optimisations are in `plans.cooling`.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky.utils import MsgGenerator

from devices.amrr import Refrigerator
from devices.base import wall_timeout
from devices.magnet import MagnetSupply
from plans.common import Until, finite, in_run, metadata, provenance, record, require, value_of

__all__ = [
    "CoolDown",
    "NotReadyError",
    "Recorded",
    "cooldown",
    "recover_from_quench",
    "run_cycles",
    "run_safely",
    "safe_shutdown",
    "safe_start",
    "start_document",
    "still_to_come",
    "unseen_cycles",
    "until_periodic",
]

log = logging.getLogger(__name__)

#: Largest heater power of the cold exchanger, uW.
MAX_HEATER_POWER_UW = 5000.0
#: The stage must be this close to its setpoint before magnets move, K: the hot exchangers' control
#: band is 10 mK, and a start needs no better.
STAGE_READY_K = 0.05
#: Coils below this temperature have recovered from a quench, K (NbTi at 1.5 T shares current
#: above 7 K; assumed margin).
COIL_COLD_K = 5.0
#: Simulated seconds allowed for starting the cycle, and for ramping all magnets down.
CYCLE_COMMAND_S = 3600.0


class NotReadyError(RuntimeError):
    """The refrigerator is in no state for what was asked; the message says which and why."""


@dataclass(frozen=True)
class CoolDown:
    """How a cool-down ended.

    Attributes:
        converged: consecutive cycles agreed within the tolerance.
        cycles: cycles recorded.
        mean_temperature_k: mean of the cold exchanger over the last cycle.
        mean_power_uw: mean heater power over the last cycle.
        unseen: cycles that ended between two recorded ones without an event of their own.
    """

    converged: bool
    cycles: int
    mean_temperature_k: float
    mean_power_uw: float
    unseen: int = 0


def safe_start(
    refrigerator: Refrigerator, *, stage_temperature_k: float = 1.6
) -> MsgGenerator[None]:
    """Bring the 1 K stage to temperature and start the cycle; does nothing if it runs already.

    Args:
        refrigerator: the device.
        stage_temperature_k: setpoint of the 1 K stage, K.

    Raises:
        NotReadyError: a quench is latched, or the sequencer's own interlock refuses; the message
            has its reason.
    """
    finite("stage_temperature_k", stage_temperature_k, 1.2, 2.0, "K")
    for name, magnet in refrigerator.magnets.items():
        if (yield from value_of(magnet.quench, 0)):
            raise NotReadyError(f"{name}: a quench is latched; run recover_from_quench first")
    if (yield from value_of(refrigerator.cycle.state, "Stopped")) == "Running":
        return
    stage = refrigerator.one_k_stage
    yield from bps.mv(stage.setpoint, stage_temperature_k, stage.mode, "Closed loop")
    near = Until(
        stage.temperature,
        lambda kelvin: abs(kelvin - stage_temperature_k) < STAGE_READY_K,
        wall_timeout(refrigerator, 3600.0),
    )
    yield from near.wait()
    yield from _command_cycle(refrigerator, "Run", ("Running",))


def safe_shutdown(refrigerator: Refrigerator) -> MsgGenerator[None]:
    """Heater off, cycle stopped, all magnets ramped to zero by the sequencer."""
    yield from bps.abs_set(refrigerator.chx.mode, "Open loop", wait=True)
    yield from bps.abs_set(refrigerator.chx.heater_power, 0.0, wait=True)
    yield from _command_cycle(refrigerator, "Stop", ("Stopped",))


def run_safely(plan: MsgGenerator[Any], refrigerator: Refrigerator) -> MsgGenerator[Any]:
    """Run a plan; if it fails or is aborted, shut the refrigerator down safely.

    A quench or an interlock may already have stopped the cycle: the shutdown then only confirms it.
    """
    return (
        yield from bpp.contingency_wrapper(
            plan, except_plan=lambda _: safe_shutdown(refrigerator), auto_raise=True
        )
    )


class Recorded(int):
    """Number of cycles recorded; `unseen` more ended between them without an event of their own."""

    unseen: int

    def __new__(cls, cycles: int, unseen: int) -> Recorded:
        """Make the number."""
        made = super().__new__(cls, cycles)
        made.unseen = unseen
        return made


def unseen_cycles(counts: Sequence[int]) -> int:
    """Cycles missing between recorded counts: an IOC that runs fast can end two between posts."""
    return sum(max(0, later - earlier - 1) for earlier, later in itertools.pairwise(counts))


def run_cycles(
    refrigerator: Refrigerator,
    cycles: int = 10,
    *,
    record_phases: bool = True,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[Recorded]:
    """Record `cycles` cycles of a running refrigerator: one event per cycle, one per phase.

    Args:
        refrigerator: the device; its cycle is started if it does not run.
        cycles: cycles to record.
        record_phases: record an event at the end of each phase too. A client can only see the
            phases that are posted while it looks; far above real time some go by unseen.
        md: metadata for the start document.

    Returns:
        Number of cycles recorded, with how many went unseen between them (`Recorded.unseen`).
    """
    require(int(cycles) >= 1, f"cycles = {cycles} is not a positive number")
    args = {"cycles": int(cycles), "record_phases": record_phases}
    start = yield from start_document("run_cycles", refrigerator, args, md, num_points=int(cycles))
    one = _cycle_with_phases if record_phases else _cycle

    def inner() -> MsgGenerator[Recorded]:
        yield from safe_start(refrigerator)
        counts: list[int] = []
        for _ in range(int(cycles)):
            yield from bps.checkpoint()
            reading = yield from one(refrigerator)
            counts.append(_count(reading))
        return Recorded(int(cycles), _unseen_and_said(counts))

    return (yield from run_safely(in_run(inner(), start), refrigerator))


def cooldown(
    refrigerator: Refrigerator,
    *,
    heater_power_uw: float = 600.0,
    tolerance_k: float = 0.005,
    agree: int = 2,
    max_cycles: int = 60,
    record_phases: bool = False,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[CoolDown]:
    """Cool down under a load until the cycle is periodic.

    It ends when consecutive cycles agree in their mean temperature so well that less than the
    tolerance is still to come, not after a fixed count; the cycle goes on running.

    Args:
        refrigerator: the device.
        heater_power_uw: load on the cold exchanger, uW, open loop.
        tolerance_k: how far the mean temperature may still be from where it is going, K.
        agree: how many consecutive cycles must say so.
        max_cycles: give up after so many cycles; the result then says so.
        record_phases: record an event per phase too.
        md: metadata for the start document.
    """
    finite("heater_power_uw", heater_power_uw, 0.0, MAX_HEATER_POWER_UW, "uW")
    finite("tolerance_k", tolerance_k, 1e-5, 0.1, "K")
    require(1 <= int(agree) < int(max_cycles), f"agree = {agree} must be below {max_cycles}")
    args = {
        "heater_power_uw": heater_power_uw,
        "tolerance_k": tolerance_k,
        "agree": agree,
        "max_cycles": max_cycles,
    }
    start = yield from start_document("cooldown", refrigerator, args, md)

    def inner() -> MsgGenerator[CoolDown]:
        chx = refrigerator.chx
        yield from bps.mv(chx.mode, "Open loop", chx.heater_power, heater_power_uw)
        yield from safe_start(refrigerator)
        return (
            yield from until_periodic(
                refrigerator,
                tolerance_k=tolerance_k,
                agree=agree,
                max_cycles=max_cycles,
                record_phases=record_phases,
            )
        )

    return (yield from run_safely(in_run(inner(), start), refrigerator))


def until_periodic(
    refrigerator: Refrigerator,
    *,
    tolerance_k: float = 0.005,
    tolerance_uw: float = math.inf,
    agree: int = 2,
    max_cycles: int = 60,
    stream: str = "primary",
    record_phases: bool = False,
) -> MsgGenerator[CoolDown]:
    """Record cycles into an open run until what is still to come is less than allowed.

    Judged by `still_to_come` on the last three cycles, `agree` times in a row.

    Args:
        refrigerator: the device, its cycle running.
        tolerance_k: on the mean temperature, K.
        tolerance_uw: on the mean heater power, uW; matters where the temperature is held.
        agree: consecutive changes within both tolerances.
        max_cycles: give up after so many.
        stream: stream that gets the cycles' events.
        record_phases: record an event per phase too.
    """
    one = _cycle_with_phases if record_phases else _cycle
    temperatures_k: list[float] = []
    powers_uw: list[float] = []
    counts: list[int] = []
    agreed = 0
    while len(temperatures_k) < max_cycles and agreed < agree:
        yield from bps.checkpoint()
        reading = yield from one(refrigerator, stream)
        counts.append(_count(reading))
        temperatures_k.append(_number(reading, "cycle_mean_chx_temperature", temperatures_k))
        powers_uw.append(_number(reading, "cycle_mean_chx_power", powers_uw))
        near = still_to_come(temperatures_k) <= tolerance_k
        near &= still_to_come(powers_uw) <= tolerance_uw
        agreed = agreed + 1 if near else 0
    ends = temperatures_k[-1], powers_uw[-1]
    return CoolDown(agreed >= agree, len(temperatures_k), *ends, unseen=_unseen_and_said(counts))


def still_to_come(values: Sequence[float]) -> float:
    """How far a decaying series still has to go, judged by its last three values; inf before.

    Changes d1, d2 of a geometric approach leave d2 r / (1 - r) with r = d2 / d1; a small last
    change alone would stop a slow approach long before its end. Noise can make r anything: it is
    held within 0 to 0.95, and the last change itself counts too.
    """
    if len(values) < 3:
        return math.inf
    before, last = abs(values[-2] - values[-3]), abs(values[-1] - values[-2])
    ratio = min(0.95, last / before) if before > 0 else 0.0
    return max(last, last * ratio / (1.0 - ratio))


def recover_from_quench(
    refrigerator: Refrigerator, *, restart: bool = False, longest_s: float = 6 * 3600.0
) -> MsgGenerator[None]:
    """After a quench: stop the cycle, let the coils cool, reset the latches, confirm zero field.

    Args:
        refrigerator: the device.
        restart: start the cycle again afterwards.
        longest_s: simulated seconds to wait for the coils to cool.

    Raises:
        NotReadyError: a latch does not reset, or a coil still carries current.
    """
    finite("longest_s", longest_s, 1.0, 7 * 86400.0, "s")
    yield from bps.abs_set(refrigerator.cycle.abort, 1, wait=True)
    limit_s = wall_timeout(refrigerator, longest_s)
    for name, magnet in refrigerator.magnets.items():
        yield from _until_cold(magnet, limit_s)
        if (yield from value_of(magnet.quench, 0)):
            yield from bps.abs_set(magnet.quench_reset, 1, wait=True)
        yield from bps.abs_set(magnet.control, "Zero", wait=True)
        yield from _until_empty(magnet, limit_s)
        if (yield from value_of(magnet.quench, 0)):
            reason = yield from value_of(magnet.message, "")
            raise NotReadyError(f"{name}: the quench latch does not reset: {reason}")
    if restart:
        yield from safe_start(refrigerator)


def _until_cold(magnet: MagnetSupply, limit_s: float) -> MsgGenerator[None]:
    """Wait until a coil has cooled; a monitor's last value may be older than the quench."""
    coil = magnet.coil_temperature
    yield from Until(coil, lambda kelvin: kelvin < COIL_COLD_K, limit_s, fresh=True).wait()


def _until_empty(magnet: MagnetSupply, limit_s: float) -> MsgGenerator[None]:
    """Wait until a coil carries no current."""
    current = magnet.current.readback
    yield from Until(current, lambda ampere: abs(ampere) < 0.02, limit_s, fresh=True).wait()


def _command_cycle(
    refrigerator: Refrigerator, command: str, ends: tuple[str, ...]
) -> MsgGenerator[None]:
    """Command the sequencer and wait for one of the states `ends`."""
    cycle = refrigerator.cycle
    yield from bps.abs_set(cycle.run, command, wait=True)
    # Channel Access tells no refusal: a put that was refused leaves the value unmoved.
    if (held := (yield from value_of(cycle.run, command))) != command:
        reason = yield from value_of(refrigerator.ioc.refusal, "")
        raise NotReadyError(f"the cycle stays at {held}, {command} was refused: {reason}")

    def arrived(state: str) -> bool:
        if state == "Blocked" and state not in ends:
            raise NotReadyError(f"the cycle is blocked: {cycle.blocked.get()}")
        return state in ends

    limit_s = wall_timeout(refrigerator, CYCLE_COMMAND_S)
    yield from Until(cycle.state, arrived, limit_s, fresh=True).wait()


def _count(reading: Mapping[str, Any]) -> int:
    """The count of a recorded cycle; 0 in a rehearsal, where nothing answers."""
    return int(reading["cycle_count"]["value"]) if "cycle_count" in reading else 0


def _unseen_and_said(counts: Sequence[int]) -> int:
    """How many cycles went unseen, and a warning if any did."""
    if unseen := unseen_cycles(counts):
        log.warning("%d cycles unseen between %d recorded: lower the speed", unseen, len(counts))
    return unseen


def _number(reading: Mapping[str, Any], key: str, before: Sequence[float]) -> float:
    """A reading's value; where nothing answers (a rehearsal) what it was before."""
    if key in reading:
        return float(reading[key]["value"])
    return before[-1] if before else 0.0


def _cycle(refrigerator: Refrigerator, stream: str = "primary") -> MsgGenerator[Mapping[str, Any]]:
    """Wait for the end of a cycle and record it."""
    yield from bps.trigger(refrigerator.cycle, wait=True)
    return (yield from record([refrigerator.cycle, refrigerator.sim], stream))


def _cycle_with_phases(
    refrigerator: Refrigerator, stream: str = "primary"
) -> MsgGenerator[Mapping[str, Any]]:
    """Record each phase at its end, and the cycle when the count goes up."""
    cycle = refrigerator.cycle
    before = yield from value_of(cycle.count, 0)
    count = before
    while count == before:
        yield from bps.trigger(cycle.phase, wait=True)
        yield from record([*_phase_devices(refrigerator)], "phases")
        count = yield from value_of(cycle.count, before + 1)
    return (yield from record([cycle, refrigerator.sim], stream))


def _phase_devices(refrigerator: Refrigerator) -> list[Any]:
    """What an event of the stream `phases` holds."""
    fields = [magnet.field for magnet in refrigerator.magnets.values()]
    currents = [magnet.current for magnet in refrigerator.magnets.values()]
    chx = [refrigerator.chx.temperature, refrigerator.chx.heater_power]
    return [refrigerator.cycle.phase, *chx, *fields, *currents, refrigerator.flow, refrigerator.sim]


def start_document(
    name: str,
    refrigerator: Refrigerator,
    args: Mapping[str, Any],
    md: Mapping[str, Any] | None,
    **more: Any,
) -> MsgGenerator[dict[str, Any]]:
    """Metadata of a run of the refrigerator, with the machine's provenance."""
    machine = yield from provenance(refrigerator)
    hints = {"dimensions": [(["cycle_count"], "primary")]}
    return metadata(name, [refrigerator.cycle], args, md, hints=hints, **machine, **more)
