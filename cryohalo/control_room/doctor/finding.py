"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "good", "odd", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        verdict: ``ok``; ``odd``: it works, but not as one would think; ``wrong``.
        subject: What was looked at.
        words: What is the case.
        do: What to do, "" for nothing.
    """

    verdict: Literal["ok", "odd", "wrong"]
    subject: str
    words: str
    do: str = ""


def good(subject: str, words: str) -> Finding:
    """All is well."""
    return Finding("ok", subject, words)


def odd(subject: str, words: str, do: str) -> Finding:
    """It works, but not as one would think."""
    return Finding("odd", subject, words, do)


def wrong(subject: str, words: str, do: str) -> Finding:
    """It does not work."""
    return Finding("wrong", subject, words, do)
