"""The tables' place in the documentation."""

from __future__ import annotations

from benchmarks.machine import ROOT
from benchmarks.scale.kept import Kept
from benchmarks.scale.tables import tables

__all__ = ["PAGE", "write"]

PAGE = ROOT / "docs" / "explanation" / "scale.md"
BEGIN = "<!-- measured: written by python -m benchmarks.scale --page -->"
END = "<!-- /measured -->"


def write(kept: Kept) -> None:
    """Put the tables between their two marks; what people wrote around them stays.

    Raises:
        ValueError: The page has lost its marks.
    """
    text = PAGE.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE}: needs the lines {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(kept)}\n{END}{after}", "utf-8")
