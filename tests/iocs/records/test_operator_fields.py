"""The fields that an operator may write while a record runs, as in EPICS base."""

from __future__ import annotations

import asyncio
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from caproto import CaprotoError, ChannelType, SubscriptionType

from instruments.errors import Refused
from iocs.records import Database
from iocs.records.texts import written
from iocs.supervision import storage
from iocs.supervision.repeating import Repeating
from tests.iocs.conftest import Bench, Run, monitor
from tests.iocs.machines.motor.conftest import MotorBench
from tests.live.against_base import twin_ioc

ALARM, PROPERTY = SubscriptionType.DBE_ALARM, SubscriptionType.DBE_PROPERTY
ANYBODY = ("here", "me")


async def acknowledge(bench: Bench, name: str, kind: ChannelType, value: int) -> None:
    await bench.database[name].auth_write(*ANYBODY, [value], kind, None)


async def told(bench: Bench, name: str) -> tuple[int, int, int, int, str]:
    """Status, severity, ACKT, ACKS, text as ``DBR_STSACK_STRING`` tells them."""
    head, texts = await bench.database[name].read(ChannelType.STSACK_STRING)
    return *struct.unpack(">hhHH", head), texts[0].decode()


def test_an_alarm_that_has_gone_waits_to_be_acknowledged(bench: Bench, run: Run) -> None:
    async def story() -> None:
        bench.toy.temperature_k = 315.0
        await bench.database.post()
        assert await told(bench, "Temp_RBV") == (4, 1, 1, 1, "315.000")
        bench.toy.temperature_k = 325.0
        await bench.database.post()
        bench.toy.temperature_k = 300.0
        await bench.database.post()
        assert await told(bench, "Temp_RBV") == (0, 0, 1, 2, "300.000")
        events = await monitor(bench.database["Temp_RBV"], ALARM)
        await acknowledge(bench, "Temp_RBV", ChannelType.PUT_ACKS, 1)  # less than what waits
        assert (await told(bench, "Temp_RBV"))[3] == 2
        await acknowledge(bench, "Temp_RBV", ChannelType.PUT_ACKS, 2)
        assert (await told(bench, "Temp_RBV"))[3] == 0
        assert events.values() == [300.0]

    run(story())


def test_an_alarm_need_not_wait(bench: Bench, run: Run) -> None:
    async def story() -> None:
        bench.toy.temperature_k = 325.0
        await bench.database.post()
        bench.toy.temperature_k = 315.0
        await bench.database.post()
        await acknowledge(bench, "Temp_RBV.HIHI", ChannelType.PUT_ACKT, 0)  # by any channel of it
        assert (await told(bench, "Temp_RBV"))[2:4] == (0, 1)
        bench.toy.temperature_k = 300.0
        await bench.database.post()
        assert (await told(bench, "Temp_RBV"))[2:4] == (0, 0)
        with pytest.raises(Refused, match=r"its states are 0 to 1"):
            await acknowledge(bench, "Temp_RBV", ChannelType.PUT_ACKT, 9)

    run(story())


def test_a_put_to_the_field_acknowledges_too(bench: Bench, run: Run) -> None:
    async def story() -> None:
        bench.toy.temperature_k = 325.0
        await bench.database.post()
        await bench.database.put("Temp_RBV.ACKS", "MAJOR")
        assert bench.database["Temp_RBV.ACKS"].value == "NO_ALARM"
        await bench.database.put("Temp_RBV.ACKT", "NO")
        assert (await told(bench, "Temp_RBV"))[2] == 0

    run(story())


