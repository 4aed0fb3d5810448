"""Every case of the library is told for what it is, or comes out as the radiometer allows.

The full table, every case with every baseline, is that of ``benchmarks/studies/nasty_spectra.py``;
here the baselines take turns.
"""

from __future__ import annotations

import numpy as np
import pytest

from haloscope.analysis.quality.stack import RICHER
from tests.physics.analysis.quality.nasty import BASELINES, library
from tests.physics.analysis.quality.trying import Outcome, tried

STRONGEST = 0.97
"""A limit may be this far below the possible one: drifts of the gain within what is allowed."""
CASES = dict(library())
TURNS = [(name, BASELINES[number % len(BASELINES)]) for number, name in enumerate(CASES)]


def hold(outcome: Outcome) -> None:
    if not outcome.believed:
        assert any(word in outcome.why for word in REASONS), outcome
        return
    assert outcome.converged == 1, outcome
    assert outcome.ratio >= STRONGEST, outcome
    assert abs(outcome.width_pull) < 4, outcome
    assert not abs(outcome.rise - 1) > 0.06, outcome
    assert not abs(outcome.pull) > 4, outcome


REASONS = (
    "not converged",
    "chi-square",
    "residuals averaged over a line",
    RICHER,
    "noise temperature",
    "quantum limit",
    "noise too high",
    "radiometer",
    "carry the same noise",
    "clipped",
    "most spectra are used",
    "width of the grand spectrum",
)


@pytest.mark.parametrize(("name", "baseline"), TURNS)
def test_a_case_is_believed_rightly_or_refused(name: str, baseline: str) -> None:
    hold(tried(name, CASES[name], baseline))


def test_what_is_no_case_is_used_whole() -> None:
    for name in ("nothing", "flat, N 1e+05", "slope 1 %, N 1e+05", "bump 10 %, N 1e+05"):
        outcome = tried(name, CASES[name], "auto")
        assert outcome.fate == "used", outcome
        assert np.isfinite(outcome.rise)


WHY = {
    "one row constant": "1 constant",
    "one row zero": "1 constant",
    "one row negative in a bin": "1 not positive",
    "one bin nan": "1 not finite",
    "one bin infinite": "1 not finite",
    "one row clipped": "1 clipped",
    "one row smoothed": "1 radiometer ratio",
    "one row a ramp": "1 radiometer ratio",
    "one row dead, at 0.001 of the level": "1 noise below the quantum limit",
    "one row dead, at 0.3 of the level": "1 noise temperature drift",
    "one row in mW": "1 noise too high",
    "beta of one row twice as high": "1 beta drift",
    "loaded_q of one row twice as high": "1 Q drift",
    "powers in mW": "25 noise too high",
    "powers in kW": "25 noise below the quantum limit",
    "all rows clipped": "25 clipped",
    "averages overstated 100 times": "25 radiometer ratio",
    "one row twice": "carry the same noise",
    "one row not read again": "carry the same noise",
    "gain steps by 20%": "noise temperature over the stack",
    "neighbouring bins share noise": "radiometer",
}


@pytest.mark.parametrize(("name", "why"), WHY.items())
def test_faults_are_told_by_name(name: str, why: str) -> None:
    outcome = tried(name, CASES[name], "pade 4", axion=False)
    assert outcome.fate != "used"
    assert why in outcome.why, outcome
