"""The refrigerator's loop is compiled before the tests, once, not in each worker."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.mark.parametrize(("config", "times"), [({}, 1), ({"workerinput": {}}, 0)])
def test_it_is_compiled_where_the_tests_are_started(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, object], times: int
) -> None:
    place = Path(__file__).parents[1] / "conftest.py"
    spec = importlib.util.spec_from_file_location("conftest_of_all_tests", place)
    assert spec is not None
    assert spec.loader is not None
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    compiled: list[int] = []
    monkeypatch.setattr(conftest.native.code, "library", lambda: compiled.append(1))
    conftest.pytest_configure(SimpleNamespace(**config))
    assert len(compiled) == times
