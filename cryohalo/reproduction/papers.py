"""The papers and their claims, read from the package's data files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryohalo.reproduction.claim import BadClaimError, Claim, claim_from
from instruments.toml_files import read_toml

__all__ = ["Paper", "all_claims", "claim_named", "papers", "read_paper"]

FOLDER: Final = Path(__file__).parent / "claims"


@dataclass(frozen=True)
class Paper:
    """A paper and what it states.

    Attributes:
        name: Short name, as in ``Claim.paper``.
        called: What pages call it.
        citation: Authors, title, place.
        url: Where it is found.
        places: Its sections, equations, figures and tables, of each of which something is claimed.
        claims: In the order of the paper.
    """

    name: str
    called: str
    citation: str
    url: str
    places: tuple[str, ...]
    claims: tuple[Claim, ...]


@cache
def papers() -> tuple[Paper, ...]:
    """All papers, in the order of their files' names reversed: the refrigerator's first."""
    found = [read_paper(path) for path in sorted(FOLDER.glob("*.toml"), reverse=True)]
    names = [claim.name for paper in found for claim in paper.claims]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadClaimError(f"{twice[0]} is there twice")
    return tuple(found)


def all_claims() -> tuple[Claim, ...]:
    """The claims of all papers."""
    return tuple(claim for paper in papers() for claim in paper.claims)


def read_paper(path: Path) -> Paper:
    """A paper from its data file.

    Raises:
        BadClaimError: A claim is not well formed.
        OSError: There is no such file.
        ValueError: It is no TOML.
    """
    content: dict[str, Any] = read_toml(path)
    about: dict[str, Any] = content["paper"]
    told: Sequence[dict[str, Any]] = content["claim"]
    claims = tuple(claim_from(path.stem, one) for one in told)
    places = tuple(about["places"])
    _demand_places(places, claims)
    return Paper(path.stem, about["called"], about["citation"], about["url"], places, claims)


def _demand_places(places: Sequence[str], claims: Sequence[Claim]) -> None:
    """Every claim stands at places that the paper has, and at every place stands a claim.

    Raises:
        BadClaimError: Names what does not.
    """
    named: set[str] = set()
    for claim in claims:
        here = claim.where.split("; ")
        if unknown := [place for place in here if place not in places]:
            raise BadClaimError(f"{claim.name}: {unknown[0]!r} is no place of its paper")
        named.update(here)
    if bare := [place for place in places if place not in named]:
        raise BadClaimError(f"of {bare[0]!r} nothing is claimed")


@cache
def _by_name() -> dict[str, Claim]:
    return {claim.name: claim for claim in all_claims()}


def claim_named(name: str) -> Claim:
    """A claim by its name, for computations that need a number of the paper.

    Raises:
        KeyError: There is none.
    """
    return _by_name()[name]
