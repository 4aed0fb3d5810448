"""A search whose session analyses it: the page shows what that says, and works for lookers only."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from cryohalo.page import search
from cryohalo.page.board import Board
from cryohalo.page.search import Watched
from cryohalo.page.viewers import Hub, Viewer
from cryohalo.searching import shown
from cryohalo.searching.handed import MOST_KEPT, PATIENCE_S, Handed, hand_over, handed_file
from haloscope.analysis.spectra import Spectra
from tests.physics.analysis.generator import make, scan_targets
from tests.session.page.test_search import stream, write

TOLD = {"name": "campaign mine", "plan": "scan", "run": "run-0001", "running": True, "refused": 0,
        "done": 7, "left": 1}  # fmt: skip
DRAWN: dict[str, Any] = {name: [1.0, None] for name in shown.DRAWN}
LATER_NS = 10**12


@pytest.fixture(scope="module")
def spectra() -> Spectra:
    return make(scan_targets(2), seed=7)


@pytest.fixture
def runs(spectra: Spectra, tmp_path: Path) -> Path:
    write(tmp_path, list(stream(spectra, campaign="mine"))).close()
    return tmp_path


def told_by_a_session(catalog: Path, told: dict[str, Any], *, after_ns: int = LATER_NS) -> None:
    """Handed over at a time relative to the last change of the runs."""
    hand_over(catalog, "campaign mine", told)
    changed_ns = max(path.stat().st_mtime_ns for path in catalog.glob("*.msgpack"))
    file = handed_file(catalog, "campaign mine")
    os.utime(file, ns=(changed_ns + after_ns, changed_ns + after_ns))


def test_what_a_session_says_is_shown_and_nothing_is_analysed(runs: Path) -> None:
    told_by_a_session(runs, TOLD)
    watched = Watched(runs)
    assert list(watched.news(0.0)) == [TOLD]
    assert list(watched.news(1.0)) == []
    told_by_a_session(runs, {**TOLD, "done": 8})
    assert list(watched.news(2.0)) == [{**TOLD, "done": 8}]
    assert watched.analysed is None


def test_a_session_that_stays_behind_its_runs_is_gone_and_its_search_analysed_here(
    runs: Path,
) -> None:
    watched = Watched(runs)
    for second, after_ns in enumerate((-4, -3, -2)):  # behind, but it goes on
        told_by_a_session(runs, {**TOLD, "done": second}, after_ns=after_ns * 10**9)
        now_s = second * 2 * PATIENCE_S
        assert list(watched.news(now_s)) == [{**TOLD, "done": second}]
    assert list(watched.news(now_s + 0.9 * PATIENCE_S)) == []
    assert watched.analysed is None
    (own,) = watched.news(now_s + 1.1 * PATIENCE_S)
    assert (own["name"], own["done"], own["left"]) == ("campaign mine", 2, 0)
    assert watched.analysed is not None
    assert list(watched.news(now_s + 1.2 * PATIENCE_S)) == []
    told_by_a_session(runs, TOLD)  # the next session of the same campaign
    assert list(watched.news(100.0)) == [TOLD]
    handed_file(runs, "campaign mine").unlink()
    assert list(watched.news(101.0)) == [own]


def test_a_search_of_another_session_is_analysed_here(runs: Path, spectra: Spectra) -> None:
    told_by_a_session(runs, TOLD)
    write(runs, list(stream(spectra, "run-0002", 1.8e9, campaign="other"))).close()
    watched = Watched(runs)
    (own,) = watched.news(0.0)
    assert (own["name"], own["done"]) == ("campaign other", 2)


@pytest.mark.parametrize("text", ["", "[]", '{"search": "campaign mine"}', "{", "null",
                                  '{"search": "campaign mine", "told": 3}', "[" * 100_000,
                                  "0" * 600_000])  # fmt: skip
def test_a_file_that_says_nothing_is_left_alone(runs: Path, text: str) -> None:
    told_by_a_session(runs, TOLD)
    handed_file(runs, "campaign mine").write_text(text)
    assert Handed(runs).newest("campaign mine", 0, 0.0) is None


def test_what_a_session_draws_is_shown(runs: Path) -> None:
    told_by_a_session(runs, TOLD | DRAWN)
    assert Handed(runs).newest("campaign mine", 0, 0.0) == TOLD | DRAWN


@pytest.mark.parametrize("wrong", [
    {"name": 3}, {"plan": None}, {"done": "seven"}, {"left": [1]}, {"reach": {}}, {"done": 1e301},
    {"mhz": [1.0, None]}, {**DRAWN, "top": [1.0]}, {**DRAWN, "low": [1.0, "x"]},
    {**DRAWN, "low": 3}, {name: [1.0] * (shown.COLUMNS + 1) for name in shown.DRAWN},
])  # fmt: skip
def test_what_no_page_could_show_is_left_alone(runs: Path, wrong: dict[str, Any]) -> None:
    told_by_a_session(runs, TOLD | wrong)
    assert Handed(runs).newest("campaign mine", 0, 0.0) is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" + 400 * "0"])
def test_a_number_that_no_page_has_is_left_alone(runs: Path, number: str) -> None:
    told_by_a_session(runs, TOLD | DRAWN)
    file = handed_file(runs, "campaign mine")
    file.write_text(file.read_text().replace("1.0", number))
    assert Handed(runs).newest("campaign mine", 0, 0.0) is None


def test_only_the_newest_searches_are_told_of(runs: Path) -> None:
    told_by_a_session(runs, TOLD)
    mine = handed_file(runs, "campaign mine")
    mine.with_suffix(".4321").write_text("half writ")
    for past, file in enumerate(mine.parent.iterdir()):
        os.utime(file, ns=(past, past))
    for number in range(MOST_KEPT):
        hand_over(runs, f"another {number}", TOLD)
        os.utime(handed_file(runs, f"another {number}"), ns=(9 + number, 9 + number))
    hand_over(runs, "another 0", TOLD)
    wanted = {handed_file(runs, f"another {number}") for number in range(MOST_KEPT)}
    assert set(mine.parent.iterdir()) == wanted


def test_what_cannot_be_handed_over_leaves_what_was_and_no_remainder(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_by_a_session(runs, TOLD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        hand_over(runs, "campaign mine", {})
    monkeypatch.undo()
    assert [path.name for path in (runs / ".live").iterdir()] == [
        handed_file(runs, "campaign mine").name
    ]
    assert Handed(runs).newest("campaign mine", 0, 0.0) == TOLD


def test_work_is_done_only_when_somebody_looks(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks: queue.SimpleQueue[float] = queue.SimpleQueue()
    news = Watched.news

    def noted(self: Watched, now_s: float) -> Any:
        yield from news(self, now_s)
        looks.put(now_s)

    monkeypatch.setattr(Watched, "news", noted)
    monkeypatch.setattr(search, "_PERIOD_S", 0.0)
    told_by_a_session(runs, TOLD)
    ended, looked = threading.Event(), threading.Event()
    thread = threading.Thread(target=search.follow, args=(runs, ended, looked))
    thread.start()
    for _ in range(3):
        assert looks.empty()
        looked.set()
        looks.get(timeout=30)
    ended.set()
    looked.set()
    thread.join(30)
    assert not thread.is_alive()
    assert looks.empty()
    assert capsys.readouterr().out.count("campaign mine") == 1


async def test_two_viewers_are_told_the_same_and_the_last_that_leaves_ends_the_work() -> None:
    board = Board("HALO:", [])
    hub = Hub(board)
    assert not hub.is_looked_at()

    async def send(_text: str) -> None:
        pass

    viewers = [Viewer(board, send, lambda: None, hub.beside) for _ in range(2)]
    hub.viewers |= set(viewers)
    hub.tell("search", '{"done":1}')
    assert [viewer.beside["search"] for viewer in viewers] == ['{"done":1}'] * 2
    hub.viewers.discard(viewers[0])
    assert hub.is_looked_at()
    hub.viewers.discard(viewers[1])
    assert not hub.is_looked_at()
    for viewer in viewers:
        viewer.end()
