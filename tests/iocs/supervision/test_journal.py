"""An acknowledged put survives the end of the process: the journal, and the puts made again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iocs.supervision import journal as journals
from iocs.supervision import storage
from iocs.supervision.journal import Entry, Journal
from iocs.supervision.saving import Saving
from tests.iocs.driving import let_pass, start, wait_for
from tests.iocs.supervision.restoring import close_all, keep, living, restored, value


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What was killed leaves its files to the system; here that is us."""
    yield
    close_all()


# -- what is lost with a kill: nothing ------------------------------------------------------------


def test_a_put_that_a_snapshot_of_a_busy_machine_would_refuse_is_not_lost(tmp_path: Path) -> None:
    """The snapshot is from within an acquisition, the put from after it."""

    async def first() -> None:
        ioc = await living("haloscope", tmp_path)
        await ioc.database.put("DAQ:NumAverages", 40)
        acquisition = start(ioc, "DAQ:Acquire", 1)
        await let_pass(ioc, 2.0)
        await keep(ioc)
        await wait_for(ioc, acquisition)
        await ioc.database.put("LO:Frequency", 1095.0)

    async def second() -> None:
        ioc = await living("haloscope", tmp_path)
        assert value(ioc, "LO:Frequency") == 1095.0
        assert value(ioc, "DAQ:Counter_RBV") == 1
        assert value(ioc, "DAQ:Acquire") == "Done"

    asyncio.run(first())
    asyncio.run(second())


HALOSCOPE = [
    ("VNA:Center", 1101.5),
    ("Rod.OFF", 2.0),
    ("Rod", 31.5),
    ("Antenna.VELO", 0.2),
    ("Magnet:Field", 11.9),
    ("NoiseSource:Temp", 0.1),
    ("Fridge:MXC_RBV.HIGH", 0.035),
    ("JPA:Pump", "On"),
    ("Switch", "Open"),
    ("Magnet:Command", "Pause"),
]
AMRR = [
    ("CHX:HeaterPower", 450.0),
    ("Cycle:FlowTime", 60.0),
    ("PumpA:RampRate", 0.11),
    ("RegenA:Field", 0.2),
    ("Stage:Mode", "Off"),
    ("CHX:Temp_RBV.HIHI", 2.5),
    ("PumpB:Current", 1.0),
    ("PumpB:Command", "Abort"),
]


@pytest.mark.parametrize(("name", "puts"), [("haloscope", HALOSCOPE), ("amrr", AMRR)])
def test_a_killed_machine_goes_on_where_the_last_put_was(
    name: str, puts: list[tuple[str, Any]], tmp_path: Path
) -> None:
    """Seconds after the last snapshot; what it must become is what it is in a life without end."""

    async def story() -> None:
        ioc = await living(name, tmp_path)
        acts = []
        for record, target in puts:
            acts.append(start(ioc, record, target))
            await let_pass(ioc, 1.3)
        await ioc.database.put(f"{puts[-1][0].split(':')[0]}:RampRate", 0.05)
        wanted = ioc.plant.machine.state()
        after = await living(name, tmp_path)
        np.testing.assert_equal(after.plant.machine.state(), wanted)
        shown = {record for record, _ in puts if ioc.database[record].record.read is not None}
        assert {r: value(after, r) for r in shown} == {r: value(ioc, r) for r in shown}
        ioc.database.end("the test is over")
        await asyncio.gather(*acts, return_exceptions=True)

    asyncio.run(story())


def test_a_second_kill_before_any_snapshot_loses_nothing_either(tmp_path: Path) -> None:
    async def story() -> None:
        first = await living("haloscope", tmp_path)
        await first.database.put("VNA:Averages", 3)
        restored("haloscope", tmp_path)  # and is killed before it serves
        third = await living("haloscope", tmp_path)
        await third.database.put("VNA:Span", 2.0)
        fourth = await living("haloscope", tmp_path)
        assert (value(fourth, "VNA:Averages"), value(fourth, "VNA:Span")) == (3, 2.0)

    asyncio.run(story())


