"""Any haloscope: calibrate, scan, analyse; a strong axion is found, or a refusal says what forbids.

A hundred and more are tried by ``benchmarks.studies.any_apparatus``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from bluesky import RunEngine
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from haloscope.description.proportions import proportions
from tests.plans.haloscope.any_apparatus import Case, running, tried

CASES = st.builds(
    Case,
    frequency_hz=st.floats(0.3e9, 20e9),
    unloaded_q=st.sampled_from([2e3, 1e4, 5e4, 2e5, 1e6]),
    base_k=st.floats(0.01, 0.3),
    excess_k=st.floats(0.01, 3.0),
    rest_k=st.floats(0.5, 10.0),
    bin_share=st.sampled_from([0.5, 1.0, 3.0]),
    seed=st.integers(0, 1000),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[RunEngine]:
    with running() as made:
        yield made


@settings(
    max_examples=4,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(case=CASES)
@example(Case(0.3e9, 1e6))
@example(Case(20e9, 1e6, base_k=0.3))
@example(Case(0.3e9, 1e3, bin_share=3.0))
@example(Case(20e9, 1e3, bin_share=3.0))
def test_a_strong_axion_is_found_or_a_refusal_names_a_parameter(
    engine: RunEngine, case: Case
) -> None:
    outcome = tried(case, engine)
    assert outcome.found or "parameter " in outcome.refused, outcome


def test_a_noise_source_too_hot_for_its_refrigerator_is_refused_by_the_parameters(
    engine: RunEngine,
) -> None:
    outcome = tried(replace(Case(20e9, 1e5, base_k=0.3), heater_cut_k=0.02), engine)
    assert "heater cut" in outcome.refused
    for name in ("safety.heater_cut_above_base_k, 0.02 K", "noise_source.highest_k, 2.8"):
        assert f"parameter {name}" in outcome.refused


@given(
    frequency_hz=st.floats(0.1e9, 30e9), unloaded_q=st.floats(500, 3e6), beta=st.floats(0.5, 5.0)
)
def test_proportions_fit_into_each_other(
    frequency_hz: float, unloaded_q: float, beta: float
) -> None:
    own = proportions(frequency_hz, unloaded_q, beta=beta, gain_db=17.0, line_span=3.7e-6)
    window_hz = own["analysis"]["window_hz"]
    spectrum_hz = own["digitizer"]["bins"] * own["digitizer"]["bin_width_hz"]
    line_hz = frequency_hz * (1 + beta) / unloaded_q
    assert spectrum_hz > 1.5 * window_hz
    assert own["digitizer"]["bins"] < 70_000
    # Neither the idler of the cavity nor that of an axion in the window is in the window.
    assert own["operation"]["jpa_offset_hz"] < -0.6 * window_hz
    assert own["operation"]["tuning_tolerance_hz"] < 0.05 * line_hz
    assert own["receiver"]["filter_half_width_hz"] > window_hz


def test_the_letters_proportions_are_its_own() -> None:
    own = proportions(1.1e9, 107500, beta=2.0, gain_db=20.0, line_span=4050 / 1.1e9)
    assert own["analysis"]["window_hz"] == 150e3
    assert own["operation"]["jpa_offset_hz"] == -100e3
    assert own["operation"]["tuning_tolerance_hz"] == pytest.approx(1e3, rel=0.05)
    assert own["operation"]["step_hz"] == 10e3
    assert own["operation"]["map_step_hz"] == own["operation"]["crossing_pull_hz"] == 20e3
    assert own["operation"]["map_reach_hz"] == 250e3
    assert own["digitizer"]["bin_width_hz"] == 10.0
    assert own["jpa"]["linewidth_hz"] == pytest.approx(1.045e6, rel=0.05)
