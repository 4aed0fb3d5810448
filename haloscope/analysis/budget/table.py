"""A budget as a table: for files, terminals and pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from haloscope.analysis.budget.propagation import Budget
from haloscope.analysis.spectra import FloatArray

__all__ = ["Row", "budget_lines", "budget_rows", "recorded"]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: Of the term in files.
        words: What it is.
        power: Relative error of the expected power in the median grand bin.
        common: Shared by all spectra of a bin; None for a sum of both kinds.
        origin: Measured, stated by the owners, assumed, or partly so.
    """

    name: str
    words: str
    power: float
    common: bool | None
    origin: str

    @property
    def coupling(self) -> float:
        """Relative error of the coupling, and of the limit on it."""
        return 0.5 * self.power

    @property
    def kind(self) -> str:
        """Common to all spectra or each spectrum's own, in words."""
        return {True: "common", False: "each its own", None: "both"}[self.common]


def budget_rows(budget: Budget) -> list[Row]:
    """The terms, largest first in each kind, and their sums."""
    terms = [
        Row(line.term.name, line.term.words, line.typical, line.term.common, str(line.origin))
        for line in budget.lines
    ]
    terms.sort(key=lambda row: (not row.common, -row.power))
    sums = [
        Row("common", "all common terms", _median(budget.common), True, ""),
        Row("own", "all others", _median(budget.own), False, ""),
        Row("total", "total", _median(budget.total), None, ""),
    ]
    return terms + sums


def budget_lines(budget: Budget) -> list[str]:
    """The table in text: errors of power and coupling in per cent, median grand bin."""
    rows = budget_rows(budget)
    title = "error of the expected signal"
    width = max(len(title), *(len(row.words) for row in rows)) + 1
    head = f"{title:<{width}}{'power':>8}{'coupling':>10}  kind, origin"
    body = [
        f"{row.words:<{width}}{row.power:>8.2%}{row.coupling:>10.2%}  "
        + ", ".join(part for part in (row.kind, row.origin) if part)
        for row in rows
    ]
    return [head, *body]


def recorded(budget: Budget) -> list[dict[str, Any]]:
    """The table as files carry it: plain values."""
    return [
        {
            "name": row.name,
            "words": row.words,
            "relative_error_of_power": row.power,
            "relative_error_of_coupling": row.coupling,
            "kind": row.kind,
            "origin": row.origin,
        }
        for row in budget_rows(budget)
    ]


def _median(value: FloatArray) -> float:
    return float(np.median(value))
