"""Evaluations on disk: whole, damaged, torn, of other physics."""

import logging
import math
from pathlib import Path

import pytest

from amrr.design import store
from amrr.design.points import Failure, Point
from amrr.design.store import Outcome, Store, key

POINT = Point(
    load_w=6e-4, total_load_w=6.5e-4, chx_k=0.9, lowest_k=0.87, highest_k=0.95, outlet_k=0.78,
    coldest_outlet_k=0.74, blow_mol=0.3, work_j=0.23, rejected_j=0.35, period_s=180.0, stage_k=1.6,
    diode_a=0.0, warnings=("a model is used outside its range",),
)  # fmt: skip
GOOD = Outcome(5.7e-4, POINT)
BAD = Outcome(math.nan, None, Failure.NOT_CONVERGED, "still changing")


def test_what_was_put_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "points.jsonl"
    first = Store(path)
    first.put("a", GOOD)
    first.put("b", BAD)
    again = Store(path)
    assert len(again) == 2
    assert again.get("a") == GOOD
    found = again.get("b")
    assert found is not None
    assert math.isnan(found.power_w)
    assert (found.point, found.failure, found.message) == (None, BAD.failure, BAD.message)
    assert again.get("c") is None


def test_a_later_outcome_of_a_key_counts(tmp_path: Path) -> None:
    first = Store(tmp_path / "points.jsonl")
    first.put("a", BAD)
    first.put("a", GOOD)
    assert Store(tmp_path / "points.jsonl").get("a") == GOOD


@pytest.mark.parametrize(
    "damage",
    [
        "no json",
        "[1, 2]",
        "7",
        '{"key": "x"}',
        '{"key": "x", "power_w": 1, "point": null, "failure": null, "message": ""}',
        '{"key": "x", "power_w": 1, "point": {}, "failure": null, "message": ""}',
        '{"key": "x", "power_w": null, "point": null, "failure": "unheard of", "message": ""}',
        "[" * 100_000,
    ],
)
def test_a_damaged_line_is_left_out_and_counted(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "points.jsonl"
    Store(path).put("a", GOOD)
    path.write_text(damage + "\n" + path.read_text())
    with caplog.at_level(logging.WARNING):
        again = Store(path)
    assert len(again) == 1
    assert again.get("a") == GOOD
    assert "1 damaged lines" in caplog.text


def test_a_torn_last_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "points.jsonl"
    first = Store(path)
    first.put("a", GOOD)
    first.put("b", GOOD)
    path.write_bytes(path.read_bytes()[:-20])
    second = Store(path)
    assert len(second) == 1
    second.put("c", BAD)
    third = Store(path)
    assert third.get("a") == GOOD
    assert third.get("b") is None
    assert third.get("c") is not None


def test_without_a_file_it_keeps_what_it_has() -> None:
    kept = Store(None)
    kept.put("a", GOOD)
    assert kept.get("a") == GOOD


def test_a_key_is_of_the_machine_the_question_and_the_physics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = key("machine", "power at 0.9 K")
    assert now != key("other machine", "power at 0.9 K")
    assert now != key("machine", "power at 0.8 K")
    monkeypatch.setattr(store, "physics_digest", lambda: "of another version")
    assert now != key("machine", "power at 0.9 K")
