"""Spectra that are analysed some at a time: the numbers of one at a time, to the bit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cryohalo.searching.shown import Shown
from haloscope.analysis.exchange.documents import DocumentReader
from haloscope.analysis.exchange.pieces import Piece, lightened
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.quality.demands import Demands
from haloscope.analysis.update import OnlineUpdate
from tests.physics.analysis.exchange.test_documents_and_online import NAMED
from tests.physics.analysis.generator import make, scan_targets
from tests.session.page.test_search import Stream, stream
from tests.session.searching.test_apart import demand_same

STEPS = 22


@pytest.fixture(scope="module")
def good() -> Stream:
    return list(stream(make(scan_targets(STEPS), seed=5), campaign="mine"))


def changed(event: Mapping[str, Any], field: str, value: Any) -> dict[str, Any]:
    return {**event, "data": {**event["data"], f"{NAMED}{field}": value}}


@pytest.fixture(scope="module")
def odd(good: Stream) -> Stream:
    """The same with what is wrong in every way that is judged while spectra arrive."""
    found: Stream = []
    for name, document in good:
        number = document.get("seq_num", 0) if name == "event" else 0
        event: dict[str, Any] = document
        key = f"{NAMED}daq_spectrum"
        if number and key in document["data"]:
            power = np.array(document["data"][key])
            if number == 7:
                power *= 1.6  # the noise has changed
            if number == 9:
                power[power.size // 2] *= -1
            if number == 11:
                power[7300:7500] *= 1.1  # a misfit
            if number == 13:
                power[7000] *= 3  # spikes, of a spectrum that is used
                power[7900] *= 2
            if number == 14:
                power[7100] *= 3
            event = changed(document, "daq_spectrum", power)
            if number == 16:
                event = changed(event, "measured_beta", "none")
            if number == 19:
                found.append((name, {**event, "seq_num": 1000}))  # it comes twice
        found.append((name, event))
    return found


def analysed(documents: Stream, together: int, options: Options | None = None) -> Online:
    online = Online(options, together=together)
    for name, document in documents:
        online(name, document)
    return online


def words(caplog: pytest.LogCaptureFixture) -> list[str]:
    told = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return told


@pytest.mark.parametrize(
    ("together", "demands"), [(3, Demands()), (64, Demands()), (5, Demands(bad_spectra="keep"))]
)
def test_numbers_and_verdicts_are_those_of_one_at_a_time(
    odd: Stream, together: int, demands: Demands, caplog: pytest.LogCaptureFixture
) -> None:
    options = Options(demands=demands)
    with caplog.at_level(logging.WARNING):
        alone = analysed(odd, 1, options)
        result = alone.result()
        told = words(caplog)
        some = analysed(odd, together, options)
        demand_same(some.result(), result)
        assert words(caplog) == told != []
    assert len({found.fault for found in result.quality.findings}) >= 5
    assert result.spikes
    assert some.field_t == alone.field_t
    centre_hz = float(np.median(result.grand.frequency_hz))
    demand_same(some.over([centre_hz]), alone.over([centre_hz]))
    demand_same(some.finish(), alone.finish())


def test_one_update_tells_of_all_and_a_page_shows_the_same(odd: Stream) -> None:
    shown, counts = [], []
    for together in (1, 6):
        updates: list[OnlineUpdate] = []
        one = Shown("mine")
        online = Online(publish=updates.append, together=together)
        online.tell(one.updated)
        for name, document in odd:
            if name != "event":
                online.settle()
            one.take(name, document)
            online(name, document)
        counts.append(len(updates))
        shown.append(one.told())
    assert shown[0] == shown[1]
    assert shown[0]["refused"] > 2
    assert counts[1] < counts[0] / 2


def test_spectra_wait_no_longer_than_for_what_changes_them(good: Stream) -> None:
    updates: list[OnlineUpdate] = []
    online = Online(publish=updates.append, together=5)
    events = [(name, document) for name, document in good if name != "stop"]
    for name, document in events:
        online(name, document)
    assert len(updates) == STEPS // 5
    assert updates[-1].spectra == STEPS // 5 * 5
    online("start", {"uid": "next", "plan_name": "scan"})
    assert updates[-1].spectra == STEPS
    refusing = Online(
        Options(demands=Demands(bad_spectra="refuse")), publish=updates.append, together=64
    )
    before = len(updates)
    for name, document in events:
        refusing(name, document)
    assert len(updates) == before
    assert refusing.result().spectra == STEPS
    assert len(updates) == before + STEPS, "of which none may fail for another"
    for wrong in (0, 65):
        with pytest.raises(ValueError, match="spectra taken together"):
            Online(together=wrong)


@pytest.mark.parametrize("together", [1, 8])
def test_a_spectrum_of_other_bins_than_those_before_is_cut_and_spoils_nothing(
    good: Stream, together: int
) -> None:
    wide: Stream = [
        (name, changed(one, "daq_frequency_step", 10.01) if one.get("seq_num") == 12 else one)
        for name, one in good
    ]
    online = analysed(wide, together)
    for result in (online.result(), online.finish()):
        assert result.spectra == STEPS - 1
        (found,) = result.quality.findings
        assert "bins of 10.01 Hz to be added to those of 10 Hz" in found.words
    assert online.over([float(np.median(result.grand.frequency_hz))]) is not None


def test_who_begins_to_listen_is_not_told_of_what_came_before(good: Stream) -> None:
    updates: list[OnlineUpdate] = []
    online = analysed([one for one in good if one[0] != "stop"], 64)
    online.tell(updates.append)
    online.settle()
    assert not updates
    assert online.result().spectra == STEPS


def test_spectra_whose_windows_do_not_meet_do_not_wait_for_each_other() -> None:
    targets = np.concatenate([scan_targets(2), scan_targets(2) + 5e6])
    updates: list[OnlineUpdate] = []
    online = Online(publish=updates.append, together=64)
    for name, document in stream(make(targets, seed=6)):
        online(name, document)
    online.settle()
    assert [update.spectra for update in updates] == [2, 4]


def test_an_event_is_read_alike_without_what_nobody_looks_at(good: Stream) -> None:
    options = Options(window_hz=60e3)
    whole, light = DocumentReader(options), DocumentReader(options)
    events = 0
    for name, document in good:
        less = lightened(name, document, options)
        for mine, other in zip(light.read(name, less), whole.read(name, document), strict=True):
            demand_same(mine, other)
            piece, power = (one["data"][f"{NAMED}daq_spectrum"] for one in (less, document))
            assert piece.power.nbytes < 0.5 * np.asarray(power).nbytes
            assert piece.power.base is None, "the whole would wait with it"
            events += 1
    assert events == STEPS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("daq_spectrum", [[1.0]]),
        ("daq_frequency_step", 0.0),
        ("daq_frequency_start", float("nan")),
        ("measured_target_frequency", "none"),
        ("measured_target_frequency", None),
    ],
)
def test_an_event_that_cannot_be_used_is_left_as_it_is(
    good: Stream, field: str, value: Any
) -> None:
    event = next(d for n, d in good if n == "event" and f"{NAMED}daq_spectrum" in d["data"])
    odd = changed(event, field, value)
    assert lightened("event", odd, Options()) is odd
    twice = {**event, "data": {**event["data"], "other_daq_spectrum": [1.0]}}
    assert lightened("event", twice, Options()) is twice


def test_bins_that_a_piece_does_not_hold_are_refused() -> None:
    piece = Piece(np.arange(5.0), 10, 100)
    assert piece.values(11, 3).tolist() == [1.0, 2.0, 3.0]
    for first, bins in ((9, 2), (12, 4)):
        with pytest.raises(ValueError, match="bins 10 to 14 of 100 are here, needed"):
            piece.values(first, bins)
