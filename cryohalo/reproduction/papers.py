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
        claims: In the order of the paper.
    """

    name: str
    called: str
    citation: str
    url: str
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
    about: dict[str, str] = content["paper"]
    told: Sequence[dict[str, Any]] = content["claim"]
    claims = tuple(claim_from(path.stem, one) for one in told)
    return Paper(path.stem, about["called"], about["citation"], about["url"], claims)


@cache
def _by_name() -> dict[str, Claim]:
    return {claim.name: claim for claim in all_claims()}


def claim_named(name: str) -> Claim:
    """A claim by its name, for computations that need a number of the paper.

    Raises:
        KeyError: There is none.
    """
    return _by_name()[name]
