"""The reach of a scan that runs, against the sums over all of its steps made anew."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from haloscope.lorentzian import lorentzian
from haloscope.planning.live import LiveForecast
from haloscope.planning.reach import Reach

TARGETS_HZ = 1e9 + 1e4 * np.arange(300)
LIMITS_HZ = 1e9 - 1e5 + 450.0 * np.arange(7000)
WIDTHS_HZ = np.linspace(3.0e4, 3.4e4, 300)


def couplings(frequency_hz: np.ndarray) -> np.ndarray:
    """Some limits."""
    return 6e-16 * (1 + 0.1 * np.sin(1e-5 * (frequency_hz - 1e9)))


def expected(done: int, averages: np.ndarray, width_hz: float) -> float:
    """By the definition, at every limit that the steps have touched."""
    inside = LIMITS_HZ[(TARGETS_HZ[0] <= LIMITS_HZ) & (TARGETS_HZ[-1] >= LIMITS_HZ)]
    touched = inside[inside <= TARGETS_HZ[done - 1] + 75e3]

    def gathered(steps: slice, widths: Any) -> np.ndarray:
        away = touched[:, None] - TARGETS_HZ[steps]
        return np.asarray(averages[steps] * lorentzian(away, widths) ** 2).sum(axis=1)

    seen = gathered(slice(None, done), WIDTHS_HZ[:done])
    share = seen / (seen + gathered(slice(done, None), width_hz))
    good = share >= 0.3
    return float(np.median(couplings(touched)[good] * share[good] ** 0.25))


@pytest.mark.parametrize("done", [1, 30, 299, 300])
def test_a_reach_that_is_followed_is_that_of_all_steps(done: int) -> None:
    """To what the places, the edges of L^2 and a linewidth alike to 1 % leave: 0.3 %."""
    averages = np.where(np.arange(300) % 7 == 0, 400.0, 1000.0)
    left = {round(f): float(n) for f, n in zip(TARGETS_HZ, averages, strict=True)}
    reach = Reach()
    reach.plan(TARGETS_HZ, left)
    found = math.nan
    for number in range(done):
        target_hz = float(TARGETS_HZ[number])
        reach.step(round(target_hz), averages[number], WIDTHS_HZ[number])
        near = np.abs(LIMITS_HZ - target_hz) <= 75e3
        reach.limit(LIMITS_HZ[near], couplings(LIMITS_HZ[near]))
        found = reach.coupling_per_gev(float(WIDTHS_HZ[number]), 1000.0)
    assert found == pytest.approx(expected(done, averages, float(WIDTHS_HZ[done - 1])), rel=0.003)


def test_what_was_reached_stays_when_the_scan_goes_on_further() -> None:
    averages = np.full(300, 1000.0)
    reach = Reach()
    reach.plan(TARGETS_HZ[:200], {round(f): 1000.0 for f in TARGETS_HZ[:200]})
    for number in range(200):
        reach.step(round(TARGETS_HZ[number]), 1000.0, WIDTHS_HZ[number])
    near = TARGETS_HZ[199] + 75e3 >= LIMITS_HZ
    reach.limit(LIMITS_HZ[near], couplings(LIMITS_HZ[near]))
    reach.plan(TARGETS_HZ, {round(f): 1000.0 for f in TARGETS_HZ[200:]})
    found = reach.coupling_per_gev(float(WIDTHS_HZ[199]), 1000.0)
    assert found == pytest.approx(expected(200, averages, float(WIDTHS_HZ[199])), rel=0.003)


def test_beside_limits_that_are_missing_it_does_not_count_what_came_at_once() -> None:
    for first in range(1000, 1040):
        parts = LIMITS_HZ[:first], LIMITS_HZ[first + 100 :]
        reached = []
        for given in (parts, [np.concatenate(parts)]):
            reach = Reach()
            reach.plan(TARGETS_HZ, {})
            for target_hz in TARGETS_HZ:
                reach.step(round(target_hz), 10.0, 3e4)
            for frequency_hz in given:
                reach.limit(frequency_hz, 6e-16 * (frequency_hz / 1e9) ** 100)
            reached.append(reach.coupling_per_gev(3e4, 10.0))
        assert reached[0] == reached[1]


@pytest.mark.parametrize("count", [0, 1])
def test_a_scan_of_hardly_any_steps_has_a_reach_or_none(count: int) -> None:
    reach = Reach()
    reach.plan(TARGETS_HZ[:count], {round(f): math.nan for f in TARGETS_HZ[:count]})
    for target_hz in TARGETS_HZ[:count]:
        reach.step(round(target_hz), 10.0, 3e4)
    reach.limit(LIMITS_HZ, couplings(LIMITS_HZ))
    reach.limit(LIMITS_HZ[:1], couplings(LIMITS_HZ[:1]))
    found = reach.coupling_per_gev(3e4, 10.0)
    assert (found == pytest.approx(6e-16, rel=0.01)) if count else math.isnan(found)
    assert math.isnan(reach.coupling_per_gev(math.nan, 10.0))


def documents(values: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A scan of two targets with one event."""
    start = {"uid": "r", "plan_name": "scan", "plan_args": {"frequencies_mhz": [1e3, 1001.0]}}
    start["plan_args"] |= {"averages": [0, 5], "done_mhz": [1001.0]}
    descriptor = {"uid": "d", "run_start": "r", "name": "primary"}
    return [("start", start), ("descriptor", descriptor), ("event", {"descriptor": "d", **values})]


@pytest.mark.parametrize("loaded_q", [0.0, -1.0, math.nan, "x"])
def test_a_step_without_a_linewidth_is_counted_and_reaches_nothing(loaded_q: Any) -> None:
    live = LiveForecast()
    data = {"sim_time": 5.0, "measured_target_frequency": 1e3, "measured_loaded_q": loaded_q}
    for document in documents({"data": data}):
        live(*document)
    outlook = live.outlook
    assert outlook is not None
    assert (outlook.done, outlook.left, outlook.left_s) == (2, 0, 0.0)  # one by an earlier run
    assert math.isnan(outlook.coupling_per_gev)


@pytest.mark.parametrize("beyond", [1e308, 10**400], ids=["in Hz", "whole"])
def test_a_frequency_beyond_all_numbers_is_no_step(beyond: float) -> None:
    live = LiveForecast()
    data = {"sim_time": 5.0, "measured_target_frequency": beyond, "measured_loaded_q": 1e4}
    (name, start), *others = documents({"data": data})
    planned = {"plan_args": {"frequencies_mhz": [beyond]}}
    for document in [(name, start | planned), *others]:
        live(*document)
    assert live.outlook is None


def test_a_step_of_infinite_averages_leaves_a_time_to_go() -> None:
    live = LiveForecast()
    data = {"measured_target_frequency": 1001.0, "measured_loaded_q": 1e4}
    for sim_time in (5.0, 8.0):
        found = documents({"data": data | {"sim_time": sim_time, "daq_num_averages": math.inf}})
        for document in found if sim_time == 5.0 else found[-1:]:
            live(*document)
    assert live.outlook is not None
    assert live.outlook.left_s == 3.0


def test_a_start_whose_arguments_are_none_makes_a_forecast_poorer() -> None:
    live = LiveForecast()
    data = {"sim_time": 5.0, "measured_target_frequency": 1e3, "measured_loaded_q": 1e4}
    (name, start), *others = documents({"data": data})
    for document in [(name, start | {"plan_args": None}), *others]:
        live(*document)
    assert live.outlook is not None
    assert (live.outlook.done, live.outlook.left) == (1, 0)
