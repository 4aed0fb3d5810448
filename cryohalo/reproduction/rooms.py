"""The rooms: which computation answers which claims, on what it rests and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from cryohalo.reproduction.work import Answers, Work

__all__ = ["ROOMS", "Room", "room_named"]

_PHYSICS: Final = ("instruments", "amrr", "haloscope")
_EVERYTHING: Final = (*_PHYSICS, "pvdb", "iocs", "devices", "plans")


@dataclass(frozen=True)
class Room:
    """One computation.

    Attributes:
        name: As claims name it; its module in ``computations`` has underscores for hyphens.
        title: What it is about.
        rests_on: Packages whose change makes its results anew, beside its own module.
        seconds: About how long it takes on one free core; with ``quick`` settings.
        control_path: Whether it goes through IOC, devices, plans and catalog.
        same_when_quick: Whether quick settings change nothing in it.
    """

    name: str
    title: str
    rests_on: tuple[str, ...]
    seconds: tuple[float, float]
    control_path: bool = False
    same_when_quick: bool = False

    @property
    def module(self) -> str:
        """Of its computation."""
        return f"cryohalo.reproduction.computations.{self.name.replace('-', '_')}"

    def compute(self, work: Work) -> Answers:
        """Run it.

        Raises:
            Exception: Whatever its models, plans or IOCs raise.
        """
        function: Callable[[Work], Answers] = import_module(self.module).compute
        return function(work)


ROOMS: Final = (
    Room(
        "refrigerator-design", "Refrigerator: design", ("instruments", "amrr"), (10, 10),
        same_when_quick=True,
    ),
    Room("refrigerator-machine", "Refrigerator: dynamic model", ("instruments", "amrr"), (11, 9)),
    Room("refrigerator-cycles", "Refrigerator: running", _EVERYTHING, (93, 63), control_path=True),
    Room("axion", "Axion: power and line", _PHYSICS, (1, 1), same_when_quick=True),
    Room("cavity", "Cavity and magnet: design", _PHYSICS, (2, 2)),
    Room("receiver", "Receiver: calibrations", _EVERYTHING, (7, 6), control_path=True),
    Room("campaign", "Search: scan to limit", _EVERYTHING, (115, 9), control_path=True),
    Room("montecarlo", "Simulated experiments", _EVERYTHING, (35, 9), control_path=True),
)  # fmt: skip


def room_named(name: str) -> Room:
    """A room by its name; KeyError where there is none."""
    for room in ROOMS:
        if room.name == name:
            return room
    raise KeyError(name)
