"""The power-measured analysis as it is shown: online, in files, in the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from haloscope.analysis.exchange import bayesian, files
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result, analyze
from haloscope.analysis.report import bayes_figures
from haloscope.analysis.report.page import write_report
from haloscope.analysis.update import OnlineUpdate
from tests.physics.analysis.generator import make, scan_targets


def test_online_says_the_same_as_offline() -> None:
    stack = make(scan_targets(24), seed=6)
    updates: list[OnlineUpdate] = []
    online = Online(Options(filter_average=False), publish=updates.append)
    for row in range(len(stack)):
        online.add(stack.subset([row]))
    offline = Online(Options(filter_average=False))
    offline.add(stack)
    live, whole = online.result(), analyze(stack, Options(filter_average=False))
    for name in ("excluded_per_gev", "update", "window_update", "window_excluded", "band_update"):
        shown, expected = getattr(live.bayes, name), getattr(whole.bayes, name)
        assert shown == pytest.approx(expected, rel=1e-9, nan_ok=True), name
    assert live.bayes.aggregate == pytest.approx(whole.bayes.aggregate, rel=1e-9)
    last = updates[-1]
    assert last.limit is not None
    assert last.bayes_per_gev is not None
    at = np.searchsorted(live.frequency_hz, last.limit.frequency_hz[0] - 1)
    part = slice(at, at + len(last.bayes_per_gev))
    assert np.array_equal(live.bayes.excluded_per_gev[part], last.bayes_per_gev)
    assert np.array_equal(whole.limit.coupling_per_gev[part], last.limit.coupling_per_gev)


def test_files_hold_both_analyses(with_axion: Result, tmp_path: Path) -> None:
    files.save(tmp_path / "result.h5", with_axion)
    _, _, more = files.load(tmp_path / "result.h5")
    assert "DFSZ" in more["summary"]["aggregate_bayes"]
    assert "DFSZ" in more["summary"]["aggregate_bayes_elsewhere"]
    files.save_csv(tmp_path / "grand.csv", with_axion)
    table = np.genfromtxt(tmp_path / "grand.csv", delimiter=",", names=True)
    assert table["prior_update"] == pytest.approx(with_axion.bayes.update, rel=1e-9)
    assert table["bayes_limit_per_gev"] == pytest.approx(with_axion.bayes.excluded_per_gev)
    files.save_bayes_limit(tmp_path / "limit.txt", with_axion, "a search")
    mass, coupling = np.loadtxt(tmp_path / "limit.txt").T
    assert coupling[0] == coupling[-1] == 1.0
    assert np.all(np.diff(mass) >= 0)
    excluded = coupling[coupling < 1]
    assert 4e-16 < np.median(excluded) < 8e-16
    assert "sub-aggregated" in (tmp_path / "limit.txt").read_text("utf-8")
    files.save_candidates(tmp_path / "c.json", with_axion)
    rules = json.loads((tmp_path / "c.json").read_text("utf-8"))["bayes"]["rescans"]
    assert [len(rules[rule]["rescan"]) for rule in ("threshold", "bayes")] == [1, 1]


def test_a_file_says_so_where_nothing_is_excluded(noise_result: Result, tmp_path: Path) -> None:
    lost = replace(noise_result)
    measured = replace(
        noise_result.bayes,
        aggregate=float("nan"),
        window_excluded=np.full(len(noise_result.bayes.window_hz), np.nan),
    )
    lost.__dict__["bayes"] = measured  # what a cached property keeps
    files.save_bayes_limit(tmp_path / "limit.txt", lost, "a search")
    lines = (tmp_path / "limit.txt").read_text("utf-8").splitlines()
    assert all(line.startswith("#") for line in lines)
    assert "over the band at nothing excluded" in lines[1]
    assert bayesian.recorded(lost)["per_gev_in_the_middle_of_the_band"]["aggregate"] is None
    json.dumps(bayesian.recorded(lost), allow_nan=False)


def test_the_report_shows_both(with_axion: Result, tmp_path: Path) -> None:
    text = write_report(tmp_path / "report.html", with_axion).read_text("utf-8")
    assert "Power measured and threshold" in text
    assert "prior update over" in text
    assert "Away from the" in text
    axis = bayes_figures.updates(with_axion).axes[0]
    names = [text.get_text() for text in axis.get_legend().get_texts()]
    assert names == ["update falls to 10%", "threshold", "candidates (1)"]


def test_a_hole_in_the_band_is_drawn_as_one(noise_result: Result) -> None:
    measured = noise_result.bayes
    kept = np.r_[0:30, 60 : len(measured.window_hz)]
    broken = replace(
        noise_result.bayes,
        window_hz=measured.window_hz[kept],
        window_update=measured.window_update[:, kept],
        window_excluded=measured.window_excluded[kept],
    )
    lost = replace(noise_result)
    lost.__dict__["bayes"] = broken
    drawn = bayes_figures.updates(lost).axes[0].get_lines()[0].get_ydata()
    assert np.isnan(np.asarray(drawn, dtype=float)).sum() == 1
