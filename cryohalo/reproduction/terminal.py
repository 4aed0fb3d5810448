"""The table in a terminal: one line a claim, what it comes to first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.text import Text

from cryohalo.reproduction.papers import papers
from cryohalo.reproduction.rows import Row, by_error, rule, sentence
from cryohalo.reproduction.verdict import Verdict

__all__ = ["MARKS", "show"]

#: How a verdict is marked, told apart without its colour.
MARKS: Final = {
    Verdict.AGREES: ("=", "green"),
    Verdict.DIFFERS: ("#", "bold red"),
    Verdict.UNTESTABLE: ("?", "yellow"),
    Verdict.STATED: (" ", "dim"),
    Verdict.MISSING: ("-", "bold magenta"),
}


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the rows by paper, what differs or failed with its reason, and the sum."""
    called = {paper.name: paper.called for paper in papers()}
    for paper, group in groupby(rows, key=lambda row: row.claim.paper):
        console.print(Text(f"\n{called[paper].capitalize()}", style="bold"))
        for row in group:
            console.print(_line(row))
    for verdict in (Verdict.DIFFERS, Verdict.MISSING):
        chosen = [row for row in rows if row.verdict is verdict]
        if chosen:
            console.print(Text(f"\n{verdict.value.capitalize()}", style="bold"))
            for row in chosen:
                console.print(f"  {row.claim.name}: {row.claim.says}. {_why(row)}")
    console.print(f"\n{sentence(rows)}. {rule()}")
    if leaning := by_error(rows):
        console.print(leaning)
    if any(row.quick for row in rows):
        console.print("Rows marked q were found with the smaller settings of --quick.")


def _line(row: Row) -> Text:
    mark, style = MARKS[row.verdict]
    ours = f"{row.our_text} {row.error_text}".strip()
    quick = "q" if row.quick else " "
    text = f"{row.claim.name:<27} {row.paper_text:>18} | {ours:<46} {row.verdict.value}"
    return Text(f" {mark}{quick} {text}".rstrip(), style=style)


def _why(row: Row) -> str:
    if row.finding is None:
        return row.error or "not asked for"
    told = [f"paper {row.paper_text}, ours {row.our_text} {row.error_text}".strip()]
    told += [row.finding.note] if row.finding.note else []
    return f"{'; '.join(told)} (allowed: {row.claim.because})"