def test_a_damaged_snapshot_gives_way_to_the_one_before_and_the_puts_since(tmp_path: Path) -> None:
    async def story() -> None:
        first = await living("haloscope", tmp_path)
        for averages in (2, 3, 4):
            await first.database.put("VNA:Averages", averages)
            await let_pass(first, 1.0)
            await keep(first)
        snapshot = tmp_path / "snapshot.json"
        snapshot.write_bytes(snapshot.read_bytes()[:-5])
        (tmp_path / "setpoints.json").unlink()
        (tmp_path / "setpoints.old").unlink()
        second = await living("haloscope", tmp_path)
        assert value(second, "VNA:Averages") == 4

    asyncio.run(story())


def test_another_machine_takes_over_setpoints_not_moves(tmp_path: Path) -> None:
    async def story() -> None:
        first = await living("haloscope", tmp_path)
        await first.database.put("VNA:Averages", 3)
        move = start(first, "Rod", 31.5)
        await let_pass(first, 0.1)
        other = await living("haloscope", tmp_path, "--seed", "6")
        assert value(other, "VNA:Averages") == 3
        assert not other.plant.machine.rod.moving
        first.database.end("the test is over")
        await asyncio.gather(move, return_exceptions=True)

    asyncio.run(story())


def test_a_file_of_setpoints_that_somebody_has_written_is_taken(tmp_path: Path) -> None:
    async def story() -> None:
        first = await living("haloscope", tmp_path)
        await first.database.put("VNA:Averages", 3)
        await first.stop()
        content = storage.load(tmp_path / "setpoints.json")
        storage.save(tmp_path / "setpoints.json", {**content, "VNA:Averages": 7})
        second = await living("haloscope", tmp_path)
        assert value(second, "VNA:Averages") == 7

    asyncio.run(story())


# -- the journal itself ---------------------------------------------------------------------------


def make_journal(folder: Path, durable: bool = True) -> Journal:
    return Journal(folder, lambda: 12.5, Saving(), passing=["Sim:Speed"], durable=durable)


def entries(folder: Path, journal: Journal) -> list[Entry]:
    return journals.read(folder).entries.get(journal.identity, [])


def test_a_put_is_on_the_disk_before_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    synchronise = os.fdatasync

    def watched(handle: int) -> None:
        synchronise(handle)
        events.append("on the disk")

    monkeypatch.setattr(os, "fdatasync", watched)

    async def story() -> None:
        ioc = await living("haloscope", tmp_path)
        await ioc.database.put("VNA:Averages", 3)
        events.append("acknowledged")
        await ioc.database.put("Sim:Speed", 2.0)  # of this process alone
        events.append("acknowledged")

    asyncio.run(story())
    assert events == ["on the disk", "acknowledged", "acknowledged"]


def test_puts_that_wait_together_share_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = []
    monkeypatch.setattr(os, "fdatasync", lambda _: count.append(1))

    async def story() -> None:
        journal = make_journal(tmp_path)

        async def put(number: int) -> None:
            journal.accepted("VNA:Averages", number)
            await journal.safe()

        await asyncio.gather(*(put(number) for number in range(100)))
        assert [entry.value for entry in entries(tmp_path, journal)] == list(range(100))
        journal.close()

    asyncio.run(story())
    assert len(count) <= 2


def test_without_waiting_for_the_disk_a_put_survives_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fdatasync", lambda _: pytest.fail("waits for the disk"))

    async def story() -> None:
        journal = make_journal(tmp_path, durable=False)
        journal.accepted("VNA:Averages", 3)
        journal.completed()
        await journal.safe()
        found = entries(tmp_path, journal)
        assert found == [Entry(1, 12.5, "VNA:Averages", 3), Entry(2, 12.5)]
        journal.close()

    asyncio.run(story())


@pytest.mark.parametrize("damage", [b"half a li", b"\0" * 40 + b"\n", b'00000000 {"n":7}\n'])
def test_a_damaged_line_costs_nothing_but_itself(tmp_path: Path, damage: bytes) -> None:
    journal = make_journal(tmp_path)
    journal.accepted("VNA:Averages", 1)
    journal.close()
    (path,) = tmp_path.glob(journals.PATTERN)
    path.write_bytes(path.read_bytes() + damage)
    found = journals.read(tmp_path)
    assert [entry.value for entry in found.entries[journal.identity]] == [1]
    assert found.unreadable == 1


