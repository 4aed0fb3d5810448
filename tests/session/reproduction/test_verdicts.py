"""Verdicts: what agrees, what differs, what is neither."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cryohalo.reproduction.claim import Check, claim_from
from cryohalo.reproduction.computations.campaign import lines, masses
from cryohalo.reproduction.finding import Finding, exact, measured, spread
from cryohalo.reproduction.papers import claim_named
from cryohalo.reproduction.rows import Row, by_error
from cryohalo.reproduction.strip import strip_of
from cryohalo.reproduction.verdict import Verdict, by_its_error, judge
from plans.haloscope.outcome import Campaign
from tests.session.reproduction.made import EQUAL

RANGE = {"check": "range", "low": 5, "high": 9, "tolerance": 0}
LEAST = {"check": "at least", "low": 5, "tolerance": 0}
MOST = {"check": "at most", "high": 5, "tolerance": 0}


@pytest.mark.parametrize(
    ("change", "finding", "verdict"),
    [
        ({}, exact(11.0), Verdict.AGREES),
        ({}, exact(11.001), Verdict.DIFFERS),
        ({}, exact(8.999), Verdict.DIFFERS),
        ({}, measured(11.5, 0.6, "x"), Verdict.AGREES),
        ({}, measured(11.5, 0.5, "x"), Verdict.DIFFERS),
        ({"tolerance": 0}, exact(10.0), Verdict.AGREES),
        ({"tolerance": 0}, exact(10.0001), Verdict.DIFFERS),
        ({}, spread(10.0, 9.5, 11.5, "x"), Verdict.DIFFERS),
        (RANGE, spread(6, 5.0, 9.0, "x"), Verdict.AGREES),
        (RANGE, spread(6, 4.9, 9.0, "x"), Verdict.DIFFERS),
        (RANGE, spread(6, 5.0, 9.1, "x"), Verdict.DIFFERS),
        (RANGE, spread(6, 4.9, 9.1, "x", error=0.06), Verdict.AGREES),
        (LEAST, exact(5.0), Verdict.AGREES),
        (LEAST, exact(4.999), Verdict.DIFFERS),
        (LEAST, measured(4.9, 0.06, "x"), Verdict.AGREES),
        (LEAST, measured(4.9, 0.04, "x"), Verdict.DIFFERS),
        (MOST, exact(-1e9), Verdict.AGREES),
        (MOST, exact(5.001), Verdict.DIFFERS),
        (MOST, spread(4.0, 3.0, 5.1, "x"), Verdict.DIFFERS),
        ({"check": "stated"}, None, Verdict.STATED),
        ({"check": "untestable"}, exact(1e9), Verdict.UNTESTABLE),
        ({}, None, Verdict.MISSING),
    ],
)
def test_a_verdict_follows_from_tolerance_and_chance(
    change: dict[str, Any], finding: Finding | None, verdict: Verdict
) -> None:
    assert judge(claim_from("paper", {**EQUAL, **change}), finding) is verdict


def ended(again: int, vetoed: int, fresh: int) -> Campaign:
    return Campaign("a", [], [1100.0] * again, [], None, [], [1100.1] * fresh, [1100.2] * vetoed)


@pytest.mark.parametrize(
    ("over", "verdict"), [(0, Verdict.AGREES), (1, Verdict.DIFFERS), (7, Verdict.DIFFERS)]
)
def test_a_line_above_the_threshold_after_the_rescan_counts_whatever_is_thought_of_it(
    over: int, verdict: Verdict
) -> None:
    found = lines(ended(again=2, vetoed=1, fresh=over), over, 3.9)
    assert judge(claim_named("after-rescan"), found["after-rescan"]) is verdict
    assert found["lines-above"].value == 3.0


@pytest.mark.parametrize(
    ("low", "high", "agree"),
    [
        (4.508, 4.591, (True, True)),
        (4.55, 4.55, (False, False)),
        (4.51, 4.55, (True, False)),
        (4.50, 4.60, (False, False)),
    ],
)
def test_the_excluded_masses_end_where_the_letter_says(
    low: float, high: float, agree: tuple[bool, bool]
) -> None:
    found = masses(np.array([low, 0.5 * (low + high), high]))
    names = "mass-lowest", "mass-highest"
    verdicts = [judge(claim_named(name), found[name]) for name in names]
    assert tuple(verdict is Verdict.AGREES for verdict in verdicts) == agree


def test_diodes_that_carry_nothing_are_no_agreement() -> None:
    assert judge(claim_named("quench-diodes"), exact(0.0)) is Verdict.DIFFERS


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_no_finding(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        exact(value)


@pytest.mark.parametrize(
    "finding", [exact(10.0), exact(1e6), measured(9.0, 3.0, "x"), spread(10, 2, 12, "x")]
)
@pytest.mark.parametrize("change", [{}, {"tolerance": 0}, MOST])
def test_a_strip_holds_all_that_it_shows(finding: Finding, change: dict[str, Any]) -> None:
    claim = claim_from("paper", {**EQUAL, **change})
    strip = strip_of(Row(claim, finding, judge(claim, finding)))
    assert strip is not None
    for place in (*strip.band, *strip.paper, strip.ours, *strip.span):
        assert 0.0 <= place <= 100.0
    assert strip.span[0] <= strip.ours <= strip.span[1]
    if claim.check is Check.EQUAL and judge(claim, finding) is Verdict.AGREES:
        assert strip.band[0] <= strip.paper[0] <= strip.band[1]


@pytest.mark.parametrize(
    ("change", "finding", "leans"),
    [
        ({}, exact(11.0), False),
        ({}, measured(11.0, 5.0, "x"), False),
        ({}, measured(11.5, 0.6, "x"), True),
        ({}, measured(11.5, 0.5, "x"), False),  # it differs
        (MOST, measured(5.1, 1.0, "x"), True),
        (RANGE, spread(6, 4.9, 9.0, "x", error=0.06), True),
        ({"check": "untestable"}, measured(11.5, 0.6, "x"), False),
        ({}, None, False),
    ],
)
def test_what_agrees_by_its_own_error_alone_is_named(
    change: dict[str, Any], finding: Finding | None, leans: bool
) -> None:
    claim = claim_from("paper", {**EQUAL, **change})
    assert by_its_error(claim, finding) is leans
    rows = [Row(claim, finding, judge(claim, finding))]
    line = "Agree only because our own error is counted: a."
    assert by_error(rows) == (line if leans else "")
    assert rows[0].recorded()["only_by_error"] is leans
