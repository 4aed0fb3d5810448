"""Cycles of the magnetic refrigerator as events, and when they are periodic.

A stream of cycles has one event per cycle: mean, minimum and maximum temperature of the cold
exchanger, its heater power, field work, rejected heat, and ``cycle_unseen``, how many cycles ended
since the event before without one of their own. Stream ``phases`` has one event per phase.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd import OphydObject

from devices.amrr import CyclesMissed, Refrigerator
from instruments.ranges import within
from plans.shared.common import metadata, number_in, provenance, record, value_of

__all__ = ["CycleRecorder", "Ending", "Periodic", "start_document", "still_to_come"]

log = logging.getLogger(__name__)

#: Cycles after which a plan gives up. From warm the slowest, without a load, takes 95 to the
#: default tolerance, at 600 uW 65: twice as many, so that giving up means that something is wrong.
MAX_CYCLES = 200


@dataclass(frozen=True)
class Periodic:
    """When cycles count as periodic: what is still to come is less than the tolerances.

    Attributes:
        tolerance_k: On the mean temperature, K.
        tolerance_uw: On the mean heater power, uW; matters where the temperature is held.
        agree: Consecutive cycles that must say so.
        max_cycles: Give up after so many.
    """

    tolerance_k: float = 0.005
    tolerance_uw: float = math.inf
    agree: int = 2
    max_cycles: int = MAX_CYCLES

    def __post_init__(self) -> None:
        """Refuse nonsense.

        Raises:
            ValueError: A number is outside its limits; names it with its unit and limits.
        """
        within("tolerance_k", self.tolerance_k, 1e-5, 0.1, "K")
        if self.tolerance_uw != math.inf:
            within("tolerance_uw", self.tolerance_uw, 1e-3, 1e4, "uW")
        within("max_cycles", self.max_cycles, 3, math.inf, "cycles")
        within("agree", self.agree, 1, self.max_cycles - 1, "cycles")

    def recorded(self) -> dict[str, float]:
        """These criteria as plan arguments, for the start document."""
        held = {} if self.tolerance_uw == math.inf else {"tolerance_uw": self.tolerance_uw}
        return {"tolerance_k": self.tolerance_k, **held, "max_cycles": self.max_cycles}

    def reached(self, temperatures_k: Sequence[float], powers_uw: Sequence[float]) -> bool:
        """Whether the last of these cycles says so."""
        near = still_to_come(temperatures_k) <= self.tolerance_k
        return near and still_to_come(powers_uw) <= self.tolerance_uw


@dataclass(frozen=True)
class Ending:
    """How an approach to the periodic state ended.

    Attributes:
        converged: Consecutive cycles agreed within the tolerance.
        cycles: Cycles recorded.
        mean_temperature_k: Mean of the cold exchanger over the last cycle.
        mean_power_uw: Mean heater power over the last cycle.
        unseen: Cycles that ended between two recorded ones without an event of their own.
    """

    converged: bool
    cycles: int
    mean_temperature_k: float
    mean_power_uw: float
    unseen: int = 0


class CycleRecorder:
    """Records cycles into an open run, and counts those that ended without an event.

    Args:
        refrigerator: The device, its cycle running.
        stream: Stream that gets the cycles' events.
        phases: Record an event at the end of each phase too, into stream ``phases``.

    Attributes:
        recorded: Cycles recorded.
        unseen: Cycles that ended between them: an IOC that runs fast can end two between posts.
    """

    def __init__(
        self, refrigerator: Refrigerator, *, stream: str = "primary", phases: bool = False
    ) -> None:
        self.refrigerator, self.stream, self.phases = refrigerator, stream, phases
        self.recorded = self.unseen = 0
        self._last_count: int | None = None
        self._gap = CyclesMissed(name=f"{refrigerator.name}_cycle_unseen")

    def cycle(self) -> MsgGenerator[Mapping[str, Any]]:
        """Wait for the end of the next cycle and record it; returns the readings."""
        yield from bps.checkpoint()
        if self.phases:
            yield from self._phases()
        else:
            yield from bps.trigger(self.refrigerator.cycle, wait=True)
        return (yield from self._event())

    def until(self, periodic: Periodic) -> MsgGenerator[Ending]:
        """Record cycles until they are periodic, or too many."""
        temperatures_k: list[float] = []
        powers_uw: list[float] = []
        unseen, agreed, cycle = self.unseen, 0, self.refrigerator.cycle
        while len(temperatures_k) < periodic.max_cycles and agreed < periodic.agree:
            reading = yield from self.cycle()
            temperatures_k.append(_number(reading, cycle.mean_chx_temperature, temperatures_k))
            powers_uw.append(_number(reading, cycle.mean_chx_power, powers_uw))
            agreed = agreed + 1 if periodic.reached(temperatures_k, powers_uw) else 0
        ends = temperatures_k[-1], powers_uw[-1]
        converged = agreed >= periodic.agree
        return Ending(converged, len(temperatures_k), *ends, unseen=self.unseen - unseen)

    def _event(self) -> MsgGenerator[Mapping[str, Any]]:
        """One event of the cycle that has just ended, and of how many went by before it."""
        yield from bps.create(name=self.stream)
        reading = dict((yield from bps.read(self.refrigerator.cycle)) or {})
        yield from bps.abs_set(self._gap, {"unseen": self._missed(reading)}, wait=True)
        for device in (self._gap, self.refrigerator.sim):
            reading.update((yield from bps.read(device)) or {})
        yield from bps.save()
        self.recorded += 1
        return reading

    def _missed(self, reading: Mapping[str, Any]) -> int:
        """Cycles between this one and the last; none in a rehearsal, where nothing answers."""
        signal = self.refrigerator.cycle.count
        if signal.name not in reading:
            return 0
        count, before = int(number_in(reading, signal)), self._last_count
        self._last_count = count
        missed = 0 if before is None else max(0, count - before - 1)
        if missed and not self.unseen:
            log.warning("cycles go by unseen, %d to %d the first: lower the speed", before, count)
        self.unseen += missed
        return missed

    def _phases(self) -> MsgGenerator[None]:
        """Record each phase at its end, until the count of cycles goes up."""
        cycle = self.refrigerator.cycle
        before = yield from value_of(cycle.count, 0)
        count = before
        while count == before:
            yield from bps.trigger(cycle.phase, wait=True)
            yield from record(_phase_devices(self.refrigerator), "phases")
            count = yield from value_of(cycle.count, before + 1)


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


def highest_uw(refrigerator: Refrigerator) -> float:
    """Largest heater power of the cold exchanger, uW."""
    return 1e6 * refrigerator.apparatus.cold.highest_heater_w


def load_uw(refrigerator: Refrigerator, given_uw: float | None) -> float:
    """A heater power, uW: as given, else that of the description.

    Raises:
        ValueError: The heater does not give it.
    """
    if given_uw is None:
        given_uw = 1e6 * refrigerator.apparatus.cold.load_w
    return within("heater_power_uw", given_uw, 0.0, highest_uw(refrigerator), "uW")


def cold_k(refrigerator: Refrigerator, given_k: float | None) -> float:
    """A temperature of the cold exchanger, K: as given, else that of the description.

    Raises:
        ValueError: It is no setpoint, or above the stage, to which the cycle cannot cool.
    """
    if given_k is None:
        given_k = refrigerator.apparatus.cold.setpoint_k
    return within("temperature_k", given_k, *cold_range_k(refrigerator), "K")


def cold_range_k(refrigerator: Refrigerator) -> tuple[float, float]:
    """Temperatures that may be held: from the lowest setpoint to the stage's, K."""
    known = refrigerator.apparatus
    return known.cold.low_k, min(known.cold.high_k, known.stage.setpoint_k)


