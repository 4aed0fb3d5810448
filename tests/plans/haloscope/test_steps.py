"""The list of steps: ranges, skipped intervals, resumption from documents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.haloscope.steps import completed, planned, remaining, without


def test_a_range_includes_its_end_and_runs_both_ways() -> None:
    assert planned(start_mhz=1100.0, stop_mhz=1100.03) == [1100.0, 1100.01, 1100.02, 1100.03]
    assert planned(start_mhz=1100.02, stop_mhz=1100.0) == [1100.02, 1100.01, 1100.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs frequencies_mhz"),
        ({"start_mhz": 1100.0}, "needs frequencies_mhz"),
        ({"frequencies_mhz": []}, "empty"),
        ({"frequencies_mhz": [1100.0, 1100.0]}, "twice"),
        ({"frequencies_mhz": [1100.0], "start_mhz": 1.0}, "exclude"),
        ({"frequencies_mhz": [float("nan")]}, "nan MHz"),
        ({"start_mhz": 1100.0, "stop_mhz": 1101.0, "step_khz": 0.0}, "step_khz = 0 kHz"),
    ],
)
def test_nonsense_is_refused_in_words(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planned(**arguments)


def test_the_crossing_is_left_out() -> None:
    targets = planned(start_mhz=1094.0, stop_mhz=1095.0, step_khz=100.0)
    kept = without(targets, [(1094.44, 1094.82)])
    assert set(targets) - set(kept) == {1094.5, 1094.6, 1094.7, 1094.8}


def _run(
    uid: str, targets: list[float], *, plan: str = "scan", stop: bool = True, named: str = "halo_"
) -> list:
    documents = [
        ("start", {"uid": uid, "plan_name": plan}),
        ("descriptor", {"uid": uid + "d", "run_start": uid, "name": "primary"}),
        ("descriptor", {"uid": uid + "b", "run_start": uid, "name": "baseline"}),
    ]
    for target in targets:
        data = {f"{named}measured_target_frequency": target}
        documents.append(("event", {"descriptor": uid + "d", "data": data}))
        documents.append(("event", {"descriptor": uid + "b", "data": data}))
    return documents + ([("stop", {"run_start": uid})] if stop else [])


def test_completed_counts_primary_events_of_the_plan_in_torn_runs_too() -> None:
    documents = _run("a", [1.0, 2.0], stop=False) + _run("b", [3.0], plan="rescan")
    documents += _run("c", [4.0], named="")  # of before keys held the instrument's name
    page = {"descriptor": "cd", "data": {"measured_target_frequency": np.array([5.0])}}
    documents.append(("event_page", page))
    assert completed(documents, "scan") == [1.0, 2.0, 4.0, 5.0]
    assert completed(documents) == [1.0, 2.0, 3.0, 4.0, 5.0]


@given(
    targets=st.lists(st.integers(1_000_000, 1_200_000), unique=True, min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
)
def test_however_often_interrupted_every_step_is_taken_once(
    targets: list[int], cuts: list[int]
) -> None:
    plan = [khz * 1e-3 for khz in targets]
    documents: list = []
    for run, cut in enumerate([*cuts, len(plan)]):
        todo = remaining(plan, completed(documents, "scan"))
        documents += _run(f"run{run}", todo[:cut], stop=False)
    assert completed(documents) == pytest.approx(plan)


@pytest.mark.parametrize("odd", ["1100", None, [1.0], {}, b"x", np.ones(3), 1j])
def test_what_another_run_recorded_as_a_target_and_is_no_number_does_not_count(odd: object) -> None:
    documents = [
        ("start", {"uid": "r", "plan_name": "scan"}),
        ("descriptor", {"uid": "d", "run_start": "r", "name": "primary"}),
        ("event", {"descriptor": "d", "data": {"measured_target_frequency": odd}}),
        ("event", {"descriptor": "d", "data": {"measured_target_frequency": np.float32(1100.0)}}),
        ("event_page", {"descriptor": "d", "data": {"measured_target_frequency": [odd, 1101]}}),
    ]
    assert completed(documents, "scan") == [1100.0, 1101.0]
