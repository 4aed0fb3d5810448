"""Where parameters come from, as their file says it: ``"paper: Eq. 1"``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["INHERITED", "NO_ORIGIN", "UNVERIFIED", "Origin", "inherited", "origins_in"]

#: Of a value whose file does not say where it comes from.
NO_ORIGIN: Final = "file: no origin stated"
#: Begins the origin of a value that a file took over.
INHERITED: Final = "inherited from "
#: The kind of a value from a paper by memory, whose text was not at hand.
UNVERIFIED: Final = "paper, unverified"


@dataclass(frozen=True)
class Origin:
    """Where a value comes from; ``note`` says more.

    ``kind`` is ``paper``, ``paper, unverified`` (a paper by memory, its text not at hand),
    ``derived``, ``assumed``, ``inherited from NAME`` (its note is the origin there), or ``file``
    where a parameter file does not say.
    """

    kind: str
    note: str

    @classmethod
    def parsed(cls, text: str) -> Origin:
        """From what a file says: the kind, a colon, the note."""
        kind, _, note = text.partition(":")
        return cls(kind.strip(), note.strip())


def inherited(base: str, origins: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Origins of the values that are taken over from a base."""
    return {name: f"{INHERITED}{base}: {origins[name]}" for name in names}


def origins_in(value: object, found: list[str]) -> dict[str, str]:
    """The table ``[provenance]`` of a file; mistakes are added to ``found``."""
    if not isinstance(value, Mapping):
        found.append(f"parameter group 'provenance' is {value!r:.60}, must be a table of texts")
        return {}
    for name, origin in value.items():
        if not isinstance(origin, str):
            found.append(f"provenance of {name!s:.60} is {origin!r:.60}, must be a text")
    return {name: origin for name, origin in value.items() if isinstance(origin, str)}
