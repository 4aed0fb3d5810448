"""Campaigns: adaptive against fixed, resumption from torn documents, the mode map."""

from __future__ import annotations

from typing import Any

import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.online import Online
from plans.adaptive import adaptive_scan, worst_coupling
from plans.campaign import campaign, resumed
from plans.commissioning import cool_and_ramp, find_crossings, map_modes
from plans.scan import scan
from plans.steps import completed, planned
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
    done, known = resumed("mine", documents)
    assert done == targets[:4]
    assert known == CALIBRATION
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


def test_the_mode_map_finds_the_letters_crossing(RE: RunEngine, haloscope: Any) -> None:
    found = RE(map_modes(haloscope, 1093.4, 1095.9, step_khz=25.0)).plan_result
    [(low, high)] = found.crossings_mhz
    assert low == pytest.approx(1094.63 - 0.19, abs=0.05)
    assert high == pytest.approx(1094.63 + 0.19, abs=0.05)


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
