"""The papers' claims: what is well formed, what may be allowed, that both papers are covered."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from cryohalo.reproduction.claim import BadClaimError, Check, claim_from, half_a_digit
from cryohalo.reproduction.papers import FOLDER, all_claims, papers, read_paper
from cryohalo.reproduction.rooms import ROOMS
from tests.session.reproduction.made import EQUAL


def test_every_claim_has_its_computation_and_every_room_its_claims() -> None:
    rooms = {room.name for room in ROOMS}
    for claim in all_claims():
        assert claim.computed or not claim.tested, claim.name
    assert {claim.room for claim in all_claims()} == {*rooms, ""}


@pytest.mark.parametrize("paper", papers(), ids=lambda paper: paper.name)
def test_claims_follow_their_paper_from_place_to_place(paper: Any, tmp_path: Path) -> None:
    text = (FOLDER / f"{paper.name}.toml").read_text("utf-8")
    path = tmp_path / f"{paper.name}.toml"
    here = paper.claims[3].where
    path.write_text(text.replace(f'where = "{here}"', 'where = "Nowhere"'), "utf-8")
    with pytest.raises(BadClaimError, match="'Nowhere' is no place of its paper"):
        read_paper(path)
    path.write_text(text.replace("places = [", 'places = ["Appendix", '), "utf-8")
    with pytest.raises(BadClaimError, match="of 'Appendix' nothing is claimed"):
        read_paper(path)


def test_no_name_is_that_of_a_room_and_of_a_claim_of_another() -> None:
    rooms = {room.name for room in ROOMS}
    assert not rooms & {claim.name for claim in all_claims()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "Not a name"}, "no name of a claim"),
        ({"name": ""}, "no name of a claim"),
        ({"number": math.nan}, "needs number"),
        ({"number": None}, "needs number"),
        ({"check": "range"}, "needs low"),
        ({"check": "perhaps"}, "perhaps"),
        ({"role": "guessed"}, "guessed"),
        ({"says": " "}, "says is missing"),
        ({"because": ""}, "because is missing"),
        ({"room": ""}, "a tolerance, a role and a room"),
        ({"role": "none"}, "a tolerance, a role and a room"),
        ({"tolerance": -1}, "no range"),
        ({"colour": "red"}, "colour is nothing"),
    ],
)
def test_a_claim_that_is_not_well_formed_is_refused(change: dict[str, Any], told: str) -> None:
    claim_from("paper", EQUAL)
    with pytest.raises(BadClaimError, match=told):
        claim_from("paper", {**EQUAL, **change})


@pytest.mark.parametrize(
    ("number", "half"),
    [(380, 5), (900, 50), (1.2, 0.05), (22.51, 0.005), (6.2e-16, 0.05e-16), (1996, 0.5), (0, 0.5)],
)
def test_half_of_the_last_digit_is_what_a_paper_leaves_open(number: float, half: float) -> None:
    assert half_a_digit(number) == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"number": 750, "tolerance": 50},
        {"number": 0.88, "tolerance": 0.015},
        {"number": 22.51, "tolerance": 0.02},
        {"check": "at most", "high": 900, "tolerance": 1e-6},
        {"check": "at least", "low": 35000, "tolerance": 350},
        {"check": "range", "low": 5, "high": 10, "tolerance": 1},
    ],
)
def test_no_claim_allows_itself_more_than_its_paper_does(change: dict[str, Any]) -> None:
    with pytest.raises(BadClaimError, match="without an error that the paper states"):
        claim_from("paper", {**EQUAL, **change})
    assert claim_from("paper", {**EQUAL, **change, "stated_error": "5 %"}).tolerance > 0.0
    assert claim_from("paper", {**EQUAL, **change, "tolerance": 0}).tolerance == 0.0


def test_the_errors_that_the_papers_state_are_those_of_the_noise() -> None:
    stated = {claim.name for claim in all_claims() if claim.stated_error}
    assert stated == {"noise-below", "noise-centre", "noise-above", "noise-sum", "limit-shape"}


def test_directions_of_the_papers_are_strict() -> None:
    directions = Check.AT_LEAST, Check.AT_MOST, Check.RANGE
    assert all(claim.tolerance == 0.0 for claim in all_claims() if claim.check in directions)
