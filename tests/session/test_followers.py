"""What follows a run's documents beside the catalog never ends the run."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from cryohalo.progress import Progress, _Follower
from cryohalo.publish import Publisher
from haloscope.analysis.apparatus import recorded
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters

ODD = {
    "an array": {"halo_measured_beta": np.zeros(3)},
    "a text": {"halo_measured_beta": "much"},
    "none": {"halo_measured_beta": None},
    "a list": {"halo_measured_beta": [1.0]},
    "nan": {"halo_measured_beta": float("nan")},
    "two instruments": {"halo_measured_beta": 1.0, "other_measured_beta": 2.0},
}


@pytest.mark.parametrize("kind", ODD)
def test_a_reading_that_is_no_number_is_not_published(kind: str) -> None:
    publisher = Publisher("NOBODY:SERVES:")
    try:
        publisher("event", {"data": ODD[kind], "descriptor": "d"})
    finally:
        publisher.close()


def test_why_a_document_is_not_published_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    publisher = Publisher("NOBODY:SERVES:")
    with caplog.at_level(logging.WARNING, "cryohalo.publish"):
        publisher("event", {"data": ODD["two instruments"]})
        publisher("event", {"data": ODD["an array"]})
    publisher.close()
    assert "several instruments have it" in caplog.messages[0]
    assert "Measured:Beta = [0. 0. 0.] is not published" in caplog.messages[1]


@pytest.mark.parametrize("kind", ODD)
def test_a_reading_that_is_no_number_is_not_shown(kind: str) -> None:
    follower = _Follower("measured_beta", "")
    follower.sees("event", {"data": ODD[kind]})
    assert follower.reading in ("", "measured beta read", "measured beta nan ")


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int16(2)])
def test_a_number_is_shown_with_its_unit(value: Any) -> None:
    follower = _Follower("measured_beta", "K")
    assert follower.sees("event", {"data": {"halo_measured_beta": value}})
    assert follower.reading == "measured beta 2 K"


class Channel:
    """A connected PV that notes what is put to it."""

    connected, pvname = True, "HALO:Measured"

    def __init__(self) -> None:
        self.put_values: list[float] = []


def sent(puts: Sequence[tuple[Channel, float]]) -> list[Any]:
    """As ``send_numbers``, to such PVs."""
    for channel, value in puts:
        channel.put_values.append(value)
    return []


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """One with the online analysis, whose PVs note what is put."""
    monkeypatch.setattr("cryohalo.publish.send_numbers", sent)
    made = Publisher("NOBODY:SERVES:", limits=True)
    real, made._channels = made._channels, {name: Channel() for name in made._channels}
    yield made
    for channel in real.values():
        channel.disconnect()


def put_values(publisher: Publisher, name: str) -> list[float]:
    return publisher._channels[name].put_values


def test_a_limit_is_published_in_the_unit_of_its_pv(publisher: Publisher) -> None:
    limit = SimpleNamespace(coupling_per_gev=np.array([1e-15, 3e-15, 9e-15]))
    publisher.publish_limit(SimpleNamespace(limit=limit), 4.2)
    assert put_values(publisher, "LimitCoupling") == pytest.approx([3.0])
    assert put_values(publisher, "HighestExcess") == [4.2]
    publisher.publish_limit(SimpleNamespace(limit=None), float("nan"))
    assert len(put_values(publisher, "LimitCoupling")) == 1
    assert len(put_values(publisher, "HighestExcess")) == 1


def test_the_end_of_a_scan_and_its_reach_are_published_after_each_step(
    publisher: Publisher,
) -> None:
    start = {"uid": "run", "plan_name": "scan", "plan_args": {
        "frequencies_mhz": [1100.0, 1100.01, 1100.02, 1100.03], "averages": [100] * 4,
    }}  # fmt: skip
    publisher("start", start)
    publisher("descriptor", {"uid": "of", "run_start": "run", "name": "primary", "data_keys": {}})
    coupling = np.full(200, 2e-15)
    limit = SimpleNamespace(frequency_hz=1.1e9 + 100.0 * np.arange(200), coupling_per_gev=coupling)
    publisher._live.updated(SimpleNamespace(limit=limit))
    for step, time_s in enumerate((1000.0, 1500.0)):
        data = {
            "halo_sim_time": time_s, "halo_measured_target_frequency": 1100.0 + 0.01 * step,
            "halo_measured_loaded_q": 35_000.0, "halo_daq_num_averages": 100,
        }  # fmt: skip
        publisher("event", {"descriptor": "of", "data": data})
    publisher("event", {"descriptor": "another", "data": {"halo_sim_time": 9999.0}})
    assert put_values(publisher, "CampaignEnd") == [2500.0]  # not known before the second step
    assert put_values(publisher, "CampaignLeft") == [1000.0]
    first, second = put_values(publisher, "ForecastCoupling")
    assert 1.0 < first < second < 2.0  # less is to be gained after the second step


def _descriptor(uid: str, *fields: str) -> tuple[str, dict[str, Any]]:
    return "descriptor", {"uid": uid, "data_keys": {f"halo_{field}": {} for field in fields}}


def test_only_scans_are_analyzed(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[str] = []
    monkeypatch.setattr(publisher, "_online", lambda name, document: fed.append(name))
    publisher("start", {"uid": "run"})
    publisher(*_descriptor("baseline", "fridge_mxc"))
    publisher("event", {"descriptor": "baseline", "data": {}})
    assert fed == []
    publisher(*_descriptor("primary", "daq_spectrum", "measured_target_frequency"))
    publisher("event", {"descriptor": "primary", "data": {}})
    publisher("event", {"descriptor": "baseline", "data": {}})
    assert fed == ["start", "descriptor", "event"]


def test_an_analysis_that_fails_is_not_asked_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def fail(name: str, _: Any) -> None:
        asked.append(name)
        raise RuntimeError("a fault of the analysis")

    monkeypatch.setattr(publisher, "_online", fail)
    publisher("start", {"uid": "run"})
    publisher(*_descriptor("primary", "daq_spectrum", "measured_target_frequency"))
    publisher("event", {"descriptor": "primary", "data": {"halo_measured_beta": 2.0}})
    assert asked == ["start"]
    assert caplog.text.count("no more limits are published") == 1
    assert put_values(publisher, "Beta") == [2.0]  # what was measured is published all the same


def test_a_bar_follows_the_runs_of_its_context_alone() -> None:
    shown, subscribed = io.StringIO(), {}
    engine = SimpleNamespace(
        subscribe=lambda show: subscribed.setdefault("token", show) and "token",
        unsubscribe=subscribed.pop,
    )
    progress = Progress(Console(file=shown, width=100))
    session: Any = SimpleNamespace(run_engine=engine)
    with progress.runs(session, "scan", "steps", "measured_beta", ""):
        for beta in (1.9, 2.1):
            subscribed["token"]("event", {"data": {"halo_measured_beta": beta}})
    assert not subscribed
    assert "scan: 2 steps, measured beta 2.1" in shown.getvalue()


def test_a_limit_is_published_by_the_options_of_the_runs_apparatus(publisher: Publisher) -> None:
    known = describe(HaloscopeParameters.shipped("admx"))
    keys = {f"halo_{field}": {} for field in ("daq_spectrum", "measured_target_frequency")}
    publisher("start", {"uid": "run", "apparatus": recorded(known)})
    publisher("descriptor", {"uid": "of", "run_start": "run", "name": "primary", "data_keys": keys})
    online = publisher._online
    assert online is not None
    assert online.options.window_hz == known.analysis.window_hz
    publisher("start", {"uid": "next", "apparatus": recorded(known)})
    publisher("descriptor", {"uid": "o", "run_start": "next", "name": "primary", "data_keys": keys})
    assert publisher._online is online  # the same apparatus: what it has gathered stays


def test_a_limit_is_published_whatever_baseline_the_apparatus_states(publisher: Publisher) -> None:
    stated = describe(HaloscopeParameters.shipped("admx"))
    known = replace(stated, analysis=replace(stated.analysis, baseline="auto"))
    keys = {f"halo_{field}": {} for field in ("daq_spectrum", "measured_target_frequency")}
    publisher("start", {"uid": "run", "apparatus": recorded(known)})
    publisher("descriptor", {"uid": "of", "run_start": "run", "name": "primary", "data_keys": keys})
    online = publisher._online
    assert online is not None
    assert online.options.window_hz == known.analysis.window_hz
