"""The budget that grows with the spectra is that of all of them at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from haloscope.analysis.budget.contributions import Contributions, Origin, contributions
from haloscope.analysis.budget.propagation import propagated
from haloscope.analysis.budget.running import RunningBudget
from haloscope.analysis.chain.selection import fine_edge_hz
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray, Spectra
from tests.physics.analysis.generator import make, scan_targets

OPTIONS = Options()
STEP_HZ = 10.0
#: A narrow cavity sees each part of a line with another response.
QUALITY = {"wide": 3.5e4, "narrow": 2e6}


def spectra(targets: FloatArray, q: float) -> Spectra:
    made = make(targets, noise=False)
    rng = np.random.default_rng(len(targets))
    ones = np.ones(len(targets))
    errors = {"loaded_q": 0.02 * q * ones, "beta": 0.05 * rng.random(len(targets))}
    return replace(made, loaded_q=q * (1 + 0.1 * rng.random(len(targets))), errors=errors)


def bins_about(rows: Contributions) -> FloatArray:
    merge = OPTIONS.fine_merge * OPTIONS.coarse_merge
    low, high = rows.low_hz.min() / STEP_HZ / merge, rows.high_hz.max() / STEP_HZ / merge
    number = np.arange(int(low) + 3, int(high) - 3)
    return fine_edge_hz(number * OPTIONS.coarse_merge, STEP_HZ, OPTIONS.fine_merge)


@pytest.mark.parametrize("quality", QUALITY)
@pytest.mark.parametrize("order", ["up", "down", "far apart", "a band twice"])
def test_a_running_budget_is_that_of_all_spectra_at_once(quality: str, order: str) -> None:
    targets = {
        "up": scan_targets(9),
        "down": scan_targets(9)[::-1],
        "far apart": np.concatenate([scan_targets(4), 5e6 + scan_targets(4)]),
        "a band twice": np.concatenate([scan_targets(5), 3e3 + scan_targets(5)]),
    }[order]
    rng = np.random.default_rng(0)
    every = contributions(
        spectra(targets, QUALITY[quality]), 0.1 + rng.random((len(targets), 3)), OPTIONS
    )
    running = RunningBudget(STEP_HZ, OPTIONS)
    nu = bins_about(every)
    for row in range(len(every)):
        running.add(every.rows(slice(row, row + 1)))
        some = nu[row * 20 : row * 20 + 200]
        there = propagated(every.rows(slice(0, row + 1)), some)
        for mine, theirs in zip(running.of(some).lines, there.lines, strict=True):
            assert mine.term is theirs.term
            np.testing.assert_array_equal(mine.power, theirs.power)
    np.testing.assert_array_equal(running.of(nu).total, propagated(every, nu).total)


def test_a_term_that_one_spectrum_lacks_counts_for_none_and_partly_known_is_said() -> None:
    made = spectra(scan_targets(4), QUALITY["wide"])
    known = contributions(made, np.ones((4, 3)), OPTIONS)
    unknown = contributions(replace(made, errors={}), np.ones((4, 3)), OPTIONS)
    fewer = replace(
        unknown, errors={k: v for k, v in unknown.errors.items() if k != "receiver_gain"}
    )
    running, nu = RunningBudget(STEP_HZ, OPTIONS), bins_about(known)
    for part in (known, unknown, fewer):
        running.add(part)
    found = {line.term.name: line for line in running.of(nu).lines}
    expected = propagated(Contributions.together([known, unknown, fewer]), nu)
    assert "receiver_gain" not in found
    assert [line.term.name for line in expected.lines] == list(found)
    assert found["loaded_q"].origin is Origin.PARTLY
    for line in expected.lines:
        assert found[line.term.name].origin is line.origin
        np.testing.assert_array_equal(found[line.term.name].power, line.power)
