"""A claim: one statement of a paper, with its number and what is allowed around it.

What is allowed follows from the paper, and a claim that allows itself more is refused:

- of a number, half of its last digit that is no zero at its end, as 5 of 380 and 0.05 of 1.2; or
  the error that the paper itself gives (``stated_error`` says which). Less may be asked;
- of a direction ("at least", "at most") and of a range, nothing: below is below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

__all__ = ["BadClaimError", "Check", "Claim", "Role", "claim_from", "half_a_digit"]


class BadClaimError(ValueError):
    """A claim of the data files is not well formed; says which and why."""


class Check(StrEnum):
    """What is asked of our number."""

    EQUAL = "equal"  # the paper's, within the tolerance
    RANGE = "range"  # all of ours between two numbers of the paper
    AT_LEAST = "at least"
    AT_MOST = "at most"
    STATED = "stated"  # nothing: history, workshop, other people's results
    UNTESTABLE = "untestable"  # nothing that could be: the paper leaves something out


class Role(StrEnum):
    """What agreement says: how our number comes about."""

    INPUT = "input"  # the model was given it; read back
    FITTED = "fitted"  # a parameter was chosen so that it comes out
    RECOVERED = "recovered"  # an input of the simulation that the procedures measured back
    PREDICTED = "predicted"  # nothing was chosen for it
    CONSISTENCY = "consistency"  # the paper's numbers against each other
    NONE = "none"


#: How many numbers of the paper each check needs.
_NUMBERS: Final = {
    Check.EQUAL: ("number",),
    Check.RANGE: ("low", "high"),
    Check.AT_LEAST: ("low",),
    Check.AT_MOST: ("high",),
    Check.STATED: (),
    Check.UNTESTABLE: (),
}
_TEXTS: Final = ("where", "says")
_KNOWN: Final = frozenset(
    {"name", "where", "says", "check", "role", "number", "low", "high", "unit", "tolerance"}
    | {"because", "room", "digits", "printed", "stated_error", "differs"}
)
#: Half a digit is no exact number of a computer.
_SLACK: Final = 1.0 + 1e-9


@dataclass(frozen=True)
class Claim:
    """One statement of a paper.

    Attributes:
        name: Short and unique, to be asked for alone.
        paper: Name of the paper.
        where: Section, figure, equation or table.
        says: What it states, in a few words of ours.
        check: What is asked of our number.
        role: How our number comes about.
        low: Least number that the paper allows, in ``unit``; -inf for none.
        high: Largest.
        unit: Of the paper's number, of ours and of the tolerance.
        tolerance: How far beyond ours may be.
        because: Why that much; of what is not tested, why not.
        room: Which room finds our number; empty where nothing is computed.
        digits: Significant digits to show.
        printed: The paper's number in its own words, where a range or "about" says more.
        stated_error: What the paper gives as the error of its number, if the tolerance is that.
        differs: Why ours differs where it does, in words, without a number of ours.
    """

    name: str
    paper: str
    where: str
    says: str
    check: Check
    role: Role
    low: float
    high: float
    unit: str
    tolerance: float
    because: str
    room: str
    digits: int
    printed: str
    stated_error: str = ""
    differs: str = ""

    @property
    def computed(self) -> bool:
        """Whether there is a number of ours."""
        return bool(self.room)

    @property
    def tested(self) -> bool:
        """Whether a number of ours is held against the paper's."""
        return self.check not in (Check.STATED, Check.UNTESTABLE)

    @property
    def command(self) -> str:
        """What computes it alone."""
        return f"cryohalo reproduce {self.name}" if self.computed else ""


def claim_from(paper: str, told: Mapping[str, Any]) -> Claim:
    """A claim of a data file.

    Args:
        paper: Whose it is.
        told: One table of the file.

    Raises:
        BadClaimError: It is not well formed.
    """
    name = str(told.get("name", ""))
    if not name or not all(part.isalnum() and part == part.lower() for part in name.split("-")):
        raise BadClaimError(f"{paper}: {name!r} is no name of a claim: words joined by hyphens")
    if unknown := sorted(set(told) - _KNOWN):
        raise BadClaimError(f"{name}: {unknown[0]} is nothing that a claim has")
    try:
        check, role = Check(told.get("check", "")), Role(told.get("role", "none"))
    except ValueError as error:
        raise BadClaimError(f"{name}: {error}") from None
    for text in _TEXTS:
        if not str(told.get(text, "")).strip():
            raise BadClaimError(f"{name}: {text} is missing")
    return _checked(paper, told, check, role)


def _checked(paper: str, told: Mapping[str, Any], check: Check, role: Role) -> Claim:
    name = told["name"]
    for number in _NUMBERS[check]:
        if not isinstance(told.get(number), int | float) or not math.isfinite(told[number]):
            raise BadClaimError(f"{name}: {check} needs {number}")
    tested = check not in (Check.STATED, Check.UNTESTABLE)
    if tested and ("tolerance" not in told or not told.get("room") or role is Role.NONE):
        raise BadClaimError(f"{name}: what is tested needs a tolerance, a role and a room")
    if not str(told.get("because", "")).strip():
        raise BadClaimError(f"{name}: because is missing")
    number = told.get("number", math.nan)
    low, high = _bounds(check, told, number)
    tolerance = float(told.get("tolerance", 0.0))
    if not low <= high or not tolerance >= 0.0:
        raise BadClaimError(f"{name}: {low:g} to {high:g} +- {tolerance:g} is no range")
    if tested and not told.get("stated_error"):
        _demand_strict(name, check, low, tolerance)
    return Claim(
        name=name,
        paper=paper,
        where=told["where"],
        says=told["says"],
        check=check,
        role=role,
        low=low,
        high=high,
        unit=str(told.get("unit", "")),
        tolerance=tolerance,
        because=told["because"],
        room=str(told.get("room", "")),
        digits=int(told.get("digits", 4)),
        printed=str(told.get("printed", "")),
        stated_error=str(told.get("stated_error", "")),
        differs=str(told.get("differs", "")),
    )


def _demand_strict(name: str, check: Check, number: float, tolerance: float) -> None:
    """No more is allowed than the paper's own number leaves open.

    Raises:
        BadClaimError: More is.
    """
    most = half_a_digit(number) if check is Check.EQUAL else 0.0
    if tolerance <= most * _SLACK:
        return
    why = f"half of the last digit of {number:g}, {most:g}" if most else f"none, {check} is strict"
    raise BadClaimError(
        f"{name}: a tolerance of {tolerance:g} without an error that the paper states; at most "
        f"{why}"
    )


def half_a_digit(number: float) -> float:
    """Half of a unit of the last digit that is no zero at a number's end; of 0, of its units."""
    if number == 0.0:
        return 0.5
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return 0.5 * 10.0 ** int(exponent)


def _bounds(check: Check, told: Mapping[str, Any], number: float) -> tuple[float, float]:
    if check is Check.EQUAL:
        return float(number), float(number)
    return float(told.get("low", -math.inf)), float(told.get("high", math.inf))
