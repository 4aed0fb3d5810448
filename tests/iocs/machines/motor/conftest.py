"""A motor record over a toy axis, and how its tests put to it and read it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from iocs.records import Database
from iocs.supervision.simulation import Simulation
from pvdb.parts.clock import SimClock
from pvdb.parts.motor import MotorRecord
from pvdb.parts.motor_axis import MotorSettings
from pvdb.parts.motor_fields import motor_records
from tests.iocs.conftest import Bench
from tests.iocs.toy import Toy

SETTINGS = MotorSettings(
    name="Rod",
    description="Tuning rod",
    units="mm",
    precision=4,
    resolution=0.001,
    max_velocity=2.0,
    acceleration_s=0.1,
    deadband=0.001,
)


class MotorBench(Bench):
    def __init__(self) -> None:
        self.toy = Toy()
        self.puts = []
        self.lock = ""
        self.motor = MotorRecord(
            self.toy.axis, SETTINGS, lambda: self.toy.time_s, lambda: self.lock
        )
        self.database = Database(motor_records(self.motor), "TOY:", on_puts=self.puts.extend)
        self.clock = SimClock(self.toy)
        self.clock.paused = True
        self.simulation = Simulation(self.toy, self.clock, self.database, (self.motor.process,))

    def __getitem__(self, field: str) -> Any:
        return self.database[f"Rod.{field}"].value if field != "VAL" else self.database["Rod"].value

    async def put(self, field: str, value: Any) -> None:
        await self.database.put("Rod" if field == "VAL" else f"Rod.{field}", value)

    def start(self, field: str, value: Any) -> asyncio.Task[None]:
        return asyncio.create_task(self.put(field, value))


@pytest.fixture
def rod() -> MotorBench:
    return MotorBench()
