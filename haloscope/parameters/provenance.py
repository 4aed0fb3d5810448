"""Where a parameter comes from, kept in the metadata of its dataclass field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """Where a value comes from; ``note`` says more.

    ``kind`` is ``paper``, ``paper, unverified`` (a paper by memory, its text not at hand),
    ``derived``, ``assumed``, or ``file`` where a parameter file does not say.
    """

    kind: str
    note: str


def paper(value: Any, note: str) -> Any:
    """A field whose default a paper states: the letter, unless the note says otherwise."""
    return field(default=value, metadata={"origin": Origin("paper", note)})


def derived(value: Any, note: str) -> Any:
    """A field whose default follows from paper values; the note says how."""
    return field(default=value, metadata={"origin": Origin("derived", note)})


def assumed(value: Any, note: str) -> Any:
    """A field whose default no paper gives; the note says why this value."""
    return field(default=value, metadata={"origin": Origin("assumed", note)})
