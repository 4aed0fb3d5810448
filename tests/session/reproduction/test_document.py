"""The page about a run: what it says is what the numbers kept and the claims as they stand say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from cryohalo.reproduction.document import (
    PAGE,
    StaleError,
    keep_run,
    page_with,
    read_run,
    told,
)
from cryohalo.reproduction.kept import Kept
from cryohalo.reproduction.papers import all_claims
from cryohalo.reproduction.rooms import ROOMS
from cryohalo.reproduction.rows import rows_of, sentence
from cryohalo.reproduction.verdict import Verdict
from cryohalo.reproduction.work import Settings
from tests.house.pages import pages
from tests.session.reproduction.made import result_of


def test_the_page_is_what_its_run_and_the_claims_say() -> None:
    page = PAGE.read_text("utf-8")
    assert page_with(page, told(*read_run())) == page


def test_the_run_of_the_page_was_a_whole_one() -> None:
    rows = rows_of(all_claims(), read_run()[1])
    assert [row.claim.name for row in rows if row.verdict is Verdict.MISSING] == []
    assert [row.claim.name for row in rows if row.quick] == []


def test_whatever_differs_says_why() -> None:
    rows = rows_of(all_claims(), read_run()[1])
    bare = [r.claim.name for r in rows if r.verdict is Verdict.DIFFERS and not r.claim.differs]
    assert bare == []


def test_another_result_is_another_page() -> None:
    machine, results = read_run()
    axion = results["axion"]
    power = replace(axion.findings["signal-power"], value=30.0, low=30.0, high=30.0)
    changed = replace(axion, findings={**axion.findings, "signal-power": power})
    text = told(machine, {**results, "axion": changed})
    assert "- **`signal-power`**: 22.51 yW stated, 30.00 yW" in text
    assert sentence(rows_of(all_claims(), results)) not in text


def test_the_page_names_what_agrees_by_our_error_alone() -> None:
    machine, results = read_run()
    axion = results["axion"]
    power = replace(axion.findings["signal-power"], value=30.0, low=30.0, high=30.0)
    for error, leans in ((0.0, False), (100.0, True)):
        found = {**axion.findings, "signal-power": replace(power, error=error)}
        text = told(machine, {**results, "axion": replace(axion, findings=found)})
        line = next(x for x in text.splitlines() if x.startswith("Agree only because our own"))
        assert ("signal-power" in line) is leans


def test_no_page_counts_claims_by_hand() -> None:
    for path in pages():
        text = path.read_text("utf-8")
        if path == PAGE:
            text = page_with(text, "")
        assert not re.search(r"\b\d+ (claims|agree|differ)\b", text), path


def test_only_a_whole_run_of_this_code_is_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "run", Settings())
    for room in ROOMS[:-1]:
        kept.keep(room, result_of(room, kept))
    with pytest.raises(StaleError, match=f"no full result of {ROOMS[-1].name}"):
        keep_run(tmp_path / "run", tmp_path / "numbers.json")
    kept.keep(ROOMS[-1], result_of(ROOMS[-1], kept))
    keep_run(tmp_path / "run", tmp_path / "numbers.json")
    _, found = read_run(tmp_path / "numbers.json")
    assert found == {room.name: result_of(room, kept) for room in ROOMS}
    path = kept.path(ROOMS[0])
    told_before = json.loads(path.read_text())
    path.write_text(json.dumps({**told_before, "fingerprint": "0" * 16}))
    with pytest.raises(StaleError, match=ROOMS[0].name):
        keep_run(tmp_path / "run", tmp_path / "numbers.json")


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="the page has no"):
        page_with("# A page\n", "x")
