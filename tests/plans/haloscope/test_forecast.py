"""The forecast against campaigns of the simulated machine, of which it knows what owners state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.description import describe
from haloscope.parameters import HaloscopeParameters
from haloscope.planning.forecast import forecast
from haloscope.planning.live import LiveForecast
from haloscope.planning.machine import calibrated, setup_of
from haloscope.planning.request import Request
from plans.haloscope.campaign import Campaign, campaign
from plans.haloscope.scan import scan
from tests.plans.conftest import Documents

CAPP = describe(HaloscopeParameters.capp12tb())


def run(RE: RunEngine, seed: int, request: Request, online: Online) -> tuple[Campaign, float]:
    """A campaign over the request's targets; how it ended and its simulated time."""
    assert request.step_hz is not None
    count = round((request.high_hz - request.low_hz) / request.step_hz) + 1
    targets = [round((request.low_hz + request.step_hz * i) * 1e-6, 6) for i in range(count)]
    device: Any = Haloscope(name="haloscope", seed=seed)
    assert request.averages is not None
    end = RE(campaign(device, "c", targets, averages=request.averages, online=online)).plan_result
    time_s = device.bench.machine.time_s
    device.bench.close()
    return end, time_s


def band(frequency_hz: Any, coupling: Any, request: Request) -> np.ndarray:
    """Couplings three loaded widths away from the ends of the scan."""
    inside = np.abs(frequency_hz - 0.5 * (request.low_hz + request.high_hz))
    return np.asarray(coupling)[inside < 0.5 * (request.high_hz - request.low_hz) - 50e3]


@pytest.mark.parametrize(
    ("seed", "low_mhz", "step_khz", "count", "averages"),
    [(11, 1099.5, 10.0, 40, 5000), (4, 1107.0, 10.0, 110, 1500), (23, 1091.0, 5.0, 60, 400)],
)
def test_the_forecast_is_what_the_campaign_takes_and_reaches(
    RE: RunEngine, seed: int, low_mhz: float, step_khz: float, count: int, averages: int
) -> None:
    """Time within 5 %, coupling within 3 %."""
    low_hz, step_hz = low_mhz * 1e6, step_khz * 1e3
    request = Request(
        low_hz=low_hz, high_hz=low_hz + (count - 1) * step_hz, beta=2.0, step_hz=step_hz,
        averages=averages, beyond=False,
    )  # fmt: skip
    said = forecast(setup_of(CAPP), request, Options())
    end, time_s = run(RE, seed, request, Online())
    assert end.result is not None
    assert not end.candidates_mhz  # else a rescan is in the time
    assert said.steps == count
    assert said.total_s == pytest.approx(time_s, rel=0.05)
    found = end.result.limit
    expected = band(said.curve.frequency_hz, said.curve.coupling_per_gev, request)
    reached = band(found.frequency_hz, found.coupling_per_gev, request)
    assert np.median(expected) == pytest.approx(np.median(reached), rel=0.03)
    assert expected.max() == pytest.approx(np.quantile(reached, 0.98), rel=0.05)


def test_a_calibration_brings_the_forecast_nearer(RE: RunEngine, documents: Documents) -> None:
    """The line's loss and the gain differ from machine to machine; once measured they are known."""
    request = Request(
        low_hz=1.1e9, high_hz=1.1003e9, beta=2.0, step_hz=10e3, averages=400, beyond=False
    )
    end, _ = run(RE, 5, request, Online())
    assert end.result is not None
    [start] = [d for d in documents.of("start") if d["plan_name"] == "scan"]
    stated = setup_of(CAPP)
    wrong = replace(stated, line_attenuation_db=1.5, rest_k=3.0)
    found = calibrated(wrong, start["calibration"], 1.1e9)
    assert found.line_attenuation_db == pytest.approx(0.4, abs=0.1)
    assert found.rest_k == pytest.approx(1.2, rel=0.03)
    assert found.amplifier.excess_k == pytest.approx(stated.amplifier.excess_k, rel=0.2)
    reached = band(end.result.frequency_hz, end.result.limit.coupling_per_gev, request)
    said = forecast(found, request, Options()).curve
    expected = band(said.frequency_hz, said.coupling_per_gev, request)
    assert np.median(expected) == pytest.approx(np.median(reached), rel=0.02)


