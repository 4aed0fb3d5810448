"""The online analysis in a process apart: the same numbers, and nothing lost with the process."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from cryohalo.catalog import Catalog, CatalogError, DocumentWriter
from cryohalo.page.search import Search
from cryohalo.searching import pipe
from cryohalo.searching.apart import AnalysisApart
from cryohalo.searching.handed import Handed, handed_file
from cryohalo.searching.shown import Shown
from cryohalo.searching.worker import _Telling
from cryohalo.session import Session
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.spectra import Spectra
from plans.haloscope.campaign import campaign
from plans.haloscope.steps import planned
from tests.physics.analysis.generator import make, scan_targets
from tests.plans.haloscope.test_campaigns import CALIBRATION, _power_cut
from tests.session.page.test_search import Stream, stream

STEPS = 8


@pytest.fixture(scope="module")
def some() -> Stream:
    spectra = make(scan_targets(STEPS), seed=5)
    return list(stream(spectra, campaign="mine"))


@pytest.fixture
def analyses(tmp_path: Path) -> Iterator[Callable[..., AnalysisApart]]:
    """Makes analyses that are closed in the end."""
    made: list[AnalysisApart] = []

    def make_one(options: Options, recorded: Callable[[str], Any]) -> AnalysisApart:
        made.append(AnalysisApart(options, recorded, tmp_path))
        return made[-1]

    yield make_one
    for one in made:
        one.close()
    assert all(one.worker.process.returncode is not None for one in made)


def nothing(_uid: str) -> Stream:
    return []


def here(documents: Stream, options: Options | None = None) -> Online:
    online = Online(options or Options())
    for document in documents:
        online(*document)
    return online


def demand_same(found: Any, wanted: Any) -> None:
    """To the last bit, whatever it is made of."""
    assert type(found) is type(wanted)
    if isinstance(wanted, np.ndarray):
        assert np.array_equal(found, wanted, equal_nan=True)
    elif hasattr(wanted, "__dict__") and not isinstance(wanted, str):
        demand_same(vars(found), vars(wanted))
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for mine, other in zip(found, wanted, strict=True):
            demand_same(mine, other)
    elif isinstance(wanted, dict):
        assert set(found) == set(wanted)
        for key, value in wanted.items():
            demand_same(found[key], value)
    else:
        assert found == wanted or found != found


def test_all_that_is_asked_is_answered_with_the_same_numbers(
    some: Stream, analyses: Callable[..., AnalysisApart]
) -> None:
    apart, online = analyses(Options(), nothing), here(some)
    for document in some:
        apart(*document)
    result = online.result()
    demand_same(apart.result(), result)
    demand_same(apart.vetted(result.candidates), online.vetted(result.candidates))
    centre_hz = float(np.median(result.grand.frequency_hz))
    over = online.over([centre_hz])
    assert isinstance(over, Spectra)
    demand_same(apart.over([centre_hz]), over)
    assert apart.over([1e9]) is None
    assert (apart.field_t, apart.field_off) == (online.field_t, None)


def test_what_the_analysis_raises_and_tells_is_raised_and_told_here(
    some: Stream, analyses: Callable[..., AnalysisApart], caplog: pytest.LogCaptureFixture
) -> None:
    apart = analyses(Options(), nothing)
    with pytest.raises(ValueError, match="no spectrum yet"):
        apart.result()
    strict = Options(demands=Demands(improbable=0.999, bad_spectra="refuse"))
    refusing, online = analyses(strict, nothing), here(some, strict)
    for document in some:
        refusing(*document)
    with pytest.raises(ValueError) as wanted:
        online.result()
    told = [record.getMessage() for record in caplog.records]
    caplog.clear()
    with pytest.raises(type(wanted.value)) as found:
        refusing.result()
    assert str(found.value) == str(wanted.value)
    assert [record.getMessage() for record in caplog.records] == told != []
    with pytest.raises(ValueError, match="needs a fitted baseline"):
        analyses(Options(baseline="savgol"), nothing)


def test_a_process_that_hangs_is_lost_and_one_that_has_nothing_to_do_is_not(
    some: Stream,
    analyses: Callable[..., AnalysisApart],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer, catalog = DocumentWriter(tmp_path), Catalog(tmp_path)
    apart = analyses(Options(), lambda uid: catalog[uid].documents())
    for document in some:
        writer(*document)
        apart(*document)
    writer.close()
    assert apart.field_t is not None
    monkeypatch.setattr(pipe, "_SILENT_S", 6.0)  # of a word every second, now that it has begun
    monkeypatch.setattr(pipe, "_UNREAD_S", 0.5)
    assert not apart.worker._lost.wait(8.0)
    apart.worker.process.send_signal(signal.SIGSTOP)
    with caplog.at_level(logging.ERROR):
        result = apart.result()
    demand_same(result, here(list(catalog[0].documents())).result())
    (told,) = [r.getMessage() for r in caplog.records if "is lost" in r.getMessage()]
    assert "nothing was heard of it for 6 s" in told


def test_a_process_that_was_stopped_with_its_session_is_not_lost(
    some: Stream, analyses: Callable[..., AnalysisApart], monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = analyses(Options(), nothing)
    for document in some:
        apart(*document)
    assert apart.field_t is not None
    monkeypatch.setattr(pipe, "_SILENT_S", 3.0)
    assert not apart.worker._lost.wait(2.5)  # from the next word on it counts
    apart.worker.process.send_signal(signal.SIGSTOP)
    assert not apart.worker._lost.wait(4.0)
    apart.worker.process.send_signal(signal.SIGCONT)
    demand_same(apart.result(), here(some).result())
    assert not apart.worker.lost


def test_of_a_process_that_is_killed_nothing_is_lost(
    some: Stream,
    analyses: Callable[..., AnalysisApart],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    writer, catalog = DocumentWriter(tmp_path), Catalog(tmp_path)
    apart = analyses(Options(), lambda uid: catalog[uid].documents())
    for number, document in enumerate(some):
        writer(*document)
        apart(*document)
        if number == len(some) // 2:
            apart.worker.process.kill()
            apart.worker.process.wait()
    writer.close()
    with caplog.at_level(logging.ERROR):
        result = apart.result()
    demand_same(result, here(list(catalog[0].documents())).result())
    assert result.quality.spectra == STEPS
    assert len([r for r in caplog.records if "is lost" in r.getMessage()]) == 1
    assert apart.over([float(np.median(result.grand.frequency_hz))]) is not None


def test_a_process_that_is_killed_while_it_is_asked_is_told_once(
    some: Stream,
    analyses: Callable[..., AnalysisApart],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    apart = analyses(Options(), lambda _uid: some)
    for document in some:
        apart(*document)
    give = apart.worker.give

    def killed(message: Any) -> None:
        give(message)
        apart.worker.process.kill()

    apart.worker.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(apart.worker, "give", killed)
    result = apart.result()
    demand_same(result, here(some).result())
    lost = [r.getMessage() for r in caplog.records if "is lost" in r.getMessage()]
    assert len(lost) == 1
    assert "code -9" in lost[0]
    apart(*some[0])
    demand_same(apart.result(), result)


def test_a_scan_that_is_far_ahead_waits(
    some: Stream, analyses: Callable[..., AnalysisApart], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "WAITING", 2)
    apart = analyses(Options(), nothing)
    assert apart.worker._waiting.maxsize == 2
    for document in some:
        apart(*document)
        assert apart.worker._waiting.qsize() <= 2
    assert apart.result().quality.spectra == STEPS


def test_a_process_that_takes_nothing_more_is_ended(
    analyses: Callable[..., AnalysisApart], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "WAITING", 2)
    monkeypatch.setattr(pipe, "_END_S", 0.1)
    apart = analyses(Options(), nothing)
    apart.worker.process.send_signal(signal.SIGSTOP)
    for _ in range(3):  # more than the system takes, so one is being sent and two wait
        apart("event", {"data": bytes(10_000_000)})
    assert apart.worker._waiting.full()
    apart.close()
    assert apart.worker.process.returncode == -signal.SIGKILL
    apart.close()


def test_a_run_that_cannot_be_read_again_is_left_out_and_told(
    some: Stream, analyses: Callable[..., AnalysisApart], caplog: pytest.LogCaptureFixture
) -> None:
    def recorded(uid: str) -> Stream:
        if uid == "gone":
            raise CatalogError("no run")
        return some

    apart = analyses(Options(), recorded)
    apart("start", {"uid": "gone", "plan_name": "scan"})
    for document in some:
        apart(*document)
    apart.worker.process.kill()
    demand_same(apart.result(), here(some).result())
    assert "run gone is left out" in caplog.text


def test_a_session_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    code = (
        "import time; from pathlib import Path\n"
        "from cryohalo.searching.apart import AnalysisApart\n"
        "from haloscope.analysis.options import Options\n"
        "apart = AnalysisApart(Options(), list, Path())\n"
        "print(apart.worker.process.pid, flush=True); time.sleep(600)"
    )
    session = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert session.stdout is not None
    with session:
        left = psutil.Process(int(session.stdout.readline()))
        session.kill()
    left.wait(60)


def test_ctrl_c_at_the_terminal_is_the_sessions_alone(
    analyses: Callable[..., AnalysisApart],
) -> None:
    process = psutil.Process(analyses(Options(), nothing).worker.process.pid)
    status = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    group = int(status[2])
    assert group == process.pid


def test_the_page_is_told_what_it_would_find_by_itself(
    some: Stream, analyses: Callable[..., AnalysisApart], tmp_path: Path
) -> None:
    apart = analyses(Options(), nothing)
    alone = Search("campaign mine")
    off = [("start", {"uid": "off", "plan_name": "field_off", "purpose": "field off"})]
    for document in some:
        alone.take(*document)
    for document in [*some, *off]:
        apart(*document)
    apart.close()
    told = Handed(tmp_path).newest("campaign mine", 0, 0.0)
    assert told == alone.told()
    assert told["done"] == STEPS


def test_a_page_that_cannot_be_told_ends_nothing(
    some: Stream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handed_file(tmp_path, "x").parent.write_text("no folder")
    apart = AnalysisApart(Options(), nothing, tmp_path)
    for document in some:
        apart(*document)
    assert apart.result().quality.spectra == STEPS
    apart.close()
    assert any("is not told" in record.getMessage() for record in caplog.records)


def test_what_cannot_be_shown_ends_no_analysis(
    some: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    telling = _Telling(tmp_path)
    for document in some:
        telling.take(*document)
    for what in ("updated", "told"):
        monkeypatch.setattr(Shown, what, broken)
    telling.updated(SimpleNamespace())  # type: ignore[arg-type]
    telling.tell()
    assert caplog.text.count("is not told") == 2
    assert handed_file(tmp_path, "a name of broken text \udcff").name


def test_a_campaign_asks_the_process_and_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    targets = planned(start_mhz=1100.0, stop_mhz=1100.04)
    found: list[Result | None] = []
    for folder, killed in (("whole", False), ("killed", True)):
        with Session.open(tmp_path / folder, halo_prefix="HALO:", simulated=True) as session:

            def analysing(
                options: Options, session: Session = session, killed: bool = killed
            ) -> AnalysisApart:
                apart = session.analysis(options)
                if killed:
                    apart.worker.process.kill()
                return apart

            plan = campaign(
                session.haloscope, "mine", targets, averages=200, calibration=CALIBRATION,
                analysing=analysing,
            )  # fmt: skip
            found.append(session.run(plan).value.result)
            ended = [one.worker.process.returncode is not None for one in session._analyses]
            assert ended == [True], "with its campaign, though the session goes on"
            documents = [pair for run in session.catalog for pair in run.documents()]
        demand_same(found[-1], here(documents, found[-1] and found[-1].options).result())
    assert any("is lost" in record.getMessage() for record in caplog.records)
    assert handed_file(tmp_path / "whole", "campaign mine").exists()


def test_an_interrupted_campaign_leaves_no_process_and_is_gone_on_with(tmp_path: Path) -> None:
    targets = planned(start_mhz=1100.0, stop_mhz=1100.06)

    def mine(session: Session) -> Any:
        return campaign(
            session.haloscope, "mine", targets, averages=200, calibration=CALIBRATION,
            documents=[pair for run in session.catalog for pair in run.documents()],
            analysing=session.analysis,
        )  # fmt: skip

    with Session.open(tmp_path, halo_prefix="HALO:", simulated=True) as session:
        with pytest.raises(RuntimeError, match="power"):
            session.run(_power_cut(mine(session), after=3))
        (cut,) = session._analyses
    assert cut.worker.process.returncode == 0
    told = Handed(tmp_path).newest("campaign mine", 0, 0.0)
    assert told is not None
    assert (told["done"], told["left"], told["running"]) == (3, len(targets) - 3, False)
    with Session.open(tmp_path, halo_prefix="HALO:", simulated=True) as session:
        result = session.run(mine(session)).value.result
        documents = [pair for run in session.catalog for pair in run.documents()]
    assert result.quality.spectra == len(targets)
    demand_same(result, here(documents, result.options).result())
    told = Handed(tmp_path).newest("campaign mine", 0, 0.0)
    assert told is not None
    assert (told["done"], told["left"]) == (len(targets), 0)
