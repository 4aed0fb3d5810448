"""Campaigns: adaptive against fixed, resumption from torn documents, the mode map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import Msg, MsgGenerator
from ophyd.utils.errors import LimitError

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.candidates import Candidate
from haloscope.analysis.statistics.rescan import Verdict, judge
from haloscope.apparatus.receiver import Conditions, SpuriousLine
from haloscope.axion import AxionLine
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.adaptive import adaptive_scan, worst_coupling
from plans.haloscope.campaign import campaign, fresh_candidates
from plans.haloscope.commissioning import cool_and_ramp, find_crossings, map_modes
from plans.haloscope.crossings import Mapped, NotMappedError, map_crossings, merged, minus
from plans.haloscope.resuming import resumed
from plans.haloscope.scan import scan
from plans.haloscope.steps import completed, planned
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents

CALIBRATION = {
    "receiver_gain_db": 104.0,
    "receiver_gain_db_error": 0.02,
    "receiver_temperature_k": 1.2,
    "receiver_temperature_k_error": 0.01,
    "line_attenuation_db": 0.45,
    "line_attenuation_db_error": 0.01,
}


def test_the_adaptive_scan_reaches_the_same_coupling_in_less_time(RE: RunEngine) -> None:
    targets, band = planned(start_mhz=1100.0, stop_mhz=1100.2), (1100.0, 1100.2)
    online = Online(keep=False)
    device = Haloscope(name="haloscope", seed=2)
    RE(bpp.subs_wrapper(scan(device, targets, calibration=CALIBRATION), online))
    fixed_s = device.bench.machine.time_s
    device.bench.close()
    limit = online.result().limit
    worst = worst_coupling(limit.frequency_hz, limit.coupling_per_gev, band)
    device = Haloscope(name="haloscope", seed=2)
    end = RE(adaptive_scan(device, targets, worst, calibration=CALIBRATION)).plan_result
    adaptive_s = device.bench.machine.time_s
    device.bench.close()
    assert end.reached
    assert end.worst_per_gev <= 1.003 * worst
    assert adaptive_s < 0.9 * fixed_s


def test_a_torn_campaign_is_completed_from_its_documents(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    targets = planned(start_mhz=1100.0, stop_mhz=1100.08)
    RE(campaign(haloscope, "other", targets[:2], averages=200, calibration=CALIBRATION))
    torn = campaign(haloscope, "mine", targets, averages=200, calibration=CALIBRATION)
    with pytest.raises(RuntimeError, match="power"):
        RE(_power_cut(torn, after=4))
    del documents[-1]  # the stop document that a power cut would not have left
    earlier = resumed("mine", documents)
    assert earlier.done_mhz == targets[:4]
    assert earlier.calibration == CALIBRATION
    end = RE(
        campaign(haloscope, "mine", targets, averages=200, documents=list(documents))
    ).plan_result
    assert end.taken_mhz == targets[4:]
    mine = {d["uid"] for d in documents.of("start") if d.get("campaign") == "mine"}
    assert len([d for d in documents.of("start") if d["plan_name"] == "y_factor"]) == 0
    taken = completed([*_runs(documents, mine)], "scan")
    assert taken == targets
    assert end.result is not None
    assert end.result.spectra >= len(targets)


def _calibrated(messages: list[Msg]) -> list[Any]:
    """Of all scans among messages, what their start documents say of the calibration."""
    runs = [message.kwargs for message in messages if message.command == "open_run"]
    return [run["calibration"] for run in runs if run["plan_name"] == "scan"]


def test_a_calibration_that_is_given_counts_more_than_an_earlier_one(haloscope: Any) -> None:
    earlier = {**CALIBRATION, "receiver_gain_db": 103.0}
    start = {"uid": "1", "plan_name": "scan", "campaign": "mine", "calibration": earlier}
    documents = [("start", start)]

    def run(**more: Any) -> list[Any]:
        plan = campaign(haloscope, "mine", [1100.0], documents=documents, **more)
        return _calibrated(rehearse(plan, haloscope).messages)

    assert run() == [earlier]
    assert run(calibration=CALIBRATION) == [CALIBRATION]


def test_a_new_campaign_is_calibrated_in_the_middle_of_its_band(haloscope: Any) -> None:
    plan = campaign(haloscope, "new", [1100.0, 1100.01, 1100.02])
    runs = [m.kwargs for m in rehearse(plan, haloscope).messages if m.command == "open_run"]
    assert [run["plan_args"].get("frequency_mhz") for run in runs[:1]] == [1100.01]


def test_the_mode_map_finds_the_letters_crossing(RE: RunEngine, haloscope: Any) -> None:
    found = RE(map_modes(haloscope, 1093.4, 1095.9, step_khz=25.0)).plan_result
    [(low, high)] = found.crossings_mhz
    assert low == pytest.approx(1094.63 - 0.19, abs=0.05)
    assert high == pytest.approx(1094.63 + 0.19, abs=0.05)


#: The letter's crossing is between 1094.44 and 1094.82 MHz.
ABOUT_THE_CROSSING = planned(start_mhz=1094.40, stop_mhz=1094.90, step_khz=50.0)


def _about_the_crossing(device: Any, **more: Any) -> MsgGenerator[Any]:
    return campaign(
        device,
        "crossing",
        ABOUT_THE_CROSSING,
        averages=100,
        rescan_averages=100,
        find_crossings=True,
        calibration=CALIBRATION,
        **more,
    )


def test_a_campaign_leaves_out_the_crossing_that_it_finds(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    end = RE(_about_the_crossing(haloscope)).plan_result
    [(low, high)] = end.crossings_mhz
    assert 1094.40 < low < 1094.50
    assert 1094.75 < high < 1094.85
    assert end.taken_mhz == [1094.4, 1094.85, 1094.9]
    first, *_ = documents.of("start")
    assert first["plan_name"] == "map_modes"
    scans = [start for start in documents.of("start") if start["plan_name"] == "scan"]
    assert scans[0]["crossings_mhz"] == [[low, high]]
    stops = [number for number, (name, _) in enumerate(documents) if name == "stop"]
    of_the_map = documents[: stops[0] + 1]
    left = rehearse(_about_the_crossing(haloscope, documents=of_the_map), haloscope)
    assert left.result.crossings_mhz == end.crossings_mhz
    assert left.events == len(end.taken_mhz)
    again = RE(_about_the_crossing(haloscope, documents=list(documents))).plan_result
    assert again.taken_mhz == []
    assert again.crossings_mhz == end.crossings_mhz
    assert len([start for start in documents.of("start") if start["plan_name"] == "map_modes"]) == 1


def test_a_torn_map_goes_on_where_it_was_cut(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    with pytest.raises(RuntimeError, match="power"):
        RE(_power_cut(_about_the_crossing(haloscope), after=30))
    cut_mhz = documents.events()[-1]["haloscope_measured_target_frequency"]
    assert 1094.44 < cut_mhz < 1094.82  # in the midst of the crossing
    end = RE(_about_the_crossing(haloscope, documents=list(documents))).plan_result
    assert end.taken_mhz == [1094.4, 1094.85, 1094.9]
    maps = [start for start in documents.of("start") if start["plan_name"] == "map_modes"]
    assert [start["plan_args"]["start_mhz"] for start in maps[1:]] == [pytest.approx(cut_mhz)]


def test_a_wider_band_is_mapped_where_it_is_new(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    known = Mapped(concluded_mhz=[(1094.0, 1096.0)], crossings_mhz=[(1094.4, 1094.8)])
    found = RE(map_crossings(haloscope, [1094.6, 1095.6, 1096.0], known)).plan_result
    [start] = documents.of("start")
    assert start["plan_args"]["start_mhz"] == pytest.approx(1096.0)
    assert start["plan_args"]["stop_mhz"] == pytest.approx(1096.5)
    assert found["crossings_mhz"] == [[1094.4, 1094.8]]


@pytest.fixture
def off_course() -> Iterator[Any]:
    """A cavity whose resonance is 2.2 MHz off the calculated map."""
    letter = HaloscopeParameters.capp12tb()
    machined = replace(letter, cavity=replace(letter.cavity, frequency_scale=1.002))
    device = Haloscope(name="haloscope", parameters=machined, description=describe(letter))
    yield device
    device.bench.close()


def test_a_cavity_off_its_course_is_mapped_where_it_is(RE: RunEngine, off_course: Any) -> None:
    known = Mapped()
    RE(map_crossings(off_course, [1101.0], known))
    assert known.offset_mhz == pytest.approx(2.2, abs=0.1)
    assert np.sum(np.abs(np.array(known.found_mhz) - 1101.0) <= 0.25) >= 25
    assert known.missing([1101.0], (1000.0, 1200.0), off_course.apparatus.operation) == []


def test_a_band_that_was_not_seen_is_named(
    RE: RunEngine, off_course: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plans.haloscope.crossings.PASSES", 1)
    with pytest.raises(NotMappedError, match=r"frequencies 1098\.\d+ to 1099\.\d+ MHz"):
        RE(map_crossings(off_course, [1101.0]))


def test_a_target_beyond_the_rod_is_refused(haloscope: Any) -> None:
    with pytest.raises(LimitError, match=r"rod = .* deg is outside 20 to 60 deg"):
        rehearse(map_crossings(haloscope, [1000.0]), haloscope)


def test_a_campaign_refuses_before_anything_moves(haloscope: Any) -> None:
    before = haloscope.bench.machine.time_s
    with pytest.raises(ValueError, match="mode map: frequency = "):
        rehearse(campaign(haloscope, "far", [1100.0, 1500.0], find_crossings=True), haloscope)
    with pytest.raises(ValueError, match="nothing is left"):
        rehearse(campaign(haloscope, "none", [1100.0], skip_mhz=[(1099.0, 1101.0)]), haloscope)
    assert haloscope.bench.machine.time_s == before


def stating(**analysis: Any) -> Any:
    """A device whose owners state other settings of the analysis."""
    own = describe(HaloscopeParameters.capp12tb())
    return Haloscope(
        name="haloscope", description=replace(own, analysis=replace(own.analysis, **analysis))
    )


@pytest.mark.parametrize("baseline", ["auto", "savgol"])
def test_a_campaign_runs_whatever_baseline_is_stated(RE: RunEngine, baseline: str) -> None:
    device = stating(baseline=baseline)
    targets = [1100.0, 1100.01, 1100.02]
    end = RE(campaign(device, "c", targets, averages=300, calibration=CALIBRATION)).plan_result
    taken = RE(adaptive_scan(device, targets, 1e-13, calibration=CALIBRATION)).plan_result
    device.bench.close()
    assert end.taken_mhz == targets
    assert end.result is not None
    assert len(taken.steps) >= 1


@pytest.mark.parametrize(
    ("analysis", "words"),
    [
        ({"window_hz": 5e6}, "window of 5e.06 Hz needs 500000 bins, a spectrum has 100000 of 10"),
        ({"window_hz": 100.0}, "window of 100 Hz holds 2 bins"),
    ],
)
def test_what_no_analysis_can_use_is_refused_before_anything_moves(
    analysis: Any, words: str
) -> None:
    device = stating(**analysis)
    before = device.bench.machine.time_s
    with pytest.raises(ValueError, match=words):
        rehearse(campaign(device, "c", [1100.0], averages=300, calibration=CALIBRATION), device)
    with pytest.raises(ValueError, match=words):
        rehearse(adaptive_scan(device, [1100.0, 1100.01], 1e-13), device)
    assert device.bench.machine.time_s == before
    device.bench.close()


def test_intervals_are_merged_and_cut() -> None:
    assert merged([(3.0, 4.0), (1.0, 2.0), (2.0, 3.0), (5.0, 6.0)]) == [(1.0, 4.0), (5.0, 6.0)]
    assert minus([(1.0, 4.0)], [(2.0, 3.0), (3.5, 9.0)]) == [(1.0, 2.0), (3.0, 3.5)]
    assert minus([(1.0, 2.0)], [(0.0, 3.0)]) == []


def test_a_mode_without_crossings_has_none() -> None:
    bare = np.linspace(1100.0, 1101.0, 40)
    pull, crossings = find_crossings(bare, bare + 0.3 + 1e-3 * bare, 20.0)
    assert crossings == []
    assert np.abs(pull).max() < 1e-6


def test_the_magnet_is_ramped_when_cold(RE: RunEngine, haloscope: Any) -> None:
    assert RE(cool_and_ramp(haloscope, 11.8)).plan_result == pytest.approx(11.8, abs=0.005)
    with pytest.raises(Exception, match=r"13 T is outside|outside"):
        RE(cool_and_ramp(haloscope, 13.0))


def _power_cut(plan: MsgGenerator[Any], *, after: int) -> MsgGenerator[Any]:
    """Throw an error into a plan after some events."""
    answer, left = None, after
    while True:
        message = plan.send(answer) if left else plan.throw(RuntimeError("power"))
        left -= message.command == "save"
        answer = yield message


def _runs(documents: Documents, uids: set[str]) -> list[tuple[str, dict[str, Any]]]:
    """The documents of some runs."""
    known = set(uids)
    kept = []
    for name, document in documents:
        if {document.get("uid"), document.get("run_start"), document.get("descriptor")} & known:
            known.add(document.get("uid", ""))
            kept.append((name, document))
    return kept


def test_candidates_that_only_the_rescan_lifted_are_told_apart() -> None:
    assert fresh_candidates([1100.0012, 1100.05, 1100.1], [1100.0, 1100.2], 4.05e-3) == [
        1100.05,
        1100.1,
    ]


def test_a_line_in_the_field_is_a_candidate_that_persists(
    RE: RunEngine, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[list[float]] = []

    def note(candidate: Candidate, *results: Result, **spectra: Any) -> Verdict:
        judged.append([result.options.noise_systematic for result in results])
        return judge(candidate, *results, **spectra)

    monkeypatch.setattr("plans.haloscope.campaign.judge", note)
    hidden = AxionLine(frequency_hz=1100.05e6, coupling_per_gev=1.3e-15)
    device = Haloscope(name="haloscope", seed=4, lines=[hidden])
    targets = planned(start_mhz=1100.0, stop_mhz=1100.1)
    online = Online(Options(noise_systematic=0.08))
    plan = campaign(device, "hidden", targets, calibration=CALIBRATION, online=online)
    end = RE(plan).plan_result
    device.bench.close()
    assert [start["calibration"] for start in documents.of("start")] == [CALIBRATION] * 2
    assert judged[0] == [0.08] * 3  # of the search, the rescan alone, and both
    (found,) = (f for f in end.survivors_mhz if abs(f - 1100.05) < 0.003)
    assert found in end.candidates_mhz
    verdict = next(v for v in end.verdicts if v.candidate.frequency_hz * 1e-6 == found)
    assert verdict.combined_excess > verdict.candidate.excess
    assert verdict.vetting is not None
    assert [test.name for test in verdict.vetting.tests][-1] == "halves"
    assert verdict.words.startswith("confirmed: ")


def test_a_campaign_takes_again_what_the_prior_update_asks_for(
    RE: RunEngine, documents: Documents
) -> None:
    hidden = AxionLine(frequency_hz=1100.05e6, coupling_per_gev=1.3e-15)
    device = Haloscope(name="haloscope", seed=4, lines=[hidden])
    targets = planned(start_mhz=1100.0, stop_mhz=1100.1)
    plan = campaign(device, "hidden", targets, calibration=CALIBRATION, decision="bayes")
    end = RE(plan).plan_result
    device.bench.close()
    _, again = documents.of("start")
    assert (again["plan_name"], again["decision"]) == ("rescan", "bayes")
    assert again["candidates_mhz"] == end.candidates_mhz
    assert len(end.verdicts) == len(end.candidates_mhz)
    assert [f for f in end.survivors_mhz if abs(f - 1100.05) < 0.003]


def test_one_analysis_is_asked_not_two(haloscope: Any) -> None:
    def analysing(_: Options) -> Any:
        raise AssertionError("it is not to be made")

    plan = campaign(haloscope, "two", [1100.0], online=Online(), analysing=analysing)
    with pytest.raises(ValueError, match="online or analysing, not both"):
        next(plan)


def test_another_rule_is_refused_before_anything_moves(haloscope: Any) -> None:
    before = haloscope.bench.machine.time_s
    with pytest.raises(ValueError, match="decision: 'coin', needed one of threshold, bayes"):
        rehearse(campaign(haloscope, "one", [1100.0], decision="coin"), haloscope)
    assert haloscope.bench.machine.time_s == before


def test_interference_in_one_step_asks_for_no_rescan(
    RE: RunEngine, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = HaloscopeParameters.capp12tb()
    quiet = replace(quiet, receiver=replace(quiet.receiver, interference_per_hour=0.0))
    device = Haloscope(name="haloscope", seed=4, parameters=quiet)
    receiver = device.bench.machine.receiver
    line = SpuriousLine(1100.0507e6, 900.0, receiver._power_w(9e-3, 900.0))
    own = receiver.spurious_lines

    def in_the_sixth(low_hz: float, high_hz: float, c: Conditions) -> list[SpuriousLine]:
        here = len(documents.events()) == 5 and low_hz <= line.frequency_hz <= high_hz
        return [*own(low_hz, high_hz, c), *([line] if here else [])]

    monkeypatch.setattr(receiver, "spurious_lines", in_the_sixth)
    targets = planned(start_mhz=1100.0, stop_mhz=1100.1)
    end = RE(campaign(device, "disturbed", targets, calibration=CALIBRATION)).plan_result
    device.bench.close()
    (vetoed,) = end.vetoed_mhz
    assert vetoed == pytest.approx(1100.05, abs=0.002)
    assert end.result.vetoed[0].excess > 8
    (said,) = [v for v in end.result.vetoes if v.vetoed]
    assert said.verdict.startswith("vetoed: power all from spectrum ")
    assert vetoed not in end.candidates_mhz
    rescans = [start for start in documents.of("start") if start["plan_name"] == "rescan"]
    assert all(abs(f - vetoed) > 0.01 for start in rescans for f in start["candidates_mhz"])
    assert end.fresh_mhz == []
