"""The search that runs, followed in its catalog: what the analysis says, each document once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cryohalo.catalog import DocumentWriter
from cryohalo.page.beside import follow
from cryohalo.page.following import Follower
from cryohalo.page.search import COLUMNS, Search
from haloscope.analysis.apparatus import recorded
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import Spectra
from haloscope.axion import coupling_dfsz, coupling_ksvz
from haloscope.description import Description, describe
from haloscope.parameters import HaloscopeParameters
from tests.physics.analysis.exchange.test_documents_and_online import documents
from tests.physics.analysis.generator import make, scan_targets

Stream = list[tuple[str, dict[str, Any]]]
STEPS = 12


@pytest.fixture(scope="module")
def spectra() -> Spectra:
    return make(scan_targets(STEPS), seed=7)


def stream(
    spectra: Spectra, uid: str = "run-0001", time: float = 1.7e9, **more: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A scan of targets that are all planned from the start."""
    targets = [float(nu) * 1e-6 for nu in spectra.target_frequency_hz]
    for name, document in documents(spectra, uid=uid):
        told = dict(document)
        if name == "start":
            told |= {"time": time, "plan_args": {"frequencies_mhz": targets}, **more}
            told["plan_args"]["averages"] = [5000] * len(targets)
        if name == "descriptor":
            told |= {"time": time, "data_keys": {}}
        if name == "event":
            told |= {"uid": f"{told['descriptor']}-{told['seq_num']}", "time": time}
            told["timestamps"] = {}
        if name == "stop":
            told |= {"time": time, "exit_status": "success"}
        yield name, told


def searched(documents: Stream) -> Search:
    search = Search("run-0001")
    for name, document in documents:
        search.take(name, document)
    return search


def test_a_search_is_analysed_with_the_settings_of_its_apparatus(spectra: Spectra) -> None:
    mapping = describe(HaloscopeParameters.shipped("capp12tb")).as_dict()
    mapping["analysis"] |= {"window_hz": 120e3, "confidence": 0.95, "coarse_per_line": 5}
    own = recorded(Description.from_mapping(mapping))
    online = searched(list(stream(spectra, apparatus=own)))._online
    assert online is not None
    options = online.options
    assert (options.window_hz, options.confidence, options.coarse_merge) == (120e3, 0.95, 16)


def test_what_is_told_is_what_the_online_analysis_says(spectra: Spectra) -> None:
    told = searched(list(stream(spectra))).told()
    online = Online(Options().suited_to(spectra.step_hz, float(spectra.target_frequency_hz[0])))
    for name, document in stream(spectra):
        online(name, document)
    result = online.result()
    coupling = np.median(result.limit.coupling_per_gev) / 1e-15
    assert told["median"] == pytest.approx(coupling, rel=1e-3)
    assert told["highest"] == pytest.approx(result.grand.normalised.max(), rel=1e-6)
    assert (told["done"], told["left"], told["running"], told["refused"]) == (STEPS, 0, False, 0)
    assert len(told["mhz"]) <= COLUMNS
    assert max(told["top"]) == pytest.approx(told["highest"], abs=1e-3)
    first_hz = told["mhz"][0] * 1e6
    assert told["ksvz"][0] * 1e-15 == pytest.approx(coupling_ksvz(first_hz), rel=1e-3)
    assert told["dfsz"][0] * 1e-15 == pytest.approx(coupling_dfsz(first_hz), rel=1e-3)


def test_while_it_runs_the_rest_is_forecast(spectra: Spectra) -> None:
    half = [d for d in stream(spectra) if d[0] != "stop"][: -STEPS // 2]
    told = searched(half).told()
    assert (told["done"], told["left"], told["running"]) == (STEPS // 2, STEPS // 2, True)
    assert told["left_s"] == pytest.approx(600.0 * STEPS / 2)
    assert told["reach"] < told["median"]
    json.dumps(told, allow_nan=False)


def test_odd_documents_are_counted_and_end_nothing(spectra: Spectra) -> None:
    good = list(stream(spectra))
    odd: Stream = [
        ("event", {"descriptor": "nobody", "data": {}}),
        ("event", {"descriptor": "run-0001-p", "seq_num": "x", "data": {"daq_spectrum": "no"}}),
        ("event", {}),
    ]
    told = searched([*good[:6], *odd, *good[6:]]).told()
    assert told["done"] == STEPS
    assert told["refused"] > 0
    json.dumps(told, allow_nan=False)


def write(folder: Path, some: Stream, writer: DocumentWriter | None = None) -> DocumentWriter:
    writer = writer or DocumentWriter(folder)
    for name, document in some:
        writer(name, document)
    return writer


def test_documents_are_followed_as_they_are_written_each_once(
    spectra: Spectra, tmp_path: Path
) -> None:
    follower = Follower(tmp_path / "runs")
    assert list(follower.new()) == []
    all_of_it = list(stream(spectra.subset(slice(0, 4))))
    writer = write(tmp_path / "runs", all_of_it[:6])
    seen = list(follower.new())
    assert [document[0] for _, document in seen] == [name for name, _ in all_of_it[:6]]
    assert {search for search, _ in seen} == {"run-0001"}
    assert list(follower.new()) == []
    write(tmp_path / "runs", all_of_it[6:], writer).close()
    assert [d[0] for _, d in follower.new()] == [name for name, _ in all_of_it[6:]]
    assert list(follower.new()) == []


def test_the_newest_search_is_followed_and_a_campaign_is_one(
    spectra: Spectra, tmp_path: Path
) -> None:
    few = spectra.subset(slice(0, 2))
    follower = Follower(tmp_path)
    write(tmp_path, list(stream(few, "run-0001", 1.70e9))).close()
    write(tmp_path, list(stream(few, "run-0002", 1.71e9, campaign="c"))).close()
    other = {**next(stream(few, "run-0009", 1.73e9))[1], "plan_name": "load_curve"}
    write(tmp_path, [("start", other)]).close()
    assert {search for search, _ in follower.new()} == {"campaign c"}
    write(tmp_path, list(stream(few, "run-0003", 1.72e9, campaign="c"))).close()
    told = [document for _, document in follower.new()]
    assert [d["uid"] for name, d in told if name == "start"] == ["run-0003"]
    write(tmp_path, list(stream(few, "run-0004", 1.74e9))).close()
    assert {search for search, _ in follower.new()} == {"run-0004"}


def test_a_damaged_or_foreign_file_hides_no_search(spectra: Spectra, tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    write(tmp_path, list(stream(spectra.subset(slice(0, 2))))).close()
    good = next(tmp_path.iterdir())
    (tmp_path / f"aaa{good.suffix}").write_bytes(b"\x93nothing of ours")
    (tmp_path / f"zzz{good.suffix}").write_bytes(good.read_bytes()[:20])
    assert {search for search, _ in follower.new()} == {"run-0001"}


async def test_the_process_that_follows_tells_and_is_started_again(
    spectra: Spectra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryohalo.page.beside.AGAIN_S", 0.0)
    write(tmp_path, list(stream(spectra.subset(slice(0, 3))))).close()
    told: asyncio.Queue[str] = asyncio.Queue()
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def noted(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*arguments, **options))
        return started[-1]

    monkeypatch.setattr("asyncio.create_subprocess_exec", noted)
    following = asyncio.ensure_future(
        follow("cryohalo.page.search", str(tmp_path), told.put_nowait, lambda: True)
    )
    assert json.loads(await told.get())["done"] == 3
    started[0].kill()
    assert json.loads(await told.get())["done"] == 3
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    assert [process.returncode is not None for process in started] == [True, True]
