"""An instrument of which nothing answers, and one of which a part does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from devices.hardware import leaving_out

PARTS = [
    SimpleNamespace(
        leaf=SimpleNamespace(path=f"part.{i}", needed=True),
        called=f"HALO:Part{i}",
        signal=SimpleNamespace(connected=False),
    )
    for i in range(30)
]


def told(monkeypatch: pytest.MonkeyPatch, *, one_answers: bool) -> str:
    last = SimpleNamespace(signal=SimpleNamespace(connected=one_answers))
    monkeypatch.setattr(leaving_out, "_instantiated", lambda _: [*PARTS, last])
    instrument: Any = SimpleNamespace(name="haloscope", prefix="HALO:")
    parts: Any = PARTS
    return leaving_out._not_found(instrument, parts, 20.0)


def test_where_nothing_answers_it_is_said_without_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    said = told(monkeypatch, one_answers=False)
    assert "no process variable of HALO: answers within 20 s" in said
    assert "cryohalo status" in said
    assert "Part" not in said


def test_of_many_that_are_missing_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = told(monkeypatch, one_answers=True)
    assert "HALO:Part0" in said
    assert said.endswith("and 22 more")
