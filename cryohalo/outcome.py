"""What came of a plan: its value and its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

from cryohalo.catalog import Run

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome(Sequence[Run]):
    """What a plan returned and the runs it recorded.

    It is a sequence of its runs too, as ``Session.run`` returned before plans' values were kept:
    ``(run,) = session.run(scan(...))`` and ``for run in session.run(...)`` stay as they are.

    Attributes:
        runs: As the catalog holds them, in the order in which they began.
        value: What the plan returned, None where it returns nothing.
    """

    runs: tuple[Run, ...]
    value: Any

    @overload
    def __getitem__(self, place: int) -> Run: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Run, ...]: ...

    def __getitem__(self, place: int | slice) -> Run | tuple[Run, ...]:
        return self.runs[place]

    def __len__(self) -> int:
        return len(self.runs)
