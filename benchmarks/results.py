"""How a benchmark hands in its headline: one number and what it is held against.

    hand_in("gets of one client", 9000.0, "per s", against="softIoc", other=24000.0, more=True)

By itself a script prints what it likes, and this does nothing. Under ``python -m benchmarks`` it
writes a line into the file that ``VARIABLE`` names, of which the table is made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["VARIABLE", "Headline", "hand_in", "handed_in"]

VARIABLE: Final = "CRYOHALO_BENCH_RESULTS"


@dataclass(frozen=True)
class Headline:
    """What a benchmark has found.

    Attributes:
        what: In a few words.
        value: The number.
        unit: Of both numbers.
        against: The alternative's name, "" if it stands for itself.
        other: The alternative's number in the same run, None without one.
        more: Whether more is better; else less is.
    """

    what: str
    value: float
    unit: str
    against: str = ""
    other: float | None = None
    more: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better than the alternative: above 1 if it is better; None without one."""
        if self.other is None or not self.value or not self.other:
            return None
        return self.value / self.other if self.more else self.other / self.value


def hand_in(
    what: str,
    value: float,
    unit: str,
    *,
    against: str = "",
    other: float | None = None,
    more: bool = False,
) -> None:
    """Hand in a headline, see ``Headline``; nothing where nobody collects them."""
    if file := os.environ.get(VARIABLE):
        other = None if other is None else float(other)
        line = json.dumps(asdict(Headline(what, float(value), unit, against, other, more)))
        with Path(file).open("a", encoding="utf-8") as kept:
            kept.write(line + "\n")


def handed_in(file: Path) -> list[Headline]:
    """All that was handed in to a file, in order."""
    if not file.exists():
        return []
    lines: list[Mapping[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    return [Headline(**line) for line in lines]
