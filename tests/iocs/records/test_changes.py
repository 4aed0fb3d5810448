"""What is looked through before a post is found if it has changed, and only then."""

from __future__ import annotations

import math
from typing import Any

import pytest

from instruments.errors import Refused
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