LINES: list[tuple[dict[str, Any], str]] = [
    ({"n": 10**400, "t": 0.0, "pv": "VNA:Averages", "v": 7}, "1 lines of the journal cannot"),
    ({"n": -1, "t": 0.0, "pv": "VNA:Averages", "v": 7}, "1 lines of the journal cannot"),
    ({"n": "9", "t": 0.0, "pv": "VNA:Averages", "v": 7}, "1 lines of the journal cannot"),
    ({"n": 9, "t": "now", "pv": "VNA:Averages", "v": 7}, "1 lines of the journal cannot"),
    ({"n": 9, "t": 0.0, "pv": 7, "v": 7}, "1 lines of the journal cannot"),
    ({"pv": "VNA:Averages", "v": 7}, "1 lines of the journal cannot"),
    ({"n": 9, "t": float("nan"), "pv": "VNA:Averages", "v": 7}, "VNA:Averages is left out: nan s"),
    ({"n": 9, "t": 1e300, "pv": "VNA:Averages", "v": 7}, "VNA:Averages is left out: 1e+300 s"),
    ({"n": 9, "t": -1e300}, "a completion is left out"),
    ({"n": 9, "t": 0.0, "pv": "VNA:Averages", "v": 0}, "outside 1 to 9999"),
    ({"n": 9, "t": 0.0, "pv": "VNA:Averages", "v": "7"}, "not a number"),
    ({"n": 9, "t": 0.0, "pv": "VNA:Averages", "v": float("nan")}, "nan is outside 1 to 9999"),
    ({"n": 9, "t": 0.0, "pv": "VNA:Averages"}, "VNA:Averages = None: not a number"),
    ({"n": 9, "t": 0.0, "pv": "Switch", "v": 3}, "its states are 0 to 2"),
    ({"n": 9, "t": 0.0, "pv": "No:Such.FIELD", "v": 3}, "there is no such record"),
    ({"n": 9, "t": 0.0, "pv": "VNA:Averages_RBV", "v": 3}, "is read-only"),
    ({"n": 9, "t": 0.0, "pv": "Rod.NOPE", "v": 3}, "there is no such record"),
]


@pytest.mark.parametrize(("wrong", "told"), LINES, ids=[told for _, told in LINES])
def test_a_whole_line_that_cannot_be_is_told_and_the_others_are_made_again(
    tmp_path: Path, wrong: dict[str, Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        first = await living("haloscope", tmp_path)
        await first.database.put("VNA:Averages", 3)
        (path,) = tmp_path.glob(journals.PATTERN)
        good = {"n": 11, "t": 0.0, "pv": "VNA:Span", "v": 2.0}
        path.write_bytes(path.read_bytes() + b"".join(map(journals._checked, [wrong, good])))
        second = await living("haloscope", tmp_path)
        assert (value(second, "VNA:Averages"), value(second, "VNA:Span")) == (3, 2.0)
        await second.database.put("VNA:Averages", 4)
        third = await living("haloscope", tmp_path)
        assert value(third, "VNA:Averages") == 4

    asyncio.run(story())
    assert told in caplog.text
    assert not any(record.exc_info for record in caplog.records)


def test_lines_that_a_snapshot_has_covered_are_cleared_away(tmp_path: Path) -> None:
    journal = make_journal(tmp_path)
    for number in range(1, 7):
        journal.accepted("VNA:Averages", number)
        if number % 2 == 0:
            journal.turn()
    journal.clear(journal.until(4))
    assert [entry.value for entry in entries(tmp_path, journal)] == [5, 6]
    journal.clear(journal.until(6))
    assert not list(tmp_path.glob(journals.PATTERN))
    journal.close()


def test_a_journal_that_nothing_covers_ends_at_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MOST_BYTES", 2000)
    saving = Saving()
    journal = Journal(tmp_path, lambda: 0.0, saving)
    for number in range(200):
        journal.accepted("VNA:Averages", number)
        if number % 10 == 0:
            journal.turn()
    size = sum(path.stat().st_size for path in tmp_path.glob(journals.PATTERN))
    assert size < 3000
    assert "not covered by a snapshot" in saving.error
    assert journal.missed
    journal.turn()
    journal.clear(journal.until(journal.number))
    journal.accepted("VNA:Averages", 1)
    assert saving.error == ""
    journal.close()
