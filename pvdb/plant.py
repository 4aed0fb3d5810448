"""A machine and its records, ready to be served by any back end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pvdb.parts.clock import SteppedMachine
from pvdb.records import Record


@dataclass(frozen=True)
class Plant:
    """A machine ready to be served, on the wire or in process.

    Attributes:
        name: Of the instrument. It stands in saved states, so it never changes.
        machine: The physics.
        records: Its own records, without the clock's (``Sim:``) and the server's (``IOC:``).
        guards: Called after every step (interlocks, faults).
        seed: Of its random numbers.
        parameters_hash: Of its model.
        array_bytes: Largest array a client reads.
    """

    name: str
    machine: SteppedMachine
    records: Sequence[Record]
    guards: Sequence[Callable[[], None]]
    seed: int
    parameters_hash: str
    array_bytes: int = 16_000