def test_the_live_forecast_knows_the_end_after_a_tenth_and_the_reach_after_a_quarter(
    RE: RunEngine, documents: Documents
) -> None:
    live, said = LiveForecast(), []
    online = Online(publish=live.updated)
    RE.subscribe(online)
    RE.subscribe(live)
    RE.subscribe(lambda name, _: said.append(live.outlook) if name == "event" else None)
    request = Request(
        low_hz=1.1e9, high_hz=1.10039e9, beta=2.0, step_hz=10e3, averages=1000, beyond=False
    )
    end, _ = run(RE, 8, request, Online())
    assert end.result is not None
    after = {outlook.done: outlook for outlook in said if outlook is not None}
    [start] = [d for d in documents.of("start") if d["plan_name"] == "scan"]
    assert (len(start["campaign_targets_mhz"]), start["campaign_part"]) == (40, [1, 1])
    last = after[40]
    assert (last.left, last.left_s) == (0, 0.0)
    assert after[1].words.startswith("step 1 of 40")
    assert after[4].end_s == pytest.approx(last.time_s, rel=0.01)
    inside = (end.result.frequency_hz >= 1.1e9) & (end.result.frequency_hz <= 1.10039e9)
    reached = float(np.median(end.result.limit.coupling_per_gev[inside]))
    assert after[10].coupling_per_gev == pytest.approx(reached, rel=0.03)
    assert last.coupling_per_gev == pytest.approx(reached, rel=0.005)


def test_a_scan_that_takes_targets_again_has_all_of_them_to_come(RE: RunEngine) -> None:
    live, said = LiveForecast(), []
    RE.subscribe(live)
    RE.subscribe(lambda name, _: said.append(live.outlook) if name == "event" else None)
    device: Any = Haloscope(name="haloscope", seed=8)
    RE(scan(device, [1100.0, 1100.01, 1100.02], averages=20))
    RE(scan(device, [1100.01, 1100.02], averages=20))
    device.bench.close()
    steps = [(outlook.done, outlook.left) for outlook in said if outlook is not None]
    assert steps == [(1, 2), (2, 1), (3, 0), (1, 1), (2, 0)]


def test_a_campaign_that_goes_on_in_parts_has_done_what_it_did_before(RE: RunEngine) -> None:
    live, said = LiveForecast(), []
    RE.subscribe(live)
    RE.subscribe(lambda name, _: said.append(live.outlook) if name == "event" else None)
    device: Any = Haloscope(name="haloscope", seed=8)
    targets = [1100.0, 1100.01, 1100.02, 1100.03]
    for first, number in ((0, 1), (1, 1), (2, 2)):  # interrupted after the first
        left = targets[1:] if first else targets
        md = {"campaign": "c", "campaign_part": [number, 2], "campaign_targets_mhz": left}
        RE(scan(device, targets[first : first + 1], averages=20, md=md))
    device.bench.close()
    steps = [(outlook.done, outlook.left) for outlook in said if outlook is not None]
    assert steps == [(1, 3), (2, 2), (3, 1)]


def test_the_live_forecast_counts_the_parts_and_calibrations_to_come(
    RE: RunEngine, documents: Documents
) -> None:
    """A campaign of three parts: after the first round between two, the end is known to 2 %."""
    live, said = LiveForecast(), []
    RE.subscribe(live)
    RE.subscribe(lambda name, _: said.append(live.outlook) if name == "event" else None)
    device: Any = Haloscope(name="haloscope", seed=8)
    targets = [round(1100.0 + 0.01 * i, 6) for i in range(30)]
    RE(campaign(device, "c", targets, averages=1000, calibrate_every_s=1200.0))
    device.bench.close()
    parts = [d["campaign_part"] for d in documents.of("start") if d["plan_name"] == "scan"]
    assert parts == [[number, len(parts)] for number in range(1, len(parts) + 1)]
    assert len(parts) > 2
    after = {outlook.done: outlook for outlook in said if outlook is not None}
    end_s = after[30].time_s
    assert after[2].left == 28
    assert after[2].end_s < 0.8 * end_s  # calibrations to come are not known yet
    second = len(targets) // len(parts) + 3
    assert after[second].end_s == pytest.approx(end_s, rel=0.02)
