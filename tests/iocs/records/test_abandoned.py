"""Puts that nobody waits for any more: they hold nobody up, and nobody is told of their end."""

from __future__ import annotations

import pytest

from instruments.errors import Refused
from pvdb.live.puts import Puts
from pvdb.records import Record, setpoint
from pvdb.records.description import OnBusy


def never(done: list[bool]) -> Record:
    """A setpoint that refuses a second put while the first has not had its effect."""
    return setpoint(
        "Slow", None, lambda _: None, "Takes its time",
        control=(0.0, 10.0), done=lambda: done[0], on_busy=OnBusy.REFUSE,
    )  # fmt: skip


def test_an_abandoned_put_keeps_its_record_from_nobody() -> None:
    puts, record, abandoned, told = Puts(), never([False]), [False], []
    puts.act(record, 1.0)
    assert puts.wait(record, told.append, lambda: abandoned[0])
    with pytest.raises(Refused, match="Slow is busy with the last put"):
        puts.act(record, 2.0)
    abandoned[0] = True
    assert puts.act(record, 2.0) == 2.0
    assert not told


def test_at_the_end_only_those_who_wait_are_told() -> None:
    puts, told = Puts(), []
    for name, abandoned in (("waits", False), ("left", True)):
        record = never([False])
        gone = [False]
        puts.wait(record, lambda _, name=name: told.append(name), lambda gone=gone: gone[0])
        gone[0] = abandoned
    puts.end("the IOC is ending")
    assert told == ["waits"]
    with pytest.raises(Refused, match="Slow: the IOC is ending"):
        puts.act(never([True]), 1.0)
