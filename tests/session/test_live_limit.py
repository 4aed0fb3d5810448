"""The live grand spectrum and limit: the online analysis' own numbers, drawn now and then."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from cryohalo.live.limit import DRAWN_EVERY_S, POINTS, LiveLimit, of_documents, thinned
from haloscope.analysis.apparatus import recorded
from haloscope.analysis.live import options_for
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.statistics.limits import dfsz, ksvz
from haloscope.analysis.update import OnlineUpdate
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from tests.physics.analysis.exchange.test_documents_and_online import documents
from tests.physics.analysis.generator import make, scan_targets

mpl.use("Agg")
AXION_HZ = 1.1e9 + 1234.0


@pytest.fixture(scope="module")
def scanned() -> list:  # type: ignore[type-arg]
    """Documents of a scan with an axion three times as strong as DFSZ in power."""
    targets = scan_targets(16, 1.1e9 - 75e3)
    return list(documents(make(targets, seed=5, axions={AXION_HZ: 3.0})))


def test_it_holds_what_the_online_analysis_says_last_of_each_bin(scanned: list) -> None:  # type: ignore[type-arg]
    coupling: dict[float, float] = {}
    excess: dict[float, float] = {}

    def note(update: OnlineUpdate) -> None:
        if update.limit is not None and update.grand is not None:
            pairs = zip(update.limit.frequency_hz, update.limit.coupling_per_gev, strict=True)
            coupling.update(pairs)
            excess.update(zip(update.grand.frequency_hz, update.grand.normalised, strict=True))

    online = Online(publish=note)
    for name, document in scanned:
        online(name, document)
    live = of_documents(scanned)
    nu, limit = live.limit()
    expected = {where: g for where, g in sorted(coupling.items()) if np.isfinite(g)}
    np.testing.assert_array_equal(nu, list(expected))
    np.testing.assert_array_equal(limit, list(expected.values()))
    where, values = live.grand()
    np.testing.assert_array_equal(values, [excess[place] for place in where])
    assert live.spectra == 16
    assert abs(where[np.argmax(values)] - AXION_HZ) < 5e3


def test_the_charts_say_where_the_highest_excess_is_and_how_far_the_limit_reaches(
    scanned: list,  # type: ignore[type-arg]
) -> None:
    live = of_documents(scanned)
    lines = live.lines(80)
    nu, limit = live.limit()
    assert lines[0].startswith(f"16 spectra; median limit {np.median(limit):.3g}/GeV, ")
    assert f"DFSZ {dfsz(np.median(nu)) * 1e15:.3g}" in lines[0]
    assert f"{np.median(limit / ksvz(nu)):.3g} KSVZ" in lines[0]
    (told,) = [line for line in lines if line.startswith("grand spectrum: highest ")]
    assert float(told.split(" at ")[1].split()[0]) == pytest.approx(1100.001, abs=0.005)
    assert all(len(line) <= 100 for line in lines)
    assert sum("⠀" in line for line in lines) > 20


def test_it_is_drawn_now_and_then(scanned: list) -> None:  # type: ignore[type-arg]
    now, lines = [0.0], []
    live = LiveLimit(lines.append, clock=lambda: now[0])
    for name, document in scanned:
        now[0] += 0.3 * DRAWN_EVERY_S if "time" in document else 0.0  # the steps have one
        live(name, document)
    charts = [line for line in lines if " spectra; median limit" in line]
    assert [int(line.split()[0]) for line in charts] == [4, 8, 12, 16]


def test_before_the_first_spectrum_it_says_so() -> None:
    assert LiveLimit().lines() == ["no limit yet: 0 spectra are in the sums"]


def test_a_window_shows_both_with_their_labels(scanned: list) -> None:  # type: ignore[type-arg]
    figure = of_documents(scanned).figure()
    top, bottom = figure.axes
    assert [text.get_text() for text in top.get_legend().get_texts()] == [
        "excluded",
        "KSVZ",
        "DFSZ",
    ]
    assert "MHz" in bottom.get_xlabel()
    figure.canvas.draw()
    assert not bottom.xaxis.get_major_formatter().get_offset()
    from matplotlib import pyplot

    pyplot.close(figure)


@pytest.mark.parametrize("count", [1, 7, POINTS, POINTS + 1, 5000])
def test_a_thinned_curve_keeps_its_highest_value(count: int) -> None:
    nu, values = np.arange(count) * 1.0, np.zeros(count)
    values[count // 2] = 9.0
    places, found = thinned(nu, values, np.max)
    assert len(places) == len(found) <= POINTS
    assert found.max() == 9.0


def test_a_run_is_analysed_as_its_apparatus_asks_for() -> None:
    haystac = describe(HaloscopeParameters.shipped("haystac"))
    start = {"uid": "a", "time": 0.0, "apparatus": recorded(haystac)}
    live = LiveLimit()
    live("start", start)
    assert live._online.options == options_for(haystac)
    live("start", {**start, "uid": "b"})  # the same apparatus goes on
    kept = live._online
    live("start", {**start, "uid": "c"})
    assert live._online is kept
    chosen = LiveLimit(options=Options())
    chosen("start", start)
    assert chosen._online.options == Options()
