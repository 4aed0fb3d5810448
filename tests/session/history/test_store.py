"""The history's file: what is written is read, what is old goes, damage is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryohalo.history.alarms import (
    AlarmLog,
    Latched,
    acknowledge,
    acknowledge_latched,
    alarms,
    latched,
)
from cryohalo.history.store import (
    LOST,
    Gap,
    HistoryError,
    Properties,
    Reader,
    Sample,
    Store,
    read_only,
)
from pvdb.records import Status


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "deep" / "history.sqlite")
    made.describe("A", "number", Properties("K", 4))
    made.describe("S", "state", Properties(states=("Off", "On")))
    made.describe("T", "text", Properties())
    yield made
    made.close()


def read(store: Store, name: str, begin: int = 0, end: int = 10**9) -> list[Sample]:
    with read_only(store.path) as reader:
        return list(reader.samples(name, begin, end))


def test_numbers_states_texts_and_losses_come_back_as_they_were(store: Store) -> None:
    samples = [
        Sample("A", 1, 1.5, 1, 4),
        Sample("A", 2, None, LOST),
        Sample("A", 3, None, 3, 1),  # no number
        Sample("S", 1, 1),
        Sample("T", 1, "a 'quoted'\ntext"),
        Sample("T", 2, "7"),
    ]
    assert store.write(samples, 5) == 6
    assert [one for name in "AST" for one in read(store, name)] == samples


def test_a_sample_that_is_there_is_not_written_twice(store: Store) -> None:
    store.write([Sample("A", 1, 1.5)], 1)
    assert store.write([Sample("A", 1, 1.5), Sample("A", 2, 2.0)], 2) == 1
    assert len(read(store, "A")) == 2


def test_the_last_before_the_begin_tells_the_value_then(store: Store) -> None:
    store.write([Sample("A", t, float(t)) for t in (10, 20, 30, 40)], 40)
    assert [one.time_us for one in read(store, "A", 25, 35)] == [20, 30]
    assert [one.time_us for one in read(store, "A", 20, 30)] == [20, 30]
    assert [one.time_us for one in read(store, "A", 5, 15)] == [10]
    assert [one.time_us for one in read(store, "A", 50, 60)] == [40]
    assert read(store, "A", 1, 5) == []


def test_a_transaction_that_fails_leaves_nothing_and_the_next_goes_on(store: Store) -> None:
    with pytest.raises(sqlite3.Error):
        store.write([Sample("A", 1, 1.0), Sample("A", 2, object())], 2)  # type: ignore[arg-type]
    assert read(store, "A") == []
    assert store.write([Sample("A", 3, 3.0)], 3) == 1


def test_what_is_old_goes_but_for_the_last_value(store: Store) -> None:
    store.write([Sample("A", t, float(t)) for t in (10, 20, 30)] + [Sample("S", 5, 1)], 30)
    assert store.forget(25) == 1
    assert [one.time_us for one in read(store, "A")] == [20, 30]
    assert [one.time_us for one in read(store, "S")] == [5]


def test_times_without_a_recorder_are_gaps(store: Store) -> None:
    store.begin(100)
    store.write([], 200)
    store.begin(300)
    store.write([], 400)
    with read_only(store.path) as reader:
        assert reader.gaps(50, 500) == [Gap(50, 100), Gap(200, 300)]
        assert reader.gaps(120, 150) == []
        assert reader.gaps(250, 260) == []  # nothing began in there: see until


def test_properties_are_kept_and_not_blanked_by_a_new_start(store: Store) -> None:
    store.name("A", "number")
    with read_only(store.path) as reader:
        assert reader.properties("A") == ("number", Properties("K", 4, []))
        with pytest.raises(HistoryError, match="X is not recorded"):
            reader.properties("X")


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_file_that_is_no_history_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"x\.sqlite"):
        Reader(path)
    assert path.read_bytes() == content


def test_a_history_of_another_format_is_left_alone(store: Store) -> None:
    store.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(HistoryError, match="format 99"):
        Store(store.path)


def test_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="no history"):
        Reader(tmp_path / "none.sqlite")
    with pytest.raises(HistoryError, match="no history"):
        acknowledge(tmp_path / "none.sqlite", None, "me", 1)


def seen(store: Store) -> list[tuple[str, int, bool, bool]]:
    with read_only(store.path) as reader:
        found = alarms(reader)
    return [(a.name, a.severity, a.ended_us is None, a.acknowledged_us is None) for a in found]


def test_an_alarm_is_one_line_with_the_worst_and_waits_to_be_seen(store: Store) -> None:
    log = AlarmLog(store)
    log.follow([Sample("A", 1, 9.0, 1, 4), Sample("A", 2, 10.0, 2, 3), Sample("A", 3, 9.0, 1, 4)])
    assert seen(store) == [("A", 2, True, True)]
    log.follow([Sample("A", 4, 1.0)])
    assert seen(store) == [("A", 2, False, True)]
    assert acknowledge(store.path, [1], "me", 5) == 1
    assert seen(store) == []
    with read_only(store.path) as reader:
        (one,) = alarms(reader, since_us=0)
    assert (one.value, one.status, one.began_us, one.ended_us) == (10.0, 3, 1, 4)
    assert (one.who, one.acknowledged_us) == ("me", 5)


def test_one_that_was_seen_and_grows_worse_is_to_be_seen_again(store: Store) -> None:
    log = AlarmLog(store)
    log.follow([Sample("A", 1, 9.0, 1, 4)])
    acknowledge(store.path, None, "me", 2)
    log.follow([Sample("A", 3, 9.0, 1, 4)])
    assert seen(store) == [("A", 1, True, False)]
    log.follow([Sample("A", 4, 99.0, 2, 3)])
    assert seen(store) == [("A", 2, True, True)]


def test_alarms_go_on_after_a_new_start(store: Store) -> None:
    AlarmLog(store).follow([Sample("A", 1, 9.0, 1, 4)])
    again = AlarmLog(store)
    again.follow([Sample("A", 1, 9.0, 1, 4)])
    assert len(seen(store)) == 1
    again.follow([Sample("A", 2, 1.0)])
    assert seen(store) == [("A", 1, False, True)]


def test_what_was_never_measured_is_no_alarm(store: Store) -> None:
    AlarmLog(store).follow([Sample("A", 1, None, 3, int(Status.UDF))])
    assert seen(store) == []


def test_an_alarm_that_there_is_not_cannot_be_seen(store: Store) -> None:
    AlarmLog(store).follow([Sample("A", 1, 9.0, 1, 4)])
    with pytest.raises(HistoryError, match="there is no alarm 7"):
        acknowledge(store.path, [1, 7], "me", 2)
    assert seen(store) == [("A", 1, True, True)]


def test_old_alarms_go_when_they_were_seen(store: Store) -> None:
    log = AlarmLog(store)
    log.follow([Sample("A", 1, 9.0, 1), Sample("A", 2, 1.0), Sample("S", 1, 1, 2)])
    store.forget(100)
    assert len(seen(store)) == 2
    acknowledge(store.path, None, "me", 5)
    store.forget(100)
    with read_only(store.path) as reader:
        assert [a.name for a in alarms(reader, since_us=0)] == ["S"]  # it lasts


def lines(store: Store, prefix: str = "T:") -> list[Latched]:
    with read_only(store.path) as reader:
        return latched(reader, prefix)


def test_what_comes_and_goes_is_one_latched_line(store: Store) -> None:
    log = AlarmLog(store)
    for moment in range(0, 100, 2):
        log.follow([Sample("T:A", moment, 9.0, 1 + (moment == 20)), Sample("T:A", moment + 1, 1.0)])
    log.follow([Sample("T:B", 7, None, LOST), Sample("TT:A", 8, 1.0, 3)])
    assert lines(store) == [
        Latched("T:B", 51, LOST, 7, None, 1),
        Latched("T:A", 50, 2, 0, 99, 50),
    ]
    assert acknowledge_latched(store.path, "T:", [Latched("A", 50, 2)], "me", 200) == 1
    assert [one.name for one in lines(store)] == ["T:B"]
    assert acknowledge_latched(store.path, "T:", [Latched("B", 51, LOST)], "me", 201) == 1
    assert lines(store) == [Latched("T:B", 51, LOST, 7, None, 0, "me")]  # it lasts


def test_only_what_was_seen_is_acknowledged(store: Store) -> None:
    log = AlarmLog(store)
    log.follow([Sample("T:A", 1, 9.0, 1)])
    log.follow([Sample("T:A", 2, 99.0, 2)])  # it grew worse since the page showed it
    assert acknowledge_latched(store.path, "T:", [Latched("A", 1, 1)], "me", 3) == 0
    assert lines(store)[0].unseen == 1
    log.follow([Sample("T:A", 4, 1.0), Sample("T:A", 5, 9.0, 1)])  # and came again
    assert acknowledge_latched(store.path, "T:", [Latched("A", 1, 2)], "me", 6) == 1
    assert lines(store) == [Latched("T:A", 2, 1, 5, None, 1)]
    with pytest.raises(HistoryError, match="no history"):
        acknowledge_latched(store.path.with_name("none"), "T:", [], "me", 7)
