"""Puts without completion that come together: each acts in its turn, the rest is done for all."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from caproto import AccessRights

from instruments.errors import Refused
from iocs.records import Database, Put
from iocs.supervision import journal as journals
from iocs.supervision.journal import Journal
from iocs.supervision.saving import Saving
from pvdb.records import Record, readback, setpoint
from tests.iocs.conftest import Run
from tests.iocs.serving.test_at_once import A_RBV, SLOW, A, get, numbers, put, request, sent, served
from tests.iocs.serving.test_walls import Client
from tests.live import raw_client as ca
from tests.live.exchange import subscription

PLAIN = ca.WRITE


class Machine:
    """What is put is kept in its order; 13 is refused by the machine itself."""

    def __init__(self, folder: Path) -> None:
        self.taken: list[float] = []
        self.passes = 0
        self.told: list[Sequence[Put]] = []
        self.saving = Saving()
        self.journal = Journal(folder, lambda: 0.0, self.saving)
        table = self.table()
        self.database = Database(table, "T:", on_puts=self.told.append, journal=self.journal)

    def table(self) -> list[Record]:
        every = (-1e3, 1e3)
        return [
            setpoint("A", self.last, self.take, "Setpoint", control=every),
            readback("A_RBV", self.read, "Readback"),
            setpoint("Slow", None, self.take, "Held", control=every),
        ]

    def take(self, value: float) -> None:
        if value == 13.0:
            raise Refused("A: 13 brings bad luck")
        self.taken.append(value)

    def last(self) -> float:
        return self.taken[-1] if self.taken else 0.0

    def read(self) -> float:
        self.passes += 1
        return self.last()

    @property
    def logged(self) -> list[tuple[str, Any, str]]:
        return [(put.name, put.new, put.refused) for puts in self.told for put in puts]

    def kept(self, folder: Path) -> list[tuple[str, Any]]:
        (entries,) = journals.read(folder).entries.values()
        return [(entry.name, entry.value) for entry in entries]


async def heard(client: Client, data: bytes, answers: int) -> list[tuple[int, int, bytes]]:
    """The answers to one packet."""
    assert client.circuit.hear(data) == len(data)
    found = sent(client)
    while len(found) < answers or client.circuit.answers.puts.in_progress:
        await asyncio.sleep(0)
        found += sent(client)
    return found


def test_each_acts_in_its_order_and_one_pass_one_line_of_the_log_one_write_are_for_all(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        machine = Machine(tmp_path)
        writes: list[bytes] = []
        async with served(machine.database.pvdb) as client:
            stock = journals._File.append
            monkeypatch.setattr(
                journals._File,
                "append",
                lambda file, data: writes.append(data) or stock(file, data),
            )
            before = machine.passes
            values = [float(number) for number in range(101, 141)]
            data = b"".join(put(A, value, 1, PLAIN) for value in values)
            assert await heard(client, data, 0) == []
            assert machine.taken == values
            assert machine.passes - before <= 3
            assert [len(puts) for puts in machine.told] == [40]
            assert [len(data.splitlines()) for data in writes] == [1, 40]  # its name, and all
            answers = await heard(client, get(A_RBV, 5), 1)
        assert struct.unpack(">d", answers[0][2]) == (140.0,)
        assert machine.logged == [("A", value, "") for value in values]
        assert machine.kept(tmp_path) == [("A", value) for value in values]
        assert {put.address for put in machine.told[0]} == {"127.0.0.1:1"}
        machine.journal.close()

    run(story())


def test_what_is_not_plain_comes_in_its_order(run: Run, tmp_path: Path) -> None:
    """Held values, refusals of the limits and of the machine, and puts with completion between."""

    async def story() -> None:
        machine = Machine(tmp_path)
        data = b"".join(
            [
                put(A, 1.0, 1, PLAIN),
                put(SLOW, 2.0, 2, PLAIN),
                put(A, 5e3, 3, PLAIN),
                put(A, 4.0, 4),
                put(A, 13.0, 5, PLAIN),
                put(A, 6.0, 6, PLAIN),
            ]
        )
        async with served(machine.database.pvdb) as client:
            answers = await heard(client, data, 3)
        assert machine.taken == [1.0, 2.0, 4.0, 6.0]
        limit, luck = (reason for _, _, reason in machine.logged if reason)
        assert machine.logged == [
            ("A", 1.0, ""), ("Slow", 2.0, ""), ("A", [5e3], limit), ("A", 4.0, ""),
            ("A", [13.0], luck), ("A", 6.0, ""),
        ]  # fmt: skip
        assert machine.kept(tmp_path) == [("A", 1.0), ("Slow", 2.0), ("A", 4.0), ("A", 6.0)]
        refused = [body for command, _, body in answers if command == ca.ERROR]
        assert ["5000" in str(refused[0]), "bad luck" in str(refused[1])] == [True, True]
        assert (ca.WRITE_NOTIFY, 4) in numbers(answers)
        assert machine.database.refusals == 2
        assert machine.database["A"].alarm.severity == 0  # the last put was accepted
        machine.journal.close()

    run(story())


def test_a_lone_refusal_is_told_and_raises_the_alarm(run: Run, tmp_path: Path) -> None:
    async def story() -> None:
        machine = Machine(tmp_path)
        async with served(machine.database.pvdb) as client:
            ((command, _, body),) = await heard(client, put(A, 13.0, 5, PLAIN), 1)
            assert command == ca.ERROR
            assert b"bad luck" in body
            assert machine.database["A"].alarm.severity > 0
            assert await heard(client, put(A, 1.0, 5, PLAIN), 0) == []
            assert machine.database["A"].alarm.severity == 0
            machine.database["A"].disabled = 1
            ((_, _, body),) = await heard(client, put(A, 2.0, 5, PLAIN), 1)
            assert b"DISP" in body
        assert machine.taken == [1.0]
        machine.journal.close()

    run(story())


def test_what_disables_a_record_disables_those_that_are_its_fields(
    run: Run, tmp_path: Path
) -> None:
    """As ``Rod.DISP`` does ``Rod.VELO``, which is a record of its own in the table."""

    async def story() -> None:
        machine = Machine(tmp_path)
        speed = setpoint("A.VELO", machine.last, machine.take, "Speed", control=(0.0, 9.0))
        database = Database([*machine.table(), speed], "T:")
        async with served(database.pvdb, (b"T:A.VELO\0",)) as client:
            assert await heard(client, put(1, 1.0, 5, PLAIN), 0) == []
            database["A"].disabled = 1
            client.circuit.hear(put(1, 2.0, 5, PLAIN))
            assert machine.taken == [1.0]
            answers = await heard(client, put(1, 3.0, 6, PLAIN), 2)
        why = b"A: puts are disabled, its DISP is 1"
        assert [why in body for _, _, body in answers] == [True, True]

    run(story())


def test_a_monitor_gets_what_the_last_of_them_has_changed(run: Run, tmp_path: Path) -> None:
    async def story() -> None:
        machine = Machine(tmp_path)
        async with served(machine.database.pvdb) as client:
            mask = subscription(ca.VALUE_EVENTS)
            await client.circuit.answers(request(ca.EVENT_ADD, A_RBV, 9, mask))
            await client.received()
            data = b"".join(put(A, value, 1, PLAIN) for value in (1.0, 2.0, 3.0))
            ((command, number, body),) = await heard(client, data, 1)
            assert (command, number, struct.unpack(">d", body)) == (ca.EVENT_ADD, 9, (3.0,))
        machine.journal.close()

    run(story())


def test_who_may_not_put_is_told_so_for_each(run: Run, tmp_path: Path) -> None:
    async def story() -> None:
        machine = Machine(tmp_path)
        machine.database.rights = lambda *_: AccessRights.READ  # type: ignore[method-assign]
        async with served(machine.database.pvdb) as client:
            answers = await heard(client, 3 * put(A, 1.0, 1, PLAIN), 3)
        assert [command for command, *_ in answers] == 3 * [ca.ERROR]
        assert machine.taken == []

    run(story())


def test_they_are_in_progress_until_the_disk_has_them_and_are_bounded(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(journals, "in_turn", lambda _, tell: told.append(tell))

    async def story() -> None:
        machine = Machine(tmp_path)
        async with served(machine.database.pvdb) as client:
            puts = client.circuit.answers.puts
            puts.limits = replace(puts.limits, max_puts_in_progress=5)
            one = put(A, 1.0, 1, PLAIN)
            assert client.circuit.hear(7 * one) == 5 * len(one)
            assert len(machine.taken) == puts.in_progress == 5
            assert client.circuit.answers.puts.young.is_set() is False
            told[0](None)
            while puts.in_progress:
                await asyncio.sleep(0)
            assert puts.young.is_set()
        machine.journal.close()

    run(story())


def test_each_is_told_when_what_follows_them_fails(run: Run, tmp_path: Path) -> None:
    async def story() -> None:
        machine = Machine(tmp_path)

        async def failing() -> None:
            raise ZeroDivisionError("no more")

        machine.database.finish = failing  # type: ignore[method-assign]
        async with served(machine.database.pvdb) as client:
            answers = await heard(client, 2 * put(A, 1.0, 1, PLAIN), 2)
        assert [b"no more" in body for _, _, body in answers] == [True, True]

    run(story())


@pytest.mark.parametrize(
    ("kind", "code"), [(ca.DOUBLE, "d"), (1, "h"), (2, "f"), (3, "H"), (5, "i")]
)
def test_a_number_of_each_type_is_what_it_is_with_completion(
    run: Run, tmp_path: Path, kind: int, code: str
) -> None:
    def message(command: int) -> bytes:
        payload = struct.pack(f">{code}", 1.1 if code in "df" else 200)
        return ca.HEADER.pack(command, 8, kind, 1, A, 1) + payload.ljust(8, b"\0")

    async def story() -> None:
        machine = Machine(tmp_path)
        async with served(machine.database.pvdb) as client:
            await heard(client, message(ca.WRITE_NOTIFY), 1)
            await heard(client, message(PLAIN), 0)
        plain, complete = machine.taken
        assert plain == complete
        machine.journal.close()

    run(story())
