"""The table of ``make bench``: every benchmark is in it or says why not; and that of scale."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.listed import LEFT_OUT, TABLE
from benchmarks.results import VARIABLE, Headline, hand_in, handed_in
from benchmarks.scale import page
from benchmarks.scale.axis import Axis
from benchmarks.scale.kept import Kept
from benchmarks.scale.registry import AXES
from benchmarks.scale.slopes import slope, steepest
from benchmarks.scale.tables import tables

ROOT = Path(__file__).parents[2]


def test_every_benchmark_is_in_the_table_or_says_why_not() -> None:
    found = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"__main__"}
    assert found <= set(TABLE) | set(LEFT_OUT)
    assert set(TABLE) <= found
    assert not set(TABLE) & set(LEFT_OUT)


def test_every_benchmark_of_the_table_hands_in_a_headline() -> None:
    for name in TABLE:
        assert "hand_in(" in (ROOT / "benchmarks" / f"{name}.py").read_text(), name


def test_a_ratio_is_above_one_where_it_is_better() -> None:
    assert Headline("a time", 2.0, "s", "another", 6.0).ratio == 3.0
    assert Headline("a rate", 2.0, "1/s", "another", 6.0, more=True).ratio == 1 / 3.0
    assert Headline("alone", 2.0, "s").ratio is None


def test_headlines_are_handed_in_only_where_somebody_collects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    hand_in("nobody asks", 1.0, "s")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "results"))
    hand_in("gets", 2.0, "1/s", against="softIoc", other=4.0, more=True)
    assert handed_in(tmp_path / "results") == [Headline("gets", 2.0, "1/s", "softIoc", 4.0, True)]


def test_one_that_fails_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, code in {
        "works": "from benchmarks.results import hand_in; hand_in('a', 1.0, 's')",
        "fails": "raise SystemExit(3)",
        "silent": "",
    }.items():
        (tmp_path / "benchmarks").mkdir(exist_ok=True)
        (tmp_path / "benchmarks" / f"{name}.py").write_text(code + "\n")
    results = (ROOT / "benchmarks" / "results.py").read_text()
    (tmp_path / "benchmarks" / "results.py").write_text(results)
    monkeypatch.setattr(bench.machine, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "TABLE", {"fails": (), "silent": (), "works": ()})
    monkeypatch.setattr("sys.argv", ["benchmarks", "--output", str(tmp_path / "reports")])
    assert bench.main() == 1
    printed = capsys.readouterr().out
    assert "1/3 fails: FAILED (exit code 3)" in printed
    assert "2/3 silent: FAILED (handed in nothing)" in printed
    kept = json.loads((tmp_path / "reports" / "bench.json").read_text())
    assert [one["failed"] for one in kept["benchmarks"]] == ["exit code 3", "handed in nothing", ""]
    assert "| works | a | 1 s |" in (tmp_path / "reports" / "bench.md").read_text()


def test_an_exponent_is_that_of_the_larger_half() -> None:
    sizes = (100, 300, 1000, 3000, 10_000)
    found = slope({size: 5.0 if size < 1000 else 0.001 * size**1.5 for size in sizes})
    assert found is not None
    assert (found.first, found.last) == (1000, 10_000)
    assert found.value == pytest.approx(1.5)
    assert found.error == pytest.approx(0.0, abs=1e-9)


def test_the_error_of_an_exponent_is_that_of_least_squares() -> None:
    found = slope({10: 1.0, 100: 10.0 * math.e, 1000: 100.0})
    assert found is not None
    assert found.value == pytest.approx(1.0)
    # Deviations -1/3, 2/3, -1/3 about the line, one degree of freedom, spread 2 (ln 10)^2.
    assert found.error == pytest.approx(math.sqrt(2 / 3 / 2) / math.log(10))
    assert slope({10: 1.0, 100: 2.0}) is None
    assert slope({10: 0.0, 100: 2.0, 1000: 3.0}) is None


def test_where_it_is_steepest() -> None:
    assert steepest({1: 1.0, 10: 1.0, 100: 100.0}) == (10, 100, pytest.approx(2.0))


def _measured(axis: Axis, exponent: float) -> dict[int, dict[str, float]]:
    return {size: dict.fromkeys(axis.quantities, size**exponent) for size in axis.sizes}


def test_points_are_kept_and_tables_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, axis = Kept(tmp_path / "scale.json"), AXES["pvs"]
    of = {"date": "today", "version": "v", "processor": "p", "cores": 2, "python": "3", "load": 0.0}
    for size, values in _measured(axis, 1.5).items():
        kept.keep(axis.name, size, {"values": values, "loop_ns": 30, "normals_ns": 9, **of})
    again = Kept(tmp_path / "scale.json")
    assert all(again.has(axis.name, size) for size in axis.sizes)
    assert not again.has(axis.name, 7)
    assert "1.50 ± 0.00 | **worse than linear**" in tables(again)
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    page.PAGE.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    page.write(again)
    written = page.PAGE.read_text()
    assert written.startswith(f"before\n{page.BEGIN}\n")
    assert written.endswith(f"{page.END}\nafter\n")
    assert "old" not in written
    assert "1.50 ± 0.00" in written


def test_the_page_of_the_documentation_has_its_marks() -> None:
    text = (ROOT / "docs" / "explanation" / "scale.md").read_text("utf-8")
    assert text.count(page.BEGIN) == text.count(page.END) == 1
    assert text.index(page.BEGIN) < text.index(page.END)
