"""What is looked through before a post is found if it has changed, and only then."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from instruments.errors import Refused
from instruments.still import Still
from iocs.records import Database
from pvdb.records import Severity, readback
from pvdb.records.factories import setpoint
from tests.iocs.conftest import Run, monitor


def names(database: Database) -> list[str]:
    return [channel.record.name for channel, _ in database._changes.found()]


def test_only_what_has_changed_is_found_in_the_order_of_the_table(run: Run) -> None:
    values = dict.fromkeys("CABD", 1.0)
    table = [readback(name, lambda name=name: values[name], name) for name in values]
    database = Database(table, "T:")

    async def story() -> None:
        await database.post()
        assert names(database) == []
        values["B"] = values["C"] = 2.0
        assert names(database) == ["C", "B"]
        await database.post()
        assert names(database) == []

    run(story())


def test_one_that_fails_hides_no_other(run: Run) -> None:
    values: dict[str, Any] = {"A": 1.0, "B": 1.0, "C": math.nan}

    def read(name: str) -> float:
        if isinstance(values[name], Exception):
            raise values[name]
        return values[name]

    table = [readback(name, lambda name=name: read(name), name) for name in values]
    database = Database(table, "T:")

    async def story() -> None:
        await database.post()
        values["A"], values["B"] = OSError("no answer"), 2.0
        assert {"A", "B"} <= set(names(database))
        await database.post()
        assert database["B"].value == 2.0
        assert "A" in names(database), "it is tried again"
        values["A"] = 1.0
        await database.post()
        assert "A" not in names(database)

    run(story())


@pytest.mark.parametrize("read", [None, lambda: 1.0])
def test_the_alarm_of_a_refusal_goes_with_the_next_put_that_is_accepted(
    run: Run, read: Any
) -> None:
    def write(value: float) -> None:
        if value > 5.0:
            raise Refused("5 at most")

    held = setpoint("Held", read, write, "Held", control=(0.0, 9.0), initial=1.0)
    database = Database([held], "T:")

    async def story() -> list[int]:
        await database.post()
        updates = await monitor(database["Held"], 5)
        severities = []
        for value in (6.0, 1.0):
            try:
                await database.put("Held", value)
            except Refused:
                severities.append(-1)
            severities += [int(one.metadata.severity) for one in updates.updates()]
        return severities

    assert run(story()) == [-1, Severity.MINOR_ALARM, Severity.NO_ALARM]


class Dial:
    """A device of two readings that says whether it is still, and counts how often it is read."""

    def __init__(self) -> None:
        self.first: Any = 1.0
        self.second: Any = 2.0
        self.reads: list[str] = []
        self.still: Any = Still(self)

    def read(self, name: str) -> float:
        self.reads.append(name)
        value = getattr(self, name)
        if isinstance(value, Exception):
            raise value
        return value

    def records(self) -> list[Any]:
        table = [
            readback("A", lambda: self.read("first"), "First"),
            readback("B", lambda: self.read("second"), "Second", trouble=lambda: ""),
        ]
        return [replace(record, still=lambda: self.still()) for record in table]

    def read_at(self, database: Database) -> list[str]:
        self.reads.clear()
        found = names(database)
        return [*found, *self.reads]


@pytest.fixture
def dial() -> Dial:
    return Dial()


@pytest.fixture
def served(dial: Dial) -> Database:
    still = lambda: dial.still()  # noqa: E731
    return Database([replace(record, still=still) for record in dial.records()], "T:")


def test_a_device_that_is_still_is_not_read(run: Run, dial: Dial, served: Database) -> None:
    async def story() -> None:
        await served.post()
        names(served)  # those that were processed are looked at once more
        assert dial.read_at(served) == []
        dial.second = 3.0
        assert set(dial.read_at(served)) == {"B", "first", "second"}
        await served.post()
        assert served["B"].value == 3.0

    run(story())


@pytest.mark.parametrize("still", [lambda: None, lambda: 1 / 0, object])
def test_one_that_cannot_say_is_read_at_each_look(
    run: Run, dial: Dial, served: Database, still: Any
) -> None:
    dial.still = still

    async def story() -> None:
        await served.post()
        names(served)
        assert set(dial.read_at(served)) == {"first", "second"}

    run(story())


def test_what_was_processed_beside_a_look_is_looked_at_again(
    run: Run, dial: Dial, served: Database
) -> None:
    states = [1.0, 5.0]
    dial.first = states[0]

    async def story() -> None:
        await served.post()
        await served.post()
        dial.first = states[1]
        await served["A"].process(1.0)  # as after a put to one of its fields
        dial.first = states[0]  # and the very mark of before
        assert names(served) == ["A"]
        await served.post()
        assert served["A"].value == 1.0

    run(story())


def test_what_could_not_be_read_is_tried_again_though_nothing_has_moved(
    run: Run, dial: Dial, served: Database
) -> None:
    dial.still = lambda: dial  # what fails here is the way to it

    async def story() -> None:
        dial.first = OSError("no answer")
        await served.post()
        await served.post()
        assert served["A"].alarm.severity == Severity.INVALID_ALARM
        dial.first = 4.0
        await served.post()
        assert served["A"].value == 4.0
        assert served["A"].alarm.severity == Severity.NO_ALARM

    run(story())
