"""Calibrations along a band and in the course of a campaign."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine

from haloscope.analysis.exchange.documents import DocumentReader
from haloscope.analysis.tracking import points_of, track
from haloscope.planning.rounds import calibration_targets, segments
from plans.haloscope.calibrating import calibrate_band
from plans.haloscope.calibration import calibrate, line_attenuation
from plans.haloscope.campaign import campaign
from plans.haloscope.resuming import resumed
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents

BAND_MHZ = [1090.0, 1095.0, 1100.0, 1105.0, 1110.0]


def test_a_band_is_calibrated_at_its_ends_and_in_between() -> None:
    targets = [1089.98 + 0.01 * k for k in range(2007)]
    places = calibration_targets(targets, 5.0)
    assert places[0] == targets[0]
    assert places[-1] == targets[-1]
    assert len(places) == 5
    assert max(np.diff(places)) < 5.1
    assert set(places) <= set(targets)
    assert len(calibration_targets([1100.0, 1100.5, 1101.5], 5.0)) == 3
    assert calibration_targets([1100.0, 1100.01, 1100.02], 5.0) == [1100.01]
    for wrong in ([], [1100.0]):
        with pytest.raises(ValueError, match="calibrat"):
            calibration_targets(wrong, 0.0 if wrong else 5.0)


def test_a_scan_is_cut_where_time_is_up() -> None:
    targets = [float(k) for k in range(10)]
    assert segments(targets, 100.0, 450.0) == [targets[:4], targets[4:8], targets[8:]]
    assert segments(targets, 100.0, 1e9) == [targets]
    assert segments(targets, 100.0, 1.0) == [[target] for target in targets]
    with pytest.raises(ValueError, match=r"calibrate_every_s: 0 s, must be above 0 s"):
        segments(targets, 100.0, 0)


def test_points_along_the_band_foresee_what_lies_between(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    found = RE(calibrate_band(haloscope, BAND_MHZ)).plan_result
    known = points_of(found)
    assert [point.frequency_hz * 1e-6 for point in known] == BAND_MHZ
    events = [event for event in documents.events() if "haloscope_calibrated_frequency" in event]
    assert [event["haloscope_calibrated_frequency"] for event in events] == BAND_MHZ
    losses = [event["haloscope_calibrated_line_attenuation"] for event in events]
    assert losses == [point.loss_db for point in known]
    nu = 1e6 * np.array([1092.5, 1097.5, 1102.5, 1107.5])
    loss = track(known, "loss", nu, np.zeros(4))
    true_db = haloscope.bench.machine.receiver.line_attenuation_db(nu)
    assert loss.between_db is not None
    error = np.hypot(loss.between_db, known[0].loss_error_db)
    assert np.all(np.abs(loss.value_db - true_db) < 3 * error)
    assert np.ptp(true_db) > 0.03
    mean = found["line_attenuation_db"]
    assert mean == pytest.approx(np.mean(losses))
    assert np.std(loss.value_db - true_db) < np.std(mean - true_db)


def test_a_later_round_keeps_the_points_of_the_earlier_one(RE: RunEngine, haloscope: Any) -> None:
    first = RE(calibrate_band(haloscope, [1100.0])).plan_result
    second = RE(calibrate_band(haloscope, [1100.0], earlier=first)).plan_result
    assert second["points"][:1] == first["points"]
    assert len(second["points"]) == 2
    assert second["receiver_gain_db"] == first["receiver_gain_db"]
    rounds = [point.round_s for point in points_of(second)]
    assert rounds[1] > rounds[0]


def test_a_long_campaign_is_calibrated_again_between_its_scans(haloscope: Any) -> None:
    targets = [1100.0, 1100.01, 1100.02, 1100.03]
    plan = campaign(haloscope, "long", targets, averages=5000, calibrate_every_s=1200.0)
    runs = [m.kwargs for m in rehearse(plan, haloscope).messages if m.command == "open_run"]
    order = [run["plan_name"] for run in runs if run["plan_name"] in ("y_factor", "scan")]
    assert order == ["y_factor", "scan", "y_factor", "scan"]
    scans = [run for run in runs if run["plan_name"] == "scan"]
    assert [run["plan_args"]["frequencies_mhz"] for run in scans] == [targets[:2], targets[2:]]
    assert [len(run["calibration"]["points"]) for run in scans] == [1, 2]


def test_a_given_calibration_without_places_is_not_added_to(haloscope: Any) -> None:
    given = {"receiver_gain_db": 104.0, "receiver_temperature_k": 1.2, "line_attenuation_db": 0.4}
    plan = campaign(haloscope, "given", [1100.0, 1100.01], calibration=given, calibrate_every_s=1.0)
    runs = [m.kwargs for m in rehearse(plan, haloscope).messages if m.command == "open_run"]
    assert [run["plan_name"] for run in runs] == ["scan"]


def test_a_calibration_cut_off_half_way_is_no_campaign_s_calibration() -> None:
    part = {"uid": "1", "plan_name": "jpa_noise", "campaign": "mine",
            "calibration": {"receiver_gain_db": 104.0}}  # fmt: skip
    assert resumed("mine", [("start", part)]).calibration is None


def test_the_loss_is_not_looked_for_at_the_cavity(RE: RunEngine, haloscope: Any) -> None:
    frequency_mhz = 1100.5  # the cavity stands at 1100 MHz
    found = RE(line_attenuation(haloscope, frequency_mhz)).plan_result
    true_db = haloscope.bench.machine.receiver.line_attenuation_db(np.array([frequency_mhz * 1e6]))
    assert found["line_attenuation_db"] == pytest.approx(true_db[0], abs=0.06)
    assert found["line_attenuation_db_error"] < 0.04


def test_two_methods_of_the_noise_give_the_systematic_of_t_n(RE: RunEngine, haloscope: Any) -> None:
    found = RE(calibrate(haloscope, 1100.05, in_situ=True)).plan_result
    # The letter finds 5 to 10 %; the ratio takes the cavity for a cold source.
    assert 0.04 < found["noise_difference"] < 0.10
    start = {"uid": "1", "calibration": found}
    reader = DocumentReader(starts={"1": start}, scans=["1"])
    assert reader.calibration().noise_difference == found["noise_difference"]


def test_differences_of_a_round_are_together_a_standard_error(
    RE: RunEngine, haloscope: Any
) -> None:
    found = RE(calibrate_band(haloscope, [1099.0, 1100.05], in_situ=True)).plan_result
    own = np.array([one["noise_difference"] for one in found["points"]])
    assert found["noise_difference"] == pytest.approx(np.sqrt(np.mean(own**2)), rel=1e-12)
    assert np.ptp(own) > 1e-4
