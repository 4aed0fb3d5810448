"""The adaptive scan: the analysis that it is given decides, and it tells what it did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bluesky import RunEngine

from haloscope.analysis.apparatus import apparatus_of, capp12tb
from haloscope.analysis.online import Online
from plans.haloscope.adaptive import _Costs, _Watcher, _within_reach, adaptive_scan
from plans.haloscope.allocation import Ledger
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


def test_what_later_steps_reach_is_left_to_them_and_in_the_first_pass_what_is_far() -> None:
    band = (1100.0, 1101.0)
    known = capp12tb()
    costs = _Costs.of(known)
    reach_mhz = costs.reach_mhz
    assert reach_mhz == pytest.approx(0.08, rel=1e-3)
    watcher = _Watcher(Ledger(*band, 150.0), 1e-15, band, [], known.analysis)
    cells = watcher.ledger.cells_mhz
    ahead, beyond = np.array([1100.2, 1100.3]), [1100.4, 1100.5]
    later = (cells > 1100.4 - reach_mhz) & (cells < 1100.5 + reach_mhz)
    wanted = _within_reach(watcher, ahead, beyond, first=False, costs=costs)
    assert not wanted[later].any()
    assert np.array_equal(wanted[~later], watcher.wanted[~later])
    first = _within_reach(watcher, ahead, beyond, first=True, costs=costs)
    near = (cells > 1100.2 - 0.075) & (cells < 1100.3 + 0.075) & ~later
    assert np.array_equal(first > 0.0, near)
