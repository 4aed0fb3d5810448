"""Both back ends are the same instrument: the same records, and the same answer to every put.

The last test drives both through the same long story of puts and of passing time, and compares
every value and alarm after each.
"""

from __future__ import annotations

import math
import random
from operator import attrgetter
from typing import Any

import pytest

from pvdb.records import Record, Wire
from tests.backends.backends import Backend, Begun, comparable

#: What a record says of itself, beyond what it does.
FACTS = (
    "kind",
    "wire",
    "description",
    "units",
    "precision",
    "display",
    "states",
    "length",
    "saved",
)
Pair = tuple[Backend, Backend]


def served_by_both(backend: Backend) -> dict[str, Record]:
    """All records but those that only a server has."""
    return {name: r for name, r in backend.records.items() if not name.startswith("IOC:")}


def writable(backend: Backend) -> dict[str, Record]:
    return {name: r for name, r in served_by_both(backend).items() if r.writable}


def test_the_list_of_records_is_the_same_save_what_only_a_server_has(pair: Pair) -> None:
    wire, process = (served_by_both(backend) for backend in pair)
    assert list(wire) == list(process)
    facts = attrgetter(*FACTS)
    for name, record in wire.items():
        assert facts(record) == facts(process[name]), name
        assert record.control_range() == process[name].control_range(), name


def misfits(record: Record) -> list[Any]:
    """Values that a record must refuse, whatever the machine does."""
    if record.array or record.wire is Wire.STRING:
        return []
    if record.wire is Wire.ENUM:
        return [len(record.states), -1, "Nowhere", math.nan]
    low, high = record.control_range() or (-math.inf, math.inf)
    beyond = [edge + (1.0 if edge == high else -1.0) for edge in (low, high) if math.isfinite(edge)]
    return [math.nan, math.inf, "nine", *beyond]


def test_what_does_not_fit_is_refused_in_the_same_words_and_moves_nothing(pair: Pair) -> None:
    for name, record in writable(pair[0]).items():
        for value in misfits(record):
            before = [comparable(backend.value(name)) for backend in pair]
            begun = [backend.put(name, value) for backend in pair]
            words = [one.words for one in begun]
            assert words[0] == words[1], name
            assert words[0], f"{name} took {value!r}"
            assert [backend.refusal for backend in pair] == words
            assert [comparable(backend.value(name)) for backend in pair] == before, name
            alarms = [backend.alarm(name) for backend in pair]
            assert alarms[0] == alarms[1], name
            assert alarms[0][2], f"{name}: the refused put raises no alarm"


def test_a_put_of_the_present_value_has_the_same_end_on_both(pair: Pair) -> None:
    for name in writable(pair[0]):
        begun = [backend.put(name, backend.value(name)) for backend in pair]
        words = [one.words for one in begun]
        assert words[0] == words[1], name


def admissible(record: Record, dice: random.Random) -> Any:
    """A value that fits the record now."""
    if record.wire is Wire.ENUM:
        return dice.randrange(len(record.states))
    low, high = record.control_range() or (0.0, 1.0)
    value = dice.uniform(max(low, -1e4), min(high, 1e4))
    return round(value) if record.wire.integer else value


#: Left out of the story: they hold time, or take hours of it.
HOLDS_TIME = ("Sim:Pause", "Sim:Step", "Sim:Speed")


@pytest.mark.parametrize("seed", range(3))
def test_a_long_story_of_puts_is_the_same_on_both(pair: Pair, seed: int) -> None:
    dice = random.Random(seed)
    names = [n for n in writable(pair[0]) if n not in HOLDS_TIME]
    begun: list[tuple[str, list[Begun]]] = []
    for _ in range(40):
        for _ in range(dice.randrange(1, 4)):
            name = dice.choice(names)
            record = pair[0].records[name]
            value = admissible(record, dice)
            begun.append((f"{name} = {value!r}", [backend.put(name, value) for backend in pair]))
        seconds = dice.choice((0.0, 0.3, 2.0, 30.0))
        for backend in pair:
            if seconds:
                backend.let_pass(seconds)
        for put, both in begun:
            assert both[0].words == both[1].words, put
        compare(pair, begun[-1][0])


def compare(pair: Pair, after: str) -> None:
    wire, process = pair
    names = served_by_both(wire)
    values = [(n, comparable(wire.value(n)), comparable(process.value(n))) for n in names]
    assert [row for row in values if row[1] != row[2]] == [], after
    alarms = [(n, wire.alarm(n), process.alarm(n)) for n in names]
    assert [row for row in alarms if row[1] != row[2]] == [], after
