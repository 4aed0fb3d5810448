"""The recorder without a network: what it keeps of what arrives, and when the disk is full."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cryohalo.history import recorder as recording
from cryohalo.history.alarms import alarms
from cryohalo.history.recorder import Recorder
from cryohalo.history.store import LOST, Properties, Sample, Store, read_only
from cryohalo.history.variables import Variable, of_records
from tests.iocs.plants import shared


class Number(float):
    """A value as aioca gives it."""

    ok = True
    status = 0

    def __new__(cls, value: float, timestamp: float, severity: int = 0) -> Number:
        made = super().__new__(cls, value)
        made.timestamp, made.severity = timestamp, severity  # type: ignore[attr-defined]
        return made


class Gone:
    """What aioca gives when nobody serves a name any more."""

    ok = False


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.sqlite")
    made.begin(1)
    made.name("A", "number")
    yield made
    made.close()


class Bench:
    """A recorder of one number, without subscriptions."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.recorder = Recorder(store, [Variable("A", "number")])
        self.channel = self.recorder._channels["A"]

    def take(self, *values: Any) -> None:
        for value in values:
            self.recorder._take(self.channel, value)

    async def commit(self) -> None:
        await self.recorder._commit()

    def kept(self) -> list[tuple[float, Any, int]]:
        with read_only(self.store.path) as reader:
            found: Sequence[Sample] = list(reader.samples("A", 0, 2**62))
        return [(one.time_us / 1e6, one.value, one.severity) for one in found]


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


async def test_of_a_number_that_moves_the_last_of_each_transaction_is_kept(bench: Bench) -> None:
    bench.take(*(Number(i, i) for i in range(1, 11)))
    await bench.commit()
    bench.take(Number(11, 11))
    await bench.commit()
    await bench.commit()
    assert bench.kept() == [(10, 10, 0), (11, 11, 0)]


async def test_every_change_of_severity_is_kept_with_what_was_before(bench: Bench) -> None:
    bench.take(Number(1, 1), Number(2, 2), Number(3, 3, 2), Number(4, 4, 2), Number(5, 5))
    await bench.commit()
    assert bench.kept() == [(2, 2, 0), (3, 3, 2), (4, 4, 2), (5, 5, 0)]


async def test_a_loss_keeps_what_was_before_and_what_returns_unchanged_stands_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "now_us", lambda: 20_000_000)
    bench.take(Number(1, 1), Number(2, 2), Gone(), Gone())
    monkeypatch.setattr(recording, "now_us", lambda: 30_000_000)
    bench.take(Number(2, 2))
    await bench.commit()
    assert bench.kept() == [(2, 2, 0), (20, None, LOST), (30, 2, 0)]


async def test_no_number_is_kept_as_none(bench: Bench) -> None:
    bench.take(Number(float("nan"), 1, 3))
    await bench.commit()
    assert bench.kept() == [(1, None, 3)]


async def test_while_nothing_can_be_written_samples_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(bench.store, "write", full)
        for second in (1, 2, 3):
            bench.take(Number(second, second))
            await bench.commit()
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    bench.take(Number(4, 4))
    await bench.commit()
    assert bench.kept() == [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 4, 0)]
    assert "written again" in caplog.records[-1].message


async def test_samples_that_wait_are_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr(recording, "MOST_WAITING", 2)
    with monkeypatch.context() as disk:
        disk.setattr(bench.store, "write", full)
        for second in (1, 2, 3):
            bench.take(Number(second, second))
            await bench.commit()
    await bench.commit()
    assert bench.recorder.dropped == 1
    assert bench.kept() == [(2, 2, 0), (3, 3, 0)]
    assert "1 samples that could not be written are lost" in caplog.text


async def test_while_nothing_can_be_written_alarms_do_not_pile_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One in alarm that goes on moving is one entry, and each change of its kind another."""

    def full(*_: object) -> int:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(bench.store, "write", full)
        for second in range(1, 100):
            bench.take(Number(second, second, severity=1))
            await bench.commit()
        assert len(bench.recorder._alarms) == 1
        bench.take(Number(100, 100, severity=2), Number(101, 101))
        monkeypatch.setattr(recording, "MOST_WAITING", 2)
        await bench.commit()
        assert [one.severity for one in bench.recorder._alarms] == [2, 0]
    assert "1 changes of alarms that could not be written are lost" in caplog.text
    await bench.commit()
    with read_only(bench.store.path) as reader:
        (alarm,) = alarms(reader, 0)
    assert (alarm.severity, alarm.began_us, alarm.ended_us) == (2, 100_000_000, 101_000_000)


async def test_what_a_variable_is_is_asked_until_it_is_known_and_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(float):
        ok, units, precision = True, "K", 4

    answers = [Gone(), Told(), Told()]

    async def get(names: list[str], **_: object) -> list[object]:
        return [answers.pop(0) for _ in names]

    monkeypatch.setattr(recording.aioca, "caget", get)
    bench.take(Number(1, 1))
    await bench.recorder._describe()  # it does not answer
    with monkeypatch.context() as disk:
        disk.setattr(bench.store, "describe", lambda *_: 1 / 0)
        await bench.recorder._describe()
    await bench.recorder._describe()
    assert not answers
    with read_only(bench.store.path) as reader:
        assert reader.properties("A") == ("number", Properties("K", 4, []))
    await bench.recorder._describe()  # once known, it is not asked again


@pytest.mark.parametrize("name", ["amrr", "haloscope"])
def test_recorded_is_what_archivers_get_but_no_arrays_and_no_truth(name: str) -> None:
    database = shared(name).database
    found = {one.name: one for one in of_records(database.records, database.prefix)}
    listed = Path(__file__).parents[3] / "docs" / "reference" / f"archiver_{name}.txt"
    archived = {line.split(",")[0].split(":", 1)[1] for line in listed.read_text().splitlines()}
    names = {one.removeprefix(database.prefix) for one in found}
    assert names <= archived
    left = [database[one].record for one in archived - names]
    assert [one.name for one in left if not one.array] == []
    assert len(found) > 100
    assert {one.kind for one in found.values()} == {"number", "state", "text"}
