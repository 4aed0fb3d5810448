"""Claims, rooms and results that are made up, for the tests of ``cryohalo reproduce``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cryohalo.reproduction.finding import Finding, exact
from cryohalo.reproduction.kept import Kept, Result, fingerprint
from cryohalo.reproduction.papers import all_claims
from cryohalo.reproduction.rooms import ROOMS, Room, room_named
from cryohalo.reproduction.work import Work

__all__ = ["CHEAP", "EQUAL", "Made", "anything", "everything", "made", "result_of"]

#: Rooms that are computed in seconds.
CHEAP = ("axion", "cavity", "refrigerator-design")
EQUAL = {
    "name": "a", "where": "x", "says": "y", "check": "equal", "role": "predicted", "number": 10,
    "unit": "K", "tolerance": 1, "because": "z", "room": "axion",
}  # fmt: skip


class Made(Room):
    """A room that computes what a test says."""

    def compute(self, work: Work) -> Mapping[str, Finding]:
        return MADE[self.name](work)


MADE: dict[str, Callable[[Work], Mapping[str, Finding]]] = {}


def made(name: str, function: Callable[[Work], Mapping[str, Finding]]) -> Made:
    MADE[name] = function
    room = room_named(name)
    return Made(room.name, room.title, room.rests_on, room.seconds)


def anything(name: str) -> dict[str, Finding]:
    """Some finding for each claim of a room."""
    return {claim.name: exact(1.0) for claim in all_claims() if claim.room == name}


def result_of(room: Room, kept: Kept, error: str = "") -> Result:
    values = anything(room.name)
    return Result(
        room.name, fingerprint(room, kept.settings), kept.settings.recorded(),
        {} if error else values, (), 1.0, "2026-01-01T00:00:00+00:00", "0.1.0", error,
    )  # fmt: skip


def everything(kept: Kept) -> dict[str, Result]:
    return {room.name: result_of(room, kept) for room in ROOMS}