def start_document(
    name: str,
    refrigerator: Refrigerator,
    args: Mapping[str, Any],
    md: Mapping[str, Any] | None,
    **more: Any,
) -> MsgGenerator[dict[str, Any]]:
    """Metadata of a run of the refrigerator, with the machine's provenance."""
    machine = yield from provenance(refrigerator)
    hints = {"dimensions": [([refrigerator.cycle.count.name], "primary")]}
    known = refrigerator.apparatus
    stated = {"name": known.name, "description": known.as_dict()}
    return metadata(
        name, [refrigerator.cycle], args, md, hints=hints, apparatus=stated, **machine, **more
    )


def _number(reading: Mapping[str, Any], signal: OphydObject, before: Sequence[float]) -> float:
    """A signal's value in a reading; where nothing answers (a rehearsal) what it was before."""
    if signal.name in reading:
        return number_in(reading, signal)
    return before[-1] if before else 0.0


def _phase_devices(refrigerator: Refrigerator) -> list[OphydObject]:
    """What an event of the stream ``phases`` holds."""
    fields = [magnet.field for magnet in refrigerator.magnets.values()]
    currents = [magnet.current for magnet in refrigerator.magnets.values()]
    chx = [refrigerator.chx.temperature, refrigerator.chx.heater_power]
    cycle = [refrigerator.cycle.phase, refrigerator.cycle.count]
    return [*cycle, *chx, *fields, *currents, refrigerator.flow, refrigerator.sim]
