"""What is posted at once is what working all out would post; its time stamp is its reading's."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from iocs.records import Database
from iocs.records.channels import LiveChannel
from iocs.records.posting import MOST_AT_ONCE
from pvdb.records import readback
from pvdb.records.description import AlarmLimits
from tests.iocs.conftest import Run, monitor

ALL_EVENTS = 0xF
READINGS = [
    0.0,
    -0.0,
    1.0,
    2.0,
    2.0,
    2.5,
    4.9,
    5.0,
    6.0,
    9.0,
    11.0,
    -7.0,
    math.nan,
    math.inf,
    3,
    True,
]
LIMITS = [
    AlarmLimits(),
    AlarmLimits(low=-5.0, high=5.0, hihi=10.0, hysteresis=0.5),
    AlarmLimits(lolo=-6.0, high=2.0),
]


def history(run: Run, seed: int) -> list[Any]:
    """All events of a record whose readings, deadbands and limits wander."""
    generator = random.Random(seed)
    shown: list[Any] = [0.0]

    def read() -> Any:
        if isinstance(shown[0], Exception):
            raise shown[0]
        return shown[0]

    limits = generator.choice(LIMITS)
    deadband = generator.choice([0.0, 0.0, 0.0, 1.0])
    record = replace(readback("A", read, "A", alarms=limits), monitor_deadband=deadband)
    times = count(1000)
    database = Database([record], "T:", wall_time=lambda: float(next(times)))

    async def story() -> list[Any]:
        await database.post()
        channel = database["A"]
        watching, told = await monitor(channel, ALL_EVENTS), []
        for _ in range(60):
            act = generator.random()
            if act < 0.04:
                await database.put("A.HIGH", generator.choice([1.0, 5.0, 8.0]))
            elif act < 0.08:
                await database.put("A.MDEL", generator.choice([0.0, 2.0]))
            shown[0] = OSError("gone") if act > 0.95 else generator.choice(READINGS)
            await database.post()
            told += [
                (one.flags, one.values[0], bytes(one.metadata), channel.monitored, channel.archived)
                for one in watching.updates()
            ]
        return told

    return run(story())


@pytest.mark.parametrize("seed", range(40))
def test_a_value_posted_at_once_is_what_working_all_out_posts(
    run: Run, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    at_once = history(run, seed)
    monkeypatch.setattr(LiveChannel, "take", lambda *_: False)
    assert repr(at_once) == repr(history(run, seed))


def test_plain_numbers_are_posted_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [1.0]
    database = Database([readback("A", lambda: shown[0], "A", alarms=LIMITS[1])], "T:")
    worked_out: list[float] = []
    stock = LiveChannel._work_out

    def work_out(self: LiveChannel) -> Any:
        worked_out.append(shown[0])
        return stock(self)

    monkeypatch.setattr(LiveChannel, "_work_out", work_out)

    async def story() -> list[float]:
        await database.post()
        watching = await monitor(database["A"])
        for shown[0] in (2.0, 3.0, 5.0, 4.9, 1.0, 2.0):
            await database.post()
        return watching.values()

    assert run(story()) == [2.0, 3.0, 5.0, 4.9, 1.0, 2.0]
    assert worked_out == [1.0, 5.0, 4.9, 1.0], "the first, and what is or was in alarm"


def test_a_time_stamp_is_never_before_its_reading_and_one_for_what_is_read_together(
    run: Run,
) -> None:
    """A put that acts while posting gives way is seen by what is posted after it."""
    now, shown = [0.0], dict.fromkeys(range(3 * MOST_AT_ONCE), 0.0)
    changed_at: dict[int, float] = dict.fromkeys(shown, 0.0)
    table = [readback(f"V{n}", lambda n=n: shown[n], f"V{n}") for n in shown]
    database = Database(table, "T:", wall_time=lambda: now[0])

    def change(number: int, value: float) -> None:
        now[0] += 1.0
        shown[number], changed_at[number] = value, now[0]

    async def story() -> list[tuple[float, float, float]]:
        await database.post()
        for number in shown:
            change(number, 1.0)
        posting = asyncio.ensure_future(database.post())
        last = max(shown)
        while not posting.done():
            await asyncio.sleep(0)
            if not posting.done():
                change(last, shown[last] + 1.0)
        channels = [database[f"V{n}"] for n in shown]
        return [
            (channel.value, channel.timestamp, changed_at[n]) for n, channel in enumerate(channels)
        ]

    told = run(story())
    assert all(stamp >= changed for _, stamp, changed in told)
    assert told[-1][0] > 1.0, "what is shown by then"
    stamps = [stamp for _, stamp, _ in told]
    together = [set(stamps[n : n + MOST_AT_ONCE]) for n in range(0, len(stamps), MOST_AT_ONCE)]
    assert [len(several) for several in together] == [1, 1, 1]
    assert len(set(stamps)) == 3
