"""What is an event and what is not: of values, of fields, of properties."""

from __future__ import annotations

import pytest
from caproto import ChannelType, SubscriptionType

from iocs.records import Database
from pvdb.records.factories import setpoint, text
from tests.iocs.conftest import Bench, Run, monitor

VALUE, LOG = SubscriptionType.DBE_VALUE, SubscriptionType.DBE_LOG
PROPERTY = SubscriptionType.DBE_PROPERTY


def test_a_put_of_the_same_value_is_no_event(run: Run) -> None:
    held = setpoint("Held", None, lambda _: None, "Held", control=(0.0, 9.0), initial=2.0)
    database = Database([held], "T:")

    async def story() -> None:
        await database.post()
        updates = await monitor(database["Held"], VALUE | LOG)
        for value in (2.0, 3.0, 3.0, 2.0):
            await database.put("Held", value)
        assert updates.values() == [3.0, 2.0]

    run(story())


@pytest.mark.parametrize("field", ["UDF", "PACT", "NAMSG", "HIHI", "HHSV", "DESC", "ACKS"])
def test_what_a_field_begins_with_is_no_event(bench: Bench, run: Run, field: str) -> None:
    async def story() -> None:
        await bench.database.post()
        updates = await monitor(bench.database[f"Temp_RBV.{field}"], VALUE | LOG)
        for kelvin in (301.0, 302.0):
            bench.toy.temperature_k = kelvin
            await bench.database.post()
        assert updates.values() == []

    run(story())


def test_a_severity_is_a_property_of_its_record(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.post()
        await bench.database.put("Temp_RBV.HIHI", 900.0)
        properties = await monitor(bench.database["Temp_RBV"], PROPERTY)
        await bench.database.put("Temp_RBV.HHSV", "MINOR")
        assert len(properties.values()) == 1

    run(story())


def test_a_monitor_of_acks_sees_what_a_put_to_ackt_does_to_it(bench: Bench, run: Run) -> None:
    async def story() -> None:
        await bench.database.put("Temp_RBV.HIHI", 310.0)
        await bench.database.put("Temp_RBV.HHSV", "MAJOR")
        for kelvin in (311.0, 300.0):
            bench.toy.temperature_k = kelvin
            await bench.database.post()
        waiting = await monitor(bench.database["Temp_RBV.ACKS"])
        assert bench.database["Temp_RBV.ACKS"].value == "MAJOR"
        await bench.database.put("Temp_RBV.ACKT", "NO")
        assert waiting.values() == [0]

    run(story())


def test_a_text_that_is_read_as_a_state_is_refused_in_words(run: Run) -> None:
    database = Database([text("Name_RBV", lambda: "cold", "Name")], "T:")

    async def story() -> None:
        await database.post()
        with pytest.raises(ValueError, match="Name_RBV is a text: it cannot be read as a state"):
            await database["Name_RBV"].read(ChannelType.TIME_ENUM)

    run(story())
