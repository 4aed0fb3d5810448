"""Where puts are told of: the put log, and the journal of what was accepted.

Those of one packet that have acted one after the other are told of together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from iocs.words.complaints import Complaints, words
from pvdb.records.description import Value

__all__ = ["Put", "PutJournal", "Telling", "nobody"]


class Put(NamedTuple):
    """One put as it is logged.

    Attributes:
        name: Record without the prefix.
        old: Value before.
        new: Value asked for.
        client: ``user@host`` as the client names itself, "" from inside.
        address: Where its circuit comes from.
        refused: Why nothing was done, "" if it was done.
    """

    name: str
    old: Value
    new: Value
    client: str
    address: str
    refused: str = ""


class PutJournal(Protocol):
    """Where accepted puts are kept before they are acknowledged."""

    def accepted(self, name: str, value: Value) -> None:
        """A put has acted."""

    def accepted_together(self, puts: Sequence[tuple[str, Value]]) -> None:
        """Puts have acted: name and value of each, in their order."""

    def completed(self) -> None:
        """A put that waited has had its effect."""

    def begin(self) -> None:
        """Begin to bring all of the above to where it can no longer be lost."""

    async def safe(self) -> None:
        """Return when all of the above can no longer be lost."""


def nobody(_: Sequence[Put]) -> None:
    """In place of a put log."""


class Telling:
    """Tells of puts, in their order.

    Args:
        on_puts: Told of every put, done or refused; of those that were gathered at once.
        journal: Keeps what was accepted; None for nothing.
        complaints: Told of a put log that fails.

    Attributes:
        error: Why the last puts could not be logged, "" if they were.
        gather: Takes a put that has acted; ``write`` or another put is to follow in this turn.
    """

    def __init__(
        self,
        on_puts: Callable[[Sequence[Put]], None],
        journal: PutJournal | None,
        complaints: Complaints,
    ) -> None:
        self._on_puts = on_puts
        self._journal = journal
        self._complaints = complaints
        self._gathered: list[Put] = []
        self.gather = self._gathered.append
        self.error = ""

    def write(self) -> None:
        """Log and keep what was gathered."""
        if not self._gathered:
            return
        puts = tuple(self._gathered)
        self._gathered.clear()
        self._log(puts)
        if self._journal is not None:
            self._journal.accepted_together([(put.name, put.new) for put in puts])

    def done(self, put: Put, value: Value, *, secret: bool) -> None:
        """A put has acted with a value, which is not kept where it is secret."""
        self.log(put)
        if self._journal is not None and not secret:
            self._journal.accepted(put.name, value)

    def log(self, put: Put) -> None:
        """Log a put that nothing is kept of, after those that were before it."""
        self.write()
        self._log((put,))

    def _log(self, puts: Sequence[Put]) -> None:
        """Tell the put log; a put is not undone because it cannot be logged."""
        try:
            self._on_puts(puts)
        except Exception as error:
            self.error = f"put log: {words(error)}"
            self._complaints.tell("put log", self.error)
        else:
            self.error = ""

    def completed(self, number: int) -> None:
        """So many puts that waited have had their effect."""
        self.write()
        if self._journal is not None:
            for _ in range(number):
                self._journal.completed()

    def begin(self) -> None:
        """Begin to bring what was accepted to where it can no longer be lost."""
        self.write()
        if self._journal is not None:
            self._journal.begin()

    async def safe(self) -> None:
        """Return when what was accepted can no longer be lost."""
        if self._journal is not None:
            await self._journal.safe()
