"""A candidate in words."""

from __future__ import annotations

from haloscope.analysis.exchange.found import candidate_words
from haloscope.analysis.statistics.candidates import Candidate


def told(global_p: float) -> str:
    return candidate_words(
        Candidate(1.1e9, 4.55e-6, 43.3, 5, 1.1e9, 1.1e9, 1.2e-15, 5e-17, 0.0, global_p)
    )


def test_a_probability_too_small_for_a_float_is_no_infinite_significance() -> None:
    assert told(0.0).endswith("global (above 38 sigma)")
    assert told(1e-9).endswith("global (6.0 sigma)")
