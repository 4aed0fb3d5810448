"""The adaptive scan: the analysis that it is given decides, and it tells what it did."""

from __future__ import annotations

from typing import Any

import pytest
from bluesky import RunEngine

from haloscope.analysis.apparatus import apparatus_of
from haloscope.analysis.online import Online
from plans.haloscope.adaptive import adaptive_scan
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import STEPS, Y_FACTOR


def test_an_analysis_that_is_given_decides_how_long_to_integrate(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    online = Online(keep=False)
    plan = adaptive_scan(
        haloscope, STEPS, 2e-15, first_averages=200, calibration=Y_FACTOR, online=online
    )
    end = RE(plan).plan_result
    assert end.reached
    assert end.worst_per_gev <= 2.01e-15
    assert online.result().spectra == len(end.steps) == len(documents.events())


def test_the_seconds_of_integration_are_those_of_its_spectra(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    end = RE(adaptive_scan(haloscope, STEPS, 2e-15, first_averages=200)).plan_result
    acquired_s = sum(event["haloscope_daq_acquire_time"] for event in documents.events())
    assert end.integration_s == pytest.approx(acquired_s, rel=0.01)  # but for the dead time
    [start] = documents.of("start")
    assert apparatus_of(start).assumed == ()
