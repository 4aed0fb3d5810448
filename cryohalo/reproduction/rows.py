"""Rows of the table: each claim with its finding and verdict, and the numbers as texts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryohalo.reproduction.claim import Check, Claim, Role
from cryohalo.reproduction.finding import Finding
from cryohalo.reproduction.kept import Result
from cryohalo.reproduction.rooms import room_named
from cryohalo.reproduction.verdict import STANDARD_ERRORS, Verdict, by_its_error, judge

__all__ = ["Row", "by_error", "count", "rows_of", "rule", "sentence"]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        claim: What the paper says.
        finding: What we found; None where nothing is computed, or it failed.
        verdict: What it comes to.
        quick: Found with smaller settings.
        error: Why there is no finding.
        figures: Names of its figures.
    """

    claim: Claim
    finding: Finding | None
    verdict: Verdict
    quick: bool = False
    error: str = ""
    figures: tuple[str, ...] = ()

    @property
    def paper_text(self) -> str:
        """The paper's number with its unit."""
        claim = self.claim
        if claim.printed:
            return claim.printed
        low, high = (f"{x:.8g}" for x in (claim.low, claim.high))
        text = {
            Check.EQUAL: low,
            Check.RANGE: f"{low} to {high}",
            Check.AT_LEAST: f"at least {low}",
            Check.AT_MOST: f"at most {high}",
        }.get(claim.check, "")
        return f"{text} {claim.unit}".strip() if text else ""

    @property
    def our_text(self) -> str:
        """Ours with its unit, as a range where it is one."""
        found, digits = self.finding, self.claim.digits
        if found is None:
            return ""
        text = _number(found.value, digits)
        if found.is_range:
            text += f" ({_number(found.low, digits)} to {_number(found.high, digits)})"
        return f"{text} {self.claim.unit}".strip()

    @property
    def error_text(self) -> str:
        """Our error."""
        found = self.finding
        if found is None or found.error == 0.0:
            return ""
        return f"± {_number(found.error, 2)} {self.claim.unit}".strip()

    @property
    def tolerance_text(self) -> str:
        """What is allowed beyond the paper's number, our own chance apart."""
        if not self.claim.tested:
            return ""
        if self.claim.tolerance == 0.0:
            return "exact" if self.claim.check is Check.EQUAL else "strict"
        return f"± {_number(self.claim.tolerance, 3)} {self.claim.unit}".strip()

    @property
    def role_text(self) -> str:
        """How our number comes about."""
        return "" if self.claim.role is Role.NONE else self.claim.role.value

    @property
    def by_its_error(self) -> bool:
        """Whether ours agrees only because our own error is counted."""
        return by_its_error(self.claim, self.finding)

    def recorded(self) -> dict[str, Any]:
        """As plain values, for JSON and CSV."""
        claim, found = self.claim, self.finding
        return {
            "name": claim.name,
            "paper": claim.paper,
            "where": claim.where,
            "claim": claim.says,
            "check": claim.check.value,
            "role": claim.role.value,
            "unit": claim.unit,
            "paper_printed": self.paper_text,
            "paper_low": _finite(claim.low),
            "paper_high": _finite(claim.high),
            "tolerance": claim.tolerance if claim.tested else None,
            "because": claim.because,
            "stated_error": claim.stated_error,
            "differs": claim.differs,
            "ours": None if found is None else found.value,
            "ours_low": None if found is None else found.low,
            "ours_high": None if found is None else found.high,
            "error": None if found is None else found.error,
            "error_kind": "" if found is None else found.how,
            "note": "" if found is None else found.note,
            "verdict": self.verdict.value,
            "only_by_error": self.by_its_error,
            "failure": self.error,
            "quick": self.quick,
            "room": claim.room,
            "command": claim.command,
            "figures": ";".join(self.figures),
        }


def rows_of(claims: Sequence[Claim], results: Mapping[str, Result]) -> list[Row]:
    """The rows of these claims.

    Args:
        claims: In the order of the table.
        results: By room; those that are missing give rows that are not computed.
    """
    return [_row(claim, results.get(claim.room)) for claim in claims]


def _row(claim: Claim, result: Result | None) -> Row:
    if result is None:
        return Row(claim, None, judge(claim, None))
    finding = result.findings.get(claim.name)
    figures = tuple(drawn.name for drawn in result.drawn if claim.name in drawn.claims)
    verdict = Verdict.MISSING if finding is None else judge(claim, finding)
    quick = bool(result.settings.get("quick")) and not room_named(claim.room).same_when_quick
    why = result.error or result.left_out.get(claim.name, "")
    return Row(claim, finding, verdict, quick, why, figures)


def count(rows: Sequence[Row]) -> dict[Verdict, int]:
    """How many rows have each verdict, in the verdicts' order."""
    counted = Counter(row.verdict for row in rows)
    return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}


def sentence(rows: Sequence[Row]) -> str:
    """What all rows come to."""
    parts = [f"{number} {verdict.value}" for verdict, number in count(rows).items()]
    return f"{len(rows)} claims: {', '.join(parts)}"


def by_error(rows: Sequence[Row]) -> str:
    """Which rows agree only because our own error is counted, in a line; empty for none."""
    leaning = [row.claim.name for row in rows if row.by_its_error]
    if not leaning:
        return ""
    return f"Agree only because our own error is counted: {', '.join(leaning)}."


def rule() -> str:
    """When a number agrees, in words."""
    return (
        "A number agrees where it is within the tolerance of the paper's, at most half of its last "
        "digit or the error that the paper states; a direction or a range has no tolerance. "
        f"{STANDARD_ERRORS:g} of our own standard errors are added in quadrature."
    )


def _number(value: float, digits: int) -> str:
    """A number with so many significant digits, without a needless exponent."""
    if value == 0.0:
        return "0"
    if not math.isfinite(value):
        return ""
    size = math.floor(math.log10(abs(value)))
    if -4 <= size < 6:
        return f"{value:.{max(0, digits - 1 - size)}f}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