def test_disp_refuses_every_put_but_its_own(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.put("Temp.DISP", 1)
        for name, value in (("Temp", 301.0), ("Temp.HIHI", 350.0), ("Temp.PROC", 1)):
            with pytest.raises(Refused, match="Temp: puts are disabled, its DISP is 1"):
                await bench.database.put(name, value)
        with pytest.raises(Refused, match="disabled"):
            await acknowledge(bench, "Temp", ChannelType.PUT_ACKS, 3)
        await bench.database.put("Averages", 3)
        await bench.database.put("Temp.DISP", 0)
        await bench.database.put("Temp.HIHI", 350.0)

    run(story())


def test_disp_of_a_motor_stops_its_fields(run: Run) -> None:
    bench = MotorBench()
    rod = next(iter(bench.database.channels))

    async def story() -> None:
        await bench.database.put(f"{rod}.DISP", 1)
        for field in ("", ".TWF", ".VELO", ".HOMF"):
            with pytest.raises(Refused, match=f"{rod}: puts are disabled"):
                await bench.database.put(f"{rod}{field}", 1)

    run(story())


def test_proc_looks_at_the_record_anew(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        bench.toy.temperature_k = 305.5
        await bench.database.put("Temp_RBV.PROC", 1)
        assert bench.database["Temp_RBV"].value == 305.5
        assert bench.database["Temp_RBV.PROC"].value == 1
        assert "Temp_RBV.PROC" not in bench.database.saved_values()

    run(story())


def test_drive_limits_can_be_drawn_in_and_let_out_again(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        properties = await monitor(bench.database["Temp"], PROPERTY)
        await bench.database.put("Temp.DRVH", 310.0)
        metadata, _ = await bench.database["Temp"].read(ChannelType.CTRL_DOUBLE)
        assert (metadata.lower_ctrl_limit, metadata.upper_ctrl_limit) == (200.0, 310.0)
        assert len(properties.values()) == 1
        with pytest.raises(Refused, match=r"\(DRVL, DRVH\) = 311 K is outside 200 to 310 K"):
            await bench.database.put("Temp", 311.0)
        with pytest.raises(Refused, match=r"Temp\.DRVH = 401 K is outside 200 to 400 K"):
            await bench.database.put("Temp.DRVH", 401.0)
        with pytest.raises(Refused, match="would leave nothing to put"):
            await bench.database.put("Temp.DRVL", 311.0)
        await bench.database.put("Temp.DRVH", 400.0)
        bench.toy.temperature_k = 311.0
        await bench.database.put("Temp", 311.0)
        assert bench.database.saved_values()["Temp.DRVH"] == 400.0

    run(story())


def test_units_are_told_as_they_are_put(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.put("Temp.EGU", "millikelvin")
        metadata, _ = await bench.database["Temp"].read(ChannelType.GR_DOUBLE)
        assert (metadata.units, bench.database["Temp.EGU"].value) == (b"millike", "millikelvin")

    run(story())


@pytest.mark.parametrize(
    ("record", "field", "old"), [("Lights", "ZNAM", "Off"), ("Mode", "ONST", "")]
)
def test_a_state_can_be_given_another_name(
    bench: Bench, run: Run, record: str, field: str, old: str
) -> None:
    async def story() -> None:
        await bench.database.post()
        channel = bench.database[record]
        index = 0 if field == "ZNAM" else 1
        await bench.database.put(record, index)
        old_name = channel.value
        await bench.database.put(f"{record}.{field}", "Dark")
        assert channel.value == "Dark"
        assert (await channel.read(ChannelType.STRING))[1] == [b"Dark"]
        metadata, _ = await channel.read(ChannelType.GR_ENUM)
        assert metadata.enum_strings[index].rstrip(b"\0") == b"Dark"
        await bench.database.put(record, 1 - index)
        await bench.database.put(record, "Dark")
        await bench.database.post()
        assert channel.value == "Dark"
        with pytest.raises(Refused, match="not one of"):
            await bench.database.put(record, old_name)
        with pytest.raises(Refused, match="there is a state"):
            await bench.database.put(f"{record}.{field}", channel.record.state_names()[1 - index])

    run(story())


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        (0.5, 0, "1"), (-2.5, 0, "-3"), (0.125, 2, "0.13"), (-0.0, 3, "0.000"),
        (1e7, 4, "10000000.0000"), (10000001.5, 4, "10000001.500"), (1.5e16, 2, "1.50e+16"),
        (1 / 3, 9, " 3.333333333e-01"), (math.nan, 4, "nan"), (-math.inf, 3, " -inf"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_base_writes_them(number: float, decimals: int, text: str) -> None:
    assert written(number, decimals).strip() == text.strip()


def test_what_is_renamed_survives_a_restart(bench: Bench, run: Run, tmp_path: Path) -> None:
    async def first_life() -> dict[str, Any]:
        await bench.database.put("Lights.ONAM", "Bright")
        await bench.database.put("Lights", "Bright")
        await bench.database.put("Temp.DRVH", 310.0)
        return bench.database.saved_values()

    storage.save(tmp_path / "setpoints.json", asyncio.run(first_life()))
    second = Bench()
    kept = storage.load(tmp_path / "setpoints.json")
    assert Repeating(second.toy, second.database).write(kept) == {}

    async def second_life() -> None:
        await second.database.post()
        assert second.database["Lights.ONAM"].value == "Bright"
        assert second.database["Temp.DRVH"].value == 310.0
        with pytest.raises(Refused, match="DRVH"):
            await second.database.put("Temp", 311.0)

    run(second_life())


@pytest.mark.parametrize("text", ["1_0", "١", "one"])
def test_a_text_that_is_no_number_is_not_told_as_one(run: Run, text: str) -> None:
    database = Database(twin_ioc.table(), "twin:")

    async def story() -> None:
        await database.put("lso", "12.5")
        assert (await database["lso"].read(ChannelType.DOUBLE))[1] == [12.5]
        await database.put("lso", text)
        with pytest.raises((ValueError, CaprotoError)):
            await database["lso"].read(ChannelType.DOUBLE)

    run(story())
