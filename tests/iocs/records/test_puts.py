"""Puts: checked, acted on, logged, refused with a reason, completed when they have their effect.

The sixth rule of the records layer; the others are in ``test_rules``.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest
from caproto import AlarmStatus, ChannelType

from instruments.errors import Refused
from iocs.records import Database, Superseded
from pvdb.records import Severity, command, text
from tests.iocs.conftest import Bench, Run, monitor
from tests.iocs.toy import Toy, toy_records

BAD_PUTS = [
    ("Temp", math.nan),
    ("Temp", math.inf),
    ("Temp", -math.inf),
    ("Temp", 401.0),
    ("Temp", 199.9),
    ("Temp", "hot"),
    ("Temp", "30_0"),
    ("Temp", "٣٠١"),
    ("Temp", "0x12c"),
    ("Temp.HYST", "1e-400"),
    ("Temp.HYST", "-0.0001e-999"),
    ("Mode", "١"),
    ("Temp", [300.0, 301.0]),
    ("Temp", []),
    ("Averages", 0),
    ("Averages", 2.5),
    ("Averages", 3_000_000_000),
    ("Mode", 3),
    ("Mode", -1),
    ("Mode", "Four"),
    ("Mode", 0.5),
    ("Mode", math.nan),
    ("Lights", 7),
    ("Temp_RBV", 300.0),
    ("Message_RBV", "x"),
    ("Picture_RBV", [1.0]),
    ("Mode_RBV", 1),
    ("Temp.DESC", "x" * 41),
    ("Temp.PREC", 99),
    ("Temp.EGU", "x" * 16),
    ("Temp.DRVH", 400.1),
    ("Temp.DRVL", 400.1),
    ("Mode.ZRST", ""),
    ("Temp.ACKT", 2),
    ("Temp.FLNK", "Lights"),
    ("Temp_RBV.MDEL", math.inf),
]


@pytest.mark.parametrize(("name", "value"), BAD_PUTS, ids=lambda item: str(item)[:12])
def test_a_bad_put_is_refused_says_so_and_moves_nothing(
    bench: Bench, run: Run, name: str, value: Any
) -> None:
    async def story() -> None:
        await bench.database.post()
        before = {record: channel.value for record, channel in bench.database.channels.items()}
        kept = bench.database[name].value
        with pytest.raises(Refused) as caught:
            await bench.database.put(name, value)
        await bench.database.post()
        after = {record: channel.value for record, channel in bench.database.channels.items()}
        np.testing.assert_equal(after, before)
        np.testing.assert_equal(bench.database[name].value, kept)
        assert bench.database.refusal == str(caught.value)
        assert name.partition(".")[0] in bench.database.refusal
        assert bench.puts[-1].refused == str(caught.value)

    run(story())


def test_what_the_machine_refuses_is_refused_and_shown(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        await bench.database.put("Lights", "On")
        with pytest.raises(Refused, match="with the lights on"):
            await bench.database.put("Temp", 360.0)
        assert bench.database["Temp"].value == 300.0
        assert bench.database["Temp"].alarm.status == AlarmStatus.WRITE
        await bench.database.put("Lights", 0)
        bench.toy.temperature_k = 301.0
        await bench.database.put("Temp", 301.0) if bench.toy.there else None

    run(story())


def test_an_accepted_put_clears_the_alarm_of_a_refused_one(bench: Bench, run: Run) -> None:
    async def story() -> None:
        with pytest.raises(Refused):
            await bench.database.put("Averages", 0)
        assert bench.database["Averages"].alarm.severity == Severity.MINOR_ALARM
        await bench.database.put("Averages", 5)
        assert bench.database["Averages"].alarm.severity == Severity.NO_ALARM

    run(story())


def test_a_put_completes_after_the_readback_is_true(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        put = asyncio.create_task(bench.database.put("Temp", 302.0))
        await bench.let_pass(1.0)
        assert not put.done()
        assert bench.database["Temp"].value == 302.0
        assert bench.database["Temp_RBV"].value == pytest.approx(301.0)
        readings = await monitor(bench.database["Temp_RBV"])
        await bench.let_pass(1.5)
        await put
        assert readings.values()[-1] == 302.0

    run(story())


def test_what_a_put_changes_elsewhere_is_posted_before_it_completes(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        bench.toy.stale = ""
        reset = bench.database["Reset"].record
        object.__setattr__(reset, "write", lambda _: setattr(bench.toy, "stale", "reset"))
        await bench.database.put("Reset", 1)
        assert bench.database["Message_RBV"].value == "reset"

    run(story())


def test_who_is_told_of_a_refusal_finds_its_reason(run: Run) -> None:
    """At once, not with the next tick."""
    toy = Toy()

    def last() -> str:
        return database.refusal

    database = Database([*toy_records(toy), text("Refusal_RBV", last, "Why")], "T:")

    async def story() -> None:
        await database.post()
        with pytest.raises(Refused, match="Temp"):
            await database.put("Temp", 1e9)
        assert "Temp" in database["Refusal_RBV"].value
        await database.forbid(database["Temp_RBV"], 1.0, "guest@x", "")
        assert database["Refusal_RBV"].value == "Temp_RBV is not writable for guest@x"

    run(story())


def test_a_second_put_supersedes_the_first(bench: Bench, run: Run) -> None:
    async def story() -> None:
        first = asyncio.create_task(bench.database.put("Temp", 305.0))
        await bench.let_pass(0.5)
        second = asyncio.create_task(bench.database.put("Temp", 299.0))
        await bench.let_pass(0.1)
        with pytest.raises(Superseded):
            await first
        await bench.let_pass(3.0)
        await second
        assert bench.toy.temperature_k == 299.0

    run(story())


def test_a_refused_put_does_not_disturb_the_one_under_way(bench: Bench, run: Run) -> None:
    async def story() -> None:
        first = asyncio.create_task(bench.database.put("Temp", 301.0))
        await bench.let_pass(0.5)
        with pytest.raises(Refused):
            await bench.database.put("Temp", math.nan)
        await bench.let_pass(1.0)
        await first

    run(story())


def test_acquire_completes_when_idle_and_refuses_a_second_start(bench: Bench, run: Run) -> None:
    async def story() -> None:
        picture = asyncio.create_task(bench.database.put("Acquire", 1))
        await bench.let_pass(0.5)
        assert bench.database["Acquire"].value == "Acquire"
        with pytest.raises(Refused, match="exposes already"):
            await bench.database.put("Acquire", 1)
        await bench.let_pass(1.0)
        await picture
        assert bench.database["Acquire"].value == "Done"
        assert list(bench.database["Picture_RBV"].value) == [1.0] * 4

    run(story())


def test_a_command_acts_once_and_returns_to_rest(bench: Bench, run: Run) -> None:
    async def story() -> None:
        updates = await monitor(bench.database["Reset"])
        await bench.database.put("Reset", 1)
        await bench.database.put("Reset", 1)
        await bench.database.put("Reset", 0)
        assert bench.toy.resets == 2
        assert bench.database["Reset"].value == "Done"
        assert updates.values()[:4] == [1, 0, 1, 0]

    run(story())


def test_a_command_that_does_not_reach_its_end_returns_to_rest_too(run: Run) -> None:
    def never() -> bool:
        raise Refused("the door is open")

    async def story() -> None:
        records = [command("Close", lambda: None, "Close the door", done=never)]
        database = Database(records, "T:")
        put = asyncio.create_task(database.put("Close", 1))
        while not database.waiting:
            await asyncio.sleep(0)
        await database.settle()
        with pytest.raises(Refused, match="the door is open"):
            await put
        assert database["Close"].value == "Done"

    run(story())


def test_a_value_may_come_as_text_or_as_the_name_of_a_state(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.put("Mode", "Three")
        await bench.database.put("Lights", "1")
        await bench.database.put("Averages", "12")
        assert (bench.toy.mode, bench.toy.lights, bench.toy.averages) == (2, 1, 12)

    run(story())


def test_metadata_that_a_client_sends_along_is_ignored(bench: Bench, run: Run) -> None:
    from caproto._dbr import DBR_CTRL_DOUBLE

    async def story() -> None:
        metadata = DBR_CTRL_DOUBLE(units=b"bananas", upper_ctrl_limit=1e9)
        channel = bench.database["Averages"]
        await channel.auth_write("host", "user", np.array([5.0]), ChannelType.CTRL_DOUBLE, metadata)
        assert channel.value == 5
        assert channel.units == ""
        assert (channel.lower_ctrl_limit, channel.upper_ctrl_limit) == (1, 100)

    run(story())
