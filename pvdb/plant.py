"""A machine and its records, ready to be served by any back end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pvdb.parts.clock import SteppedMachine
from pvdb.records import Record

#: What is told of the seed of a blind run: who knows the noise can take it away.
SEALED_SEED: Final = -1


class Seal(Protocol):
    """Something hidden, whose opening is recorded and outlives the process."""

    @property
    def hash(self) -> str:
        """Names it, and tells nothing of it."""

    @property
    def blind(self) -> bool:
        """Whether a key is needed to open it."""

    def heard(self, name: str, client: str, refused: str) -> None:
        """A put to ``name`` by ``client`` has ended, "" if it was done."""

    def state(self) -> dict[str, Any]:
        """What is kept between lives: nothing that is not public."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what was kept; refuses what is another seal's."""


@dataclass(frozen=True)
class Plant:
    """A machine ready to be served, on the wire or in process.

    Attributes:
        name: Of the instrument. It stands in saved states, so it never changes.
        machine: The physics.
        records: Its own records, without the clock's (``Sim:``) and the server's (``IOC:``).
        guards: Called after every step (interlocks, faults).
        seed: Of its random numbers, as the world is told: ``SEALED_SEED`` in a blind run.
        parameters_hash: Of its model.
        array_bytes: Largest array a client reads.
        seal: What is hidden in it, None for a machine that hides nothing.
    """

    name: str
    machine: SteppedMachine
    records: Sequence[Record]
    guards: Sequence[Callable[[], None]]
    seed: int
    parameters_hash: str
    array_bytes: int = 16_000
    seal: Seal | None = None

    @property
    def blind(self) -> bool:
        """Whether what is hidden comes from chance and opens with a key."""
        return self.seal is not None and self.seal.blind

    def warm_up(self) -> None:
        """Let what is compiled be compiled before a client waits for it; the state is untouched."""
        state = self.machine.state()
        self.machine.step(self.machine.dt_s)
        self.machine.restore(state)

    def identity(self) -> dict[str, Any]:
        """What a saved state must be of to be taken over: plain values, nothing secret."""
        found = {"machine": self.name, "parameters": self.parameters_hash}
        if self.seal is not None and self.seal.blind:
            return {**found, "envelope": self.seal.hash}
        return {**found, "seed": self.seed}

    def heard(self, name: str, client: str, refused: str) -> None:
        """Told of every put to a record, by its name without prefix, done or refused."""
        if self.seal is not None:
            self.seal.heard(name, client, refused)
