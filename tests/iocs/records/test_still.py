"""What is not read because its device is still would have given nothing else.

The same operations in any order on two machines of one seed, served once as their tables are and
once by tables that tell of no device that it is still: what is posted is the same, bit by bit, with
alarms and time stamps, look by look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from instruments.errors import Refused
from iocs.records import Database
from iocs.supervision.simulation import Simulation
from pvdb.haloscope.plant import haloscope_plant
from pvdb.parts.clock import SimClock
from pvdb.plant import Plant
from pvdb.records import Record, Wire

FIELDS = ("HIHI", "HIGH", "LOLO", "MDEL", "DESC", "DISP")
#: An operation: what, to which record, how far in its range.
Operation = tuple[str, int, float]

puts = st.tuples(st.just("put"), st.integers(0, 10**6), st.floats(0, 1))
fields = st.tuples(st.just("field"), st.integers(0, 10**6), st.floats(0, 1))
others = st.tuples(
    st.sampled_from(["pass", "pass", "pass", "look", "look", "look", "save", "restore", "quench"]),
    st.just(0),
    st.sampled_from([1e-3, 0.1, 1.0, 7.0, 60.0, 600.0]),
)
stories = st.lists(
    st.one_of(puts, puts, puts, fields, others, others, others), min_size=20, max_size=60
)


class Served:
    """A machine served to nobody; keeps all that is posted."""

    def __init__(self, plant: Plant, records: Sequence[Record]) -> None:
        ticks = count(1)
        self.machine: Any = plant.machine
        self.posted: list[Any] = []
        self.database = Database(records, "T:", wall_time=lambda: float(next(ticks)))
        self.database.watchers.append(self._heard)
        self.clock = SimClock(self.machine, wall=lambda: 0.0)
        self.clock.paused = True
        self._simulation = Simulation(
            self.machine, self.clock, self.database, plant.guards, lambda: 0.0
        )
        self._writable = [record for record in records if record.writable]
        self._saved = self.machine.state()
        self._waiting: list[asyncio.Task[None]] = []

    def _heard(self, channel: Any, flags: int) -> None:
        data = channel._data
        value = data["value"]
        told = value.tobytes() if isinstance(value, np.ndarray) else repr(value)
        alarm = tuple(channel.alarm._data.values())
        self.posted.append((channel.record.name, flags, told, str(data["timestamp"]), alarm))

    async def story(self, operations: Sequence[Operation]) -> list[Any]:
        await self.database.post()
        for what, which, share in operations:
            self.posted.append(what)
            await self._do(what, which, share)
        await self._let_pass(1e3)
        self.database.end("the test is over")
        await asyncio.gather(*self._waiting, return_exceptions=True)
        return self.posted

    async def _do(self, what: str, which: int, share: float) -> None:
        if what == "put":
            record = self._writable[which % len(self._writable)]
            await self._put(record.name, put_value(record, share))
        elif what == "field":
            name, field = list(self.database.channels)[which % len(self.database.channels)], which
            value = str(share) if (of := FIELDS[field % len(FIELDS)]) == "DESC" else round(share)
            if "." not in name:
                await self._put(f"{name}.{of}", value)
        elif what == "pass":
            await self._let_pass(share)
        elif what == "look":
            await self.database.post()
        elif what == "save":
            self._saved = self.machine.state()
        elif what == "restore":
            self.machine.restore(self._saved)
        else:
            self.machine.quench()

    async def _put(self, name: str, value: Any) -> None:
        async def put() -> None:
            try:
                await self.database.put(name, value)
            except (Refused, KeyError) as why:
                self.posted.append(repr(why))

        self._waiting.append(asyncio.create_task(put()))
        await self._turns()

    async def _turns(self) -> None:
        for _ in range(60):
            await asyncio.sleep(0)

    async def _let_pass(self, seconds: float) -> None:
        self.clock.advance_by(seconds)
        while self.clock.stepping:
            self._simulation.advance(1.0)
            await self.database.settle()
            await self._turns()
        await self.database.post()


def put_value(record: Record, share: float) -> Any:
    if record.wire is Wire.ENUM:
        return round(share * (len(record.states) - 1))
    if record.wire is Wire.STRING:
        return "x"
    low, high = record.control_range() or (-2.0, 2.0)
    value = low + share * (high - low)
    return round(value) if record.wire.integer else value


def told(operations: Sequence[Operation], *, always_read: bool) -> list[Any]:
    plant: Any = haloscope_plant(seed=5)
    plant.seal._wall_time = lambda: 0.0  # it tells when it was opened
    records = [replace(one, still=None) if always_read else one for one in plant.records]
    return asyncio.run(Served(plant, records).story(operations))


def place_of(name: str) -> int:
    writable = [record.name for record in haloscope_plant().records if record.writable]
    return writable.index(name)


#: What each device does, with looks on the way.
PASSES: list[Operation] = [("look", 0, 0.0), ("pass", 0, 0.1), ("look", 0, 0.0), ("pass", 0, 60.0)]
DEVICES: list[Operation] = [
    step
    for name, share in (
        ("Rod", 0.4), ("Rod.HOMF", 1.0), ("Antenna.JOGF", 1.0), ("Antenna.STOP", 1.0),
        ("Rod.VELO", 0.5), ("VNA:Power", 0.5), ("VNA:Acquire", 1.0), ("JPA:Resonance", 0.5),
        ("NoiseSource:Temp", 0.5), ("DAQ:HighRes:Duration", 0.001), ("DAQ:HighRes:Acquire", 1.0),
        ("DAQ:NumAverages", 1e-5), ("DAQ:Acquire", 1.0), ("Magnet:Current", 0.9),
        ("Magnet:Command", 0.0), ("Sim:FaultSensor", 0.3), ("Sim:FaultKind", 0.25),
        ("Sim:FaultKind", 0.0), ("Sim:Unseal", 1.0),
    )
    for step in (("put", place_of(name), share), *PASSES)
]  # fmt: skip


@settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # it takes seconds: it is not made short
)
@example(operations=DEVICES)
@given(operations=stories)
def test_what_is_posted_is_the_same_as_if_all_were_read(operations: list[Operation]) -> None:
    expected = told(operations, always_read=True)
    assert told(operations, always_read=False) == expected
