"""The session's prompt: one line for what is refused, one traceback for a fault."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator

import bluesky.plans as bp
import pytest
from ophyd.sim import det

from cryohalo.console import Prompt
from cryohalo.run_engine import close_run_engine, make_run_engine


@pytest.fixture
def prompt() -> Iterator[Prompt]:
    engine = make_run_engine()
    yield Prompt({"RE": engine, "bp": bp, "det": det})
    close_run_engine(engine)


def test_a_refused_plan_is_one_line(prompt: Prompt, capsys: pytest.CaptureFixture[str]) -> None:
    prompt.push("RE(bp.count([det], md={'sample': {'holder': {1, 2}}}))")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("UnfitError: metadata: sample.holder is of type set")
    assert "open_checked_run" in "".join(traceback.format_tb(sys.last_traceback))


def test_notes_are_shown(prompt: Prompt, capsys: pytest.CaptureFixture[str]) -> None:
    prompt.push("from cryohalo.catalog import CatalogError")
    prompt.push("e = CatalogError('gone\\nfor good'); e.add_note('not closed'); raise e")
    assert capsys.readouterr().err.splitlines() == [r"CatalogError: gone\nfor good", "not closed"]


def test_a_fault_is_one_traceback(prompt: Prompt, capsys: pytest.CaptureFixture[str]) -> None:
    prompt.push("def bad():")
    prompt.push("    yield 5")
    prompt.push("")
    prompt.push("RE(bad())")
    shown = capsys.readouterr().err
    assert shown.count("Traceback (most recent call last)") == 1
    assert "AttributeError" in shown


def test_what_is_right_is_shown(prompt: Prompt, capsys: pytest.CaptureFixture[str]) -> None:
    prompt.push("1 + 1")
    assert capsys.readouterr().out == "2\n"
