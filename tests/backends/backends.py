"""One instrument behind either back end, with one interface: puts, values, alarms, time.

Neither opens a socket: the wire's is the database that the server serves, driven step by step; the
other is the bench that the devices in process are bound to. Time passes only by `let_pass`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from devices.simulated.bench import Bench
from instruments.errors import Refused
from iocs.ioc import Ioc
from pvdb.haloscope.plant import haloscope_plant
from pvdb.plant import Plant
from pvdb.records import Record
from pvdb.refrigerator.plant import refrigerator_plant
from tests.iocs import driving

PLANTS = {"amrr": refrigerator_plant, "haloscope": haloscope_plant}
PREFIX = "X:"


class Begun:
    """A put that was begun: whether it has ended, and how."""

    def __init__(self) -> None:
        self.done = False
        self.refusal: Refused | None = None

    def end(self, refusal: Refused | None) -> None:
        assert not self.done, "a put ended twice"
        self.done, self.refusal = True, refusal

    @property
    def words(self) -> str | None:
        """None while it goes on, "" when it has had its effect, else why it will not."""
        return (str(self.refusal) if self.refusal else "") if self.done else None


class Backend(Protocol):
    plant: Plant

    @property
    def records(self) -> Mapping[str, Record]: ...
    @property
    def refusal(self) -> str: ...
    def put(self, name: str, value: Any) -> Begun: ...
    def value(self, name: str) -> Any: ...
    def alarm(self, name: str) -> tuple[int, int, str]: ...
    def let_pass(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class Wire:
    """The database that an IOC serves."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self._loop = asyncio.new_event_loop()
        self._ioc = Ioc(plant, PREFIX, speed=0.0)
        self._ioc.clock.paused = True
        self._tasks: set[asyncio.Task[None]] = set()
        self._do(self._ioc.database.post())

    def _do(self, what: Any) -> Any:
        return self._loop.run_until_complete(what)

    @property
    def records(self) -> Mapping[str, Record]:
        return {record.name: record for record in self._ioc.database.records}

    @property
    def refusal(self) -> str:
        return self._ioc.refusal

    def put(self, name: str, value: Any) -> Begun:
        begun = Begun()

        async def story() -> None:
            try:
                await self._ioc.database.put(name, value)
            except Refused as refusal:
                begun.end(refusal)
            else:
                begun.end(None)

        self._tasks.add(self._loop.create_task(story()))
        self._turn()
        return begun

    def _turn(self) -> None:
        """Let what waits for nothing but its turn be done; guards look, as in process."""

        async def turns() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        self._do(turns())
        self._ioc.simulation.driver.look()
        self._do(self._ioc.database.post())

    def value(self, name: str) -> Any:
        return self._ioc.database[name].value

    def alarm(self, name: str) -> tuple[int, int, str]:
        alarm = self._ioc.database[name].alarm
        return int(alarm.status), int(alarm.severity), alarm.alarm_string

    def let_pass(self, seconds: float) -> None:
        self._do(driving.let_pass(self._ioc, seconds))
        self._turn()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._turn()
        self._loop.close()


class InProcess:
    """The bench that devices in process are bound to."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.bench = Bench(plant, PREFIX)
        self.bench.paused = True

    @property
    def records(self) -> Mapping[str, Record]:
        return self.bench.records

    @property
    def refusal(self) -> str:
        return self.bench.refusal

    def put(self, name: str, value: Any) -> Begun:
        begun = Begun()
        self.bench.put(self.bench.point(PREFIX + name), value, begun.end)
        return begun

    def value(self, name: str) -> Any:
        with self.bench.lock:
            return self.bench.point(PREFIX + name).read()

    def alarm(self, name: str) -> tuple[int, int, str]:
        with self.bench.lock:
            point = self.bench.point(PREFIX + name)
            point.read()
            return int(point.alarm.status), int(point.alarm.severity), point.alarm.message

    def let_pass(self, seconds: float) -> None:
        self.bench.let_pass(seconds)

    def close(self) -> None:
        self.bench.close()


BACKENDS = {"wire": Wire, "in process": InProcess}


def comparable(value: Any) -> Any:
    """A value that ``==`` compares, NaN with NaN."""
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value)
