"""The verdict on a claim: our finding against the paper's number.

The rule, once: a number agrees within its tolerance, to which two of our own standard errors are
added in quadrature. Of a direction or a range the tolerance is zero (module ``claim`` sees to it):
only our own chance may lie beyond. Where ours are several, all of them must agree.
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum
from typing import Final

from cryohalo.reproduction.claim import Check, Claim
from cryohalo.reproduction.finding import Finding

__all__ = ["STANDARD_ERRORS", "Verdict", "allowed", "by_its_error", "judge"]

#: So many of our own standard errors count as chance.
STANDARD_ERRORS: Final = 2.0
#: Rounding of sums is no disagreement: relative to our number.
_ROUNDING: Final = 1e-9


class Verdict(StrEnum):
    """What a row comes to."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNTESTABLE = "cannot be tested"
    STATED = "stated only"
    MISSING = "not computed"  # not asked for, or its computation failed


def allowed(claim: Claim, finding: Finding) -> float:
    """How far beyond the paper's numbers ours may be: tolerance and chance, in quadrature."""
    return math.hypot(claim.tolerance, STANDARD_ERRORS * finding.error)


def judge(claim: Claim, finding: Finding | None) -> Verdict:
    """Hold a finding against its claim; None where there is none."""
    if claim.check is Check.STATED:
        return Verdict.STATED
    if claim.check is Check.UNTESTABLE:
        return Verdict.UNTESTABLE
    if finding is None:
        return Verdict.MISSING
    reach = allowed(claim, finding)
    low, high = claim.low - reach, claim.high + reach
    slack = _ROUNDING * max(abs(finding.low), abs(finding.high))
    inside = finding.low >= low - slack and finding.high <= high + slack
    return Verdict.AGREES if inside else Verdict.DIFFERS


def by_its_error(claim: Claim, finding: Finding | None) -> bool:
    """Whether ours agrees, but would not if it had no error: such a row proves little."""
    if finding is None or judge(claim, finding) is not Verdict.AGREES:
        return False
    return judge(claim, replace(finding, error=0.0)) is Verdict.DIFFERS
