"""No page has a count of what the program has typed in: it would be wrong after the next change.

What a program prints is compared with what a page shows of it (``tests.live.documents.walking``);
pages that are generated count for themselves.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.pages import ROOT, notebooks, pages

#: Made by ``python -m iocs.documents``.
GENERATED = {ROOT / "docs" / "reference" / "pvs.md"}
NUMBER = r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[a-z]+ty|\d+"
THINGS = r"tests|plans|pages|claims|blocks|tutorials|notebooks|process variables|PVs (?:of|are)"
#: Not in parentheses: so the analysis tells how many tests of its own a candidate stood.
COUNT = re.compile(rf"(?<!\()\b(?:{NUMBER}) (?:{THINGS})\b")
#: Written from a run, with what it came to.
OF_A_RUN = re.compile(r"^\d+ claims: .*$", re.MULTILINE)
FENCE = re.compile(r"^( *)(`{3,}).*?^\1\2`*$", re.MULTILINE | re.DOTALL)


def counts(text: str) -> list[str]:
    """The counts in the prose of a page."""
    return COUNT.findall(OF_A_RUN.sub("", FENCE.sub("", text)))


@pytest.mark.parametrize("page", sorted({*pages(), *notebooks()} - GENERATED), ids=lambda p: p.stem)
def test_a_page_counts_nothing_by_hand(page: Path) -> None:
    assert not counts(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text", ["There are 205 process variables.", "Of 140 claims", "all twelve plans"]
)
def test_a_count_is_found(text: str) -> None:
    assert counts(text)
